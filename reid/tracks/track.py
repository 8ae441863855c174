"""Boxes of frames joined to tracks, by motion and overlap (norfair)."""

from collections.abc import Sequence

import numpy as np

from alignnet_common.errors import UserError
from reid.tracks.boxes import NO_TRACK, Boxes

LEAST_OVERLAP = 0.25
"""Intersection over union of a box with where its track is expected."""

SECONDS_UNSEEN = 1.0
"""A track goes on for this long without a box."""

FRAMES_TO_START = 2
"""Frames with a box after the first, until the motion of a track is trusted."""


def without_overlap(box: Sequence[Sequence[float]], track: Sequence[Sequence[float]]) -> float:
    """1 - intersection over union of a box and the box where a track is expected.

    Both are two corners x, y. Where a track shrinks fast, the corners of its expected box may have changed places.
    """
    common, areas = 1.0, [1.0, 1.0]
    for axis in (0, 1):
        low, high = sorted((box[0][axis], box[1][axis]))
        other_low, other_high = sorted((track[0][axis], track[1][axis]))
        common *= max(0.0, min(high, other_high) - max(low, other_low))
        areas = [areas[0] * (high - low), areas[1] * (other_high - other_low)]
    union = sum(areas) - common
    return 1 - common / union if union else 1.0


class Tracking:
    """Tracks of one video."""

    def __init__(self, rate: float) -> None:
        """rate -- frames a second. Raises UserError where norfair is not installed."""
        try:
            from norfair import Tracker
        except ImportError as missing:
            raise UserError("tracking needs norfair: pip install 'alignnet-reid[video]'") from missing
        self._frame = 0
        self._tracker = Tracker(
            distance_function=lambda box, track: without_overlap(box.points.tolist(), track.estimate.tolist()),
            distance_threshold=1 - LEAST_OVERLAP,
            hit_counter_max=max(FRAMES_TO_START + 1, round(SECONDS_UNSEEN * rate)),
            initialization_delay=FRAMES_TO_START,
            past_detections_length=0,
        )

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
