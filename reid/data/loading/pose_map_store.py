"""Pose maps of frames, by the frames' paths."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reid.data.loading.array_cache import SharedArray


class MapStore:
    """What a pose net that does not change says of frames, as they are: `maps` (N, 57, h, w) float16, one a path."""

    def __init__(self, paths: Sequence[Path], maps: npt.NDArray[np.float16]) -> None:
        self._position = {path: position for position, path in enumerate(paths)}
        self._maps = SharedArray(maps)

    def read(self, paths: Sequence[Path]) -> npt.NDArray[np.float16]:
        """Maps (T, 57, h, w) of T frames. Raises KeyError on a frame that has none."""
        return self._maps.array[[self._position[path] for path in paths]]
