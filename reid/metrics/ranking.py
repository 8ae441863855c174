"""CMC, mAP and mINP by three protocols (paper, Section 4.1): pure functions on NumPy arrays, without PyTorch.

Rules of all protocols: a gallery item with the query's person and camera is ignored, and so is a gallery item with
person id -1 (junk). Person id 0 is a distractor, which is ranked but matches no query; persons are numbered from 1.
Equal distances are ranked in gallery order. `reid.metrics.protocols.Protocol` states where the protocols differ,
`reid.metrics.protocols.Clothes` which further items of the query's person are ignored in cloth-changing data.

All figures follow from the ranks of the positives, and a rank is the number of nearer items plus one: the gallery is
never sorted by index.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import AnyFloats, AnyInts, Floats, Ints
from reid.metrics.average_precision import hit_numbers, step_precisions, trapezoidal_precisions
from reid.metrics.distances import check_features, distance_blocks, euclidean_distances
from reid.metrics.labels import DISTRACTOR, JUNK, Labels, check_not_empty
from reid.metrics.protocols import (
    Clothes,
    Protocol,
    check_any_positive,
    check_outfits,
    check_query_index,
    counts_of_positives,
    ranked_gallery,
)
from reid.metrics.reranking import re_ranked_features
from reid.metrics.score_normalisation import ScoreNorm, normalised

_BLOCK = 64
"""Queries ranked at a time: 3 MB of working memory at the size of MARS (12 180 gallery items)."""

_SORTING = 16
"""Cost of sorting an item, in comparisons of two items (measured: 7 ns and 0.45 ns)."""


@dataclass(frozen=True)
class RankingOptions:
    """How features are ranked."""

    protocol: Protocol = "step"

    score_norm: ScoreNorm | None = None
    """Normalization of the distances; None: not normalized."""

    rerank: bool = False
    """Re-rank by k-reciprocal neighbors (`reid.metrics.reranking`), before `score_norm`."""

    max_rank: int = 50
    """Length of the CMC, at least 1."""

    clothes: Clothes = "general"
    """Which gallery items of the query's person count, by their clothes."""

    def __post_init__(self) -> None:
        _check_max_rank(self.max_rank)


def _check_max_rank(max_rank: int) -> None:
    if max_rank < 1:
        raise ValueError(f"max_rank must be at least 1, not {max_rank}")


PLAIN = RankingOptions()
"""Protocol step, without re-ranking and score normalization."""


@dataclass(frozen=True)
class Ranking:
    """Retrieval figures; shares in 0..1, of the valid queries (official protocol: of all queries)."""

    cmc: Floats
    """(max_rank,) share of queries with a match within the first 1, 2, ... places."""
    mAP: float  # noqa: N815 - the field's own spelling
    """Mean average precision, by the protocol's definition of AP."""
    queries: int
    """All queries."""
    valid_queries: int
    """Queries with a positive in the gallery."""
    mINP: float  # noqa: N815
    """Mean inverse negative penalty (Ye et al. 2021, Section 4.1): number of positives over the last positive's rank.
    """

    def rank(self, k: int) -> float:
        """CMC at k from 1. Raises ValueError beyond the length of `cmc`."""
        if not 1 <= k <= len(self.cmc):
            raise ValueError(f"rank {k} is not within 1..{len(self.cmc)}")
        return float(self.cmc[k - 1])

    @property
    def rank1(self) -> float:
        """Share of queries whose first gallery item is a match."""
        return self.rank(1)


def evaluate_protocol(
    distances: AnyFloats | Iterable[AnyFloats],
    query: Labels,
    gallery: Labels,
    protocol: Protocol = "step",
    query_index: AnyInts | None = None,
    max_rank: int = 50,
    clothes: Clothes = "general",
) -> Ranking:
    """CMC up to `max_rank`, mAP and mINP of distances (Q, G); a smaller distance is a better match.

    distances -- an array (Q, G), or its rows in blocks (B, G), in order.
    query_index -- (Q,) gallery row of each query; required by the torchreid protocol.
    clothes -- which gallery items of the query's person count, see `reid.configs.groups.ranking.Clothes`.

    The CMC is constant beyond the size of the gallery. Raises ValueError on shapes that do not fit, on NaN, where no
    query has a positive, and where `clothes` needs outfits that are not known.
    """
    _check_max_rank(max_rank)
    check_not_empty(query, gallery)
    check_outfits(query, gallery, clothes)
    if query_index is not None:
        check_query_index(query_index, query, gallery)
    left = np.where(ranked_gallery(gallery, protocol, query_index), gallery.pids, JUNK)
    ranks = list(positive_ranks(distances, query, gallery.with_pids(left), clothes))
    counts = np.array([len(each) for each in ranks])
    check_any_positive(counts, np.count_nonzero(left != JUNK), clothes)
    return _summary(np.concatenate(ranks), counts, protocol, max_rank)


