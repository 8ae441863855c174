"""The crops of one video as CAMERA/TRACK/FRAME.jpg, and their table: both appear when the video is finished."""

import csv
import io
import shutil
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from PIL import Image as Pictures

from alignnet_common.files import write_atomically
from reid.tracks.boxes import NO_TRACK, Boxes
from reid.tracks.video import Frame

COLUMNS = ("camera", "track", "frame", "time", "x", "y", "w", "h", "score", "path")
"""Columns of tracks.csv: frame from 1, time in seconds since the first frame, box in pixels of the frame."""

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
    """Writes the crops of one camera into a hidden folder, which gets its name at the end."""

    def __init__(self, out: Path, camera: str) -> None:
        """Removes what an interrupted run has left of this camera."""
        self._out, self._camera = out, camera
        self._hidden = out / f".{camera}.partial"
        self._crops: dict[int, list[Crop]] = defaultdict(list)
        for left in (self._hidden, out / camera):
            shutil.rmtree(left, ignore_errors=True)
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
        """Name the tracks with at least `shortest` crops 0001, 0002, … in the order of their first frames, remove the
        others, and write the table of the camera; returns the numbers of tracks, of crops, and of tracks left out."""
        kept = sorted(
            (track for track, crops in self._crops.items() if len(crops) >= shortest),
            key=lambda track: (self._crops[track][0].frame, track),
        )
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        named = self._hidden / "named"
        named.mkdir()
        for number, track in enumerate(kept, 1):
            name = f"{number:04d}"
            (self._hidden / str(track)).rename(named / name)
            for crop in self._crops[track]:
                path = f"{self._camera}/{name}/{crop.file}"
                box = (f"{side:g}" for side in crop.box)
                table.writerow((self._camera, name, crop.frame, f"{crop.time:.3f}", *box, f"{crop.score:.3f}", path))
        named.rename(self._out / self._camera)
        shutil.rmtree(self._hidden)
        write_atomically(part_of(self._out, self._camera), text.getvalue().encode())
        crops = sum(len(self._crops[track]) for track in kept)
        return {"tracks": len(kept), "crops": crops, "too_short": len(self._crops) - len(kept)}


def part_of(out: Path, camera: str) -> Path:
    """The rows of one camera; hidden, since tracks.csv has the rows of all."""
    return out / f".{camera}.csv"
