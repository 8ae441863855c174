"""Exact search: the rows of an index that are most similar to queries, in one pass over its blocks.

The first pass computes cosines at low precision, as fast as the memory gives the rows, and keeps the rows that may be
among the best within the bound of its error. Those are computed again in float64: the result is as if all were.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from alignnet_common.arrays import Bools, Floats, Ints, Singles
from reid.search.first_pass import Approximate, FirstPass, first_pass

QUERIES_AT_A_TIME = 128
"""Queries of a pass, at most."""

PAIRS_AT_A_TIME, WIDE_PAIRS = 1024, 32
"""Pairs of a query and a row whose rows are read together, and brought to float64 together: 1.3 MB for 5120 numbers."""

BLOCKS_AT_A_TIME, AHEAD = 4, 8
"""Blocks that a thread computes in one go, and goes that are begun before their turn."""

LEAST = np.finfo(np.float32).min
"""Least score of a row that is looked at."""

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Rows(Protocol):
    """Some rows of an index, such as `reid.index.store.Block`."""

    def vectors(self) -> npt.NDArray[np.float16]:
        """(N, D) float16, of length 1 before they were rounded; called when they are used, and not kept."""


@dataclass(frozen=True)
class Nearest:
    """The best rows of each query, best first; equal ones in the order of the rows."""

    scores: Singles
    """(Q, K) cosines, -1 to 1."""

    rows: Ints
    """(Q, K) numbers of the rows, counted through all blocks."""


@dataclass(frozen=True)
class Candidates:
    """Pairs (P,) of a query and a row that may be among its best."""

    queries: Ints
    rows: Ints
    scores: Singles

    @classmethod
    def joined(cls, some: Sequence[Self]) -> Self:
        """All pairs of several."""
        return cls(
            np.concatenate([each.queries for each in some]),
            np.concatenate([each.rows for each in some]),
            np.concatenate([each.scores for each in some]),
        )

    def of(self, places: Ints | Bools) -> "Candidates":
        """The pairs at some places."""
        return Candidates(self.queries[places], self.rows[places], self.scores[places])

    def in_order(self) -> "Candidates":
        """By query, best first; equal ones as they were: they must be in the order of the rows."""
        # One number that grows with the query, then with the falling score: one sort in place of three.
        bits = (0.0 - self.scores).view(np.int32)
        falling = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(np.int64)
        return self.of(np.argsort((self.queries << 32) + falling, kind="stable"))


def top_k(queries: Singles, blocks: Sequence[Rows], k: int, allowed: Iterable[Bools] | None = None) -> Nearest:
    """The `k` rows with the largest cosines to each query, exactly; fewer where there are fewer rows.

    queries -- (Q, D) float32 of length 1. blocks -- rows of D numbers. They are read twice: all of them, one block at a
    time, then those of the candidates. allowed -- a mask (N,) of each block, of the rows that are looked at; default:
    all.

    A cosine is that of a row as it is stored, in float64, rounded to float32. Memory does not grow with the number of
    rows, but for some numbers of each candidate.

    Raises ValueError on queries that are not finite or not of length 1, and on `k` below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if queries.ndim != 2 or not (np.abs(np.linalg.norm(queries, axis=1) - 1) < 1e-3).all():
        raise ValueError("queries must be finite rows (Q, D) of length 1")
    masks = None if allowed is None else list(allowed)
    parts = [
        best_of(torch.from_numpy(np.array(queries[start : start + QUERIES_AT_A_TIME], np.float32)), blocks, k, masks)
        for start in range(0, len(queries), QUERIES_AT_A_TIME)
    ]
    if not parts:
        return Nearest(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.int64))
    return Nearest(np.concatenate([part.scores for part in parts]), np.concatenate([part.rows for part in parts]))


def best_of(queries: Tensor, blocks: Sequence[Rows], k: int, masks: Sequence[Bools] | None) -> Nearest:
    """`top_k` of a few queries (Q, D) float32."""
    with threads() as pool:
        products = pool.submit(first_pass, queries).result()
        found, sizes = candidates(products, blocks, k, masks, pool)
        exact = computed_again(found, queries, blocks, sizes, pool)
    order, ranks = ranked(exact)
    best = order.of(ranks < k)
    shape = len(queries), len(best.rows) // len(queries)
    return Nearest(best.scores.reshape(shape), best.rows.reshape(shape))


@cache
def libraries() -> ThreadpoolController:
    """The libraries that have threads of their own. To look for them takes a millisecond, a thirtieth of a search."""
    return ThreadpoolController()


@contextmanager
def threads() -> Iterator[Executor]:
    """As many threads as PyTorch uses, each of which computes by itself: none waits for the others in every product."""
    count = torch.get_num_threads()
    try:
        with (
            libraries().limit(limits=1, user_api="blas"),
            ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        ):
            yield pool
    finally:
        torch.set_num_threads(count)  # what threads that start later have


def in_order(pool: Executor, job: Callable[[Item], Outcome], items: Iterable[Item]) -> Iterator[Outcome]:
    """The outcomes of a job for each item; `AHEAD` of them are computed ahead."""
    running: deque[Future[Outcome]] = deque()
    for item in items:
        running.append(pool.submit(job, item))
        if len(running) > AHEAD:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


