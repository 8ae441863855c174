"""Joins of parts of a track: within reach, each other's best, above the threshold."""

import numpy as np
import pytest

from reid.repair.joins import Join, Part, Reach, best_joins, candidates, chains, join_threshold, within_reach

REACH = Reach(gap=3.0, speed=2.0)


def part(start, end, x=100.0, track=0, place=0, height=100.0, to_x=None):
    box = (x, 50.0, 40.0, height)
    return Part(start, end, box, box if to_x is None else (to_x, 50.0, 40.0, height), track, place)


@pytest.mark.parametrize(
    ("later", "allowed"),
    [
        (part(6, 9, x=100, track=1), True),
        (part(5, 9, x=100, track=1), False),  # at the same time
        (part(4, 9, x=100, track=1), False),
        (part(8.1, 9, x=100, track=1), False),  # after too long a gap
        (part(6, 9, x=349, track=1), True),  # (0.5 + 2 × 1 s) × 100 pixels away
        (part(6, 9, x=351, track=1), False),
        (part(6, 9, height=151, track=1), False),  # another size
        (part(6, 9, track=0, place=1), False),  # just split
        (part(6, 9, track=0, place=2), True),  # behind the person who came between
    ],
)
def test_time_motion_and_splits_allow_a_join_or_not(later, allowed):
    earlier = part(1, 5)
    assert within_reach(earlier, later, REACH) is allowed
    assert candidates([later, earlier], REACH) == ([(1, 0)] if allowed else [])


def test_candidates_are_all_pairs_within_reach():
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 30, 60)
    parts = [part(start, start + rng.uniform(0, 5), x=rng.uniform(0, 600), track=n) for n, start in enumerate(starts)]
    slow = [
        (one, other)
        for one in range(60)
        for other in range(60)
        if one != other and within_reach(parts[one], parts[other], REACH)
    ]
    assert slow and sorted(candidates(parts, REACH)) == slow


def test_each_must_be_the_best_of_the_other_and_above_the_threshold():
    pairs = [(0, 1), (0, 2), (3, 2), (4, 5)]
    joins = best_joins(pairs, np.array([0.5, 0.8, 0.9, 0.3]), 0.4)
    assert joins == [Join(3, 2, 0.9)]  # 2 is the best of 0, but 3 is the best of 2
    assert best_joins(pairs, np.array([0.5, 0.8, 0.7, 0.45]), 0.4) == [Join(0, 2, 0.8), Join(4, 5, 0.45)]


def test_joins_make_chains():
    assert chains(5, [Join(0, 3, 1.0), Join(3, 4, 1.0)]) == [[0, 3, 4], [1], [2]]
    assert chains(2, []) == [[0], [1]]


def test_the_threshold_is_what_the_stated_share_of_different_persons_exceeds():
    scores = np.random.default_rng(0).normal(size=5000)
    threshold = join_threshold(scores, 0.02)
    assert (scores > threshold).mean() == pytest.approx(0.02, abs=1e-3)
    assert (scores[:30] > join_threshold(scores[:30], 0.02)).sum() == 0
