"""Somebody else before a person: a part of another frame, put over one side of theirs."""

from typing import Any

from numpy.typing import NDArray

WHILE_TRAINING = (0.2, 0.8)
"""Share of a frame's width that is covered, at least and at most."""


def covered_from_side(frame: NDArray[Any], cover: NDArray[Any], share: float, from_left: bool) -> slice:
    """Put the middle of `cover` over `share` of the width of `frame`, from one of its edges, in place.

    Both are (H, W, 3). Returns the columns that are covered.
    """
    width = frame.shape[1]
    count = round(share * width)
    first = (width - count) // 2
    covered = slice(0, count) if from_left else slice(width - count, width)
    frame[:, covered] = cover[:, first : first + count]
    return covered
