"""CMC, mAP and mINP by three protocols (Section 4.1; README, «Protocols and speed»): pure functions on NumPy arrays.

The rules of every protocol: a gallery item with the query's pid and camera is ignored, and so is a gallery pid of -1
(junk); pid 0 is a distractor, which is ranked but matches nobody. Persons are numbered from 1. Equal distances are
ranked in gallery order. What the protocols differ in is said at `Protocol`.

Everything follows from the ranks of the positives, and these from counting the items that are nearer: the gallery is
never sorted by index. Nothing here imports PyTorch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alignnet_common.arrays import AnyFloats, AnyInts, Ints
from reid.metrics.distances import check_features, distance_blocks, euclidean_distances
from reid.metrics.protocols import (
    DISTRACTOR,
    JUNK,
    Protocol,
    _check_labels,
    _check_valid,
    _counts_of_positives,
    check_query_index,
    ranked_gallery,
)
from reid.metrics.reranking import re_ranked_features
from reid.metrics.score_normalisation import ScoreNorm, normalised

__all__ = [
    "Ranking",
    "average_precision",
    "cumulative_matches",
    "euclidean_distances",
    "evaluate_protocol",
    "evaluate_ranking",
    "inverse_negative_penalty",
    "positive_ranks",
    "rank_features",
    "trapezoidal_average_precision",
]


_BLOCK = 64
"""Queries ranked at a time: at MARS size (12 180 gallery items) 3 MB of working memory."""

_SORTING = 16
"""Sorting an item costs as much as comparing this many (measured: 7 ns and 0.45 ns)."""


@dataclass(frozen=True)
class Ranking:
    """How well queries find their persons; shares in 0..1, of the valid queries (official: of all)."""

    cmc: npt.NDArray[np.float64]
    """(max_rank,) share of queries with a match within the first 1, 2, ... places."""
    mAP: float  # noqa: N815 - the field's own spelling
    """Mean average precision, as the protocol has it."""
    queries: int
    """All queries."""
    valid_queries: int
    """Queries with a positive in the gallery."""
    mINP: float  # noqa: N815
    """Mean inverse negative penalty (Ye et al. 2021, Section 4.1): positives over the rank of the last of them."""

    def rank(self, k: int) -> float:
        """CMC at k from 1. Raises ValueError beyond the length of `cmc`."""
        if not 1 <= k <= len(self.cmc):
            raise ValueError(f"rank {k} is not within 1..{len(self.cmc)}")
        return float(self.cmc[k - 1])

    @property
    def rank1(self) -> float:
        """Share of queries whose first gallery item is a match."""
        return self.rank(1)


def evaluate_ranking(
    distances: AnyFloats,
    query_pids: AnyInts,
    gallery_pids: AnyInts,
    query_cams: AnyInts,
    gallery_cams: AnyInts,
    max_rank: int = 50,
) -> Ranking:
    """`evaluate_protocol` by the protocol «step»: the gallery as given, queries without a positive skipped."""
    return evaluate_protocol(distances, query_pids, gallery_pids, query_cams, gallery_cams, max_rank=max_rank)


def evaluate_protocol(
    distances: AnyFloats | Iterable[AnyFloats],
    query_pids: AnyInts,
    gallery_pids: AnyInts,
    query_cams: AnyInts,
    gallery_cams: AnyInts,
    protocol: Protocol = "step",
    query_index: AnyInts | None = None,
    max_rank: int = 50,
) -> Ranking:
    """CMC up to `max_rank`, mAP and mINP of (Q, G) distances by a protocol; smaller is more alike.

    `distances` may come as blocks of rows, in turn. Pids and cameras are integers (Q,) and (G,); `query_index` (Q,),
    which torchreid's protocol needs, is the gallery row that each query is. Beyond the gallery's size the CMC stays as
    it is. Raises ValueError on shapes that do not fit, NaN, and where no query has a positive.
    """
    if max_rank < 1:
        raise ValueError(f"max_rank must be at least 1, not {max_rank}")
    _check_labels(query_pids, gallery_pids, query_cams, gallery_cams)
    if query_index is not None:
        check_query_index(query_index, query_pids, gallery_pids, query_cams, gallery_cams)
    left = np.where(ranked_gallery(gallery_pids, protocol, query_index), gallery_pids, JUNK)
    found = list(positive_ranks(distances, query_pids, left, query_cams, gallery_cams))
    counts = np.array([len(each) for each in found])
    _check_valid(counts, np.count_nonzero(left != JUNK))
    return _summary(np.concatenate(found), counts, protocol, max_rank)


def rank_features(
    query_features: AnyFloats,
    gallery_features: AnyFloats,
    query_pids: AnyInts,
    gallery_pids: AnyInts,
    query_cams: AnyInts,
    gallery_cams: AnyInts,
    protocol: Protocol = "step",
    query_index: AnyInts | None = None,
    score_norm: ScoreNorm | None = None,
    rerank: bool = False,
    max_rank: int = 50,
) -> Ranking:
    """`evaluate_protocol` of the Euclidean distances between features (Q, D) and (G, D), in blocks.

    What the protocol takes out of the gallery, junk too, is out before distances are re-ranked (Zhong et al. 2017,
    with their k1, k2 and lambda) and then normalised, where asked for. Without either, memory is bounded whatever Q
    is. Raises ValueError as `evaluate_protocol` and `reid.metrics.distances.check_features` do.
    """
    check_features(query_features, gallery_features)
    _check_labels(query_pids, gallery_pids, query_cams, gallery_cams)
    for name, features, pids in (("query", query_features, query_pids), ("gallery", gallery_features, gallery_pids)):
        if len(features) != len(pids):
            raise ValueError(f"{len(features)} rows of {name} features, but {len(pids)} pids")
    if query_index is not None:
        check_query_index(query_index, query_pids, gallery_pids, query_cams, gallery_cams)
    left = np.flatnonzero(ranked_gallery(gallery_pids, protocol, query_index))
    people = (query_pids, gallery_pids[left], query_cams, gallery_cams[left])
    _check_valid(_counts_of_positives(*people)[1], len(left))
    kept = gallery_features if len(left) == len(gallery_features) else gallery_features[left]
    distances: AnyFloats | Iterable[AnyFloats]
    distances = re_ranked_features(query_features, kept) if rerank else distance_blocks(query_features, kept)
    if score_norm is not None:
        distances = normalised(
            distances if isinstance(distances, np.ndarray) else euclidean_distances(query_features, kept), score_norm
        )
    rest: Protocol = "step" if protocol == "torchreid" else protocol
    return evaluate_protocol(distances, *people, protocol=rest, max_rank=max_rank)


def positive_ranks(
    distances: AnyFloats | Iterable[AnyFloats],
    query_pids: AnyInts,
    gallery_pids: AnyInts,
    query_cams: AnyInts,
    gallery_cams: AnyInts,
) -> Iterator[Ints]:
    """For each query in turn, the places of its positives among the items that are not ignored: ascending, from 1.

    Empty where the query has none. Arguments and errors as in `evaluate_protocol`.
    """
    _check_labels(query_pids, gallery_pids, query_cams, gallery_cams)
    junk = np.flatnonzero(gallery_pids == JUNK)
    by_pid = np.argsort(gallery_pids, kind="stable")
    firsts = np.searchsorted(gallery_pids[by_pid], query_pids, side="left")
    lasts = np.searchsorted(gallery_pids[by_pid], query_pids, side="right")
    query = 0
    for block in _blocks(distances, (len(query_pids), len(gallery_pids))):
        if np.isnan(block.min()):
            raise ValueError(f"distances: a row of queries {query} to {query + len(block) - 1} holds NaN")
        block[:, junk] = np.nan  # NaN is before nothing, so it takes no place
        for row in block:
            same = by_pid[firsts[query] : lasts[query]]
            ignored = gallery_cams[same] == query_cams[query]
            row[same[ignored]] = np.nan
            positives = same[~ignored] if query_pids[query] > DISTRACTOR else same[:0]
            yield _places(row, positives) if len(positives) else positives
            query += 1


def average_precision(ranks: AnyInts) -> float:
    """Mean of the precision at each hit; `ranks` (P,) are the places of the P positives, ascending, from 1.

    >>> average_precision(np.array([1, 4]))
    0.75
    """
    return float(_step_precisions(ranks, _hit_numbers(np.array([len(ranks)]))).mean())


def trapezoidal_average_precision(ranks: AnyInts) -> float:
    """Area under precision over recall by the trapezoidal rule, as the official MARS and Market-1501 code has it.

    At each hit recall grows by 1/P, and the precision taken is the mean of those at the hit's place and one place
    before it (1 before the first place). `ranks` as in `average_precision`.

    >>> trapezoidal_average_precision(np.array([1, 4]))
    0.7083333333333333
    """
    return float(_trapezoids(ranks, _hit_numbers(np.array([len(ranks)]))).mean())


def inverse_negative_penalty(ranks: AnyInts) -> float:
    """P positives over the place of the last one; `ranks` as in `average_precision`. 1 is perfect.

    >>> inverse_negative_penalty(np.array([1, 4]))
    0.5
    """
    return len(ranks) / float(ranks[-1])


def cumulative_matches(first_ranks: AnyInts, max_rank: int) -> npt.NDArray[np.float64]:
    """CMC (max_rank,): share of queries whose first positive, at places (V,) from 1, is within the first k.

    >>> cumulative_matches(np.array([1, 3]), 4).tolist()
    [0.5, 0.5, 1.0, 1.0]
    """
    at = np.bincount(np.minimum(first_ranks, max_rank + 1), minlength=max_rank + 2)
    return np.cumsum(at)[1 : max_rank + 1] / len(first_ranks)


def _summary(ranks: Ints, counts: Ints, protocol: Protocol, max_rank: int) -> Ranking:
    """The figures of all queries: `ranks` one after the other, of which each query has `counts` (Q,)."""
    positives = counts[counts > 0]
    firsts = np.cumsum(positives) - positives
    hits = _hit_numbers(positives)
    precisions = (_trapezoids if protocol == "official" else _step_precisions)(ranks, hits)
    average_precisions = np.add.reduceat(precisions, firsts) / positives
    penalties = positives / ranks[firsts + positives - 1]
    share = len(positives) / len(counts) if protocol == "official" else 1.0
    return Ranking(
        cmc=share * cumulative_matches(ranks[firsts], max_rank),
        mAP=share * float(average_precisions.mean()),
        queries=len(counts),
        valid_queries=len(positives),
        mINP=share * float(penalties.mean()),
    )


def _hit_numbers(positives: AnyInts) -> Ints:
    """1, 2, ... within each query, for queries with these numbers of positives."""
    firsts = np.cumsum(positives) - positives
    return np.arange(1, int(positives.sum()) + 1) - np.repeat(firsts, positives)


def _step_precisions(ranks: AnyInts, hits: AnyInts) -> npt.NDArray[np.float64]:
    """The precision at each hit."""
    return hits / ranks


def _trapezoids(ranks: AnyInts, hits: AnyInts) -> npt.NDArray[np.float64]:
    """The mean of the precision at each hit and one place before it."""
    before = np.where(ranks > 1, (hits - 1) / np.maximum(ranks - 1, 1), 1.0)
    return (before + hits / ranks) / 2


def _places(row: AnyFloats, positives: Ints) -> Ints:
    """Places from 1, ascending, of `positives` in the stable ascending order of `row`, where NaN has no place.

    Either the items that are not farther than the farthest positive are sorted, by value, or each positive's nearer
    items are counted, whichever costs less; where values tie, they are counted.
    """
    values = row[positives]
    near = row <= values.max()
    if _SORTING * np.count_nonzero(near) > len(positives) * len(row):
        places = _counted(row, positives)
    else:
        in_order = np.sort(row[near])
        places = np.searchsorted(in_order, values, side="left")
        tied = np.searchsorted(in_order, values, side="right") > places + 1
        if tied.any():
            places[tied] = _counted(row, positives[tied])
    return np.sort(places) + 1


def _counted(row: AnyFloats, columns: Ints) -> Ints:
    """How many items come before each of `columns`: those nearer, and those as near that stand before it."""
    before = np.empty(len(row), dtype=bool)
    places = np.empty(len(columns), dtype=np.int64)
    for number, column in enumerate(columns.tolist()):
        value = row[column]
        np.less_equal(row[:column], value, out=before[:column])
        np.less(row[column:], value, out=before[column:])
        places[number] = np.count_nonzero(before)
    return places


def _blocks(distances: AnyFloats | Iterable[AnyFloats], shape: tuple[int, int]) -> Iterator[AnyFloats]:
    """Rows of the distances (Q, G), a block at a time, copied so that they may be written to.

    Raises ValueError where they are not of that shape.
    """
    if isinstance(distances, np.ndarray):
        if distances.shape != shape:
            raise ValueError(f"distances are {distances.shape}, pids say {shape}")
        distances = np.split(distances, range(_BLOCK, shape[0], _BLOCK))
    rows = 0
    for block in distances:
        rows += len(block)
        if block.ndim != 2 or block.shape[1] != shape[1] or rows > shape[0]:
            raise ValueError(f"distances: a block of {block.shape} up to row {rows}, pids say {shape}")
        yield np.array(block, dtype=np.result_type(block.dtype, np.float32), order="C")
    if rows < shape[0]:
        raise ValueError(f"distances are {rows} rows, pids say {shape}")
