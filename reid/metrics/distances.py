"""Euclidean distances of features, in blocks of bounded memory: pure functions on NumPy arrays, without PyTorch."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from alignnet_common.arrays import AnyFloats

QUERIES_A_BLOCK = 256
"""Queries whose distances are computed at a time: 12 MB with 12 180 gallery items."""

_NUMBERS_A_BLOCK = 2**21
"""Feature values that are converted to float64 at a time: 16 MB."""

_SAME = 1e-12
"""A squared distance below this share of the squared lengths is a rounding error, and is set to 0."""

_LARGEST = np.float64(1e18)
"""Largest magnitude of a feature value: larger ones could overflow a distance in float32."""


def euclidean_distances(query_features: AnyFloats, gallery_features: AnyFloats) -> npt.NDArray[np.float32]:
    """Euclidean distances (Q, G) between features (Q, D) and (G, D).

    Computed in float64 and rounded to float32. The gallery's mean is subtracted first, which changes no distance and
    preserves precision where features have a large common part. Equal features have a distance of exactly 0. Memory,
    beside the result, is that of one block of queries. Raises ValueError on shapes that do not fit, no rows, or a value
    that is not finite or too large.
    """
    check_features(query_features, gallery_features)
    distances = np.empty((len(query_features), len(gallery_features)), dtype=np.float32)
    start = 0
    for block in distance_blocks(query_features, gallery_features):
        distances[start : start + len(block)] = block
        start += len(block)
    return distances


def distance_blocks(
    query_features: AnyFloats, gallery_features: AnyFloats, rows: int = QUERIES_A_BLOCK
) -> Iterator[npt.NDArray[np.float32]]:
    """The rows of `euclidean_distances` in blocks (`rows`, G), in order; the last block may be shorter.

    The caller may change a block. The features must have passed `check_features`.
    """
    centre = gallery_features.mean(axis=0, dtype=np.float64)
    step = max(1, _NUMBERS_A_BLOCK // len(centre))
    for first in range(0, len(query_features), rows):
        query = query_features[first : first + rows] - centre
        query_squares = np.einsum("qd,qd->q", query, query)[:, None]
        block = np.empty((len(query), len(gallery_features)), dtype=np.float32)
        for start in range(0, len(gallery_features), step):
            gallery = gallery_features[start : start + step] - centre
            squares = query_squares + np.einsum("gd,gd->g", gallery, gallery)
            floor = _SAME * squares
            squares -= 2 * (query @ gallery.T)
            squares[squares < floor] = 0
            block[:, start : start + step] = np.sqrt(squares, out=squares)
        yield block


def paired_distances(features: AnyFloats, others: AnyFloats) -> npt.NDArray[np.float32]:
    """Euclidean distances (N,) between row i of (N, D) and row i of the other (N, D).

    >>> paired_distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
    [5.0]
    """
    differences = features.astype(np.float64) - others
    return np.sqrt(np.einsum("nd,nd->n", differences, differences)).astype(np.float32)


def check_features(query_features: AnyFloats, gallery_features: AnyFloats) -> None:
    """Raise ValueError where features (Q, D) and (G, D) differ in D, or a value is not finite or too large."""
    for name, features in (("query", query_features), ("gallery", gallery_features)):
        if features.ndim != 2 or 0 in features.shape:
            raise ValueError(f"{name} features must be (rows, size) with at least one row, not {features.shape}")
    if query_features.shape[1] != gallery_features.shape[1]:
        sizes = f"{query_features.shape[1]} and {gallery_features.shape[1]}"
        raise ValueError(f"query and gallery features differ in size: {sizes} numbers a row")
    for name, features in (("query", query_features), ("gallery", gallery_features)):
        step = max(1, _NUMBERS_A_BLOCK // features.shape[1])
        for start in range(0, len(features), step):
            _check_rows(features[start : start + step], name, start)


def _check_rows(features: AnyFloats, name: str, first_row: int) -> None:
    fine = (np.isfinite(features) & (np.abs(features) <= _LARGEST)).all(axis=1)
    if not fine.all():
        row = int(np.argmin(fine))
        what = f"a number beyond {_LARGEST:g}" if np.isfinite(features[row]).all() else "NaN or infinity"
        raise ValueError(f"{name} features: row {first_row + row} holds {what}")
