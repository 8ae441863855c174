"""Pose maps of frames, kept by the path of the frame."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reid.data.loading.array_cache import SharedArray


class MapStore:
    """Pose maps (N, 57, h, w) float16 of N frames, computed once by a frozen pose network without augmentation."""

    def __init__(self, paths: Sequence[Path], maps: npt.NDArray[np.float16]) -> None:
        self._position = {path: position for position, path in enumerate(paths)}
        self._maps = SharedArray(maps)

    def read(self, paths: Sequence[Path]) -> npt.NDArray[np.float16]:
        """Maps (T, 57, h, w) of T frames. Raises KeyError on an unknown path."""
        return self._maps.array[[self._position[path] for path in paths]]
