"""Image files of a tracklet: their names, their order, decoding, resizing."""

import itertools
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from alignnet_common.errors import UserError
from reid.data.tracklets.pixels import upright_rgb

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
"""Suffixes of image files, which Pillow reads on every system."""


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
    names = os.listdir(folder)  # noqa: PTH208 - iterdir is slower
    frames = [folder / name for name in names if is_image(Path(name))]
    if not frames:
        others = Counter(Path(name).suffix.lower() for name in names if not name.startswith("."))
        found = "".join(f" but {count} {suffix}" for suffix, count in others.most_common(1))
        raise UserError(f"{folder}: an empty tracklet, no image in it{found} ({' '.join(IMAGE_SUFFIXES)})")
    return in_numeric_order(frames, str(folder))


def in_numeric_order(frames: Sequence[Path], where: str) -> tuple[Path, ...]:
    """Image files in the order of their frame numbers. Raises UserError, beginning with `where`, on equal numbers."""
    ordered = sorted((frame_number(path), path) for path in frames)
    for (number, path), (following, other) in itertools.pairwise(ordered):
        if number == following:
            names = (path.name, other.name) if path.parent == other.parent else (path, other)
            raise UserError(f"{where}: {names[0]} and {names[1]} are both frame {number}; remove one")
    return tuple(path for _, path in ordered)


class UnreadableImageError(UserError):
    """An image file that is missing, damaged, or no image."""


def read_frame(path: Path) -> np.ndarray:
    """An image as uint8 (H, W, 3) RGB, see `upright_rgb`. Raises UnreadableImageError where it cannot be read."""
    try:
        with Image.open(path) as image:
            return upright_rgb(image)
    except MemoryError:
        raise
    except Exception as broken:  # damaged bytes raise various exceptions in Pillow's decoders, struct.error among them
        reason = str(broken) or type(broken).__name__
        raise UnreadableImageError(f"{path}: unreadable image ({reason}); replace or remove it") from broken


def resized_frame(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image (H, W, 3) uint8 RGB at another size in pixels, bilinear with antialiasing; itself if it has that size.

    Training, evaluation and extraction resize by this function.
    """
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
