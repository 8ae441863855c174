"""A CSV file that lists images or tracklets: path[,camera][,track][,person][,start,end].

Paths are relative to the folder of the file. A path is an image or, with --tracklets, also a folder of frames. With
--tracklets, images of the same camera, track and person are one tracklet, in the order of their frame numbers. start
and end are the times of a tracklet in seconds, by a clock of its camera; of a tracklet that is listed image by image,
the earliest start and the latest end count. An image may have a single time instead, in the column time.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from alignnet_common.errors import UserError
from reid.data.datasets.csv_files import read_rows
from reid.data.datasets.names import as_on_disk
from reid.data.tracklets.frames import in_numeric_order, is_image, numbered_frames
from reid.inference.rows import Row, Source

COLUMNS = ("path", "camera", "track", "person")
TIMES = ("start", "end")
TIME = "time"
ALL_COLUMNS = "path[,camera][,track][,person][,start,end]"

TRACKS_TABLE = "tracks.csv"
"""Table that reid tracks leaves beside the folders of cameras: a row a crop, with its time."""


class Line(NamedTuple):
    """A line of the table: its place in the file for messages, its path, and its cells."""

    where: str
    path: Path
    name: str
    camera: str
    track: str
    person: str
    start: float | None
    end: float | None


def read_table(table: Path, tracklets: bool) -> Source:
    """The images of a CSV file in its order, or its tracklets in the order of their first lines.

    Raises UserError where the file is no such table, a cell of paths is empty, or a path is not there.
    """
    if table.suffix.lower() != ".csv":
        raise UserError(f"{table}: not a folder, an image or a .csv file")
    lines = list(lines_of(table))
    if not lines:
        raise UserError(f"{table}: no row below the names of the columns")
    rows = tracklets_of(table, lines) if tracklets else [image_of(line) for line in lines]
    return Source(table.parent, rows, f"the columns of {table.name}")


def lines_of(table: Path) -> Iterator[Line]:
    """The lines of a table. Raises UserError as `read_rows`, and on an empty path."""
    for where, row in read_rows(table, ("path",), ALL_COLUMNS):
        name, camera, track, person = (row.get(column, "") for column in COLUMNS)
        if not name:
            raise UserError(f"{where}: path is empty")
        found = as_on_disk(table.parent, name)
        yield Line(where, table.parent / found, found, camera, track, person, *times_of(row, where))


def times_of(row: Mapping[str, str], where: str) -> tuple[float | None, float | None]:
    """Start and end of a line in seconds, both the time of an image; None where the columns are missing or empty.

    Raises UserError on what is no number, one time without the other, and an end before the start.
    """
    cells = [row.get(column, "") for column in TIMES]
    if cells == ["", ""]:
        cells = [row.get(TIME, "")] * 2
    if cells == ["", ""]:
        return None, None
    try:
        start, end = map(float, cells)
    except ValueError:
        raise UserError(f"{where}: start and end must both be seconds, not {cells[0]!r} and {cells[1]!r}") from None
    if not 0 <= end - start < math.inf:
        raise UserError(f"{where}: ends at {cells[1]}, before its start at {cells[0]}, or never")
    return start, end


def times_of_tracks(table: Path) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    """Start and end of each track of `TRACKS_TABLE`, by camera and track; empty if there is no such file.

    Raises UserError as `read_rows` and `times_of`.
    """
    found: dict[tuple[str, str], tuple[float | None, float | None]] = {}
    for where, row in read_rows(table, ("path",), ALL_COLUMNS) if table.is_file() else ():
        track, now = (row.get("camera", ""), row.get("track", "")), times_of(row, where)
        pairs = [[time for time in some if time is not None] for some in zip(found.get(track, now), now, strict=True)]
        found[track] = min(pairs[0], default=None), max(pairs[1], default=None)
    return found


def image_of(line: Line) -> Row:
    """The row of a line that names an image. Raises UserError on a folder and on anything else."""
    if line.path.is_dir():
        raise UserError(f"{line.where}: {line.name} is a folder: describe folders as tracklets (--tracklets)")
    _check_image(line)
    return Row(line.name, (line.name,), line.person, line.camera, line.track, line.start, line.end)


def tracklets_of(table: Path, lines: list[Line]) -> list[Row]:
    """The tracklets of a table: its folders, and its images by camera, track and person.

    Raises UserError on an image without track and person, and where two frames have the same number.
    """
    images: dict[tuple[str, str, str], list[Line]] = {}
    rows: list[Row | tuple[str, str, str]] = []
    for line in lines:
        if line.path.is_dir():
            frames = tuple(f"{line.name.rstrip('/')}/{frame.name}" for frame in numbered_frames(line.path))
            track = line.track or line.path.name
            rows.append(Row(line.name, frames, line.person, line.camera, track, line.start, line.end))
            continue
        _check_image(line)
        if not (line.track or line.person):
            raise UserError(f"{line.where}: an image without a track: fill the column track, or leave --tracklets out")
        key = line.camera, line.track, line.person
        if key not in images:
            rows.append(key)
        images.setdefault(key, []).append(line)
    return [row if isinstance(row, Row) else _of_images(table, row, images[row]) for row in rows]


def _of_images(table: Path, key: tuple[str, str, str], lines: list[Line]) -> Row:
    camera, track, person = key
    where = f"{table}: camera {camera or 'unknown'}, track {track or person}"
    frames = tuple(frame.as_posix() for frame in in_numeric_order([Path(line.name) for line in lines], where))
    start = min((line.start for line in lines if line.start is not None), default=None)
    end = max((line.end for line in lines if line.end is not None), default=None)
    return Row(frames[0], frames, person, camera, track, start, end)


def _check_image(line: Line) -> None:
    if not (line.path.is_file() and is_image(line.path)):
        raise UserError(f"{line.where}: no such image: {line.path}")
