"""MARS: published training and test tracklets, six cameras, 1980 queries.

ROOT/bbox_train/0001/0001C1T0001F001.jpg …                       pid, camera, tracklet, frame
ROOT/bbox_test/{00-1,0000,0002,…}/…                              00-1 junk, 0000 distractors
ROOT/info/{train_name,test_name}.txt                             a file name a line
ROOT/info/tracks_{train,test}_info.mat                           rows: first line, last line (from 1), pid, camera
ROOT/info/query_IDX.mat                                          rows of the test table (from 1) that are queries
"""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alignnet_common.errors import UserError
from alignnet_common.files import read_text
from reid.data.datasets.mat_files import read_mat
from reid.data.tracklets.types import ReidData, Tracklet, expect

PROTOCOL = (
    "query = the 1980 tracklets of query_IDX, gallery = all test tracklets, the queries among them; pid -1 junk "
    "ignored, 0 distractors kept, same pid and camera ignored; Euclidean distance"
)

Table = npt.NDArray[np.int64]
"""(N, 4) first line, last line (from 1, inclusive), pid, camera."""

TABLES = {"train": ("tracks_train_info.mat", "track_train_info"), "test": ("tracks_test_info.mat", "track_test_info")}
FRAMES = {"train": 509_914, "test": 681_089}
TRACKLETS = {"train": 8298, "test": 12_180}
QUERIES, JUNK, DISTRACTORS, TRAIN_IDS, TEST_IDS = 1980, 870, 3248, 625, 634


def load_mars(root: Path) -> ReidData:
    """MARS with its published split. Raises UserError on a missing file, or if names, tables and frames disagree."""
    top = find_top(root)
    sides = {}
    for side in ("train", "test"):
        table = read_table(top / "info", side)
        names = read_names(top / "info" / f"{side}_name.txt")
        tracklets = tracklets_of(table, names, top / f"bbox_{side}", str(top / "info" / TABLES[side][0]))
        check_frames(names, top / f"bbox_{side}")
        sides[side] = (table, len(names), tracklets)
    queries = read_queries(top / "info" / "query_IDX.mat", sides["test"][0])
    gallery = sides["test"][2]
    return ReidData(
        name="MARS",
        root=root,
        train=tuple(tracklet for tracklet in sides["train"][2] if tracklet.pid > 0),
        query=tuple(gallery[row] for row in queries.tolist()),
        gallery=gallery,
        protocol=PROTOCOL,
        split="official",
        warnings=(
            *expect(sides["train"][1], FRAMES["train"], "lines in train_name.txt"),
            *expect(sides["test"][1], FRAMES["test"], "lines in test_name.txt"),
            *check_tables(sides["train"][0], sides["test"][0], queries),
        ),
    )


def find_top(root: Path) -> Path:
    """The folder of bbox_train, bbox_test and info: the root, or mars in it. Raises UserError where it is missing."""
    if not root.is_dir():
        raise UserError(f"no such folder: {root}: put MARS there (bbox_train, bbox_test, info), or name it with --root")
    parts = ("bbox_train", "bbox_test", "info")
    tops = (root, root / "mars", root / "MARS")
    for top in tops:
        if all((top / part).is_dir() for part in parts):
            return top
    missing = next(part for part in parts if not (root / part).is_dir())
    raise UserError(f"{root}: not MARS' layout: no folder {missing} (needed: {', '.join(parts)})")


def read_table(info: Path, side: str) -> Table:
    """The table of the tracklets of `side`, "train" or "test". Raises UserError where it is missing or misshapen."""
    file, key = TABLES[side]
    table = read_mat(info / file, key)
    if table.shape[1] != 4:
        raise UserError(f"{info / file}: {key} must have 4 columns (first, last, pid, camera), not {table.shape[1]}")
    return table


def read_names(path: Path) -> list[str]:
    """File names, one a line. Raises UserError where the file is missing, or a name is repeated."""
    try:
        names = read_text(path).split()
    except FileNotFoundError:
        raise UserError(f"no {path.name} in {path.parent}: it comes with MARS' evaluation code (info/)") from None
    except UnicodeDecodeError as broken:
        raise UserError(f"{path}: not a text file ({broken})") from broken
    if len(set(names)) != len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise UserError(f"{path}: names {twice} twice; take the published file")
    return names


