"""Tracklets without persons: reading them, pairs that cannot be one person, clusters and their camera proxies."""

import numpy as np
import pytest
from scipy import sparse

from alignnet_common.errors import UserError
from reid.adapt.clustering.apart import seen_together
from reid.adapt.clustering.clusters import clusters_of, trouble_with, with_proxies, without_conflicts, without_pairs
from reid.adapt.unlabelled import check_enough, read_unlabelled


def distances_of(groups, near=0.2):
    """Sparse distances of N items: `near` within a group (a number for each item), no entry otherwise."""
    groups = np.array(groups)
    rows, columns = np.nonzero(groups[:, None] == groups[None])
    values = np.where(rows == columns, 0.0, near)
    return sparse.csr_array((values, (rows, columns)), shape=(len(groups), len(groups)))


def test_too_few_tracklets_are_one_line():
    with pytest.raises(UserError, match="sample: 48 tracklets; adaptation needs 50 or more"):
        read_unlabelled("sample")


def test_one_camera_is_too_few():
    with pytest.raises(UserError, match="all tracklets are of camera gate: adaptation needs two cameras or more"):
        check_enough("tracks", 100, ["gate"])


def test_tracklets_at_the_same_time_by_one_camera_are_different_persons():
    cameras = np.array([0, 0, 0, 1, 0, 0])
    times = np.array([[0, 10], [5, 6], [6, 12], [0, 20], [10, 11], [np.nan, np.nan]])
    found = seen_together(cameras, times).toarray()
    expected = np.zeros((6, 6))
    for one, other in ((0, 1), (0, 2), (2, 4)):
        expected[one, other] = expected[other, one] = 1
    assert (found == expected).all()


def test_pairs_apart_lose_their_entries_and_no_others():
    distances = distances_of([0, 0, 0, 1, 1], near=0.0)
    apart = sparse.csr_array((np.ones(2), ([0, 1], [1, 0])), shape=(5, 5))
    found = without_pairs(distances, apart)
    assert found.nnz == distances.nnz - 2
    assert np.flatnonzero(np.diff(found.indptr)).tolist() == [0, 1, 2, 3, 4]
    assert found.indices[: found.indptr[1]].tolist() == [0, 2]
    assert without_pairs(distances, sparse.csr_array((5, 5))).nnz == distances.nnz


def test_clusters_and_their_camera_proxies():
    cameras = np.array([0, 1, 1, 0, 0, 2, 1])
    found = clusters_of(distances_of([0, 0, 0, 1, 1, 2, 1]), cameras, eps=0.5, min_samples=2)
    assert found.labels.tolist() == [0, 0, 0, 1, 1, -1, 1]
    assert found.proxies.tolist() == [0, 1, 1, 2, 2, -1, 3]
    assert (found.cluster_of.tolist(), found.camera_of.tolist()) == ([0, 0, 1, 1], [0, 1, 0, 1])
    assert (found.count, found.outliers, found.across, found.largest) == (2, 1, 2, 3)


def test_useless_clusters_are_one_line():
    cameras = np.array([0, 1] * 5)
    assert "no cluster was found" in trouble_with(with_proxies(np.full(10, -1), cameras), 2)
    assert "one cluster holds 6 of 10 tracklets" in trouble_with(with_proxies(np.array([0] * 6 + [1] * 4), cameras), 2)
    assert "1 cluster of 10 tracklets" in trouble_with(with_proxies(np.array([0, 0] + [-1] * 8), cameras), 2)
    assert trouble_with(with_proxies(np.array([0, 0, 1, 1] + [-1] * 6), cameras), 2) is None


def test_tracklets_of_different_persons_never_share_a_cluster():
    groups, cameras = [0, 0, 0, 1, 1], np.array([0, 0, 1, 0, 0])
    apart = sparse.csr_array((np.ones(4), ([0, 1, 3, 4], [1, 0, 4, 3])), shape=(5, 5))
    distances = without_pairs(distances_of(groups), apart)
    assert clusters_of(distances, cameras, 0.5, 2).labels.tolist() == [0, 0, 0, -1, -1]
    found = clusters_of(distances, cameras, 0.5, 2, apart).labels
    assert found.tolist() in ([0, -1, 0, -1, -1], [-1, 0, 0, -1, -1])


def test_of_two_different_persons_the_one_with_fewer_neighbours_leaves():
    apart = sparse.csr_array((np.ones(2), ([0, 1], [1, 0])), shape=(4, 4))
    assert without_conflicts(np.array([0, 0, 0, 0]), apart, np.array([2, 3, 3, 3])).tolist() == [-1, 0, 0, 0]
    assert without_conflicts(np.array([0, 0, 1, 1]), apart, np.array([3, 2, 2, 2])).tolist() == [-1, -1, 0, 0]
