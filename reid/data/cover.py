"""Somebody else before a person: a part of another frame, put over one side of theirs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

WHILE_TRAINING = (0.2, 0.8)
"""Share of a frame's width that is covered, at least and at most."""


def covered_from_side(
    picture: NDArray[Any], cover: NDArray[Any], share: float, from_left: bool, across: int = 1
) -> slice:
    """Put the middle of `cover` over `share` of the width of `picture`, from one of its edges, in place.

    Both are frames (H, W, 3), or arrays of any form whose axis `across` runs from left to right. Returns the columns
    that are covered.
    """
    width = picture.shape[across]
    count = round(share * width)
    first = (width - count) // 2
    covered = slice(0, count) if from_left else slice(width - count, width)
    np.moveaxis(picture, across, 0)[covered] = np.moveaxis(cover, across, 0)[first : first + count]
    return covered
