"""The rows of an extraction: an image or a tracklet each, with its files and what is known of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

LEFT_OUT = np.float32(-np.inf)
"""Every number of a descriptor that takes the place of one that is left out."""


class Row(NamedTuple):
    """An image or a tracklet to describe; what is not known is ""."""

    path: str
    """The image, or the folder of the tracklet, or its first frame where a table lists its frames."""

    frames: tuple[str, ...]
    """Images of the tracklet in order; the image itself."""

    person: str = ""
    camera: str = ""
    track: str = ""

    start: float | None = None
    """Time of the first frame, seconds by a clock of the camera; None where not known."""

    end: float | None = None
    """Time of the last frame."""


@dataclass(frozen=True)
class Source:
    """Rows in order. Paths are relative to `root`, with / between folders."""

    root: Path
    rows: Sequence[Row]

    labels: str = "nowhere"
    """Where persons and cameras are known from."""

    def files(self, row: Row) -> list[Path]:
        """The image files of a row."""
        return [self.root / frame for frame in row.frames]


def natural(name: str) -> list[list[str | int]]:
    """Key to sort paths by folder, with numbers in their order: 9.jpg before 10.jpg.

    >>> sorted(["b/10.jpg", "b/9.jpg", "a1/2.jpg"], key=natural)
    ['a1/2.jpg', 'b/9.jpg', 'b/10.jpg']
    """
    return [
        [int(part) if number % 2 else part for number, part in enumerate(re.split(r"(\d+)", folder))]
        for folder in name.split("/")
    ]