def candidates(
    products: FirstPass, blocks: Sequence[Rows], k: int, masks: Sequence[Bools] | None, pool: Executor
) -> tuple[Candidates, list[int]]:
    """Pairs that may be among the best `k` of their query, with approximate scores; also the sizes of the blocks."""

    def scores_of(some: Sequence[Rows]) -> tuple[Singles, list[int]]:
        scores = [products.scores(torch.from_numpy(block.vectors())) for block in some]
        return np.concatenate(scores), [len(each) for each in scores]

    count, error = len(products.queries), products.error
    cutoff = np.full(count, -np.inf, np.float32)
    kept: list[Candidates] = []
    sizes: list[int] = []
    start = waiting = 0
    limit = 2 * k * count
    groups = (blocks[begin : begin + BLOCKS_AT_A_TIME] for begin in range(0, len(blocks), BLOCKS_AT_A_TIME))
    for scores, lengths in in_order(pool, scores_of, groups):
        if masks is not None:
            scores[~np.concatenate(masks[len(sizes) : len(sizes) + len(lengths)])] = -np.inf
        if not sizes and len(scores) >= k:  # of the first scores most would be kept, without a cutoff of their own
            cutoff = error.cutoff(error.least(np.partition(scores, -k, axis=0)[-k]))
        possible = scores >= np.maximum(cutoff, LEAST)
        places, queries = np.nonzero(possible)
        if len(places):
            kept.append(Candidates(queries, places + start, scores[places, queries]))
        start += len(scores)
        sizes += lengths
        waiting += len(places)
        if waiting > limit:
            left, cutoff = narrowed(Candidates.joined(kept), k, count, error)
            kept, waiting = [left], len(left.rows)
            limit = 2 * max(k * count, waiting)
    empty = Candidates(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    return narrowed(Candidates.joined([empty, *kept]), k, count, error)[0], sizes


def narrowed(found: Candidates, k: int, count: int, error: Approximate) -> tuple[Candidates, Singles]:
    """The pairs that may still be among the best `k` of their query, and the least score (Q,) that such a pair has."""
    order, ranks = ranked(found)
    last = ranks == k - 1
    cutoff = np.full(count, -np.inf, np.float32)
    cutoff[order.queries[last]] = error.cutoff(error.least(order.scores[last]))
    return order.of(order.scores >= cutoff[order.queries]), cutoff


def ranked(found: Candidates) -> tuple[Candidates, Ints]:
    """Pairs in order, and the rank (P,) of each among those of its query, from 0."""
    order = found.in_order()
    begin = np.searchsorted(order.queries, order.queries)
    return order, np.arange(len(begin)) - begin


def computed_again(
    found: Candidates, queries: Tensor, blocks: Sequence[Rows], sizes: Sequence[int], pool: Executor
) -> Candidates:
    """The pairs with their cosines in float64, rounded to float32.

    queries -- (Q, D) float32. sizes -- rows of each block.
    """
    by_row = found.of(np.argsort(found.rows, kind="stable"))
    starts = np.array(list(accumulate(sizes, initial=0)))
    wide = queries.double().numpy()

    def exact(begin: int) -> Singles:
        part = by_row.of(np.arange(begin, min(begin + PAIRS_AT_A_TIME, len(by_row.rows))))
        rows = torch.from_numpy(gathered(blocks, starts, part.rows))
        parts = zip(rows.split(WIDE_PAIRS), torch.from_numpy(part.queries).split(WIDE_PAIRS), strict=True)
        return np.concatenate([cosines(some.float().double(), wide[queries.numpy()]) for some, queries in parts])

    begins = range(0, len(by_row.rows), PAIRS_AT_A_TIME)
    scores = np.concatenate([np.zeros(0, np.float32), *in_order(pool, exact, begins)])
    return Candidates(by_row.queries, by_row.rows, scores)


def cosines(rows: Tensor, queries: Floats) -> Singles:
    """Cosines (P,) of rows (P, D) float64 and queries (P, D) of length 1, each from its own pair alone.

    A matrix product may sum the numbers of a row in another order at another place: equal rows must stay equal.
    """
    lengths = torch.linalg.vector_norm(rows, dim=1).clamp_min(np.finfo(np.float64).tiny).numpy()
    return (np.einsum("pd,pd->p", rows.numpy(), queries) / lengths).astype(np.float32)


def gathered(blocks: Sequence[Rows], starts: Ints, numbers: Ints) -> npt.NDArray[np.float16]:
    """The rows (K, D) of some numbers, ascending, counted through all blocks; `starts` is the first number of each."""
    block_of = np.searchsorted(starts, numbers, side="right") - 1
    bounds = np.flatnonzero(np.diff(block_of)) + 1
    return np.concatenate(
        [
            blocks[int(block_of[begin])].vectors()[numbers[begin:end] - starts[block_of[begin]]]
            for begin, end in zip([0, *bounds.tolist()], [*bounds.tolist(), len(numbers)], strict=True)
        ]
    )
