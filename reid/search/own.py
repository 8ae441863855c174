"""The query's own tracklet: who its camera sees at the same time is another person."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from alignnet_common.arrays import Floats
from alignnet_common.checked.csv_file import check_columns, lines_of_csv, row_of
from alignnet_common.errors import UserError, one_line
from reid.index.store import IndexRow, Store
from reid.inference.table import TRACKS_TABLE
from reid.tracks.crops import COLUMNS
from reid.tracks.records import fingerprint, recorded_cameras
from reid.tracks.track import without_overlap

NEAR = 0.5
"""Seconds between the time of a query and that of a box, at most: not every frame has one."""

OVERLAP = 0.5
"""Intersection over union of the box of a query and that of its tracklet, at least."""


def at_once(row: IndexRow, own: IndexRow | None) -> bool | None:
    """Whether a camera sees a tracklet and the query's own at the same time, so that they are two persons.

    None where that is not known: the query has no tracklet, or times are missing.
    """
    if own is None or row.start is None or row.end is None or own.start is None or own.end is None:
        return None
    is_own = row.source == own.source and row.name == own.name
    together = row.source == own.source and row.camera == own.camera and row.start < own.end and row.end > own.start
    return together and not is_own


def tracklet_at(store: Store, camera: str, video: Path, time: float, box: Sequence[float]) -> IndexRow | None:
    """The tracklet of an index that has a box of a video; None where there is none, or its tracks.csv is gone.

    Args:
        store: the index.
        camera: of the video.
        video: one of those that `reid tracks` has read, here or elsewhere.
        time: seconds since the first frame.
        box: left, top, width, height in pixels.
    """
    blocks = [block for block in store.blocks() if block.camera == camera]
    own, most = None, OVERLAP
    print_of = fingerprint(video)
    for source in sorted({block.source for block in blocks}):
        start = start_of(Path(source), camera, print_of)
        if start is None:
            continue
        clock = start + time
        rows = {
            row.track: row
            for block in blocks
            if block.source == source
            for row in block.rows
            if row.start is not None and row.end is not None and row.start - NEAR <= clock <= row.end + NEAR
        }
        for track, sides in boxes_at(Path(source) / TRACKS_TABLE, camera, list(rows), clock).items():
            asked = np.array([[box[0], box[1], box[0] + box[2], box[1] + box[3]]])
            agree = 1 - float(without_overlap(asked, sides[None])[0, 0])
            if agree >= most:
                own, most = rows[track], agree
    return own


def start_of(source: Path, camera: str, print_of: str) -> float | None:
    """Time of a video's first frame by the clock of its camera, seconds, as `reid tracks` has recorded it; None where
    it has not read this video.

    print_of -- see `fingerprint`.
    """
    row = recorded_cameras(source).get(camera, {})
    starts = [each.get("start", 0.0) for each in row.get("recordings", [row]) if each.get("fingerprint") == print_of]
    return float(starts[0]) if starts else None


def boxes_at(table: Path, camera: str, tracks: Sequence[str], time: float) -> dict[str, Floats]:
    """Left, top, right, bottom of tracks in pixels, from the frame that is nearest in time, `NEAR` at most."""
    found: dict[str, tuple[float, Floats]] = {}
    for row in lines_of(table, camera, tracks) if table.is_file() else ():
        try:
            away = abs(float(row["time"]) - time)
            x, y, w, h = (float(row[side]) for side in "xywh")
        except (ValueError, KeyError):
            raise UserError(f"{table}: time, x, y, w and h must be numbers: {one_line(list(row.values()))}") from None
        if away <= NEAR and away < found.get(row["track"], (np.inf, None))[0]:
            found[row["track"]] = away, np.array([x, y, x + w, y + h])
    return {track: sides for track, (_, sides) in found.items()}


def lines_of(table: Path, camera: str, tracks: Sequence[str]) -> Iterator[dict[str, str]]:
    """The rows of some tracks; those of others are passed over as text, since a table may have millions."""
    beginnings = io.StringIO()
    csv.writer(beginnings, lineterminator=",\n").writerows([camera, track] for track in tracks)
    _, columns = next(lines_of_csv(table), (0, []))
    if columns[:2] != list(COLUMNS[:2]):
        return
    check_columns(table, columns, COLUMNS[:2])
    wanted = tuple(beginnings.getvalue().encode().split(b"\n")[:-1])
    with table.open("rb") as file:
        lines = (line.decode("utf-8", "replace") for line in file if line.startswith(wanted))
        for number, cells in lines_of_csv(table, lines):
            yield row_of(table, number, columns, cells)
