"""Re-ranking with k-reciprocal encoding (Zhong et al., CVPR 2017): pure functions, with sparse arrays, in blocks.

Each of the N = Q + G items, queries first, has a row of distances. Two items are k-reciprocal neighbours if each is
among the k nearest of the other. The k-reciprocal neighbours of an item give a sparse vector of N weights. The new
distance is a weighted sum of the Jaccard distance of two such vectors and the given distance. Rows of the N x N
distances are read in blocks.
https://openaccess.thecvf.com/content_cvpr_2017/papers/Zhong_Re-Ranking_Person_Re-Identification_CVPR_2017_paper.pdf
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from alignnet_common.arrays import AnyFloats, Ints, Singles
from reid.metrics.distances import check_features, distance_blocks, paired_distances
from reid.metrics.k_reciprocal import expanded_neighbours, nearest, pattern

Lookup = Callable[[Ints, Ints], AnyFloats]
"""Distances (P,) of P pairs of items, given as two arrays (P,) of item numbers."""

K1, K2, LAMBDA = 20, 6, 0.3
"""The parameters of the paper; see `re_ranked`."""

_ROWS = 256
"""Rows of distances in a block: 14 MB with 14 160 items."""

_OVERLAPS = 2**20
"""Pairs of weights that are compared at a time: 32 MB."""

_PAIRS = 2**21
"""Feature values of pairs that are compared at a time: 16 MB."""


@dataclass(frozen=True)
class _Parameters:
    """k1, k2 and lambda of `re_ranked`. Raises ValueError out of range."""

    k1: int
    k2: int
    lambda_: float

    def __post_init__(self) -> None:
        if self.k1 < 1 or self.k2 < 1 or not 0 <= self.lambda_ <= 1:
            options = f"{self.k1}, {self.k2}, {self.lambda_}"
            raise ValueError(f"k1 and k2 must be at least 1, lambda_ 0..1, not {options}")


def re_ranked(
    query_gallery: AnyFloats,
    query_query: AnyFloats,
    gallery_gallery: AnyFloats,
    k1: int = K1,
    k2: int = K2,
    lambda_: float = LAMBDA,
) -> Singles:
    """New distances (Q, G) from Euclidean distances (not squared) of shapes (Q, G), (Q, Q) and (G, G).

    k1 -- number of neighbours of which an item's vector is made, at least 1.
    k2 -- query expansion: number of nearest items, itself included, over which the vectors are averaged, at least 1.
    lambda_ -- weight of the given distance, squared and divided by the largest of its row, 0..1.

    Equal distances are ranked in the order of the items. Raises ValueError on shapes that do not fit, NaN, or options
    out of range.
    """
    parameters = _Parameters(k1, k2, lambda_)
    queries, items = query_gallery.shape
    if query_query.shape != (queries, queries) or gallery_gallery.shape != (items, items):
        shapes = f"{query_gallery.shape}, {query_query.shape}, {gallery_gallery.shape}"
        raise ValueError(f"distances must be (Q, G), (Q, Q) and (G, G), not {shapes}")

    def blocks() -> Iterator[AnyFloats]:
        for left, right in ((query_query.T, query_gallery), (query_gallery.T, gallery_gallery.T)):
            for start in range(0, len(left), _ROWS):
                rows = slice(start, start + _ROWS)
                block = np.empty((len(left[rows]), queries + items), dtype=query_gallery.dtype)
                _copy_in_tiles(left[rows], block[:, :queries])
                _copy_in_tiles(right[rows], block[:, queries:])
                yield block

    def lookup(rows: Ints, columns: Ints) -> AnyFloats:
        first, second = np.minimum(rows, columns), np.maximum(rows, columns)
        found = np.empty(len(rows), dtype=query_gallery.dtype)
        both, none = second < queries, first >= queries
        across = ~(both | none)
        found[both] = query_query[columns[both], rows[both]]
        found[across] = query_gallery[first[across], second[across] - queries]
        found[none] = gallery_gallery[columns[none] - queries, rows[none] - queries]
        return found

    return _re_ranked(blocks(), lookup, queries, queries + items, parameters)


def re_ranked_features(
    query_features: AnyFloats, gallery_features: AnyFloats, k1: int = K1, k2: int = K2, lambda_: float = LAMBDA
) -> Singles:
    """`re_ranked` of the Euclidean distances between features (Q, D) and (G, D), without an N x N array.

    Raises ValueError as `reid.metrics.distances.check_features` does, or on options out of range.
    """
    parameters = _Parameters(k1, k2, lambda_)
    check_features(query_features, gallery_features)
    features = np.concatenate((query_features, gallery_features))

    def lookup(rows: Ints, columns: Ints) -> AnyFloats:
        step = max(1, _PAIRS // features.shape[1])
        parts = (slice(start, start + step) for start in range(0, len(rows), step))
        return np.concatenate([paired_distances(features[rows[part]], features[columns[part]]) for part in parts])

    blocks = distance_blocks(features, features, _ROWS)
    return _re_ranked(blocks, lookup, len(query_features), len(features), parameters)


def _copy_in_tiles(source: AnyFloats, target: AnyFloats) -> None:
    """Copy (B, M), possibly transposed in memory, in tiles that fit the CPU's cache: over three times faster."""
    for start in range(0, source.shape[1], _ROWS):
        tile = slice(start, start + _ROWS)
        target[:, tile] = source[:, tile]


