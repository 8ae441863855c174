"""Jaccard distances between N descriptors as a sparse matrix: pairs without a common neighbour have no entry.

Memory grows with N times the number of neighbours, not with N². The distances are those of `reid.metrics.reranking`
(Zhong et al., CVPR 2017) with weights exp(-d²) of Euclidean distances d, as clustering for re-identification has them.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import sparse

from alignnet_common.arrays import Singles
from reid.metrics.k_reciprocal import expanded_neighbours, nearest, pattern

_ROWS = 256
"""Rows of the similarities in a block."""

_OVERLAPS = 2**24
"""Pairs of weights that are compared at a time: 0.3 GB."""

_PAIRS = 2**22
"""Numbers of descriptors of pairs that are multiplied at a time."""


def jaccard_distances(descriptors: Singles, k1: int = 20, k2: int = 6, limit: float = 1.0) -> sparse.csr_array:
    """Jaccard distances (N, N) float32, symmetric, 0..1; pairs that have no entry are at `limit` or farther.

    Args:
        descriptors: (N, D) of length 1, at least two.
        k1: number of neighbours of which the vector of an item is made, at least 1.
        k2: number of nearest items, itself included, over which vectors are averaged, at least 1.
        limit: distances of this size or above are left out; at most 1.
    """
    neighbours = nearest_neighbours(descriptors, max(k1 + 1, k2))
    vectors = weighted(expanded_neighbours(neighbours, k1), descriptors)
    if k2 > 1:
        nearby = neighbours[:, :k2]
        vectors = sparse.csr_array(pattern(nearby) @ vectors * np.float32(1 / nearby.shape[1]))
    return sparse.csr_array(sparse.vstack(list(_distances(vectors, limit)), "csr"))


def nearest_neighbours(descriptors: Singles, count: int) -> npt.NDArray[np.int32]:
    """The `count` nearest of each descriptor (N, D) of length 1, or all if they are fewer: (N, count), itself first."""
    found = np.empty((len(descriptors), min(count, len(descriptors))), np.int32)
    for first in range(0, len(descriptors), _ROWS):
        distances = -(descriptors[first : first + _ROWS] @ descriptors.T)
        own = np.arange(len(distances))
        distances[own, first + own] = -np.inf
        found[first : first + len(own)] = nearest(distances, found.shape[1])
    return found


def weighted(members: sparse.csr_array, descriptors: Singles) -> sparse.csr_array:
    """Vectors (N, N): exp(-d²) of the members, which are ones in (N, N), each row divided by its sum."""
    rows = np.repeat(np.arange(members.shape[0]), np.diff(members.indptr))
    weights = np.empty(len(rows), np.float32)
    step = max(1, _PAIRS // descriptors.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        cosines = np.einsum("ij,ij->i", descriptors[rows[part]], descriptors[members.indices[part]])
        weights[part] = np.exp(2 * cosines - 2)
    sums = np.bincount(rows, weights, minlength=members.shape[0])
    weights = (weights / sums[rows]).astype(np.float32)
    return sparse.csr_array((weights, members.indices, members.indptr), shape=members.shape)


def _distances(vectors: sparse.csr_array, limit: float) -> Iterator[sparse.csr_array]:
    """Rows of the distances, in blocks of about `_OVERLAPS` comparisons."""
    holders = sparse.csr_array(vectors.T)
    work = np.cumsum(np.concatenate(([0], np.diff(holders.indptr)[vectors.indices])))[vectors.indptr]
    start, count = 0, vectors.shape[0]
    while start < count:
        within = int(np.searchsorted(work, work[start] + _OVERLAPS, side="right")) - 1
        stop = min(max(within, start + 1), count)
        yield _rows(vectors[start:stop], holders, limit)
        start = stop


def _rows(vectors: sparse.csr_array, holders: sparse.csr_array, limit: float) -> sparse.csr_array:
    """Distances (B, N) of some vectors to all: 1 - s / (2 - s), s the sum of smaller weights over common neighbours."""
    met = holders[vectors.indices]
    times = np.diff(met.indptr)
    smaller = np.minimum(met.data, np.repeat(vectors.data, times))
    shape = vectors.shape[0], holders.shape[1]
    rows = np.repeat(np.arange(shape[0], dtype=np.int32), np.diff(met.indptr[vectors.indptr]))
    overlap = sparse.coo_array((smaller, (rows, met.indices)), shape=shape).tocsr()
    distances = np.maximum(1 - overlap.data / (2 - overlap.data), 0)
    kept = distances < limit
    ends = np.concatenate(([0], np.cumsum(kept)))[overlap.indptr]
    return sparse.csr_array((distances[kept].astype(np.float32), overlap.indices[kept], ends), shape=shape)
