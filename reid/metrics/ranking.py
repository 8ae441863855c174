"""CMC, mAP and mINP by three protocols (Section 4.1; README, «Protocols and speed»): pure functions on NumPy arrays.

The rules of every protocol: a gallery item with the query's pid and camera is ignored, and so is a gallery pid of -1
(junk); pid 0 is a distractor, which is ranked but matches nobody. Persons are numbered from 1. Equal distances are
ranked in gallery order. What the protocols differ in is said at `Protocol`.

Everything follows from the ranks of the positives, and these from counting the items that are nearer: the gallery is
never sorted by index. Nothing here imports PyTorch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from reid.metrics.distances import Floats, check_features, distance_blocks, euclidean_distances
from reid.metrics.reranking import re_ranked_features
from reid.metrics.score_normalisation import ScoreNorm, normalised

__all__ = [
    "RULES",
    "Protocol",
    "Ranking",
    "average_precision",
    "chance_rank1",
    "chance_ranking",
    "cumulative_matches",
    "euclidean_distances",
    "evaluate_protocol",
    "evaluate_ranking",
    "inverse_negative_penalty",
    "positive_ranks",
    "rank_features",
    "ranked_gallery",
    "trapezoidal_average_precision",
]

Ints = npt.NDArray[np.integer]
Ranks = npt.NDArray[np.int64]

Protocol = Literal["step", "torchreid", "official"]
"""How MARS (or anything else) is counted; a number without this name can be two points of rank-1 off.

