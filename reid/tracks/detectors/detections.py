"""What a detector takes and gives."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from alignnet_common.arrays import Bytes, Singles


class Detections(NamedTuple):
    """Persons found in an image."""

    sides: Singles
    """(K, 4) left, top, right, bottom in pixels of the image."""

    scores: Singles
    """(K,) higher is surer."""


Detector = Callable[[Sequence[Bytes]], list[Detections]]
"""Images (H, W, 3) uint8 RGB of one size to the persons in each. It is called by several threads at once."""
