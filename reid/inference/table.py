"""A CSV file that lists images or tracklets: path[,camera][,track][,person].

Paths are relative to the folder of the file. A path is an image or, with --tracklets, also a folder of frames. With
--tracklets, images of the same camera, track and person are one tracklet, in the order of their frame numbers.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from alignnet_common.errors import UserError
from reid.data.tracklets.frames import in_numeric_order, is_image, numbered_frames
from reid.inference.rows import Row, Source

COLUMNS = ("path", "camera", "track", "person")


class Line(NamedTuple):
    """A line of the table: its place in the file for messages, its path, and its cells."""

    where: str
    path: Path
    name: str
    camera: str
    track: str
    person: str


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
    """The lines of a table. Raises UserError on a missing column, an empty path, or a file that is no CSV."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream)
            if "path" not in (rows.fieldnames or ()):
                raise UserError(f"{table}: no column path (columns: path[,camera][,track][,person])")
            for row in rows:
                where = f"{table}, line {rows.line_num}"
                name, camera, track, person = ((row.get(column) or "").strip() for column in COLUMNS)
                if not name:
                    raise UserError(f"{where}: path is empty")
                yield Line(where, table.parent / name, name, camera, track, person)
    except (UnicodeDecodeError, csv.Error) as broken:
        raise UserError(f"{table}: not a CSV text file ({broken})") from broken


def image_of(line: Line) -> Row:
    """The row of a line that names an image. Raises UserError on a folder and on anything else."""
    if line.path.is_dir():
        raise UserError(f"{line.where}: {line.name} is a folder: describe folders as tracklets (--tracklets)")
    _check_image(line)
    return Row(line.name, (line.name,), line.person, line.camera, line.track)


def tracklets_of(table: Path, lines: list[Line]) -> list[Row]:
    """The tracklets of a table: its folders, and its images by camera, track and person.

    Raises UserError on an image without track and person, and where two frames have the same number.
    """
    images: dict[tuple[str, str, str], list[Path]] = {}
    rows: list[Row | tuple[str, str, str]] = []
    for line in lines:
        if line.path.is_dir():
            frames = tuple(f"{line.name.rstrip('/')}/{frame.name}" for frame in numbered_frames(line.path))
            rows.append(Row(line.name, frames, line.person, line.camera, line.track or line.path.name))
            continue
        _check_image(line)
        if not (line.track or line.person):
            raise UserError(f"{line.where}: an image without a track: fill the column track, or leave --tracklets out")
        key = line.camera, line.track, line.person
        if key not in images:
            rows.append(key)
        images.setdefault(key, []).append(Path(line.name))
    return [row if isinstance(row, Row) else _of_images(table, row, images[row]) for row in rows]


def _of_images(table: Path, key: tuple[str, str, str], images: list[Path]) -> Row:
    camera, track, person = key
    where = f"{table}: camera {camera or 'unknown'}, track {track or person}"
    frames = tuple(frame.as_posix() for frame in in_numeric_order(images, where))
    return Row(frames[0], frames, person, camera, track)


def _check_image(line: Line) -> None:
    if not (line.path.is_file() and is_image(line.path)):
        raise UserError(f"{line.where}: no such image: {line.path}")
