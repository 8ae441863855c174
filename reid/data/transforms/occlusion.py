"""Occlusion augmentation: paste part of another frame over one side of the image."""

from typing import Any

from numpy.typing import NDArray

TRAINING_SHARES = (0.2, 0.8)
"""Smallest and largest occluded share of a frame's width in training."""


def occlude_from_side(frame: NDArray[Any], other: NDArray[Any], share: float, from_left: bool) -> slice:
    """Paste the middle columns of `other` (H, W, 3) over `share` (0..1) of the width of `frame` (H, W, 3), in place.

    The occlusion starts at the left or the right edge. Returns the occluded columns.
    """
    width = frame.shape[1]
    count = round(share * width)
    first = (width - count) // 2
    occluded = slice(0, count) if from_left else slice(width - count, width)
    frame[:, occluded] = other[:, first : first + count]
    return occluded