def rank_features(
    query_features: AnyFloats,
    gallery_features: AnyFloats,
    query: Labels,
    gallery: Labels,
    options: RankingOptions = PLAIN,
    query_index: AnyInts | None = None,
) -> Ranking:
    """`evaluate_protocol` of the Euclidean distances between features (Q, D) and (G, D).

    Items that the protocol removes from the gallery (junk; for torchreid the queries) are removed before re-ranking
    and normalization. Without either, distances are computed in blocks, so that memory does not grow with Q. Raises
    ValueError as `evaluate_protocol` and `reid.metrics.distances.check_features` do.
    """
    check_features(query_features, gallery_features)
    check_not_empty(query, gallery)
    for name, features, labels in (("query", query_features, query), ("gallery", gallery_features, gallery)):
        if len(features) != len(labels):
            raise ValueError(f"{len(features)} rows of {name} features, but {len(labels)} pids")
    if query_index is not None:
        check_query_index(query_index, query, gallery)
    rows = np.flatnonzero(ranked_gallery(gallery, options.protocol, query_index))
    check_any_positive(counts_of_positives(query, gallery[rows], options.clothes)[1], len(rows), options.clothes)
    kept = gallery_features if len(rows) == len(gallery_features) else gallery_features[rows]
    distances: AnyFloats | Iterable[AnyFloats]
    distances = re_ranked_features(query_features, kept) if options.rerank else distance_blocks(query_features, kept)
    if options.score_norm is not None:
        whole = distances if isinstance(distances, np.ndarray) else euclidean_distances(query_features, kept)
        distances = normalised(whole, options.score_norm)
    rest: Protocol = "step" if options.protocol == "torchreid" else options.protocol
    return evaluate_protocol(distances, query, gallery[rows], rest, max_rank=options.max_rank, clothes=options.clothes)


def positive_ranks(
    distances: AnyFloats | Iterable[AnyFloats], query: Labels, gallery: Labels, clothes: Clothes = "general"
) -> Iterator[Ints]:
    """For each query in order, the ranks (P,) of its positives among the items that are not ignored: ascending, from 1.

    A query without a positive has an empty array. Arguments and errors as in `evaluate_protocol`.
    """
    check_not_empty(query, gallery)
    junk = np.flatnonzero(gallery.pids == JUNK)
    by_pid = np.argsort(gallery.pids, kind="stable")
    firsts = np.searchsorted(gallery.pids[by_pid], query.pids, side="left")
    lasts = np.searchsorted(gallery.pids[by_pid], query.pids, side="right")
    number = 0
    for block in _blocks(distances, (len(query), len(gallery))):
        if np.isnan(block.min()):
            raise ValueError(f"distances: a row of queries {number} to {number + len(block) - 1} holds NaN")
        block[:, junk] = np.nan  # comparisons with NaN are false, so that these items take no place
        for row in block:
            same = by_pid[firsts[number] : lasts[number]]
            ignored = gallery.cams[same] == query.cams[number]
            if clothes != "general" and query.outfits is not None and gallery.outfits is not None:
                ignored |= (gallery.outfits[same] == query.outfits[number]) == (clothes == "changed")
            row[same[ignored]] = np.nan
            positives = same[~ignored] if query.pids[number] > DISTRACTOR else same[:0]
            yield _places(row, positives) if len(positives) else positives
            number += 1


def cumulative_matches(first_ranks: AnyInts, max_rank: int) -> Floats:
    """CMC (max_rank,): share of queries whose first positive is within the first k places, k from 1.

    first_ranks -- (V,) rank of the first positive of each query, from 1.

    >>> cumulative_matches(np.array([1, 3]), 4).tolist()
    [0.5, 0.5, 1.0, 1.0]
    """
    at = np.bincount(np.minimum(first_ranks, max_rank + 1), minlength=max_rank + 2)
    return np.cumsum(at)[1 : max_rank + 1] / len(first_ranks)


def _summary(ranks: Ints, counts: Ints, protocol: Protocol, max_rank: int) -> Ranking:
    """The figures of all queries.

    ranks -- ranks of the positives of all queries, concatenated. counts -- (Q,) number of positives of each query.
    """
    positives = counts[counts > 0]
    firsts = np.cumsum(positives) - positives
    hits = hit_numbers(positives)
    precisions = (trapezoidal_precisions if protocol == "official" else step_precisions)(ranks, hits)
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


def _places(row: AnyFloats, positives: Ints) -> Ints:
    """Ranks (P,) from 1, ascending, of the columns `positives` in the stable ascending order of `row` (G,).

    NaN has no rank. The cheaper of two ways is taken: sort the distances up to that of the farthest positive, or count
    for each positive the items before it. Tied positives are always counted.
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
    """Number of items before each of `columns`: nearer items, and equally near items of a smaller column."""
    before = np.empty(len(row), dtype=bool)
    places = np.empty(len(columns), dtype=np.int64)
    for number, column in enumerate(columns.tolist()):
        value = row[column]
        np.less_equal(row[:column], value, out=before[:column])
        np.less(row[column:], value, out=before[column:])
        places[number] = np.count_nonzero(before)
    return places


def _blocks(distances: AnyFloats | Iterable[AnyFloats], shape: tuple[int, int]) -> Iterator[AnyFloats]:
    """Writable copies of the rows of distances of shape (Q, G), in blocks. Raises ValueError on another shape."""
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
