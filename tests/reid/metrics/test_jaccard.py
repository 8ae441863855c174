"""Sparse Jaccard distances are those of re-ranking, and need no N x N array."""

import numpy as np
import pytest

from reid.metrics.jaccard import jaccard_distances, nearest_neighbours
from reid.metrics.k_reciprocal import expanded_neighbours


def groups(count, each, size=8, seed=0):
    """`count` groups of `each` descriptors (N, D) of length 1 around a centre."""
    rng = np.random.default_rng(seed)
    found = np.repeat(rng.normal(size=(count, size)), each, axis=0) + 0.3 * rng.normal(size=(count * each, size))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def plain(descriptors, k1, k2):
    """The distances as in the paper, item by item."""
    distances = 2 - 2 * descriptors @ descriptors.T
    np.fill_diagonal(distances, -1)
    order = np.argsort(distances, axis=1, kind="stable")
    count = len(descriptors)

    def reciprocal(item, k):
        return {int(other) for other in order[item, : k + 1] if item in order[other, : k + 1]}

    vectors = np.zeros((count, count))
    for item in range(count):
        members = reciprocal(item, k1)
        expanded = set(members)
        for other in members:
            candidates = reciprocal(other, int(np.around(k1 / 2)))
            if len(candidates & members) > 2 / 3 * len(candidates):
                expanded |= candidates
        columns = sorted(expanded)
        weights = np.exp(2 * descriptors[item] @ descriptors[columns].T - 2)
        vectors[item, columns] = weights / weights.sum()
    vectors = np.stack([vectors[order[item, :k2]].mean(axis=0) for item in range(count)])
    smaller = np.minimum(vectors[:, None], vectors[None]).sum(axis=2)
    return 1 - smaller / (2 - smaller)


@pytest.mark.parametrize(("k1", "k2"), [(6, 3), (6, 1), (20, 6), (100, 6)])
def test_distances_are_those_of_the_paper(k1, k2):
    descriptors = groups(12, 5)
    found = jaccard_distances(descriptors, k1, k2)
    expected = plain(descriptors, k1, k2)
    full = np.ones((60, 60))
    rows = np.repeat(np.arange(60), np.diff(found.indptr))
    full[rows, found.indices] = found.data
    assert np.abs(full - expected).max() < 1e-6
    assert np.abs(found - found.T).max() < 1e-6


def test_far_pairs_are_left_out():
    whole, near = (jaccard_distances(groups(12, 5), 6, 3, limit) for limit in (1.0, 0.5))
    kept = whole.data < 0.5
    assert 0 < kept.sum() < len(kept)
    assert (near.data == whole.data[kept]).all()
    assert near.diagonal().max() < 1e-6


def test_blocks_change_nothing(monkeypatch):
    descriptors = groups(40, 8)
    whole = jaccard_distances(descriptors, 10, 3)
    for name in ("_ROWS", "_OVERLAPS", "_PAIRS"):
        monkeypatch.setattr(f"reid.metrics.jaccard.{name}", 7)
    assert np.abs(jaccard_distances(descriptors, 10, 3) - whole).max() < 1e-6


def test_an_item_is_its_own_first_neighbour_among_equals():
    descriptors = np.repeat(groups(2, 1), 3, axis=0)
    found = nearest_neighbours(descriptors, 3)
    assert found[:, 0].tolist() == list(range(6))
    assert (np.sort(found) == np.repeat([[0, 1, 2], [3, 4, 5]], 3, axis=0)).all()
    assert (expanded_neighbours(found, 2).toarray() > 0).sum() == 18