def _re_ranked(
    blocks: Iterable[AnyFloats], lookup: Lookup, queries: int, items: int, parameters: _Parameters
) -> Singles:
    """New distances (Q, G) from the rows (N, N) of the given distances in blocks, queries first."""
    k1, k2 = parameters.k1, parameters.k2
    neighbours = np.empty((items, min(items, max(k1 + 1, k2))), dtype=np.int32)
    largest = np.empty(items, dtype=np.float32)
    result = np.empty((queries, items - queries), dtype=np.float32)
    row = 0
    for block in blocks:
        rows = slice(row, row + len(block))
        largest[rows] = block.max(axis=1)
        if np.isnan(largest[rows]).any():
            raise ValueError(f"distances: a row of items {row} to {row + len(block) - 1} holds NaN")
        neighbours[rows] = nearest(block, neighbours.shape[1])
        result[rows] = block[: max(0, queries - row), queries:]
        row += len(block)
    vectors = _weighted(expanded_neighbours(neighbours, k1), lookup, largest)
    if k2 > 1:
        vectors = pattern(neighbours[:, :k2]) @ vectors * np.float32(1 / min(k2, items))
    return _blended(result, largest[:queries], sparse.csr_array(vectors), parameters.lambda_)


def _weighted(members: sparse.csr_array, lookup: Lookup, largest: Singles) -> sparse.csr_array:
    """Vectors (N, N): exp(-distance) of the members, all ones, each row divided by its sum (Equations 7 and 8)."""
    rows = np.repeat(np.arange(members.shape[0]), np.diff(members.indptr))
    columns = members.indices.astype(np.int64)
    weights = np.exp(-_relative(lookup(rows, columns), largest[rows]))
    sums = np.bincount(rows, weights, minlength=members.shape[0])
    weights = (weights / sums[rows]).astype(np.float32)
    return sparse.csr_array((weights, members.indices, members.indptr), shape=members.shape)


def _relative(distances: AnyFloats, largest: AnyFloats) -> Singles:
    """Squared distances divided by the largest squared distance of their row, which is `largest` before squaring."""
    squares = np.square(distances, dtype=np.float64).astype(np.float32)
    most = np.square(largest, dtype=np.float64).astype(np.float32)
    return np.divide(squares, most, out=np.zeros_like(squares), where=most > 0)


def _blended(distances: Singles, largest: Singles, vectors: sparse.csr_array, lambda_: float) -> Singles:
    """Weighted sum of the Jaccard distances of the vectors (N, N) and of `distances` (Q, G), computed in place.

    The overlap of two vectors is the sum of the smaller weights; each vector has the sum 1 (Equations 10 and 12).
    """
    queries = len(distances)
    probes = vectors[:queries]
    holders = sparse.csr_array(vectors[queries:].T)  # (N, G): the gallery items that have each neighbour
    work = np.cumsum(np.concatenate(([0], np.diff(holders.indptr)[probes.indices])))[probes.indptr]
    start = 0
    while start < queries:
        within = int(np.searchsorted(work, work[start] + _OVERLAPS, side="right")) - 1
        stop = min(max(within, start + 1), start + _ROWS, queries)
        overlap = _overlap(probes[start:stop], holders).astype(np.float32)
        block = _relative(distances[start:stop], largest[start:stop, None])
        distances[start:stop] = (1 - overlap / (2 - overlap)) * (1 - lambda_) + block * lambda_
        start = stop
    return distances


def _overlap(probes: sparse.csr_array, holders: sparse.csr_array) -> npt.NDArray[np.generic]:
    """Overlaps (B, G): sums, over the common neighbours, of the smaller weight of a probe and a gallery item."""
    met = holders[probes.indices]
    times = np.diff(met.indptr)
    weights = np.minimum(met.data, np.repeat(probes.data, times))
    rows, columns = probes.shape[0], holders.shape[1]
    probe = np.repeat(np.arange(rows) * columns, np.diff(met.indptr[probes.indptr]))
    return np.bincount(probe + met.indices, weights, minlength=rows * columns).reshape(rows, columns)
