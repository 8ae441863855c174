"""Places where a track changes from one person to another, and the threshold without labels, on made descriptors."""

import numpy as np
import pytest

from reid.repair import changes
from reid.repair.changes import (
    Sides,
    cuts,
    least_similar,
    made_of_two,
    similarities,
    split_threshold,
)

SIDES = Sides(window=6, least=2, guard=0)
SIZE = 64


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def track_of(persons, counts, rng, noise=0.8):
    """Descriptors of a track of some persons, one after another."""
    rows = np.concatenate([np.tile(person, (count, 1)) for person, count in zip(persons, counts, strict=True)])
    return unit(rows + noise * rng.normal(size=rows.shape) / np.sqrt(SIZE))


def people(count, rng):
    return unit(rng.normal(size=(count, SIZE)))


def test_the_similarity_of_a_place_is_that_of_the_means_of_its_sides():
    rng = np.random.default_rng(0)
    rows = unit(rng.normal(size=(12, SIZE)))
    found = similarities(rows, Sides(window=4, least=2, guard=1))
    for place in range(13):
        gaps = min(1, place - 2), min(1, 12 - place - 2)
        if min(place, 12 - place) < 2:
            assert np.isinf(found[place])
            continue
        before, after = rows[: place - gaps[0]][-4:].sum(0), rows[place + gaps[1] :][:4].sum(0)
        assert found[place] == pytest.approx(before @ after / np.linalg.norm(before) / np.linalg.norm(after), abs=1e-5)


@pytest.mark.parametrize("block", [1, 2, 5, 7])
def test_a_long_track_is_compared_block_by_block(monkeypatch, block):
    rows = unit(np.random.default_rng(7).normal(size=(40, SIZE)))
    for sides in (SIDES, Sides(4, 3, 2), Sides(50, 1, 9), Sides(1, 4, 2)):
        whole = similarities(rows, sides)
        with monkeypatch.context() as patched:
            patched.setattr(changes, "BLOCK", block)
            np.testing.assert_allclose(similarities(rows, sides), whole, atol=1e-6)


def test_a_change_is_found_where_it_is():
    rng = np.random.default_rng(1)
    for _ in range(50):
        counts = rng.integers(3, 20, 2)
        place = least_similar(track_of(people(2, rng), counts, rng), SIDES)
        assert abs(place.position - counts[0]) <= 1 and place.score < 0.5


def test_a_change_while_two_persons_cross_is_found_with_a_guard():
    """The crops of a crossing show both: without a guard, the sides next to each other are alike."""
    rng = np.random.default_rng(2)
    one, other = people(2, rng)
    mixed = np.concatenate([track_of([one], [10], rng), np.zeros((4, SIZE)), track_of([other], [10], rng)])
    for step in range(4):
        mixed[10 + step] = unit((4 - step) * one + (step + 1) * other)
    plain, guarded = (least_similar(mixed, Sides(4, 2, guard)) for guard in (0, 2))
    assert guarded.score < plain.score - 0.05
    assert 10 <= guarded.position <= 14


def test_a_track_that_is_too_short_has_no_place():
    rows = people(3, np.random.default_rng(0))
    assert least_similar(rows, SIDES) is None
    assert cuts(rows, SIDES, 1.0) == []
    assert least_similar(rows[:0], SIDES) is None


def test_a_track_of_three_persons_is_cut_twice():
    rng = np.random.default_rng(3)
    rows = track_of(people(3, rng), [8, 9, 10], rng, noise=0.3)
    assert [place.position for place in cuts(rows, SIDES, 0.5)] == [8, 17]
    assert cuts(rows, SIDES, -1.0) == []


@pytest.mark.parametrize("share", [0.0, 0.05, 0.25])
def test_the_stated_share_of_clean_tracks_is_split_whatever_the_share_of_mixed_ones(share):
    rng = np.random.default_rng(4)
    count, rate = 1500, 0.02
    persons = people(300, rng)
    mixed = np.arange(count) < share * count
    tracks = []
    for number in range(count):
        pair = persons[rng.choice(300, 2, replace=False)]
        length = rng.integers(3, 12, 2)
        tracks.append(track_of(pair if mixed[number] else [pair[0], pair[0]], length, rng, noise=2.5))
    scores = np.array([least_similar(rows, SIDES).score for rows in tracks])
    made = []
    for _ in range(1000):
        one, other = rng.choice(count, 2, replace=False)
        made.append(least_similar(made_of_two(tracks[one], tracks[other]), SIDES).score)
    found = split_threshold(scores, made, rate)
    assert found.mixed == pytest.approx(share, abs=0.04)
    assert (scores[~mixed] <= found.score).mean() == pytest.approx(rate, abs=0.015)
    if share:
        assert (scores[mixed] <= found.score).mean() == pytest.approx(found.found, abs=0.1)


def test_descriptors_that_tell_nobody_apart_split_no_track():
    tracks, made = np.random.default_rng(5).normal(size=(2, 400))
    assert split_threshold(tracks, made, 0.05) is None


@pytest.mark.parametrize(("distance", "most"), [(3.6, 0.055), (2.3, 0.06), (1.8, 0.08)])
def test_the_worse_the_descriptors_the_more_tracks_of_one_person_are_split(distance, most):
    """Scores of a normal distribution; mixed tracks are lower by 3.6, 2.3 or 1.8 deviations: in 99.5, 95 or 90 of 100
    pairs of a mixed track and one of one person, the mixed one is less similar."""
    rng = np.random.default_rng(6)
    false = []
    for _ in range(20):
        clean, mixed, made = rng.normal(size=900), rng.normal(size=100) - distance, rng.normal(size=2000) - distance
        found = split_threshold(np.concatenate([clean, mixed]), made, 0.05)
        false.append((clean <= found.score).mean())
    assert 0.02 < np.mean(false) < most


def test_where_no_score_has_so_low_a_rate_there_is_no_threshold():
    assert split_threshold([0.1, 0.2, 0.3], [0.9, 0.95], 0.02) is None
