"""Clusters of tracklets that look like one person, and their camera proxies."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

OUTLIER = -1
"""Label of a tracklet that is in no cluster."""

LARGEST_SHARE = 0.5
"""Share of all tracklets that one cluster may have: above, the descriptors do not tell people apart."""

FEWEST_CLUSTERS = 2
"""Number of clusters that training needs."""

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Clusters:
    """Clusters of N tracklets, and the proxies: the pairs of a cluster and a camera that sees it."""

    labels: Labels
    """(N,) cluster of each tracklet, 0 to `count` - 1 in the order of their first tracklets; -1: none."""

    proxies: Labels
    """(N,) proxy of each tracklet; -1: none."""

    cluster_of: Labels
    """(P,) cluster of each proxy."""

    camera_of: Labels
    """(P,) camera of each proxy."""

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.labels.max()) + 1

    @property
    def outliers(self) -> int:
        """Number of tracklets in no cluster."""
        return int((self.labels == OUTLIER).sum())

    @property
    def across(self) -> int:
        """Number of clusters that two cameras or more see."""
        return int((np.bincount(self.cluster_of, minlength=self.count) > 1).sum())

    @property
    def largest(self) -> int:
        """Number of tracklets in the largest cluster."""
        return int(np.bincount(self.labels[self.labels >= 0]).max()) if self.count else 0


def clusters_of(
    distances: sparse.csr_array, cameras: Labels, eps: float, min_samples: int, apart: sparse.csr_array | None = None
) -> Clusters:
    """DBSCAN on sparse distances (N, N), whose missing entries are far.

    Args:
        distances: of N tracklets.
        cameras: (N,).
        eps: largest distance of neighbours.
        min_samples: neighbours, itself included, that make a tracklet the core of a cluster.
        apart: ones (N, N) at pairs that are different persons: of such a pair in one cluster, the tracklet with fewer
            neighbours becomes an outlier.

    Clusters are numbered in the order of their first tracklets.
    """
    from sklearn.cluster import DBSCAN  # the extra [adapt]

    near = sparse.csr_matrix(distances)
    found = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit_predict(near)
    labels = np.asarray(found, np.int64)
    if apart is not None:
        labels = without_conflicts(labels, apart, _within(near, eps))
    return with_proxies(labels, cameras)


def _within(distances: sparse.csr_matrix, eps: float) -> Labels:
    """(N,) number of stored distances of each row up to `eps`."""
    rows = np.repeat(np.arange(distances.shape[0]), np.diff(distances.indptr))
    return np.bincount(rows[distances.data <= eps], minlength=distances.shape[0])


def without_conflicts(labels: Labels, apart: sparse.csr_array, neighbours: Labels) -> Labels:
    """The labels (N,), in which no pair of `apart` is in one cluster; see `clusters_of`."""
    kept = labels.copy()
    pairs = sparse.triu(apart, 1).tocoo()
    for one, other in zip(pairs.row.tolist(), pairs.col.tolist(), strict=True):
        if kept[one] >= 0 and kept[one] == kept[other]:
            kept[other if neighbours[other] <= neighbours[one] else one] = OUTLIER
    return _in_order(kept)


def _in_order(labels: Labels) -> Labels:
    """Clusters of two tracklets or more, numbered in the order of their first tracklets; others are none."""
    counts = np.bincount(labels[labels >= 0], minlength=int(labels.max(initial=-1)) + 1)
    numbers: dict[int, int] = {}
    found = np.full_like(labels, OUTLIER)
    for place, label in enumerate(labels.tolist()):
        if label >= 0 and counts[label] > 1:
            found[place] = numbers.setdefault(label, len(numbers))
    return found


def with_proxies(labels: Labels, cameras: Labels) -> Clusters:
    """The clusters with a proxy for each camera that sees them."""
    inside = labels >= 0
    pairs = np.stack([labels[inside], cameras[inside]], axis=1).reshape(-1, 2)
    unique, numbers = np.unique(pairs, axis=0, return_inverse=True)
    proxies = np.full(len(labels), OUTLIER, np.int64)
    proxies[inside] = numbers.reshape(-1)
    return Clusters(labels, proxies, unique[:, 0], unique[:, 1])


def without_pairs(distances: sparse.csr_array, apart: sparse.csr_array) -> sparse.csr_array:
    """The distances without the entries of pairs that are different persons; `apart` has ones (N, N) there."""
    rows = np.repeat(np.arange(distances.shape[0]), np.diff(distances.indptr))
    pairs = apart.tocoo()
    size = distances.shape[1]
    kept = ~np.isin(rows * size + distances.indices, pairs.row.astype(np.int64) * size + pairs.col)
    ends = np.concatenate(([0], np.cumsum(kept)))[distances.indptr]
    return sparse.csr_array((distances.data[kept], distances.indices[kept], ends), shape=distances.shape)


def trouble_with(clusters: Clusters, fewest: int) -> str | None:
    """Why nothing can be learned from these clusters, with advice, in one line: there is none, there are fewer than
    `fewest`, or one has half of all tracklets. None where there is no trouble."""
    total = len(clusters.labels)
    if not clusters.count:
        return "no two tracklets look alike: no cluster was found; raise --eps, or start from another network (--init)"
    if clusters.largest > LARGEST_SHARE * total:
        return (
            f"one cluster holds {clusters.largest} of {total} tracklets: the network does not tell people apart here; "
            "lower --eps, or start from another network (--init)"
        )
    if clusters.count < fewest:
        return f"{clusters.count} cluster of {total} tracklets: raise --eps, or start from another network (--init)"
    return None
