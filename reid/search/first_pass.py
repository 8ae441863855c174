"""Inner products at low precision, each within a known error: which rows of an index need a second look.

The errors hold for any order of summation in float32 (Higham, Accuracy and Stability of Numerical Algorithms, 2002,
section 3.1); that a library sums in float32 is tried out once in each process.
"""

import importlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alignnet_common.arrays import Floats, Singles

HALF = 2**-11
"""Largest relative error of rounding to float16."""

ROUNDING = {torch.float16: HALF, torch.bfloat16: 2**-8, torch.float32: 2**-24}
"""Largest relative error of rounding to a format."""

LEAST_HALF = 2**-25
"""Largest error of rounding a number to float16 that is too small for full precision."""

ROWS_AT_A_TIME = 256
"""Rows that are brought into another format at a time, so that they stay in the cache: 5 MB of 5120 float32."""

TRIAL_ROWS, TRIAL_SIZE, TRIALS = 512, 5000, 8
"""Rows by which ways are tried, numbers of a row to try their sums, and how often ways are timed: by 42 MB of rows."""


@dataclass(frozen=True)
class Way:
    """How rows and queries are multiplied."""

    format: torch.dtype
    """Of the products."""

    library: Literal["torch", "numpy", "numkong"] = "torch"
    """Package that computes them."""

    one_by_one: bool = False
    """Whether the rows are multiplied with one query after another, in place of all of them together."""


WAYS = (
    Way(torch.float16, "numkong", one_by_one=True),
    Way(torch.float16, one_by_one=True),
    Way(torch.float16),
    Way(torch.bfloat16),
    Way(torch.float32),
    Way(torch.float32, "numpy"),
)
"""Which of them is the fastest depends on the processor and the number of queries. NumKong is the extra `search`.

NumPy brings OpenBLAS, which is faster than the MKL of PyTorch on AMD processors without bfloat16.
"""

ONE_BY_ONE = 4
"""Queries, at most, that ways "one by one" are tried with: they read the rows once for each."""


@dataclass(frozen=True)
class Approximate:
    """How far an approximate cosine s is from the true one: at most `absolute` + `relative` * |s|."""

    absolute: float
    relative: float

    def least(self, scores: Singles) -> Floats:
        """What the true cosines (K,) are at least."""
        wide = scores.astype(np.float64)
        return wide - self.absolute - self.relative * np.abs(wide)

    def cutoff(self, floor: Floats) -> Singles:
        """The approximate cosines (K,) below which no true one reaches `floor` (K,)."""
        rest = floor - self.absolute
        found = np.where(rest > 0, rest / (1 + self.relative), rest / (1 - self.relative))
        return np.nextafter(found.astype(np.float32), np.float32(-np.inf))


@dataclass(frozen=True)
class FirstPass:
    """Approximate cosines of rows and some queries."""

    queries: Tensor
    """(Q, D), in the format of the products."""

    error: Approximate

    way: Way

    def scores(self, rows: Tensor) -> Singles:
        """Cosines (N, Q) of rows (N, D) float16 of length 1."""
        kind = self.way.format
        if self.way.library == "numkong":
            return numkong_products(rows.numpy(), self.queries.numpy())
        if self.way.library == "numpy":
            return numpy_products(rows, self.queries.numpy())
        if self.way.one_by_one:
            found = torch.stack([torch.mv(rows, query) for query in self.queries], dim=1)
        elif kind == torch.float16:
            found = (self.queries @ rows.T).T
        else:
            # To bfloat16 by way of float32: that is faster than at once.
            parts = [part.float().to(kind) @ self.queries.T for part in rows.split(ROWS_AT_A_TIME)]
            found = torch.cat(parts)
        return found.float().numpy()


def first_pass(queries: Tensor) -> FirstPass:
    """The quickest products of queries (Q, D) float32 of length 1 on this machine."""
    return products(fastest_way(*queries.shape), queries)


