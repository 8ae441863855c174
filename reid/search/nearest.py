"""Exact search: the rows of an index that are most similar to queries, in one pass over its blocks.

The first pass computes cosines at low precision, as fast as the memory gives the rows, and keeps the rows that may be
among the best within the bound of its error. Those are computed again in float64: the result is as if all were.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import Protocol, Self

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

SCORES_AT_A_TIME = 32768
"""Scores that a thread looks at together: of one query, those of many blocks."""

PLACE_BITS = 32
"""Bits of a row's number that say its place in its block; those above say the block."""

LEAST = np.finfo(np.float32).min
"""Least score of a row that is looked at."""


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
    """Number of the block, shifted by `PLACE_BITS`, and place in it: the order is that of the rows."""
    scores: Singles

    @classmethod
    def none(cls) -> Self:
        """No pair."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))

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
        exact = computed_again(found, queries, blocks, pool)
    order, ranks = ranked(exact)
    best = order.of(ranks < k)
    starts = np.array(list(accumulate(sizes, initial=0)))
    rows = starts[block_of(best.rows)] + place_of(best.rows)
    shape = len(queries), len(best.rows) // len(queries)
    return Nearest(best.scores.reshape(shape), rows.reshape(shape))


@cache
def libraries() -> ThreadpoolController:
    """The libraries that have threads of their own. To look for them takes a millisecond, a thirtieth of a search."""
    return ThreadpoolController()


@contextmanager
def threads() -> Iterator[ThreadPoolExecutor]:
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


@dataclass
class Kept:
    """What a thread has found that may be among the best `k` rows of its query."""

    products: FirstPass
    k: int

    waiting: list[tuple[int, Singles]] = field(default_factory=list)
    """Number of a block and scores (N, Q) of its rows, not looked at yet."""
    some: list[Candidates] = field(default_factory=list)
    cutoff: Singles = field(init=False)
    """(Q,): approximate scores below it are not among the best."""
    limit: int = field(init=False)
    """Pairs that are kept, at most, before the best of them are looked for."""

    def __post_init__(self) -> None:
        self.cutoff = np.full(len(self.products.queries), LEAST, np.float32)
        self.limit = max(2 * self.k * len(self.cutoff), SCORES_AT_A_TIME)

    def is_due(self) -> bool:
        """Whether so many scores are waiting that they are worth to be looked at."""
        return sum(scores.size for _, scores in self.waiting) >= SCORES_AT_A_TIME

    def look(self, cutoff: Singles) -> None:
        """Keep what may be among the best of the scores that are waiting; `cutoff` (Q,): the highest of all threads."""
        if not self.waiting:
            return
        error = self.products.error
        numbers = np.array([block << PLACE_BITS for block, _ in self.waiting])
        ends = np.cumsum([len(scores) for _, scores in self.waiting])
        scores = np.concatenate([scores for _, scores in self.waiting])
        self.waiting = []
        if (cutoff == LEAST).all() and len(scores) >= self.k:  # of the first scores most would be kept
            least = error.least(np.partition(scores, -self.k, axis=0)[-self.k])
            self.cutoff = cutoff = np.maximum(error.cutoff(least), LEAST)
        places, queries = np.nonzero(scores >= cutoff)
        of = np.searchsorted(ends, places, side="right")
        rows = numbers[of] + places - np.concatenate([[0], ends])[of]
        self.some.append(Candidates(queries, rows, scores[places, queries]))
        if sum(len(each.rows) for each in self.some) > self.limit:
            left, cutoff = narrowed(Candidates.joined(self.some), self.k, len(cutoff), error)
            self.some, self.cutoff = [left], np.maximum(cutoff, LEAST)
            self.limit = max(self.limit, 2 * len(left.rows))


def candidates(
    products: FirstPass, blocks: Sequence[Rows], k: int, masks: Sequence[Bools] | None, pool: ThreadPoolExecutor
) -> tuple[Candidates, list[int]]:
    """Pairs that may be among the best `k` of their query, with approximate scores; also the sizes of the blocks."""
    numbers = deque(range(len(blocks)))
    sizes = [0] * len(blocks)
    found = [Kept(products, k) for _ in range(torch.get_num_threads())]

    def look_at_blocks(kept: Kept) -> None:
        for block in taken(numbers):
            scores = products.scores(torch.from_numpy(blocks[block].vectors()))
            if masks is not None:
                scores[~masks[block]] = -np.inf
            sizes[block] = len(scores)
            kept.waiting.append((block, scores))
            if kept.is_due():
                kept.look(cutoff())
        kept.look(cutoff())

    def cutoff() -> Singles:
        highest: Singles = np.maximum.reduce([each.cutoff for each in found])
        return highest

    try:
        list(pool.map(look_at_blocks, found))
    finally:
        numbers.clear()  # where one thread has failed, the others stop
    pairs = Candidates.joined([Candidates.none(), *(some for kept in found for some in kept.some)])
    return narrowed(pairs, k, len(products.queries), products.error)[0], sizes


def taken(waiting: deque[int]) -> Iterator[int]:
    """Items of a queue that threads share, one after another, until none is left: each goes to one thread."""
    while True:
        try:
            item = waiting.popleft()
        except IndexError:
            return
        yield item


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


def computed_again(found: Candidates, queries: Tensor, blocks: Sequence[Rows], pool: Executor) -> Candidates:
    """The pairs with their cosines in float64, rounded to float32, in the order of the rows.

    queries -- (Q, D) float32.
    """
    by_row = found.of(np.argsort(found.rows, kind="stable"))
    wide = queries.double().numpy()

    def exact(begin: int) -> Singles:
        part = by_row.of(np.arange(begin, min(begin + PAIRS_AT_A_TIME, len(by_row.rows))))
        rows = torch.from_numpy(gathered(blocks, part.rows))
        parts = zip(rows.split(WIDE_PAIRS), torch.from_numpy(part.queries).split(WIDE_PAIRS), strict=True)
        return np.concatenate([cosines(some.float().double(), wide[queries.numpy()]) for some, queries in parts])

    scores = np.concatenate([np.zeros(0, np.float32), *pool.map(exact, range(0, len(by_row.rows), PAIRS_AT_A_TIME))])
    return Candidates(by_row.queries, by_row.rows, scores)


def cosines(rows: Tensor, queries: Floats) -> Singles:
    """Cosines (P,) of rows (P, D) float64 and queries (P, D) of length 1, each from its own pair alone.

    A matrix product may sum the numbers of a row in another order at another place: equal rows must stay equal.
    """
    lengths = torch.linalg.vector_norm(rows, dim=1).clamp_min(np.finfo(np.float64).tiny).numpy()
    return (np.einsum("pd,pd->p", rows.numpy(), queries) / lengths).astype(np.float32)


def gathered(blocks: Sequence[Rows], rows: Ints) -> npt.NDArray[np.float16]:
    """The rows (K, D) of some numbers as in `Candidates`, ascending."""
    numbers, places = block_of(rows), place_of(rows)
    bounds = np.flatnonzero(np.diff(numbers)) + 1
    return np.concatenate(
        [
            blocks[int(numbers[begin])].vectors()[places[begin:end]]
            for begin, end in zip([0, *bounds.tolist()], [*bounds.tolist(), len(rows)], strict=True)
        ]
    )


def block_of(rows: Ints) -> Ints:
    """Numbers (K,) of the blocks of rows (K,), numbered as in `Candidates`."""
    return rows >> PLACE_BITS


def place_of(rows: Ints) -> Ints:
    """Places (K,) of rows (K,) in their blocks, numbered as in `Candidates`."""
    return rows & ((1 << PLACE_BITS) - 1)
