"""Frames with synthetic occlusion by another person, in a given share, identical for every network."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import Tracklet
from reid.data.transforms.occlusion import occlude_from_side

OCCLUDED = (0.4, 0.7)
"""Smallest and largest occluded share of a frame's width."""


class OccludedFrames(FrameStore):
    """A frame store in which a `share` (0..1) of each tracklet's frames is occluded in part by another person's frame.

    The occluded frames, the occluding frames and the sides depend on the seed and the tracklets only. At least one
    frame of a tracklet is not occluded.
    """

    def __init__(self, store: FrameStore, tracklets: Sequence[Tracklet], share: float, seed: int) -> None:
        self.height, self.width, self.kept = store.height, store.width, store.kept
        self._store = store
        self._occluders: dict[Path, tuple[Path, float, bool]] = {}
        for number, tracklet in enumerate(tracklets):
            rng = np.random.default_rng([seed, number])
            others = [other for other in tracklets if other.pid != tracklet.pid]
            count = min(round(share * len(tracklet.frames)), len(tracklet.frames) - 1)
            for frame in rng.permutation(len(tracklet.frames))[:count]:
                other = others[rng.integers(len(others))]
                occluder = other.frames[rng.integers(len(other.frames))]
                self._occluders[tracklet.frames[frame]] = occluder, rng.uniform(*OCCLUDED), bool(rng.integers(2))

    def read(self, paths: Iterable[Path]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """As `FrameStore.read`, with occlusion."""
        paths = list(paths)
        frames, scales = self._store.read(paths)
        frames = frames.copy()
        for frame, path in zip(frames, paths, strict=True):
            if path in self._occluders:
                occluder, share, from_left = self._occluders[path]
                occlude_from_side(frame, self._store.read([occluder])[0][0], share, from_left)
        return frames, scales