step: the gallery as given; AP is the mean precision at the hits; queries without a positive are skipped, and counted.
torchreid: the same, but queries that also stand in the gallery are taken out of it (Kaiyang Zhou's deep-person-reid).
official: the gallery as given; AP is the area under the precision-recall curve by the trapezoidal rule; the shares are
of all queries, where one without a positive counts 0 (Liang Zheng's MARS-evaluation).
"""

COMMON_RULES = (
    "a gallery item with the query's pid and camera is ignored, so is pid -1 (junk), pid 0 matches nobody; "
    "Euclidean distance; equal distances in gallery order"
)
RULES: dict[Protocol, str] = {
    "step": f"the gallery as given; queries without a positive skipped; step AP; {COMMON_RULES}",
    "torchreid": f"queries taken out of the gallery; queries without a positive skipped; step AP; {COMMON_RULES}",
    "official": f"the gallery as given; all queries counted; trapezoidal AP; {COMMON_RULES}",
}
"""Each protocol in words, as results have them."""

JUNK = -1
DISTRACTOR = 0

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
    distances: Floats,
    query_pids: Ints,
    gallery_pids: Ints,
    query_cams: Ints,
    gallery_cams: Ints,
    max_rank: int = 50,
) -> Ranking:
    """`evaluate_protocol` by the protocol «step»: the gallery as given, queries without a positive skipped."""
    return evaluate_protocol(distances, query_pids, gallery_pids, query_cams, gallery_cams, max_rank=max_rank)


def evaluate_protocol(
    distances: Floats | Iterable[Floats],
    query_pids: Ints,
    gallery_pids: Ints,
    query_cams: Ints,
    gallery_cams: Ints,
    protocol: Protocol = "step",
    query_index: Ints | None = None,
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
    query_features: Floats,
    gallery_features: Floats,
    query_pids: Ints,
    gallery_pids: Ints,
    query_cams: Ints,
    gallery_cams: Ints,
    protocol: Protocol = "step",
    query_index: Ints | None = None,
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
    distances: Floats | Iterable[Floats]
    distances = re_ranked_features(query_features, kept) if rerank else distance_blocks(query_features, kept)
    if score_norm is not None:
        distances = normalised(
            distances if isinstance(distances, np.ndarray) else euclidean_distances(query_features, kept), score_norm
        )
    rest: Protocol = "step" if protocol == "torchreid" else protocol
    return evaluate_protocol(distances, *people, protocol=rest, max_rank=max_rank)


def ranked_gallery(gallery_pids: Ints, protocol: Protocol, query_index: Ints | None = None) -> npt.NDArray[np.bool_]:
    """Which gallery items (G,) a protocol ranks: not junk, and in torchreid's protocol no query either.

    Raises ValueError where torchreid's protocol is not told which rows the queries are.
    """
    ranked = gallery_pids != JUNK
    if protocol == "torchreid":
        if query_index is None:
            raise ValueError("the torchreid protocol needs query_index: the gallery row that each query is")
        ranked[query_index] = False
    return ranked


def check_query_index(
    query_index: Ints, query_pids: Ints, gallery_pids: Ints, query_cams: Ints, gallery_cams: Ints
) -> None:
    """Raise ValueError where `query_index` (Q,) names no gallery rows, or rows of another person or camera."""
    if query_index.shape != query_pids.shape:
        raise ValueError(f"query_index must be {len(query_pids)} gallery rows, one a query, not {query_index.shape}")
    outside = (query_index < 0) | (query_index >= len(gallery_pids))
    if outside.any():
        query = int(np.argmax(outside))
        rows = f"0..{len(gallery_pids) - 1}"
        raise ValueError(f"query_index: query {query} would be gallery row {query_index[query]}, rows are {rows}")
    others = (gallery_pids[query_index] != query_pids) | (gallery_cams[query_index] != query_cams)
    if others.any():
        query = int(np.argmax(others))
        row = int(query_index[query])
        raise ValueError(
            f"query_index: query {query} (pid {query_pids[query]}, camera {query_cams[query]}) would be gallery row "
            f"{row} (pid {gallery_pids[row]}, camera {gallery_cams[row]}); rows are counted from 0"
        )


def positive_ranks(
    distances: Floats | Iterable[Floats], query_pids: Ints, gallery_pids: Ints, query_cams: Ints, gallery_cams: Ints
) -> Iterator[Ranks]:
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


def average_precision(ranks: Ints) -> float:
    """Mean of the precision at each hit; `ranks` (P,) are the places of the P positives, ascending, from 1.

    >>> average_precision(np.array([1, 4]))
    0.75
    """
    return float(_step_precisions(ranks, _hit_numbers(np.array([len(ranks)]))).mean())


def trapezoidal_average_precision(ranks: Ints) -> float:
    """Area under precision over recall by the trapezoidal rule, as the official MARS and Market-1501 code has it.

    At each hit recall grows by 1/P, and the precision taken is the mean of those at the hit's place and one place
    before it (1 before the first place). `ranks` as in `average_precision`.

    >>> trapezoidal_average_precision(np.array([1, 4]))
    0.7083333333333333
    """
    return float(_trapezoids(ranks, _hit_numbers(np.array([len(ranks)]))).mean())


def inverse_negative_penalty(ranks: Ints) -> float:
    """P positives over the place of the last one; `ranks` as in `average_precision`. 1 is perfect.

    >>> inverse_negative_penalty(np.array([1, 4]))
    0.5
    """
    return len(ranks) / float(ranks[-1])


def cumulative_matches(first_ranks: Ints, max_rank: int) -> npt.NDArray[np.float64]:
    """CMC (max_rank,): share of queries whose first positive, at places (V,) from 1, is within the first k.

    >>> cumulative_matches(np.array([1, 3]), 4).tolist()
    [0.5, 0.5, 1.0, 1.0]
    """
    at = np.bincount(np.minimum(first_ranks, max_rank + 1), minlength=max_rank + 2)
    return np.cumsum(at)[1 : max_rank + 1] / len(first_ranks)


def chance_ranking(
    query_pids: Ints,
    gallery_pids: Ints,
    query_cams: Ints,
    gallery_cams: Ints,
    protocol: Protocol = "step",
    query_index: Ints | None = None,
    max_rank: int = 50,
) -> Ranking:
    """What a random order of the gallery is expected to give; arguments and errors as in `evaluate_protocol`.

    Of n items that are ranked, p match. None of the first k does with the chance prod_{i<k} (n - p - i) / (n - i).
    The precision at a hit is expected to be (p - 1) / (n - 1) (1 - H_n / n) + H_n / n, with the harmonic number H_n;
    one place before it, (p - 1) / (n - 1) (1 - 1 / n) + 1 / n. The last match is at place m with the chance
    p / m prod_{m<j<=n} (1 - p / j).
    """
    _check_labels(query_pids, gallery_pids, query_cams, gallery_cams)
    left = np.where(ranked_gallery(gallery_pids, protocol, query_index), gallery_pids, JUNK)
    items, positives = _counts_of_positives(query_pids, left, query_cams, gallery_cams)
    _check_valid(positives, np.count_nonzero(left != JUNK))
    pairs, times = np.unique(
        np.column_stack((items, positives))[positives > 0].astype(np.int64), axis=0, return_counts=True
    )
    harmonic = np.concatenate(([0.0], np.cumsum(1 / np.arange(1, len(left) + 1))))
    cmc, precision, penalty = np.zeros(max_rank), 0.0, 0.0
    for (n, p), weight in zip(pairs.tolist(), times.tolist(), strict=True):
        before = np.arange(max_rank)
        cmc += weight * (1 - np.cumprod(np.maximum(n - p - before, 0) / np.maximum(n - before, 1)))
        others = (p - 1) / (n - 1) if n > 1 else 0.0
        at_hits = others + (1 - others) * harmonic[n] / n
        precision += weight * ((at_hits + others + (1 - others) / n) / 2 if protocol == "official" else at_hits)
        places = np.arange(n, p - 1, -1)
        none_after = np.concatenate(([1.0], np.cumprod(1 - p / places[:-1])))
        penalty += weight * float((p / places * none_after * p / places).sum())
    counted = len(query_pids) if protocol == "official" else int(times.sum())
    return Ranking(cmc / counted, precision / counted, len(query_pids), int(times.sum()), penalty / counted)


def chance_rank1(query_pids: Ints, gallery_pids: Ints, query_cams: Ints, gallery_cams: Ints) -> float:
    """Rank-1 to be expected of a random ranking: mean over valid queries of positives over items not ignored.

    Raises ValueError where no query has a positive.
    """
    return chance_ranking(query_pids, gallery_pids, query_cams, gallery_cams, max_rank=1).rank1


def _summary(ranks: Ranks, counts: Ranks, protocol: Protocol, max_rank: int) -> Ranking:
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


def _hit_numbers(positives: Ints) -> Ranks:
    """1, 2, ... within each query, for queries with these numbers of positives."""
    firsts = np.cumsum(positives) - positives
    return np.arange(1, int(positives.sum()) + 1) - np.repeat(firsts, positives)


def _step_precisions(ranks: Ints, hits: Ints) -> npt.NDArray[np.float64]:
    """The precision at each hit."""
    return hits / ranks


def _trapezoids(ranks: Ints, hits: Ints) -> npt.NDArray[np.float64]:
    """The mean of the precision at each hit and one place before it."""
    before = np.where(ranks > 1, (hits - 1) / np.maximum(ranks - 1, 1), 1.0)
    return (before + hits / ranks) / 2


def _places(row: Floats, positives: Ranks) -> Ranks:
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


def _counted(row: Floats, columns: Ranks) -> Ranks:
    """How many items come before each of `columns`: those nearer, and those as near that stand before it."""
    before = np.empty(len(row), dtype=bool)
    places = np.empty(len(columns), dtype=np.int64)
    for number, column in enumerate(columns.tolist()):
        value = row[column]
        np.less_equal(row[:column], value, out=before[:column])
        np.less(row[column:], value, out=before[column:])
        places[number] = np.count_nonzero(before)
    return places


def _blocks(distances: Floats | Iterable[Floats], shape: tuple[int, int]) -> Iterator[Floats]:
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


def _counts_of_positives(
    query_pids: Ints, gallery_pids: Ints, query_cams: Ints, gallery_cams: Ints
) -> tuple[Ranks, Ranks]:
    """For each query (Q,): items that are ranked, and how many of them are positives."""
    pids, cams = np.concatenate((query_pids, gallery_pids)), np.concatenate((query_cams, gallery_cams))
    _, person = np.unique(pids, return_inverse=True)
    _, view = np.unique(np.column_stack((pids, cams)), axis=0, return_inverse=True)
    person, view = person.ravel(), view.ravel()  # some versions of NumPy return a column
    queries = len(query_pids)
    of_person = np.bincount(person[queries:], minlength=int(person.max()) + 1)[person[:queries]]
    of_camera = np.bincount(view[queries:], minlength=int(view.max()) + 1)[view[:queries]]
    of_camera = np.where(query_pids == JUNK, 0, of_camera)
    items = np.count_nonzero(gallery_pids != JUNK) - of_camera
    return items, np.where(query_pids > DISTRACTOR, of_person - of_camera, 0)


def _check_valid(counts: Ints, items: int) -> None:
    """Raise ValueError where no query has a positive; `items` of the gallery are ranked."""
    if not counts.any():
        where = "in the gallery" if items else "left: all of the gallery is junk (pid -1) or a query"
        raise ValueError(f"none of the {len(counts)} queries has a positive (its pid, another camera) {where}")


def _check_labels(query_pids: Ints, gallery_pids: Ints, query_cams: Ints, gallery_cams: Ints) -> None:
    for name, pids, cams in (("query", query_pids, query_cams), ("gallery", gallery_pids, gallery_cams)):
        if pids.ndim != 1 or cams.shape != pids.shape:
            raise ValueError(f"{name} pids and cameras must be two lists of one length, not {pids.shape}, {cams.shape}")
        if not len(pids):
            raise ValueError(f"the {name} is empty")
