"""The ranked gallery of each query, and which queries are shown."""

import numpy as np
import pytest

from reid.metrics.labels import Labels
from reid.metrics.ranking import positive_ranks
from reid.visualisation.ranked_galleries import hardest_failures, rank_queries, some_successes


def labels(pids, cams):
    return Labels(np.array(pids), np.array(cams))


def test_a_ranking_by_hand():
    query = labels([1, 2], [0, 0])
    gallery = labels([1, 2, 1, -1, 0], [0, 1, 1, 1, 1])  # row 0: the first query's camera; row 3: junk
    distances = np.array([[0.0, 1.0, 2.0, 0.5, 3.0], [4.0, 1.0, 2.0, 0.5, 3.0]])
    first, second = rank_queries(distances, query, gallery)
    assert [(each.row, each.rank, each.distance, each.correct) for each in first.nearest] == [
        (1, 1, 1.0, False),
        (2, 2, 2.0, True),
        (4, 3, 3.0, False),
    ]
    assert (first.first_correct.rank, first.failed, first.gap, first.ranked) == (2, True, 1.0, 3)
    assert (second.first_correct.row, second.failed, second.gap, second.ranked) == (1, False, 0.0, 4)


def test_queries_without_a_correct_match_are_left_out():
    gallery = labels([3, 0], [1, 1])
    assert [each.query for each in rank_queries(np.ones((3, 2)), labels([1, 3, 0], [0, 0, 0]), gallery)] == [1]


@pytest.mark.parametrize("seed", range(4))
def test_ranks_are_those_of_the_evaluation(seed):
    rng = np.random.default_rng(seed)
    query = labels(rng.integers(1, 6, 20), rng.integers(0, 2, 20))
    gallery = labels(rng.integers(-1, 6, 60), rng.integers(0, 2, 60))
    distances = rng.integers(0, 30, (20, 60)).astype(float)  # with ties
    found = {each.query: each for each in rank_queries(distances, query, gallery, top=60)}
    for number, ranks in enumerate(positive_ranks(distances, query, gallery)):
        assert (number in found) == bool(len(ranks))
        if len(ranks):
            assert found[number].first_correct.rank == ranks[0]
            assert [each.rank for each in found[number].nearest if each.correct] == ranks.tolist()


def test_the_first_correct_match_is_known_beyond_the_items_shown():
    distances = np.arange(30.0)[None]
    (found,) = rank_queries(distances, labels([7], [0]), labels([*range(8, 33), 7, 7, 1, 2, 3], [1] * 30))
    assert len(found.nearest) == 10 and not any(each.correct for each in found.nearest)
    assert (found.first_correct.rank, found.first_correct.distance) == (26, 25.0)


def test_hardest_failures_come_first_and_successes_are_spread():
    # One row per query: the distance of its only match among ten others at distances 1 to 10.
    places = [0.5, 3.5, 9.5, 0.5, 3.9, 0.5, 1.5, 0.5]
    query = labels(range(1, 9), [0] * 8)
    gallery = labels([*range(1, 9), *[0] * 10], [1] * 18)
    distances = np.full((8, 18), 50.0)
    distances[:, 8:] = np.arange(1, 11)
    distances[np.arange(8), np.arange(8)] = places
    found = rank_queries(distances, query, gallery)
    assert [each.query for each in hardest_failures(found, 12)] == [2, 4, 1, 6]  # rank 10, then two of rank 4 by gap
    assert [each.query for each in hardest_failures(found, 2)] == [2, 4]
    assert [each.query for each in some_successes(found, 2)] == [0, 7]
    assert some_successes([each for each in found if each.failed], 3) == []
