"""How often two different persons are as similar as a score, by pair of cameras, from tracklets without labels.

Of all pairs of tracklets of two cameras, nearly all are of different persons. The few of one person are mostly linked:
they are mutual nearest neighbours, each the nearest tracklet of its camera to the other, or both are mutual nearest
neighbours of the same two tracklets. Linked pairs are left out, and the share of the other pairs above a score is the
estimate of the false match rate. Measured: docs/experiments/false-matches.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt
from scipy import sparse

from alignnet_common.arrays import Singles

RATES = tuple(float(rate) for rate in np.logspace(0, -6, 73))
"""False match rates of a table, descending: twelve a decade."""

MOST = 2000
"""Tracklets of a camera that are enough."""

PATHS = 2
"""Tracklets, at least, that are mutual nearest neighbours of both tracklets of a linked pair."""

FEWEST_PAIRS = 100
"""Pairs of a table, at least."""

AnyCamera = "*"
"""Name of all cameras together in a pair."""


@dataclass(frozen=True)
class RateTable:
    """False match rates of two cameras."""

    pairs: int
    """Number of pairs of tracklets that it is made of."""

    scores: tuple[float, ...]
    """Cosine similarities that shares of `RATES` of the pairs exceed, ascending; as many as the pairs can tell."""

    def rate(self, score: float) -> float:
        """Share of pairs of different persons that are more similar than `score`, at least that of one pair."""
        return float(self.rates(np.array([score]))[0])

    def rates(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The rates (K,) of scores (K,)."""
        logs = np.log(RATES[: len(self.scores)])
        found: npt.NDArray[np.float64] = np.exp(np.interp(scores, self.scores, logs))
        return np.where(scores > self.scores[-1], 1 / self.pairs, found)

    def score(self, rate: float) -> float:
        """The similarity that a share `rate` of the pairs of different persons exceeds."""
        logs = np.log(RATES[: len(self.scores)])
        return float(np.interp(-math.log(rate), -logs, self.scores))


def rate_tables(of_camera: Mapping[str, Singles]) -> dict[tuple[str, str], RateTable]:
    """Tables of all pairs of cameras, each with itself too, and with `AnyCamera` for all other cameras.

    of_camera -- descriptors (N, D) of length 1 of tracklets drawn at random, at most about `MOST`, by camera.

    Pairs of cameras with fewer than `FEWEST_PAIRS` pairs of tracklets have no table; an empty index has none at all.
    """
    names = sorted(of_camera)
    if not names:
        return {}
    linked = linked_pairs([of_camera[name] for name in names])
    ends = np.cumsum([0, *(len(of_camera[name]) for name in names)])
    tables: dict[tuple[str, str], RateTable] = {}
    for (one, name), (other, second) in combinations_with_replacement(enumerate(names), 2):
        left_out = linked[ends[one] : ends[one + 1], ends[other] : ends[other + 1]]
        table = table_of(different(of_camera[name], of_camera[second], left_out, one == other))
        if table is not None:
            tables[name, second] = tables[second, name] = table
    apart = {pair: table for pair, table in tables.items() if pair[0] < pair[1]}
    for name in names:
        some = [table for pair, table in apart.items() if name in pair]
        if some:
            tables[name, AnyCamera] = tables[AnyCamera, name] = pooled(some)
    if apart:
        tables[AnyCamera, AnyCamera] = pooled(list(apart.values()))
    return tables


def linked_pairs(of_camera: Sequence[Singles]) -> sparse.csr_array:
    """Ones (N, N) for the pairs of all cameras' N tracklets that are probably of one person, as the module tells.

    of_camera -- descriptors (N_c, D) of length 1 of each camera.
    """
    count = len(of_camera)
    parts = {(i, j): mutual(of_camera[i], of_camera[j], i == j) for i in range(count) for j in range(i, count)}
    grid = [[parts[i, j] if i <= j else parts[j, i].T for j in range(count)] for i in range(count)]
    links = sparse.csr_array(sparse.block_array(grid, format="csr", dtype=np.int32))
    paths = links @ links
    paths.data = (paths.data >= PATHS).astype(np.int32)
    paths.eliminate_zeros()
    return sparse.csr_array(links.maximum(paths))


def mutual(one: Singles, other: Singles, same_camera: bool) -> sparse.csr_array:
    """Ones (N, M) for mutual nearest neighbours of tracklets (N, D) and (M, D); of one camera, without themselves."""
    found = np.zeros(0, np.int64), np.zeros(0, np.int64)
    if len(one) > same_camera and len(other):
        similarity = one @ other.T
        if same_camera:
            np.fill_diagonal(similarity, -np.inf)
        nearest, nearest_back = similarity.argmax(axis=1), similarity.argmax(axis=0)
        rows = np.flatnonzero(nearest_back[nearest] == np.arange(len(one)))
        found = rows, nearest[rows]
    return sparse.csr_array((np.ones(len(found[0]), np.int32), found), shape=(len(one), len(other)))


def different(one: Singles, other: Singles, linked: sparse.csr_array, same_camera: bool) -> Singles:
    """Similarities of the pairs of two cameras' tracklets (N, D), (M, D) that are not `linked` (N, M)."""
    similarity = one @ other.T
    kept = np.triu(np.ones(similarity.shape, bool), 1) if same_camera else np.ones(similarity.shape, bool)
    kept[linked.nonzero()] = False
    scores: Singles = similarity[kept]
    return scores


def table_of(scores: Singles) -> RateTable | None:
    """The table of similarities (K,) of pairs of different persons; None where they are too few."""
    if len(scores) < FEWEST_PAIRS:
        return None
    ascending = np.sort(scores)
    told = [rate for rate in RATES if rate * len(scores) >= 1]
    places = [max(0, math.ceil(len(scores) * (1 - rate)) - 1) for rate in told]
    return RateTable(len(scores), tuple(float(ascending[place]) for place in places))


def pooled(tables: Sequence[RateTable]) -> RateTable:
    """The table of the pairs of several tables together."""
    total = sum(table.pairs for table in tables)
    grid = np.unique(np.concatenate([table.scores for table in tables]))
    shares = sum(table.pairs / total * table.rates(grid) for table in tables)
    told = [rate for rate in RATES if rate * total >= 1]
    found = np.interp(-np.log(told), -np.log(shares), grid)
    return RateTable(total, tuple(found.tolist()))


def best_table(tables: Mapping[tuple[str, str], RateTable], one: str | None, other: str) -> RateTable | None:
    """The table of two cameras, or the closest one that there is; `one` is None where it is not known."""
    wanted = [(one or AnyCamera, other), (AnyCamera, other), (AnyCamera, AnyCamera)]
    return next((tables[pair] for pair in wanted if pair in tables), None)
