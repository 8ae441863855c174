"""Features of queries and gallery in an .npz file, made by any program. Without PyTorch."""

from pathlib import Path

import numpy as np

from alignnet_common.checked.arrays_file import BrokenArraysError, MissingArrayError, names_of_npz, read_npz
from alignnet_common.errors import UserError

OPTIONAL = ("query_index", "query_outfits", "gallery_outfits")
"""Arrays that a file need not have."""


def read_features(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file of features, checked.

    Returns query_features (Q, D), query_pids (Q,), query_cams (Q,), the same of the gallery (G), and if the file has
    them query_index (Q,), query_outfits (Q,) and gallery_outfits (G,); all but the features are int64. Raises UserError
    where the file is missing or no .npz, or an array is missing, has another shape, or holds no whole numbers where it
    must.
    """
    if not path.is_file():
        raise UserError(f"no such file of features: {path}")
    arrays: dict[str, np.ndarray] = {}
    names = [f"{side}_{name}" for name in ("features", "pids", "cams") for side in ("query", "gallery")]
    try:
        arrays |= read_npz(path, [*names, *(set(OPTIONAL) & set(names_of_npz(path)))])
    except MissingArrayError as missing:
        raise UserError(f"{path}: {missing}") from missing
    except BrokenArraysError as broken:
        raise UserError(f"{path}: not an .npz of plain arrays (numpy.savez): {broken}") from broken
    for side in ("query", "gallery"):
        features = arrays[f"{side}_features"]
        if features.ndim != 2 or features.dtype.kind not in "iuf":
            raise UserError(f"{path}: {side}_features must be numbers (rows, size), not {_kind(features)}")
    for name, values in arrays.items():
        if not name.endswith("_features"):
            length = len(arrays["gallery_features" if name.startswith("gallery") else "query_features"])
            arrays[name] = _whole_numbers(values, length, f"{path}: {name}")
    return arrays


def _whole_numbers(values: np.ndarray, length: int, where: str) -> np.ndarray:
    if values.shape != (length,) or values.dtype.kind not in "iuf":
        raise UserError(f"{where} must be {length} whole numbers, one a row of features, not {_kind(values)}")
    with np.errstate(invalid="ignore"):  # a number beyond int64 differs after the conversion
        whole = values.astype(np.int64) if np.isfinite(values).all() else None
    if whole is None or not (whole == values).all():
        raise UserError(f"{where} must be whole numbers")
    return whole


def _kind(values: np.ndarray) -> str:
    return f"{values.dtype} {values.shape}"
