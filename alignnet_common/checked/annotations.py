"""Annotation arrays of a clip of a rendered set."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignnet_common.checked.arrays_file import names_of_npz, read_npz
from alignnet_common.set_format import ANNOTATIONS


def read_annotations(path: Path, names: Iterable[str], frames: int | None) -> dict[str, NDArray[Any]]:
    """Arrays of a clip by name, of the shapes and types of `ANNOTATIONS`.

    frames -- number of the clip's frames; None: as many as each array has. Clips of generators without outfits show
    outfit 0 in every frame. Raises BrokenArraysError, and FileNotFoundError or another OSError.
    """
    wanted = list(names)

    def fits(name: str, shape: tuple[int, ...], kind: np.dtype[Any]) -> bool:
        count = frames if frames is not None else shape[0] if shape else 0
        return name not in ANNOTATIONS or ANNOTATIONS[name].fits_header(shape, kind, count)

    without = "outfit" in wanted and "outfit" not in names_of_npz(path)
    found = read_npz(path, [name for name in wanted if not (without and name == "outfit")], fits)
    if without:
        count = frames if frames is not None else len(read_npz(path, ["visible_ratio"], fits)["visible_ratio"])
        found["outfit"] = np.zeros(count, np.int64)
    return {name: found[name] for name in wanted}