def tracklets_of(table: Table, names: Sequence[str], folder: Path, where: str) -> tuple[Tracklet, ...]:
    """The tracklet of each row of `table`: the files of its lines, in numeric order, in FOLDER/PID.

    Raises UserError, beginning with `where`, if a row is empty or ends beyond the names, or if its names are of another
    person or camera, or repeat a frame number.
    """
    found = []
    for row, (first, last, pid, camera) in enumerate(table.tolist(), start=1):
        if last < first:
            raise UserError(f"{where}: row {row} is an empty tracklet (lines {first} to {last})")
        if first < 1 or last > len(names):
            raise UserError(
                f"{where}: row {row} ends with line {last}, but {len(names)} files are named; "
                "take table and names of one set"
            )
        if pid < -1 or camera < 1:
            raise UserError(f"{where}: row {row} has pid {pid} and camera {camera}; they begin at -1 and 1")
        lines = names[first - 1 : last]
        person = "00-1" if pid == -1 else f"{pid:04d}"
        prefix = f"{person}C{camera}"
        others = [name for name in lines if not name.startswith(prefix)]
        if others:
            raise UserError(f"{where}: row {row} is of pid {pid}, camera {camera}, but its lines name {others[0]}")
        inside = folder / person
        found.append(Tracklet(pid, camera, tuple(inside / name for name in _ordered(lines, f"{where}: row {row}"))))
    return tuple(found)


def _ordered(names: Sequence[str], where: str) -> list[str]:
    """Names by tracklet and frame number: `0001C1T0002F010.jpg` -> (2, 10)."""
    try:
        numbers = []
        for name in names:
            tracklet, _, frame = name.partition(".")[0].partition("T")[2].partition("F")
            numbers.append((int(tracklet), int(frame)))
    except ValueError:
        raise UserError(f"{where}: {name} is not named as in MARS (0001C1T0001F001.jpg)") from None
    if all(number < following for number, following in itertools.pairwise(numbers)):
        return list(names)
    ordered = sorted(zip(numbers, names, strict=True))
    for (number, name), (following, other) in itertools.pairwise(ordered):
        if number == following:
            raise UserError(f"{where}: {name} and {other} are both frame {number[1]}")
    return [name for _, name in ordered]


def check_frames(names: Sequence[str], folder: Path) -> None:
    """Raise UserError where a named file is missing. Each person's folder is listed once."""
    present = {
        name
        for person in sorted({name[:4] for name in names})
        if (folder / person).is_dir()
        for name in os.listdir(folder / person)  # noqa: PTH208 - names alone: a million paths take seconds
    }
    missing = [name for name in names if name not in present]
    if missing:
        raise UserError(
            f"{folder}: {len(missing)} of {len(names)} files that are named are not there, "
            f"the first is {missing[0][:4]}/{missing[0]}"
        )


def read_queries(path: Path, table: Table) -> npt.NDArray[np.int64]:
    """Rows (Q,), from 0, of the queries in the test table. Raises UserError on other rows, junk, or repeated rows."""
    rows = read_mat(path, "query_IDX").ravel() - 1
    if rows.min() < 0 or rows.max() >= len(table):
        raise UserError(
            f"{path}: names row {rows.max() + 1} of a test table of {len(table)}; take the files of one set"
        )
    if len(np.unique(rows)) != len(rows):
        raise UserError(f"{path}: names a row twice; take the published file")
    nobody = rows[table[rows, 2] <= 0]
    if len(nobody):
        raise UserError(f"{path}: row {nobody[0] + 1} is a query of pid {table[nobody[0], 2]}, which is no person")
    return rows


def check_tables(train: Table, test: Table, queries: npt.NDArray[np.int64]) -> tuple[str, ...]:
    """Warnings about counts that differ from the published ones."""
    pids = test[:, 2]
    return (
        *expect(len(train), TRACKLETS["train"], "training tracklets"),
        *expect(len(np.unique(train[:, 2])), TRAIN_IDS, "training persons"),
        *expect(len(test), TRACKLETS["test"], "test tracklets"),
        *expect(int((pids == -1).sum()), JUNK, "junk tracklets (pid -1)"),
        *expect(int((pids == 0).sum()), DISTRACTORS, "distractors (pid 0)"),
        *expect(len(np.unique(pids[pids > 0])), TEST_IDS, "test persons"),
        *expect(len(queries), QUERIES, "queries"),
    )
