"""Image files of a tracklet: their names, their order, decoding."""

import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from alignnet_common.errors import UserError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


def frame_number(path: Path) -> int:
    """The last number in a file's name: `0012.png` -> 12. Raises UserError if the name has none."""
    digits = re.findall(r"\d+", path.stem)
    if not digits:
        raise UserError(f"{path}: no frame number in the file's name")
    return int(digits[-1])


def is_image(path: Path) -> bool:
    """Whether the name has the suffix of an image and is not that of a hidden file."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def numbered_frames(folder: Path) -> tuple[Path, ...]:
    """Image files of a folder in the order of their frame numbers: 9.png comes before 10.png.

    Raises UserError where there is no image, or two images have the same number.
    """
    frames = [folder / name for name in os.listdir(folder) if is_image(Path(name))]  # noqa: PTH208 - iterdir is slower
    if not frames:
        raise UserError(f"{folder}: an empty tracklet, no image in it")
    return in_numeric_order(frames, str(folder))


def in_numeric_order(frames: Sequence[Path], where: str) -> tuple[Path, ...]:
    """Image files in the order of their frame numbers. Raises UserError, beginning with `where`, on equal numbers."""
    ordered = sorted((frame_number(path), path) for path in frames)
    for (number, path), (following, other) in itertools.pairwise(ordered):
        if number == following:
            names = (path.name, other.name) if path.parent == other.parent else (path, other)
            raise UserError(f"{where}: {names[0]} and {names[1]} are both frame {number}; remove one")
    return tuple(path for _, path in ordered)


def read_frame(path: Path) -> np.ndarray:
    """An image as uint8 (H, W, 3) RGB. Raises UserError where it cannot be read."""
    try:
        return np.asarray(iio.imread(path, plugin="pillow", mode="RGB"), dtype=np.uint8)
    except (OSError, SyntaxError, ValueError, EOFError) as broken:
        raise UserError(f"{path}: unreadable image ({broken}); replace or remove it") from broken
