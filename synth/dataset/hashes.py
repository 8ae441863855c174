"""SHA-256 of decoded pixels and of annotation arrays."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pixels_sha256(frames: NDArray[np.uint8]) -> str:
    """Hex SHA-256 of decoded pixels (T, H, W, 3) uint8 RGB, in C order."""
    return hashlib.sha256(np.ascontiguousarray(frames).tobytes()).hexdigest()


def arrays_sha256(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Hex SHA-256 over the name, type, shape and content of each array, in alphabetical order."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
