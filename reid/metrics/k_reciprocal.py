"""k-reciprocal neighbours of N items as sparse matrices (Zhong et al., CVPR 2017)."""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from alignnet_common.arrays import AnyFloats


def nearest(distances: AnyFloats, k: int) -> npt.NDArray[np.intp]:
    """Columns (N, k) of the `k` smallest distances of each row of (N, M), ascending; ties in the order of the columns.

    The columns are divided into groups, and the minimum of each group is found. The k-th smallest minimum is an upper
    bound of the k smallest distances, so that only the few distances within this bound are sorted.
    """
    rows, columns = distances.shape
    groups = 8 * k
    folds = columns // groups
    if folds < 2:
        return np.argsort(distances, axis=1, kind="stable")[:, :k]
    least = distances[:, : folds * groups].reshape(rows, folds, groups).min(axis=1)
    bound = np.partition(least, k - 1, axis=1)[:, k - 1 : k]
    near = np.flatnonzero(distances <= bound)
    if len(near) > groups * rows:  # many ties
        return np.argsort(distances, axis=1, kind="stable")[:, :k]
    row = near // columns
    order = np.lexsort((distances.ravel()[near], row))
    firsts = np.searchsorted(row, np.arange(rows))
    return near[order][firsts[:, None] + np.arange(k)] % columns


def expanded_neighbours(neighbours: npt.NDArray[np.int32], k1: int) -> sparse.csr_array:
    """The set R* of each item (Equations 2 and 3 of the paper), as ones in (N, N).

    R* is the k1-reciprocal neighbours R of an item, and the k1/2-reciprocal neighbours of each member of R of which
    more than two thirds are in R.
    """
    whole = reciprocal(neighbours[:, : k1 + 1])
    half = reciprocal(neighbours[:, : int(np.around(k1 / 2)) + 1])
    shared = sparse.coo_array((whole @ half.T).multiply(whole))
    sizes = half.sum(axis=1)
    taken = shared.data > 2 / 3 * sizes[shared.col]
    ones = np.ones(np.count_nonzero(taken), dtype=np.float32)
    candidates = sparse.csr_array((ones, (shared.row[taken], shared.col[taken])), shape=whole.shape)
    return sparse.csr_array(whole + candidates @ half)


def reciprocal(neighbours: npt.NDArray[np.int32]) -> sparse.csr_array:
    """Ones in (N, N) at pairs of which each is among the given neighbours (N, k) of the other; itself is the first."""
    forward = pattern(neighbours)
    return sparse.csr_array(forward.multiply(forward.T))


def pattern(columns: npt.NDArray[np.int32]) -> sparse.csr_array:
    """Sparse (N, N) array of ones at the given columns (N, k) of each row."""
    rows, k = columns.shape
    starts = np.arange(0, columns.size + 1, k, dtype=np.int32)
    return sparse.csr_array((np.ones(columns.size, dtype=np.float32), columns.ravel(), starts), shape=(rows, rows))
