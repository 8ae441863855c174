"""What rendering a clip gives: frames and their truth, as arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.dataset.annotations import FrameTruth

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RenderedClip:
    """T frames and their truth."""

    frames: NDArray[np.uint8]
    """(T, 128, 64, 3) sRGB."""
    truth: list[FrameTruth]
    intrinsics: Floats
    """(T, 3, 3), continuous pixels: subtract half a pixel for stored ones."""
    rotation: Floats
    """(3, 3) world to camera."""
    translation: Floats
    """(3,) metres."""
    sighting: NDArray[np.int64]
    """(T,) which of the clip's sightings a frame is of, from 0."""
