"""A tracklet: the frames of one person from one camera, in order; and what a data set is made of."""

import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from alignnet_common.cli import UserError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


@dataclass(frozen=True)
class Tracklet:
    """Frames of one person from one camera, in the order in which they were taken."""

    pid: int
    """Identity; -1 = junk (ignored in evaluation), 0 = distractor (matches nobody)."""

    camera: int
    """Number of the camera."""

    frames: tuple[Path, ...]
    """Image files, at least one."""

    annotations: Path | None = None
    """The exact joints of a rendered clip (.npz)."""

    sequence: int = 0
    """Number of the sequence, where one camera saw the person more than once."""


@dataclass(frozen=True)
class ReidData:
    """A data set, divided: who is trained on, who is asked for, and who they are looked for among."""

    name: str
    """The data that was really read: «synthetic stand-in» for a rendered set laid out as another."""

    root: Path
    """Folder that was read."""

    train: tuple[Tracklet, ...]
    query: tuple[Tracklet, ...]
    gallery: tuple[Tracklet, ...]

    protocol: str
    """Who is asked for and who is searched, for people."""

    split: str
    """Where the division comes from."""

    notes: tuple[str, ...] = ()
    """What a reader of the numbers should know besides."""

    warnings: tuple[str, ...] = ()
    """Integrity checks that found another number than the published data has: what, expected, found."""

    @property
    def tracklets(self) -> tuple[Tracklet, ...]:
        """Every tracklet once: training, then query, then gallery."""
        return tuple(dict.fromkeys((*self.train, *self.query, *self.gallery)))


def split_number(splits: Sequence[ReidData], number: int) -> ReidData:
    """Split `number` of a data set's splits. Raises UserError where there are fewer."""
    if not 0 <= number < len(splits):
        raise UserError(f"{splits[0].root}: has splits 0-{len(splits) - 1}, not {number}")
    return splits[number]


def labels_of(tracklets: tuple[Tracklet, ...]) -> dict[int, int]:
    """Class number of each identity: 0, 1, … in ascending order of pid."""
    return {pid: label for label, pid in enumerate(sorted({tracklet.pid for tracklet in tracklets}))}


def frame_number(path: Path) -> int:
    """The last number in a file's name: `0012.png` -> 12. Raises UserError where there is none."""
    digits = re.findall(r"\d+", path.stem)
    if not digits:
        raise UserError(f"{path}: no frame number in the file's name")
    return int(digits[-1])


def is_image(path: Path) -> bool:
    """Whether the name is that of an image (and not one of the hidden files that some systems leave)."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def numbered_frames(folder: Path) -> tuple[Path, ...]:
    """Image files of a folder by frame number, not by name: 9.png comes before 10.png.

    Raises UserError where there is none, or two have the same number.
    """
    frames = [folder / name for name in os.listdir(folder) if is_image(Path(name))]  # noqa: PTH208 - iterdir is slower
    if not frames:
        raise UserError(f"{folder}: an empty tracklet, no image in it")
    return in_numeric_order(frames, str(folder))


def in_numeric_order(frames: Sequence[Path], where: str) -> tuple[Path, ...]:
    """Image files by frame number. Raises UserError, which begins with `where`, where two have the same number."""
    ordered = sorted((frame_number(path), path) for path in frames)
    for (number, path), (following, other) in itertools.pairwise(ordered):
        if number == following:
            names = (path.name, other.name) if path.parent == other.parent else (path, other)
            raise UserError(f"{where}: {names[0]} and {names[1]} are both frame {number}; remove one")
    return tuple(path for _, path in ordered)


def expect(found: int, expected: int, what: str) -> tuple[str, ...]:
    """A warning, with both numbers, where `found` is not what the published data has; else nothing.

    >>> expect(384, 385, "persons in cam_a")
    ('persons in cam_a: 385 expected, 384 found',)
    """
    return () if found == expected else (f"{what}: {expected} expected, {found} found",)


def read_frame(path: Path) -> np.ndarray:
    """An image as uint8 (H, W, 3) RGB. Raises UserError where it cannot be read."""
    try:
        return np.asarray(iio.imread(path, plugin="pillow", mode="RGB"), dtype=np.uint8)
    except (OSError, SyntaxError, ValueError, EOFError) as broken:
        raise UserError(f"{path}: unreadable image ({broken}); put a whole one there or remove it") from broken
