"""The cache of the body model anny: whether this machine has it, and blend shapes read quickly while it is made.

anny parses the 6.9 million lines of its blend shapes one at a time when it is first constructed on a machine.
"""

import gzip
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

PARAMETERS = ("filename", "vertices_count", "world_transformation", "dtype")
"""Parameters of anny's function that reads a blend shape."""


def is_filled() -> bool:
    """Whether anny's cache of this user has a body model, of whatever version of anny."""
    return any((Path.home() / ".cache" / "anny").glob("*/build_compact_model_data_*.safetensors"))


@contextmanager
def quick_reading() -> Iterator[None]:
    """Within it, anny reads blend shapes by `read_blend_shape`; by its own function where that has other parameters."""
    from anny.models import full_model

    own = getattr(full_model, "load_blend_shape", None)
    if own is None or tuple(inspect.signature(own).parameters) != PARAMETERS:
        yield
        return
    full_model.load_blend_shape = read_blend_shape
    try:
        yield
    finally:
        full_model.load_blend_shape = own


def read_blend_shape(filename: Any, vertices_count: int, world_transformation: Any, dtype: Any) -> Any:
    """What anny's function of the same parameters returns: offsets (vertices, 3), 0 where the file names no vertex.

    Each line of the file is the number of a vertex and its offset: four numbers.
    """
    import torch

    with gzip.open(filename, "rb") as archive:
        rows = np.fromiter(map(float, archive.read().split()), np.float64).reshape(-1, 4)
    vertices = rows[:, 0].astype(np.int64)
    if len(vertices) and not (vertices.min() >= 0 and vertices.max() < vertices_count):
        raise ValueError(f"{filename}: a vertex beyond {vertices_count}")
    offsets = torch.zeros((vertices_count, 3), dtype=dtype)
    offsets[torch.from_numpy(vertices)] = torch.from_numpy(rows[:, 1:]).to(dtype)
    return world_transformation.apply(offsets)
