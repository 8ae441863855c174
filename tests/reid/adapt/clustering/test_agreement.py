"""The score without labels, and the eps that it chooses."""

import numpy as np
import pytest
from scipy import sparse

from reid.adapt.clustering.agreement import Clustering, agreement, choose_clusters, pairs
from reid.adapt.clustering.description import Described, unit


def test_pairs_of_items_in_one_cluster():
    assert pairs(np.array([0, 0, 0, 1, 1, 2, -1, -1])) == 3 + 1
    assert pairs(np.array([-1, -1])) == 0


def test_agreement_is_the_share_of_pairs_that_both_have():
    first = np.array([0, 0, 0, 1, 1, -1])
    assert agreement(first, first) == 1
    assert agreement(first, np.array([5, 5, 9, 2, 2, -1])) == pytest.approx(2 / 4)
    assert agreement(first, np.full(6, -1)) == 0
    assert agreement(np.full(6, -1), np.full(6, -1)) == 0


def test_outliers_are_together_with_nobody():
    assert agreement(np.array([-1, -1, 0, 0]), np.array([0, 0, 1, 1])) == pytest.approx(1 / 2)


@pytest.fixture(scope="module")
def described():
    """Three tracklets each of 30 persons, whose halves differ a little from the person's descriptor."""
    rng = np.random.default_rng(0)
    persons = np.repeat(unit(rng.normal(size=(30, 64)).astype(np.float32)), 3, axis=0)
    halves = tuple(unit((persons + 0.05 * rng.normal(size=persons.shape)).astype(np.float32)) for _ in range(2))
    return Described(unit(halves[0] + halves[1]), halves, np.ones(90, bool))


def test_clear_persons_are_found_with_full_agreement(described):
    cameras = np.tile([0, 1, 2], 30)
    apart = sparse.csr_array((90, 90))
    choice = choose_clusters(described, cameras, apart, Clustering(4, 2, 2, (0.2, 0.5)))
    assert choice.clusters.labels.tolist() == np.repeat(np.arange(30), 3).tolist()
    assert choice.score == choice.scores[choice.eps] == max(choice.scores.values()) == 1
    assert choice.scores.keys() == {0.2, 0.5}


def test_tracklets_of_one_frame_do_not_count_in_the_score(described):
    mixed = described.halves[1].copy()
    mixed[60:] = mixed[60:][np.random.default_rng(1).permutation(30)]
    divided = np.arange(90) < 60
    some = Described(described.whole, (described.halves[0], mixed), divided)
    arguments = np.tile([0, 1, 2], 30), sparse.csr_array((90, 90)), Clustering(4, 2, 2, (0.5,))
    assert choose_clusters(some, *arguments).score == 1
    every = Described(described.whole, (described.halves[0], mixed), np.ones(90, bool))
    assert choose_clusters(every, *arguments).score < 1


def test_one_cluster_of_all_tracklets_has_no_score_although_both_halves_agree():
    rng = np.random.default_rng(0)
    alike = unit((1 + 0.01 * rng.normal(size=(60, 16))).astype(np.float32))
    same = Described(alike, (alike, alike), np.ones(60, bool))
    choice = choose_clusters(same, np.tile([0, 1], 30), sparse.csr_array((60, 60)), Clustering(20, 6, 2, (0.9,)))
    assert choice.clusters.largest > 30
    assert choice.score == choice.scores[0.9] == 0
