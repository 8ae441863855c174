"""Score normalisation (paper, Section 4.4): a pure function on any distance matrix."""

from typing import Literal

import numpy as np

from alignnet_common.arrays import AnyFloats, Floats

ScoreNorm = Literal["row", "column", "symmetric"]
"""row: over the gallery, for each query. column: over the queries, for each gallery item. symmetric: their mean."""

_BLOCK = 256
"""Rows normalised at a time: with 12 180 columns, 25 MB."""


def normalised(distances: AnyFloats, kind: ScoreNorm = "symmetric") -> Floats:
    """Distances (Q, G) less the mean and over the standard deviation of their row, column, or both.

    The paper normalises similarities, here negative distances: of these the result is the negative, so that smaller
    stays more alike. `symmetric` is the mean of the row-wise and the column-wise value. The deviation is that of the
    row or column itself (divided by its length); where it is 0, so is the result. Rows move each query's distances
    alike, so `row` alone changes no ranking; `column` and `symmetric` do.

    >>> normalised(np.array([[1.0, 3.0], [2.0, 8.0]]), "row").tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(distances), _BLOCK)]
    mean = distances.mean(axis=0, dtype=np.float64)
    variance = sum((np.square(distances[rows] - mean).sum(axis=0) for rows in blocks), np.zeros(distances.shape[1]))
    deviation = np.sqrt(variance / len(distances))
    largest = np.abs(distances).max(axis=0)
    result = np.empty(distances.shape)
    for rows in blocks:
        block = distances[rows].astype(np.float64)
        by_column = _standardised(block, mean, deviation, largest)
        mean_of_row = block.mean(axis=1, keepdims=True)
        deviation_of_row = np.sqrt(np.square(block - mean_of_row).mean(axis=1, keepdims=True))
        by_row = _standardised(block, mean_of_row, deviation_of_row, np.abs(block).max(axis=1, keepdims=True))
        result[rows] = {"row": by_row, "column": by_column, "symmetric": (by_row + by_column) / 2}[kind]
    return result


def _standardised(values: Floats, mean: Floats, deviation: Floats, largest: AnyFloats) -> Floats:
    """`values` less a mean, over a deviation; 0 where the deviation is but the rounding of equal numbers."""
    constant = deviation <= 1e-12 * largest
    return np.where(constant, 0.0, (values - mean) / np.where(constant, 1.0, deviation))
