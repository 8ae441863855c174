"""Exact search: the same as brute force in float64, for every format of the first pass; ties, masks, edge cases."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from reid.search import first_pass as fast
from reid.search import nearest
from reid.search.nearest import top_k

SIZE = 96


@dataclass(frozen=True)
class Part:
    rows: np.ndarray

    def vectors(self):
        return self.rows


def unit(rng, count, size=SIZE, spread=1.0):
    """Rows (N, D) of length 1 about one direction."""
    rows = np.eye(1, size) + spread * rng.normal(size=(count, size)) / np.sqrt(size)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def in_parts(rows, rng):
    """Blocks of all sizes, some empty."""
    cuts = np.sort(rng.integers(0, len(rows) + 1, 7))
    return [Part(part) for part in np.split(rows.astype(np.float16), cuts)]


def by_brute_force(queries, rows, k, mask=None):
    """Scores and rows (Q, K), from all cosines in float64."""
    wide = rows.astype(np.float16).astype(np.float64)
    lengths = np.maximum(np.linalg.norm(wide, axis=1), 1e-300)
    scores = ((queries.astype(np.float64) @ wide.T) / lengths).astype(np.float32)
    if mask is not None:
        scores[:, ~mask] = -np.inf
        k = min(k, int(mask.sum()))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), order


def assert_equal(found, expected):
    scores, rows = expected
    assert np.array_equal(found.rows, rows)
    assert np.allclose(found.scores, scores, rtol=0, atol=1e-7)


INSTALLED = [way for way in fast.WAYS if fast.is_installed(way)]


@pytest.fixture(params=INSTALLED, ids=str)
def any_way(request, monkeypatch):
    """The way of the first pass."""
    monkeypatch.setattr(nearest, "first_pass", lambda queries: fast.products(request.param, queries))


@pytest.mark.parametrize("spread", [0.02, 1.0])
@pytest.mark.parametrize(("queries", "k"), [(1, 1), (1, 20), (5, 7), (200, 30), (3, 5000)])
def test_it_is_brute_force(queries, k, spread, any_way):
    rng = np.random.default_rng(queries + k)
    rows, asked = unit(rng, 2000, spread=spread), unit(rng, queries, spread=spread)
    assert_equal(top_k(asked, in_parts(rows, rng), k), by_brute_force(asked, rows, k))


def test_equal_rows_are_in_order(any_way):
    rng = np.random.default_rng(0)
    rows = np.repeat(unit(rng, 50), 9, axis=0)[rng.permutation(450)]
    asked = unit(rng, 4)
    for k in (1, 4, 9, 100, 450):
        assert_equal(top_k(asked, in_parts(rows, rng), k), by_brute_force(asked, rows, k))


def test_masks_leave_rows_out(any_way):
    rng = np.random.default_rng(1)
    rows, asked = unit(rng, 900), unit(rng, 2)
    parts = in_parts(rows, rng)
    mask = rng.random(900) < 0.1
    masks = np.split(mask, np.cumsum([len(part.rows) for part in parts])[:-1])
    assert_equal(top_k(asked, parts, 20, masks), by_brute_force(asked, rows, 20, mask))
    assert_equal(top_k(asked, parts, 500, masks), by_brute_force(asked, rows, 500, mask))
    nothing = top_k(asked, parts, 5, [np.zeros(len(part.rows), bool) for part in parts])
    assert nothing.rows.shape == nothing.scores.shape == (2, 0)


def test_few_rows_none_and_rows_of_zeros():
    rng = np.random.default_rng(2)
    asked = unit(rng, 3)
    assert top_k(asked, [], 5).rows.shape == (3, 0)
    assert top_k(asked[:0], [Part(unit(rng, 4).astype(np.float16))], 5).rows.shape[0] == 0
    rows = np.concatenate([unit(rng, 2), np.zeros((2, SIZE), np.float32), -asked])
    assert_equal(top_k(asked, [Part(rows.astype(np.float16))], 9), by_brute_force(asked, rows, 9))


@pytest.mark.parametrize("size", [1, 3, 512, 5120])
def test_the_bound_of_the_error_holds_for_every_way(size):
    rng = np.random.default_rng(size)
    rows, asked = (unit(rng, 400, size, spread=3.0) for _ in range(2))
    # The worst of rounding: numbers half way between two of a format, with the signs of the query.
    rows[:200] = np.sign(asked[0] + 1e-9) * (1 + 2.0**-9) / np.sqrt(size)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    stored = rows.astype(np.float16)
    wide = stored.astype(np.float64)
    exact = (wide / np.linalg.norm(wide, axis=1, keepdims=True)) @ asked.T.astype(np.float64)
    for way in INSTALLED:
        products = fast.products(way, torch.from_numpy(asked))
        found = products.scores(torch.from_numpy(stored))
        bound = products.error.absolute + products.error.relative * np.abs(found)
        assert (np.abs(found - exact) <= bound).all()
        if way.format == torch.bfloat16 and size > 1:
            assert np.abs(found - exact).max() > bound.min() / 100  # and it says something


def test_a_row_at_the_edge_of_the_bound_is_found():
    error = fast.Approximate(0.01, 0.001)
    scores = np.array([-0.9, -0.005, 0.0, 0.005, 0.9], np.float32)
    cutoff = error.cutoff(error.least(scores))
    assert (error.least(scores) <= scores).all() and (cutoff < scores).all()
    edge = cutoff.astype(np.float64)
    assert np.allclose(edge + error.absolute + error.relative * np.abs(edge), error.least(scores), atol=1e-6)


def test_threads_are_as_many_as_before():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        rng = np.random.default_rng(3)
        top_k(unit(rng, 1), in_parts(unit(rng, 200), rng), 5)
        assert torch.get_num_threads() == 3
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)


def test_the_first_pass_is_of_a_format_that_sums_in_float32(monkeypatch):
    assert fast.fastest_way(2, 64) in fast.WAYS
    monkeypatch.setattr(fast, "sums_in_float32", lambda way, count: False)
    fast.fastest_way.cache_clear()
    assert fast.fastest_way(2, 64).format == torch.float32
    fast.fastest_way.cache_clear()


def test_ways_that_are_not_installed_or_read_the_rows_too_often_are_left_out(monkeypatch):
    tried = []
    monkeypatch.setattr(fast, "sums_in_float32", lambda way, count: tried.append(way) or True)
    monkeypatch.setattr(fast, "is_installed", lambda way: way.library != "numkong")
    fast.fastest_way.cache_clear()
    fast.fastest_way(fast.ONE_BY_ONE, 64)
    assert {way.library for way in tried} == {"torch"} and any(way.one_by_one for way in tried)
    tried.clear()
    fast.fastest_way(fast.ONE_BY_ONE + 1, 64)
    assert tried and not any(way.one_by_one for way in tried)
    fast.fastest_way.cache_clear()


def test_a_library_that_cannot_be_imported_is_left_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "numkong", None)
    assert [way.library for way in fast.WAYS if fast.is_installed(way)] == [*["torch"] * 4, "numpy"]


def test_a_sum_in_float16_is_noticed(monkeypatch):
    def short_sum(self, rows):
        products = rows.numpy()[:1] * self.queries.numpy()
        return np.cumsum(products, axis=1, dtype=np.float16)[:, -1:].astype(np.float32)

    assert fast.sums_in_float32(fast.Way(torch.float32), 1)
    monkeypatch.setattr(fast.FirstPass, "scores", short_sum)
    assert not any(fast.sums_in_float32(way, 1) for way in INSTALLED if way.format == torch.float16)


@pytest.mark.parametrize(
    ("queries", "k", "message"),
    [
        (np.eye(1, SIZE), 0, "k must be at least 1"),
        (np.full((1, SIZE), np.nan), 1, "must be finite rows"),
        (np.ones((1, SIZE)), 1, "of length 1"),
        (np.eye(1, SIZE)[0], 1, "must be finite rows"),
    ],
)
def test_what_is_no_query_is_refused(queries, k, message):
    with pytest.raises(ValueError, match=message):
        top_k(queries.astype(np.float32), [], k)


def test_cosines_do_not_depend_on_the_place_of_a_pair():
    rng = np.random.default_rng(5)
    row, query = rng.normal(size=(1, 5120)), unit(rng, 1, 5120).astype(np.float64)
    alone = nearest.cosines(torch.from_numpy(row), query)
    for count in (2, 3, 7, nearest.WIDE_PAIRS):
        rows = rng.normal(size=(count, 5120))
        rows[-1] = row
        assert nearest.cosines(torch.from_numpy(rows), np.repeat(query, count, axis=0))[-1] == alone


def test_candidates_are_by_query_then_score_and_equal_ones_stay():
    rng = np.random.default_rng(6)
    scores = rng.choice(np.array([-1.0, -1e-30, -0.0, 0.0, 1e-30, 0.25, 1.0], np.float32), 400)
    some = nearest.Candidates(rng.integers(0, 5, 400), np.arange(400), scores)
    order = np.lexsort((some.rows, -scores, some.queries))
    assert np.array_equal(some.in_order().rows, order)


def test_a_search_leaves_the_threads_of_numpy_as_they_were():
    rng = np.random.default_rng(7)
    rows = unit(rng, 50)
    before = [(each["filepath"], each["num_threads"]) for each in threadpool_info() if each["user_api"] == "blas"]
    top_k(rows[:2], in_parts(rows, rng), 3)
    after = [(each["filepath"], each["num_threads"]) for each in threadpool_info() if each["user_api"] == "blas"]
    assert before and after == before
