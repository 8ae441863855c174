"""False match rates from tracklets without labels: the estimate against the truth, tables, pools of tables."""

import numpy as np
import pytest

from reid.index.false_matches import (
    AnyCamera,
    RateTable,
    best_table,
    different,
    linked_pairs,
    mutual,
    pooled,
    rate_tables,
    table_of,
)


def people(rng, persons, noise, size=48):
    """Descriptors (2, persons, size) of persons in two cameras."""
    centres = rng.normal(size=(persons, size))
    rows = centres + noise * rng.normal(size=(2, persons, size))
    return (rows / np.linalg.norm(rows, axis=2, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("noise", [0.6, 1.0])
@pytest.mark.parametrize("persons", [80, 300])
def test_the_estimate_is_the_true_rate_within_a_factor_of_two(persons, noise):
    one, other = people(np.random.default_rng(persons), persons, noise)
    table = rate_tables({"a": one, "b": other})["a", "b"]
    similarity = one @ other.T
    strangers = np.sort(similarity[~np.eye(persons, dtype=bool)])
    for rate in (0.01, 0.001):
        true = strangers[int(len(strangers) * (1 - rate))]
        assert rate / 2 < table.rate(true) < 2 * rate


def test_linked_pairs_are_left_out():
    one = np.eye(3, dtype=np.float32)
    linked = mutual(one, one[[0, 1]], same_camera=False)
    assert linked.toarray().tolist() == [[1, 0], [0, 1], [0, 0]]
    assert different(one, one[[0, 1]], linked, same_camera=False).tolist() == [0, 0, 0, 0]


def test_a_pair_of_one_camera_counts_once():
    rows = np.eye(4, dtype=np.float32) + np.float32(0.1)
    assert len(different(rows, rows, linked_pairs([rows]), same_camera=True)) == 6 - linked_pairs([rows]).nnz // 2


def test_two_common_mutual_neighbours_link_a_pair():
    """The first tracklet of camera a has a nearer one in camera b than the one that is linked by cameras c and d."""
    person, nearer = np.eye(8)[0], np.eye(8)[1]
    cameras = [
        [person + 0.5 * nearer, np.eye(8)[2]],
        [person, person + 0.6 * nearer],
        [person + 0.2 * nearer, np.eye(8)[3]],
        [person + 0.21 * nearer, np.eye(8)[4]],
    ]
    rows = [np.array([row / np.linalg.norm(row) for row in some], np.float32) for some in cameras]
    without = linked_pairs(rows[:2]).toarray()
    assert without[0, 2] == 0 and without[0, 3] == 1
    assert linked_pairs(rows).toarray()[0, 2] == 1


def test_cameras_with_one_tracklet_or_none_link_nothing_by_themselves():
    one, none = np.ones((1, 1), np.float32), np.zeros((0, 1), np.float32)
    assert linked_pairs([one, none]).nnz == 0


def test_a_table_gives_rates_and_scores_that_belong_together():
    table = table_of(np.linspace(0, 1, 10_001).astype(np.float32))
    assert table.pairs == 10_001
    for rate in (0.5, 0.1, 0.01, 0.001):
        assert table.score(rate) == pytest.approx(1 - rate, abs=0.01)
        assert table.rate(table.score(rate)) == pytest.approx(rate, rel=0.05)
    assert table.rate(-1) == 1 and table.rate(2) == 1 / 10_001


def test_fewer_than_a_hundred_pairs_make_no_table():
    assert table_of(np.zeros(99, np.float32)) is None
    few = np.eye(8, dtype=np.float32)
    assert rate_tables({"a": few, "b": few}) == {}


def test_a_pool_weighs_tables_by_their_pairs():
    low, high = (table_of(np.linspace(start, start + 1, 5000).astype(np.float32)) for start in (0, 1))
    both = pooled([low, high, high])
    assert both.pairs == 15_000
    assert both.rate(1.5) == pytest.approx(1 / 3, rel=0.05) and both.rate(0.5) == pytest.approx(5 / 6, rel=0.1)


def test_the_closest_table_is_used():
    tables = {
        ("a", "b"): RateTable(100, (0.0,)),
        (AnyCamera, "b"): RateTable(200, (0.0,)),
        (AnyCamera, AnyCamera): RateTable(300, (0.0,)),
    }
    assert best_table(tables, "a", "b").pairs == 100
    assert best_table(tables, None, "b").pairs == best_table(tables, "c", "b").pairs == 200
    assert best_table(tables, "a", "c").pairs == 300 and best_table({}, None, "a") is None
