"""Boxes of frames joined to tracks, by motion and overlap (norfair)."""

import numpy as np

from alignnet_common.arrays import AnyFloats, Floats
from alignnet_common.errors import UserError
from reid.tracks.boxes import NO_TRACK, Boxes

LEAST_OVERLAP = 0.25
"""Intersection over union of a box with where its track is expected."""

SECONDS_UNSEEN = 1.0
"""A track goes on for this long without a box."""

FRAMES_TO_START = 2
"""Frames with a box after the first, until the motion of a track is trusted."""


def without_overlap(boxes: AnyFloats, tracks: AnyFloats) -> Floats:
    """1 - intersection over union (N, M) of N boxes and the M boxes where tracks are expected.

    Both are two corners x, y, x, y, in rows. Where a track shrinks fast, the corners of its expected box may have
    changed places.
    """
    (low, high), (other_low, other_high) = _corners(boxes[:, None]), _corners(tracks[None])
    common = np.clip(np.minimum(high, other_high) - np.maximum(low, other_low), 0, None).prod(axis=-1)
    union = (high - low).prod(axis=-1) + (other_high - other_low).prod(axis=-1) - common
    return 1 - np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def _corners(boxes: AnyFloats) -> tuple[Floats, Floats]:
    """The corners (…, 2) next to and farthest from the origin."""
    pairs = np.asarray(boxes, float).reshape(*boxes.shape[:-1], 2, 2)
    return pairs.min(axis=-2), pairs.max(axis=-2)


class Tracking:
    """Tracks of one video."""

    def __init__(self, rate: float) -> None:
        """rate -- frames a second. Raises UserError where norfair is not installed."""
        try:
            from norfair import Tracker
            from norfair.distances import VectorizedDistance
        except ImportError as missing:
            raise UserError("tracking needs norfair: pip install 'alignnet-reid[video]'") from missing
        self._frame = 0
        self._tracker = Tracker(
            distance_function="iou",
            distance_threshold=1 - LEAST_OVERLAP,
            hit_counter_max=max(FRAMES_TO_START + 1, round(SECONDS_UNSEEN * rate)),
            initialization_delay=FRAMES_TO_START,
            past_detections_length=0,
        )
        # Its own "iou" refuses boxes whose corners have changed places, and a function is taken for one of two boxes.
        self._tracker.distance_function = VectorizedDistance(without_overlap)

    def add(self, boxes: Boxes) -> Boxes:
        """The boxes of the next frame with the numbers of their tracks, which grow with their beginning."""
        from norfair import Detection

        detections = [
            Detection(points=sides.reshape(2, 2).astype(float), scores=np.full(2, score), data=(self._frame, position))
            for position, (sides, score) in enumerate(zip(boxes.sides, boxes.scores, strict=True))
        ]
        self._tracker.update(detections)
        tracks = np.full(len(boxes), NO_TRACK, np.int64)
        for followed in self._tracker.tracked_objects:
            frame, position = followed.last_detection.data
            if frame == self._frame:
                tracks[position] = followed.initializing_id
        self._frame += 1
        return Boxes(boxes.sides, boxes.scores, tracks)
