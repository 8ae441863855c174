"""Frames in which somebody else stands before the person: as many as asked for, the same for every network."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import Tracklet
from reid.data.transforms.occlusion import covered_from_side

COVERED = (0.4, 0.7)
"""Share of a frame's width that is covered, at least and at most."""


class OccludedFrames(FrameStore):
    """A store in which `share` of each tracklet's frames are covered in part by another person's frame.

    Which frames, by whom, and from which side depends on the seed and the tracklets alone. A share of 0 covers none;
    at least one frame stays as it is.
    """

    def __init__(self, store: FrameStore, tracklets: Sequence[Tracklet], share: float, seed: int) -> None:
        self.height, self.width, self.kept = store.height, store.width, store.kept
        self._store = store
        self._covers: dict[Path, tuple[Path, float, bool]] = {}
        for number, tracklet in enumerate(tracklets):
            rng = np.random.default_rng([seed, number])
            others = [other for other in tracklets if other.pid != tracklet.pid]
            count = min(round(share * len(tracklet.frames)), len(tracklet.frames) - 1)
            for frame in rng.permutation(len(tracklet.frames))[:count]:
                other = others[rng.integers(len(others))]
                cover = other.frames[rng.integers(len(other.frames))]
                self._covers[tracklet.frames[frame]] = cover, rng.uniform(*COVERED), bool(rng.integers(2))

    def read(self, paths: Iterable[Path]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """As `FrameStore.read`, covered."""
        paths = list(paths)
        frames, scales = self._store.read(paths)
        frames = frames.copy()
        for frame, path in zip(frames, paths, strict=True):
            if path in self._covers:
                cover, share, from_left = self._covers[path]
                covered_from_side(frame, self._store.read([cover])[0][0], share, from_left)
        return frames, scales
