"""The tracks of tracks.csv, and the table of others made of their crops."""

import csv
import io
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from alignnet_common.checked.csv_file import rows_of_csv
from alignnet_common.checked.names import is_inside, is_plain
from alignnet_common.errors import UserError
from reid.data.tracklets.frames import frame_number
from reid.inference.table import TRACKS_TABLE

NEEDED = ("camera", "track", "frame", "time", "x", "y", "w", "h", "path")
"""Columns that are needed; others are kept as they are."""


class Crop(NamedTuple):
    """A crop of a person."""

    time: float
    """Seconds, by the clock of the camera."""

    box: tuple[float, float, float, float]
    """Left, top, width, height in pixels of the frame."""

    cells: Mapping[str, str]
    """Its row of the table."""

    @property
    def path(self) -> str:
        """The file, relative to the folder of the table."""
        return self.cells["path"]


@dataclass(frozen=True)
class Track:
    """The crops of one track in order of time."""

    camera: str
    name: str
    crops: tuple[Crop, ...]

    @property
    def span(self) -> tuple[float, float]:
        """Times of the first and the last crop, seconds."""
        return self.crops[0].time, self.crops[-1].time


def read_tracks(folder: Path) -> tuple[dict[str, list[Track]], list[str]]:
    """The tracks of each camera, by name, and the columns of the table.

    Raises UserError where there is no table, a column is missing, a number is none, a name leads out of the folder, or
    there is no crop.
    """
    path = folder / TRACKS_TABLE
    if not path.is_file():
        raise UserError(f"{folder}: has no {TRACKS_TABLE}: name a folder of reid tracks")
    found: dict[tuple[str, str], list[Crop]] = {}
    columns: list[str] = []
    for where, row in rows_of_csv(path, NEEDED):
        columns = columns or list(row)
        found.setdefault((row["camera"], row["track"]), []).append(crop_of(row, where))
    if not found:
        raise UserError(f"{path}: no track in it")
    tracks: dict[str, list[Track]] = {}
    for (camera, name), crops in sorted(found.items()):
        tracks.setdefault(camera, []).append(Track(camera, name, tuple(sorted(crops, key=lambda crop: crop.time))))
    return tracks, columns


def crop_of(row: Mapping[str, str], where: str) -> Crop:
    """A row of the table. Raises UserError where a number is none, or a name leads out of the folder."""
    try:
        frame, time, x, y, w, h = (float(row[name]) for name in ("frame", "time", "x", "y", "w", "h"))
    except (TypeError, ValueError):
        raise UserError(f"{where}: frame, time, x, y, w and h must be numbers") from None
    if not all(map(math.isfinite, (frame, time, x, y, w, h))):
        raise UserError(f"{where}: frame, time, x, y, w and h must be finite numbers")
    if not (is_plain(row["camera"]) and is_plain(row["track"]) and is_inside(row["path"])):
        raise UserError(
            f"{where}: camera and track must be names of folders, and path lead to a file below {TRACKS_TABLE}'s folder"
        )
    return Crop(time, (x, y, w, h), dict(row))


def rows_of(tracks: Iterable[Track], columns: list[str]) -> str:
    """The rows of tracks as CSV without a head, with the paths CAMERA/TRACK/FILE that their crops then have."""
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    for track in tracks:
        for crop, path in zip(track.crops, new_paths(track), strict=True):
            table.writerow({**crop.cells, "track": track.name, "path": path})
    return text.getvalue()


def new_paths(track: Track) -> list[str]:
    """Where the crops of a track lie in its folder: under their names, or numbered from 1 where these are not in order,
    as those of two recordings may be."""
    names = [Path(crop.path).name for crop in track.crops]
    numbers = [frame_number(Path(name)) for name in names]
    if any(later <= earlier for earlier, later in itertools.pairwise(numbers)):
        names = [f"{place:06d}{Path(name).suffix}" for place, name in enumerate(names, 1)]
    return [f"{track.camera}/{track.name}/{name}" for name in names]
