"""Average precision from the ranks of positives: of each step, or trapezoidal as in the official MARS evaluation."""

import numpy as np

from alignnet_common.arrays import AnyInts, Floats, Ints


def average_precision(ranks: AnyInts) -> float:
    """Mean of the precision at each hit; `ranks` (P,) are the ranks of the P positives, ascending, from 1.

    >>> average_precision(np.array([1, 4]))
    0.75
    """
    return float(step_precisions(ranks, hit_numbers(np.array([len(ranks)]))).mean())


def trapezoidal_average_precision(ranks: AnyInts) -> float:
    """Area under the precision-recall curve by the trapezoidal rule, as in the official MARS and Market-1501 code.

    At each hit recall grows by 1/P. The precision there is the mean of the precision at the hit's rank and at the rank
    before it (1 before the first rank). `ranks` (P,) as in `average_precision`.

    >>> trapezoidal_average_precision(np.array([1, 4]))
    0.7083333333333333
    """
    return float(trapezoidal_precisions(ranks, hit_numbers(np.array([len(ranks)]))).mean())


def inverse_negative_penalty(ranks: AnyInts) -> float:
    """Number of positives over the rank of the last one, 0..1; `ranks` (P,) as in `average_precision`.

    >>> inverse_negative_penalty(np.array([1, 4]))
    0.5
    """
    return len(ranks) / float(ranks[-1])


def hit_numbers(positives: AnyInts) -> Ints:
    """Hits 1, 2, ... of each query, concatenated; positives -- (V,) number of positives of each query."""
    firsts = np.cumsum(positives) - positives
    return np.arange(1, int(positives.sum()) + 1) - np.repeat(firsts, positives)


def step_precisions(ranks: AnyInts, hits: AnyInts) -> Floats:
    """The precision at each hit."""
    return hits / ranks


def trapezoidal_precisions(ranks: AnyInts, hits: AnyInts) -> Floats:
    """The mean of the precision at each hit and at the rank before it."""
    before = np.where(ranks > 1, (hits - 1) / np.maximum(ranks - 1, 1), 1.0)
    return (before + hits / ranks) / 2
