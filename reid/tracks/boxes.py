"""Boxes of persons in a frame, and files that list them: MOTChallenge text and YOLO text."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alignnet_common.arrays import Singles
from alignnet_common.errors import UserError
from reid.data.tracklets.frames import frame_number

NO_TRACK = -1
"""Track of a box that is in none."""

MOST = 300
"""Boxes of a frame, at most; the ones with the highest scores are kept."""

SMALLEST = 8
"""Shortest side of a box in pixels, after it is clipped to the frame."""

LARGEST = 2**53
"""Number of a frame or a track, at most: larger ones are not exact in a file of decimal numbers."""

PERSON_OF_YOLO = 0
"""Class of persons in COCO's order, which YOLO's files have."""


@dataclass(frozen=True)
class Boxes:
    """K boxes of persons in one frame."""

    sides: Singles
    """(K, 4) left, top, right, bottom in pixels of the frame."""

    scores: Singles
    """(K,) of the detector, higher is surer; 1 where there is none."""

    tracks: npt.NDArray[np.int64]
    """(K,) number of the track; -1: none yet."""

    @classmethod
    def of(cls, sides: Any, scores: Any, tracks: Any = None) -> "Boxes":
        """Boxes of array-likes (K, 4), (K,) and (K,); without `tracks` they are in none."""
        rows = np.asarray(sides, np.float32).reshape(-1, 4)
        none = np.full(len(rows), NO_TRACK, np.int64)
        return cls(rows, np.asarray(scores, np.float32), none if tracks is None else np.asarray(tracks, np.int64))

    def __len__(self) -> int:
        return len(self.sides)

    def chosen(self, which: Any) -> "Boxes":
        """Some of the boxes, by positions or by a mask."""
        return Boxes(self.sides[which], self.scores[which], self.tracks[which])

    def within(self, height: int, width: int) -> "Boxes":
        """The boxes, clipped to a frame; those that are then smaller than `SMALLEST`, or not finite, are left out."""
        finite = self.chosen(np.isfinite(self.sides).all(axis=1) & np.isfinite(self.scores))
        limits = np.array([width, height, width, height], np.float32)
        clipped = Boxes(np.clip(finite.sides, 0, limits), finite.scores, finite.tracks)
        sizes = clipped.sides[:, 2:] - clipped.sides[:, :2]
        large = clipped.chosen((sizes >= SMALLEST).all(axis=1))
        return large.chosen(np.argsort(-large.scores, kind="stable")[:MOST])


NOTHING = Boxes.of(np.zeros((0, 4)), np.zeros(0))
"""A frame without boxes."""


def of_supervision(detections: Any) -> Boxes:
    """Boxes of a supervision.Detections; of several classes, those of class 0, which is COCO's person.

    Tracks are those of its tracker_id, if it has them.
    """
    count = len(detections.xyxy)
    scores = np.ones(count) if detections.confidence is None else detections.confidence
    boxes = Boxes.of(detections.xyxy, scores, detections.tracker_id)
    return boxes if detections.class_id is None else boxes.chosen(np.asarray(detections.class_id) == PERSON_OF_YOLO)


def read_boxes(path: Path, height: int, width: int) -> dict[int, Boxes]:
    """Boxes by number of the frame, from 1: of a MOTChallenge text file, or of a folder of YOLO text files.

    height, width -- of the video, pixels. Raises UserError on another file, and on a line that is none of the format.
    """
    if path.is_dir():
        return _read_yolo(path, height, width)
    return _read_mot(path)


def _read_mot(path: Path) -> dict[int, Boxes]:
    """Lines frame, id, left, top, width, height[, score[, class …]] with commas; id -1: in no track."""
    rows: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    for number, line in enumerate(_lines(path), 1):
        where = f"{path}, line {number}"
        values = _numbers(line.split(","), where, "frame,id,left,top,width,height[,score]")
        if len(values) < 6:
            raise UserError(f"{where}: {len(values)} numbers, not frame,id,left,top,width,height[,score]")
        frame, track, left, top, width, height = values[:6]
        if frame < 1 or frame != int(frame) or track != int(track) or max(frame, abs(track)) > LARGEST:
            raise UserError(f"{where}: frame {frame:g}, id {track:g}: frames count from 1, ids are whole numbers")
        score = values[6] if len(values) > 6 else 1.0
        rows[int(frame)].append((left, top, left + width, top + height, score, max(track, NO_TRACK)))
    return _by_frame(rows)


def _read_yolo(folder: Path, height: int, width: int) -> dict[int, Boxes]:
    """Files …NUMBER.txt with lines class, x, y, w, h[, score] of centres and sizes as shares of the frame."""
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise UserError(f"{folder}: no .txt file in it (YOLO: one file a frame, …000001.txt)")
    rows: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    for path in files:
        for number, line in enumerate(_lines(path), 1):
            where = f"{path}, line {number}"
            values = _numbers(line.split(), where, "class x y w h [score]")
            if len(values) < 5:
                raise UserError(f"{where}: {len(values)} numbers, not class x y w h [score]")
            kind, x, y, w, h = values[:5]
            if kind != PERSON_OF_YOLO:
                continue
            sides = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
            rows[frame_number(path)].append((*sides, values[5] if len(values) > 5 else 1.0, NO_TRACK))
    return _by_frame(rows)


def _by_frame(rows: Mapping[int, list[tuple[float, ...]]]) -> dict[int, Boxes]:
    arrays = {frame: np.array(some) for frame, some in rows.items()}
    return {frame: Boxes.of(some[:, :4], some[:, 4], some[:, 5]) for frame, some in arrays.items()}


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except UnicodeDecodeError as binary:
        raise UserError(f"{path}: not a text file") from binary
    return [line for line in text.splitlines() if line.strip()]


def _numbers(cells: list[str], where: str, form: str) -> list[float]:
    while cells and not cells[-1].strip():
        cells = cells[:-1]  # lines may end with a comma
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        raise UserError(f"{where}: not numbers {form}") from None
    if not all(map(math.isfinite, values)):
        raise UserError(f"{where}: a number is not finite")
    return values
