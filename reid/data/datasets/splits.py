"""Splits into training and test persons: from a published file, or random halves with a seed."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.checked.json_file import parsed
from alignnet_common.errors import UserError
from alignnet_common.files import read_text
from reid.data.datasets.mat_files import read_mat
from reid.data.datasets.names import plain_name

SPLITS = 10
"""Number of random halves (paper, Section 4.1)."""

MAT_COLUMNS = {178: "PRID2011", 300: "iLIDS-VID"}
"""Data set by number of persons in the published .mat files of splits."""


@dataclass(frozen=True)
class Split:
    """Names of the persons for training and for testing, which are disjoint."""

    train: tuple[str, ...]
    test: tuple[str, ...]


def random_halves(names: Sequence[str], seed: int, count: int = SPLITS) -> tuple[Split, ...]:
    """`count` random splits of `names` into halves, each in ascending order; training has the larger half.

    Split n depends on the seed, n and the sorted names only.
    """
    ordered = sorted(names)
    half = len(ordered) // 2
    splits = []
    for number in range(count):
        shuffled = np.random.default_rng([seed, number]).permutation(len(ordered))
        test, train = shuffled[:half], shuffled[half:]
        splits.append(Split(tuple(ordered[i] for i in sorted(train)), tuple(ordered[i] for i in sorted(test))))
    return tuple(splits)


def read_json_splits(path: Path, equal: bool = True) -> tuple[Split, ...]:
    """The splits of a JSON file: a list of {"train": [names], "test": [names]}, as splits_prid2011.json.

    equal -- whether training and test must be halves. Raises UserError on other contents, a person named twice, or
    halves whose sizes differ by more than one.
    """
    try:
        rows = parsed(read_text(path))
    except (OSError, ValueError) as broken:
        raise UserError(f"{path}: not a JSON file ({broken})") from broken
    if not isinstance(rows, list) or not rows:
        raise UserError(f'{path}: must be a list of {{"train": [names], "test": [names]}}')
    return tuple(_split_of(row, f"{path}, split {number}", equal) for number, row in enumerate(rows))


def _split_of(row: Any, where: str, equal: bool) -> Split:
    halves = []
    for half in ("train", "test"):
        names = row.get(half) if isinstance(row, dict) else None
        if not isinstance(names, list) or not names or not all(_is_name(name, equal) for name in names):
            raise UserError(f'{where}: "{half}" must be a list of person names such as "person_0001"')
        halves.append(tuple(plain_name(str(name)) for name in names))
    train, test = halves
    if len({*train, *test}) != len(train) + len(test):
        raise UserError(f"{where}: a person is named twice, or for both training and testing")
    if equal and abs(len(train) - len(test)) > 1:
        raise UserError(f"{where}: {len(train)} persons for training and {len(test)} for testing, not two halves")
    return Split(tuple(sorted(train)), tuple(sorted(test)))


def _is_name(name: Any, published: bool) -> bool:
    """Whether a value of a JSON file names a person: text, or in a file of one's own also a number."""
    return isinstance(name, str) or (type(name) in (int, float) and not published)


def read_mat_splits(path: Path, names: Sequence[str], persons: str) -> tuple[Split, ...]:
    """The splits of a train_test_splits_*.mat: table `ls_set` (S, N), a row a split, of N persons in equal halves.

    A value is a position, from 1, in `names`, which are in ascending order; the first half of the columns is for
    *testing*, the second for training. persons -- description of the names for errors.
    Raises UserError where the number of columns is not that of the names (a file of another set, or a missing person),
    or a row does not contain each person once.
    """
    table = read_mat(path, "ls_set")
    count = len(names)
    if table.shape[1] != count:
        owner = MAT_COLUMNS.get(table.shape[1])
        whose = f", as {owner} has," if owner else ""
        raise UserError(f"{path}: splits of {table.shape[1]} persons{whose} but there are {count} {persons}")
    wrong = np.flatnonzero((np.sort(table, axis=1) != np.arange(1, count + 1)).any(axis=1))
    if len(wrong):
        raise UserError(f"{path}: split {wrong[0]} does not name each of the persons 1-{count} once")
    ordered, half = np.asarray(names), count // 2
    return tuple(Split(_sorted(ordered[row[half:] - 1]), _sorted(ordered[row[:half] - 1])) for row in table)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(map(str, names)))


def find_file(places: Sequence[Path]) -> Path | None:
    """The first of `places` that is a file."""
    return next((place for place in places if place.is_file()), None)


def missing_file(places: Sequence[Path], what: str) -> str:
    """The error for a split file that is at none of `places`: its name, the folders, and the remedy."""
    names = " or ".join(dict.fromkeys(place.name for place in places))
    folders = ", ".join(dict.fromkeys(str(place.parent) for place in places))
    return (
        f"no {names} in {folders}: {what}; put the file there, or ask for ten seeded halves with --split-source random"
    )


def check_names(splits: Sequence[Split], known: Container[str], file: Path, where: str) -> None:
    """Raise UserError where a split names a person that is not `known`, or has other persons than the first split."""
    everybody = {*splits[0].train, *splits[0].test}
    for number, split in enumerate(splits):
        named = (*split.train, *split.test)
        absent = [name for name in named if name not in known]
        if absent:
            some = ", ".join(absent[:3]) + (" …" if len(absent) > 3 else "")
            raise UserError(f"{file}: split {number} names {len(absent)} persons who are not in {where}: {some}")
        if set(named) != everybody:
            raise UserError(
                f"{file}: split {number} divides {len(named)} persons, split 0 {len(everybody)} others; "
                "take the published file"
            )