def products(way: Way, queries: Tensor) -> FirstPass:
    """Products of queries (Q, D) float32 in one way, with the bound of their error."""
    size, kind = queries.shape[1], way.format
    rounded = queries.to(kind)
    # Of rows, of length 1 before they were rounded to float16: their length, and its change by the format.
    length = 1 + length_error(size)
    row_error = 0.0 if kind in (torch.float16, torch.float32) else ROUNDING[kind] * length
    query_error = float((rounded.double() - queries.double()).norm(dim=1).max())
    query_length = float(rounded.double().norm(dim=1).max())
    terms = (size + 2) * ROUNDING[torch.float32]
    summation = terms / (1 - terms) * (length + row_error) * query_length
    absolute = length * query_error + row_error * query_length + summation + LEAST_HALF
    relative = ROUNDING[kind] + 2 * length_error(size)  # of the result, and of a row's length, by which it is divided
    error = Approximate(absolute * (1 + relative), relative * (1 + relative))
    return FirstPass(rounded, error, way)


def numkong_products(rows: NDArray[np.float16], queries: NDArray[np.float16]) -> Singles:
    """Inner products (N, Q) float32 of rows (N, D) float16 and queries (Q, D) float16."""
    import numkong

    if not len(rows):
        return np.zeros((0, len(queries)), np.float32)
    found: Singles = np.asarray(numkong.cdist(rows, queries, "dot", out_dtype="float32"), np.float32)
    return found.reshape(len(rows), len(queries))


def numpy_products(rows: Tensor, queries: Singles) -> Singles:
    """Inner products (N, Q) of rows (N, D) float16 and queries (Q, D), in float32."""
    found = np.empty((len(rows), len(queries)), np.float32)
    wide = torch.empty(min(len(rows), ROWS_AT_A_TIME), rows.shape[1])
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        part = rows[start : start + ROWS_AT_A_TIME]
        held = wide[: len(part)].copy_(part).numpy()
        np.matmul(held, queries.T, out=found[start : start + len(part)])
    return found


def length_error(size: int) -> float:
    """How far the length of a vector of length 1 may be from 1 when its numbers are rounded to float16."""
    return HALF + math.sqrt(size) * LEAST_HALF


@cache
def fastest_way(count: int, size: int) -> Way:
    """The way in which `count` queries of `size` numbers are compared with rows in the least time, on this machine.

    Ways that do not sum in float32 are left out.
    """
    queries = equal_numbers(count, size)
    # Other rows in each trial: those of an index come from the memory, not from the cache of the processor.
    parts = equal_numbers(TRIALS * TRIAL_ROWS, size).half().split(TRIAL_ROWS)
    possible = [way for way in WAYS if is_installed(way) and (count <= ONE_BY_ONE or not way.one_by_one)]
    exact = [way for way in possible if way.format == torch.float32 or sums_in_float32(way, count)]
    found = {way: products(way, queries) for way in exact}
    seconds = {way: min(timed(partial(found[way].scores, part)) for part in parts[:2]) for way in exact}
    likely = [way for way in exact if seconds[way] < 2 * min(seconds.values())]
    seconds = {way: min(timed(partial(found[way].scores, part)) for part in parts[2:]) for way in likely}
    return min(likely, key=lambda way: seconds[way])


def is_installed(way: Way) -> bool:
    """Whether the library of a way can be imported."""
    try:
        importlib.import_module(way.library)
    except ImportError:
        return False
    return True


def sums_in_float32(way: Way, count: int) -> bool:
    """Whether products of `count` queries in one way are within the bound of their error.

    Tried with many equal addends, of which a sum in a shorter format loses most.
    """
    tried = products(way, equal_numbers(count, TRIAL_SIZE))
    found = tried.scores(equal_numbers(TRIAL_ROWS, TRIAL_SIZE).half())
    return bool(np.abs(found - 1).max() <= tried.error.absolute + tried.error.relative)


def equal_numbers(count: int, size: int) -> Tensor:
    """Rows (N, D) float32 of length 1 with equal numbers."""
    return torch.full((count, size), 1 / math.sqrt(size))


def timed(job: Callable[[], object]) -> float:
    """Seconds that a call computes in this thread: those of other programs on a busy machine are left out."""
    clock = time.thread_time()
    job()
    return time.thread_time() - clock
