"""The crops of one video as CAMERA/TRACK/FRAME.jpg, and their table: both appear when the video is finished."""

import csv
import io
import shutil
from collections import defaultdict
from glob import escape
from pathlib import Path
from typing import NamedTuple

from PIL import Image as Pictures

from alignnet_common.checked.csv_file import lines_of_csv, row_of
from alignnet_common.errors import UserError
from alignnet_common.files import write_text
from reid.tracks.boxes import NO_TRACK, Boxes
from reid.tracks.video import Frame

COLUMNS = ("camera", "track", "frame", "time", "x", "y", "w", "h", "score", "path")
"""Columns of tracks.csv: frame from 1, time in seconds (by the clock of --starts), box in pixels of the frame."""

QUALITY = 95
"""Of the JPEG files."""


class Crop(NamedTuple):
    """A row of tracks.csv before its track has a name."""

    frame: int
    time: float
    box: tuple[float, float, float, float]
    score: float
    file: str


class CropWriter:
    """Writes the crops of one recording into a hidden folder; its tracks get their names at the end."""

    def __init__(self, out: Path, camera: str, key: str | None = None, start: float = 0.0) -> None:
        """Removes what interrupted runs have left of this camera.

        key -- of the recording, see `key_of`; the camera itself if it has one. start -- time of the first frame,
        seconds.
        """
        self._out, self._camera, self._key, self._start = out, camera, key or camera, start
        self._hidden = out / f".{self._key}.partial"
        self._crops: dict[int, list[Crop]] = defaultdict(list)
        self._taken = tracks_of(out, camera)
        shutil.rmtree(self._hidden, ignore_errors=True)
        for left in (out / camera).iterdir() if (out / camera).is_dir() else ():
            if left.name not in self._taken:
                shutil.rmtree(left)
        if not self._taken:
            shutil.rmtree(out / camera, ignore_errors=True)
        self._hidden.mkdir(parents=True)

    def add(self, frame: Frame, boxes: Boxes) -> None:
        """Write the crops of a frame that are in a track."""
        for sides, score, track in zip(boxes.sides, boxes.scores, boxes.tracks.tolist(), strict=True):
            if track == NO_TRACK or (self._crops[track] and self._crops[track][-1].frame == frame.number):
                continue
            left, top, right, bottom = (int(side) for side in sides.round())
            folder = self._hidden / str(track)
            folder.mkdir(exist_ok=True)
            file = f"{frame.number:06d}.jpg"
            Pictures.fromarray(frame.image[top:bottom, left:right]).save(folder / file, quality=QUALITY)
            box = (float(left), float(top), float(right - left), float(bottom - top))
            self._crops[track].append(Crop(frame.number, frame.time, box, float(score), file))

    def finish(self, shortest: int) -> dict[str, int]:
        """Name the tracks with at least `shortest` crops 0001, 0002, … in the order of their first frames, behind those
        of other recordings of the camera, remove the others, and write the table of the recording; returns the numbers
        of tracks, of crops, and of tracks left out."""
        kept = sorted(
            (track for track, crops in self._crops.items() if len(crops) >= shortest),
            key=lambda track: (self._crops[track][0].frame, track),
        )
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        named = self._hidden / "named"
        named.mkdir()
        for number, track in enumerate(kept, 1 + max(map(int, self._taken), default=0)):
            name = f"{number:04d}"
            (self._hidden / str(track)).rename(named / name)
            for crop in self._crops[track]:
                path = f"{self._camera}/{name}/{crop.file}"
                box = (f"{side:g}" for side in crop.box)
                time = f"{self._start + crop.time:.3f}"
                table.writerow((self._camera, name, crop.frame, time, *box, f"{crop.score:.3f}", path))
        if self._taken:
            for folder in sorted(named.iterdir()):
                folder.rename(self._out / self._camera / folder.name)
        else:
            named.rename(self._out / self._camera)
        shutil.rmtree(self._hidden)
        write_text(part_of(self._out, self._key), text.getvalue())
        crops = sum(len(self._crops[track]) for track in kept)
        return {"tracks": len(kept), "crops": crops, "too_short": len(self._crops) - len(kept)}


def key_of(camera: str, start: float) -> str:
    """Name of a recording: its camera, and where it does not begin at 0 the time at which it does, seconds."""
    return f"{camera}@{start:.12g}" if start else camera


def part_of(out: Path, key: str) -> Path:
    """The rows of one recording; hidden, since tracks.csv has the rows of all."""
    return out / f".{key}.csv"


def tracks_of(out: Path, camera: str) -> set[str]:
    """Names of the tracks of a camera's finished recordings, which are numbers. Raises UserError where a table is
    damaged."""
    found = set()
    for path in (part_of(out, camera), *out.glob(f".{escape(camera)}@*.csv")):
        if path.is_file() and path.with_suffix(".json").is_file():
            rows = [row_of(path, number, COLUMNS, cells) for number, cells in lines_of_csv(path)]
            found |= {row["track"] for row in rows if row["camera"] == camera}
    if not all(track.isdecimal() for track in found):
        raise UserError(f"{out}: tracks of {camera} that are no numbers: name another folder (--out)")
    return found
