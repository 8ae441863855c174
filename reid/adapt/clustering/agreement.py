"""The score without labels, and the choice of eps: how well the clusters of the two halves of all tracklets agree.

The two halves of a tracklet are of one person, so a clustering that finds persons puts the same tracklets together from
the first halves as from the second halves. One that follows the chance of single frames does not.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from alignnet_common.arrays import Singles
from reid.adapt.clustering.clusters import FEWEST_CLUSTERS, Clusters, Labels, clusters_of, trouble_with, without_pairs
from reid.adapt.clustering.description import Described
from reid.metrics.jaccard import jaccard_distances


@dataclass(frozen=True)
class Clustering:
    """How tracklets are clustered."""

    k1: int
    k2: int
    min_samples: int
    candidates: tuple[float, ...]
    """Values of eps to choose from, ascending."""


@dataclass(frozen=True)
class Choice:
    """The clusters of a round, with the eps that was chosen."""

    clusters: Clusters
    eps: float
    score: float
    """Agreement at this eps, see `agreement`."""

    scores: dict[float, float]
    """Agreement at every candidate."""


Choose = Callable[[Described, Labels, sparse.csr_array, Clustering], Choice]
"""Finds the clusters of a round, as `choose_clusters` does."""


def choose_clusters(described: Described, cameras: Labels, apart: sparse.csr_array, clustering: Clustering) -> Choice:
    """Cluster N tracklets with the eps whose clusterings of both halves agree best.

    Clusters that teach nothing, such as one of nearly all tracklets, agree as well: their score is 0.

    cameras -- (N,). apart -- ones (N, N) at pairs that are different persons, see `seen_together`.
    """
    some = np.flatnonzero(described.divided)
    halves = [distances_of(half[some], apart[some][:, some], clustering) for half in described.halves]
    scores = {}
    for eps in clustering.candidates:
        found = [clusters_of(half, cameras[some], eps, clustering.min_samples) for half in halves]
        useless = any(trouble_with(each, FEWEST_CLUSTERS) for each in found)
        scores[eps] = 0.0 if useless else agreement(*(each.labels for each in found))
    best = max(scores, key=lambda eps: scores[eps])
    distances = distances_of(described.whole, apart, clustering)
    clusters = clusters_of(distances, cameras, best, clustering.min_samples, apart)
    return Choice(clusters, best, 0.0 if trouble_with(clusters, FEWEST_CLUSTERS) else scores[best], scores)


def distances_of(rows: Singles, apart: sparse.csr_array, clustering: Clustering) -> sparse.csr_array:
    """Jaccard distances (N, N) of descriptors (N, D), without those of pairs that are different persons."""
    limit = float(np.nextafter(np.float32(clustering.candidates[-1]), np.float32(1)))
    if len(rows) < 2:
        return sparse.csr_array((len(rows), len(rows)), dtype=np.float32)
    return without_pairs(jaccard_distances(rows, clustering.k1, clustering.k2, limit), apart)


def agreement(first: Labels, second: Labels) -> float:
    """Share of the pairs of items that are together in one clustering or in both that are together in both, 0..1: the
    Jaccard index of two clusterings of the same N items. 0 where there is no such pair.

    first, second -- (N,) clusters; items in none (-1) are together with no other.
    """
    together = [pairs(labels) for labels in (first, second)]
    both = pairs(_combined(first, second))
    either = sum(together) - both
    return both / either if either else 0.0


def pairs(labels: Labels) -> int:
    """Number of pairs of items in the same cluster; -1: in none."""
    counts = np.unique(labels[labels >= 0], return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def _combined(first: Labels, second: Labels) -> Labels:
    """(N,) a number for each pair of clusters; -1 where either is -1."""
    numbers: Labels = np.where((first >= 0) & (second >= 0), first * (second.max(initial=0) + 1) + second, -1)
    return numbers
