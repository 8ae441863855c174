"""Decoded frames of a data set, in memory or on disk."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from reid.data.loading.array_cache import Arrays, SharedArray, cached_arrays, key_of
from reid.data.tracklets.frames import read_frame, resized_frame


class FrameStore:
    """Frames at the network's input size, decoded once and kept as uint8 if they fit in `kept_gib` GiB (0: none kept).

    height, width -- of the network's input, pixels. folder -- frames are kept in this folder whatever their size, see
    `reid.data.loading.array_cache`. decode -- reads an image file as (H, W, 3) uint8 RGB.
    Raises UserError on an unreadable image: here if frames are kept, else in `read`.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        height: int,
        width: int,
        kept_gib: float,
        folder: Path | None = None,
        decode: Callable[[Path], np.ndarray] = read_frame,
    ) -> None:
        self.height, self.width = height, width
        self._decode = decode
        self.kept = False
        if not kept_gib and folder is None:
            return
        wanted = sorted(set(paths))
        size = len(wanted) * height * width * 3
        self.kept = folder is not None or size <= kept_gib * 2**30
        if not self.kept:
            print(f"{size / 2**30:.1f} GiB of frames do not fit --cache-gib {kept_gib}: they are decoded at each use")
            return
        self._position = {path: position for position, path in enumerate(wanted)}
        forms = {"frames": ((len(wanted), height, width, 3), np.uint8), "factors": ((len(wanted), 2), np.float32)}

        def fill(arrays: Arrays) -> None:
            for position, path in enumerate(tqdm(wanted, "decoding", unit="frame", disable=None, leave=False)):
                arrays["frames"][position], arrays["factors"][position] = self._resized(path)

        if folder is not None:
            arrays = cached_arrays(folder / f"frames-{height}x{width}-{key_of(wanted)}", forms, fill)
        else:
            arrays = {key: np.empty(shape, kind) for key, (shape, kind) in forms.items()}
            fill(arrays)
        self._frames, self._scales = SharedArray(arrays["frames"]), SharedArray(arrays["factors"])

    def read(self, paths: Iterable[Path]) -> tuple[np.ndarray, np.ndarray]:
        """Frames (T, H, W, 3) uint8 RGB, and the factors (T, 2) of x and y by which they were resized."""
        if self.kept:
            positions = [self._position[path] for path in paths]
            return self._frames.array[positions], self._scales.array[positions]
        decoded = [self._resized(path) for path in paths]
        return np.stack([frame for frame, _ in decoded]), np.stack([scale for _, scale in decoded])

    def _resized(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        image = self._decode(path)
        height, width = image.shape[:2]
        scale = np.array([self.width / width, self.height / height], np.float32)
        return resized_frame(image, self.height, self.width), scale
