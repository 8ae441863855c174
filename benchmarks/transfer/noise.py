"""Image noise of sets of crops: by brightness, and its spectrum.

    python -m benchmarks.transfer.noise --images data/set/multi_shot …/Market-1501-v15.09.15/bounding_box_train

The noise of a crop is the standard deviation by Immerkær (Fast Noise Variance Estimation, Computer Vision and Image
Understanding 64, 1996): the mean magnitude of a second difference that constant slopes do not change. Edges count as
noise: compare sets of the same content, or changes of it, and never one value alone.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage
from tqdm import tqdm

from alignnet_common.arrays import Floats
from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from alignnet_common.images import spread_over
from alignnet_common.options import bounded, check_ranges, option
from reid.data.tracklets.frames import is_image, read_frame
from reid.reporting.markdown import markdown_table
from synth.cameras.colour import LUMA

MASK = np.array([[1.0, -2, 1], [-2, 4, -2], [1, -2, 1]])
"""Second difference in both directions; the deviation of its result is 6 times that of independent noise."""

LEVELS = (0, 50, 100, 150, 256)
"""Bounds of brightness, in grey levels of 0 to 255."""

BANDS = (0.0, 0.125, 0.25, 0.375, 0.5)
"""Bounds of spatial frequency, in cycles per pixel."""


@dataclass(frozen=True)
class NoiseConfig:
    """Measure the image noise of folders of crops by brightness, and the power spectrum of the crops."""

    images: list[Path] = field(default_factory=list)
    """Folders; the images below each are one set."""

    count: int = bounded(1000, at_least=1)
    """Images of a set, evenly spread over all."""

    json: Path = option(Path("runs/noise.json"))
    """File for the result."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.images:
            raise ValueError("--images: name at least one folder")


def measure(config: NoiseConfig) -> None:
    """Measure each set, print the table and write the result. Raises UserError on a folder without images."""
    found = {str(folder): noise_of_set(folder, config.count) for folder in config.images}
    write_json(config.json, {"command": "python -m benchmarks.transfer.noise", "config": as_plain(config), **found})
    print(table(found))


def noise_of_set(folder: Path, count: int) -> dict[str, Any]:
    """Images, noise by brightness in grey levels, and decibels of each band of frequencies."""
    paths = sorted(path for path in folder.rglob("*") if is_image(path))
    if not paths:
        raise UserError(f"--images {folder}: no image there")
    chosen = spread_over(paths, count)
    lumas = [read_frame(path).astype(np.float64) @ LUMA for path in tqdm(chosen, desc=folder.name, disable=None)]
    powers = np.mean([spectrum(luma) for luma in lumas], axis=0)
    return {
        "images": len(chosen),
        "noise": [None if math.isnan(value) else round(value, 2) for value in noise_by_brightness(lumas)],
        "decibels": np.round(10 * np.log10(powers), 1).tolist(),
    }


def noise_by_brightness(lumas: Sequence[Floats]) -> list[float]:
    """Standard deviation of the noise at each of `LEVELS`, in grey levels; NaN where no pixel is so bright.

    lumas -- images (H, W) in 0..255.
    """
    sums, counts = np.zeros(len(LEVELS) - 1), np.zeros(len(LEVELS) - 1)
    for luma in lumas:
        differences = np.abs(ndimage.convolve(luma, MASK))[1:-1, 1:-1]
        level = np.digitize(ndimage.uniform_filter(luma, 3)[1:-1, 1:-1], LEVELS[1:-1])
        sums += np.bincount(level.ravel(), differences.ravel(), len(sums))
        counts += np.bincount(level.ravel(), minlength=len(counts))
    with np.errstate(invalid="ignore"):
        found: Floats = sums / counts * math.sqrt(math.pi / 2) / 6
    return found.tolist()


def spectrum(luma: Floats) -> Floats:
    """Mean power of an image (H, W) in each of `BANDS`, without its mean, under a Hann window."""
    height, width = luma.shape
    window = np.hanning(height)[:, None] * np.hanning(width)
    power = np.abs(np.fft.fft2((luma - luma.mean()) * window)) ** 2 / (window**2).sum()
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    bands = itertools.pairwise(BANDS)
    return np.array([power[(low < frequency) & (frequency <= high)].mean() for low, high in bands])


def table(found: dict[str, dict[str, Any]]) -> str:
    """The measured sets as Markdown."""
    levels = [f"noise at {low}–{high - 1}" for low, high in itertools.pairwise(LEVELS)]
    bands = [f"{low:g}–{high:g} cycles per pixel, dB" for low, high in itertools.pairwise(BANDS)]
    rows = [
        [name, str(each["images"]), *("" if value is None else str(value) for value in each["noise"])]
        + [str(value) for value in each["decibels"]]
        for name, each in found.items()
    ]
    return markdown_table(["set", "images", *levels, *bands], rows)


if __name__ == "__main__":
    run_command(measure, NoiseConfig, "python -m benchmarks.transfer.noise")
