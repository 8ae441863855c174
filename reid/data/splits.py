"""Which people are for training and which for testing: the published file, or seeded random halves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kit.command import UserError

SPLITS = 10
"""Number of random halves (paper, Section 4.1)."""


@dataclass(frozen=True)
class Split:
    """Names of the persons for training and for testing; no one is in both."""

    train: tuple[str, ...]
    test: tuple[str, ...]


def random_halves(names: Sequence[str], seed: int, count: int = SPLITS) -> tuple[Split, ...]:
    """`count` random halves of `names` (an odd one goes to training), each in ascending order.

    Half number n depends on the seed, n and the sorted names alone.
    """
    ordered = sorted(names)
    half = len(ordered) // 2
    splits = []
    for number in range(count):
        shuffled = np.random.default_rng([seed, number]).permutation(len(ordered))
        test, train = shuffled[:half], shuffled[half:]
        splits.append(Split(tuple(ordered[i] for i in sorted(train)), tuple(ordered[i] for i in sorted(test))))
    return tuple(splits)


def read_json_splits(path: Path) -> tuple[Split, ...]:
    """The splits of a `splits_prid2011.json`: a list of {"train": [names], "test": [names]}, two equal halves each.

    Raises UserError where it is not such a list, a person is named twice, or the halves differ by more than one.
    """
    try:
        rows = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as broken:
        raise UserError(f"{path}: not a JSON file ({broken})") from broken
    if not isinstance(rows, list) or not rows:
        raise UserError(f'{path}: must be a list of {{"train": [names], "test": [names]}}')
    return tuple(_split_of(row, f"{path}, split {number}") for number, row in enumerate(rows))


def _split_of(row: Any, where: str) -> Split:
    halves = []
    for half in ("train", "test"):
        names = row.get(half) if isinstance(row, dict) else None
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise UserError(f'{where}: "{half}" must be a list of person names such as "person_0001"')
        halves.append(tuple(names))
    train, test = halves
    if len({*train, *test}) != len(train) + len(test):
        raise UserError(f"{where}: a person is named twice, or for both training and testing")
    if abs(len(train) - len(test)) > 1:
        raise UserError(f"{where}: {len(train)} persons for training and {len(test)} for testing, not two halves")
    return Split(tuple(sorted(train)), tuple(sorted(test)))
