"""Score normalization (paper, Section 4.4) of a distance matrix; z-norm, t-norm and s-norm in speaker verification."""

import numpy as np

from alignnet_common.arrays import AnyFloats, Floats
from reid.configs.groups.ranking import ScoreNorm

_BLOCK = 256
"""Rows normalized at a time: 25 MB with 12 180 columns."""


def normalised(distances: AnyFloats, kind: ScoreNorm = "symmetric") -> Floats:
    """Normalized distances (Q, G): (distance - mean) / standard deviation, over the row, the column, or both averaged.

    The paper normalizes similarities. Similarities are negative distances here, and the result is negated again, so
    that smaller remains the better match. The deviation is that of a population (divided by n); where it is 0, the
    result is 0. `row` shifts and scales all distances of a query alike and changes no ranking.

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
    """(values - mean) / deviation; 0 where the deviation is only rounding, compared with the `largest` value."""
    constant = deviation <= 1e-12 * largest
    return np.where(constant, 0.0, (values - mean) / np.where(constant, 1.0, deviation))
