"""Names for NumPy array types and small tuples; a docstring beside each use gives the shape and the unit."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
AnyFloats = NDArray[np.floating]
"""Floating-point numbers of any precision."""

Ints = NDArray[np.int64]
AnyInts = NDArray[np.integer]
"""Integers of any size."""

Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
"""Images: 0..255."""

Rgb = tuple[float, float, float]
"""Linear red, green and blue, 0..1."""

Vector = tuple[float, float, float]
"""x, y, z; metres unless said otherwise."""
