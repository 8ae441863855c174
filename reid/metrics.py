"""Distances, CMC and mAP (Section 4.1, `datasets-and-protocols.md`): pure functions on NumPy arrays, without PyTorch.

The common rules: a gallery item with the query's pid and camera is ignored, and so is a gallery pid of -1 (junk);
pid 0 is a distractor, which is ranked but matches nobody. Persons are numbered from 1. Equal distances are ranked in
gallery order. Queries without a positive are skipped, and counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

JUNK = -1
DISTRACTOR = 0

_BLOCK = 64
"""Queries ranked at a time: at MARS size (12 180 gallery items) some 6 MB of working memory."""

_SAME = 1e-12
"""Squared distances below this share of the squared lengths are rounding, and count as 0."""


@dataclass(frozen=True)
class Ranking:
    """How well queries find their persons; shares in 0..1."""

    cmc: npt.NDArray[np.float64]
    """(max_rank,) share of valid queries with a match within the first 1, 2, ... places."""
    mAP: float  # noqa: N815 - the field's own spelling
    """Mean over valid queries of the mean precision at each hit («step» average precision)."""
    queries: int
    """All queries."""
    valid_queries: int
    """Queries with a positive in the gallery; the others are in no figure."""

    def rank(self, k: int) -> float:
        """CMC at k from 1. Raises ValueError beyond the length of `cmc`."""
        if not 1 <= k <= len(self.cmc):
            raise ValueError(f"rank {k} is not within 1..{len(self.cmc)}")
        return float(self.cmc[k - 1])

    @property
    def rank1(self) -> float:
        """Share of valid queries whose first gallery item is a match."""
        return self.rank(1)


def euclidean_distances(query_features: Floats, gallery_features: Floats) -> npt.NDArray[np.float32]:
    """Euclidean distances (Q, G) between the rows of (Q, D) and of (G, D).

    Worked out in float64, a block of the gallery at a time, and rounded to float32: descriptors that are equal have
    a distance of exactly 0, and equal ones are equally far. Raises ValueError on shapes that do not fit, no rows, or
    a number that is not finite.
    """
    for name, features in (("query", query_features), ("gallery", gallery_features)):
        if features.ndim != 2 or 0 in features.shape:
            raise ValueError(f"{name} features must be (rows, size) with at least one row, not {features.shape}")
    if query_features.shape[1] != gallery_features.shape[1]:
        sizes = f"{query_features.shape[1]} and {gallery_features.shape[1]}"
        raise ValueError(f"query and gallery features differ in size: {sizes} numbers a row")
    query = _in_float64(query_features, "query", 0)
    query_squares = np.einsum("qd,qd->q", query, query)[:, None]
    distances = np.empty((len(query), len(gallery_features)), dtype=np.float32)
    step = max(1, 2**23 // query.shape[1])  # rows of the gallery: 64 MB in float64
    for start in range(0, len(gallery_features), step):
        gallery = _in_float64(gallery_features[start : start + step], "gallery", start)
        squares = query_squares + np.einsum("gd,gd->g", gallery, gallery)
        floor = _SAME * squares
        squares -= 2 * (query @ gallery.T)
        distances[:, start : start + step] = np.sqrt(np.where(squares < floor, 0.0, squares))
    return distances


def evaluate_ranking(
    distances: Floats,
    query_pids: Ints,
    gallery_pids: Ints,
    query_cams: Ints,
    gallery_cams: Ints,
    max_rank: int = 50,
) -> Ranking:
    """CMC up to `max_rank` and mAP of (Q, G) distances, by the rules above; smaller is more alike.

    Pids and cameras are integers (Q,) and (G,). Beyond the gallery's size the CMC stays as it is. Raises ValueError
    on shapes that do not fit, NaN, and where no query has a positive.
    """
    if max_rank < 1:
        raise ValueError(f"max_rank must be at least 1, not {max_rank}")
    ranks = list(positive_ranks(distances, query_pids, gallery_pids, query_cams, gallery_cams))
    found = [each for each in ranks if len(each)]
    if not found:
        raise ValueError(f"none of the {len(ranks)} queries has a positive (its pid, another camera) in the gallery")
    return Ranking(
        cmc=cumulative_matches(np.array([each[0] for each in found]), max_rank),
        mAP=float(np.mean([average_precision(each) for each in found])),
        queries=len(ranks),
        valid_queries=len(found),
    )


def positive_ranks(
    distances: Floats, query_pids: Ints, gallery_pids: Ints, query_cams: Ints, gallery_cams: Ints
) -> Iterator[npt.NDArray[np.int64]]:
    """For each query in turn, the places of its positives among the items that are not ignored: ascending, from 1.

    Empty where the query has none. Arguments and errors as in `evaluate_ranking`. A row is sorted by value, not by
    index; only rows where a positive shares its distance with another item need the order of the items too.
    """
    _check_labels(query_pids, gallery_pids, query_cams, gallery_cams)
    if distances.shape != (len(query_pids), len(gallery_pids)):
        raise ValueError(f"distances are {distances.shape}, pids say {(len(query_pids), len(gallery_pids))}")
    kept = np.flatnonzero(gallery_pids != JUNK)
    pids, cams = gallery_pids[kept], gallery_cams[kept]
    columns = _columns_of_pid(pids)
    for start in range(0, len(query_pids), _BLOCK):
        block = distances[start : start + _BLOCK]
        block = np.ascontiguousarray(block if len(kept) == len(gallery_pids) else block[:, kept])
        if np.isnan(block).any():
            raise ValueError(f"distances: a row of queries {start} to {start + len(block) - 1} holds NaN")
        for row, pid, cam in zip(block, query_pids[start:], query_cams[start:], strict=False):
            same = columns.get(int(pid), kept[:0])
            ignored = cams[same] == cam
            if ignored.all():  # or none of this person at all
                yield np.empty(0, dtype=np.int64)
            else:
                yield _without_ignored(_places(row, same), ignored)


def average_precision(ranks: Ints) -> float:
    """Mean of the precision at each hit; `ranks` (P,) are the places of the P positives, ascending, from 1.

    >>> average_precision(np.array([1, 4]))
    0.75
    """
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))


def cumulative_matches(first_ranks: Ints, max_rank: int) -> npt.NDArray[np.float64]:
    """CMC (max_rank,): share of queries whose first positive, at places (V,) from 1, is within the first k.

    >>> cumulative_matches(np.array([1, 3]), 4).tolist()
    [0.5, 0.5, 1.0, 1.0]
    """
    at = np.bincount(np.minimum(first_ranks, max_rank + 1), minlength=max_rank + 2)
    return np.cumsum(at)[1 : max_rank + 1] / len(first_ranks)


def chance_rank1(query_pids: Ints, gallery_pids: Ints, query_cams: Ints, gallery_cams: Ints) -> float:
    """Rank-1 to be expected of a random ranking: mean over valid queries of positives over items not ignored.

    Raises ValueError where no query has a positive.
    """
    _check_labels(query_pids, gallery_pids, query_cams, gallery_cams)
    kept = gallery_pids != JUNK
    pids, cams = gallery_pids[kept], gallery_cams[kept]
    columns = _columns_of_pid(pids)
    shares = []
    for pid, cam in zip(query_pids, query_cams, strict=True):
        same = columns.get(int(pid), np.empty(0, dtype=np.int64))
        positives = int(np.count_nonzero(cams[same] != cam))
        if positives:
            shares.append(positives / (len(pids) - (len(same) - positives)))
    if not shares:
        raise ValueError(f"none of the {len(query_pids)} queries has a positive (its pid, another camera)")
    return float(np.mean(shares))


def _places(row: Floats, columns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Places from 0 of `columns` in the stable ascending order of `row`."""
    in_order = np.sort(row)
    values = row[columns]
    places = np.searchsorted(in_order, values, side="left")
    if np.array_equal(np.searchsorted(in_order, values, side="right"), places + 1):
        return places
    inverse = np.empty(len(row), dtype=np.int64)
    inverse[np.argsort(row, kind="stable")] = np.arange(len(row))
    return inverse[columns]


def _without_ignored(places: npt.NDArray[np.int64], ignored: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Ranks from 1 of the positives, ascending, once the ignored items of the same person are taken out."""
    positives = np.sort(places[~ignored])
    return positives + 1 - np.searchsorted(np.sort(places[ignored]), positives)


def _columns_of_pid(pids: Ints) -> dict[int, npt.NDArray[np.int64]]:
    """The columns, ascending, of every pid that a query can match."""
    order = np.argsort(pids, kind="stable")
    persons, starts = np.unique(pids[order], return_index=True)
    groups = np.split(order, starts)[1:]  # before the first start there is nothing
    return {int(pid): group for pid, group in zip(persons, groups, strict=True) if pid != DISTRACTOR}


def _in_float64(features: Floats, name: str, first_row: int) -> npt.NDArray[np.float64]:
    wide = features.astype(np.float64)
    finite = np.isfinite(wide).all(axis=1)
    if not finite.all():
        raise ValueError(f"{name} features: row {first_row + int(np.argmin(finite))} holds NaN or infinity")
    return wide


def _check_labels(query_pids: Ints, gallery_pids: Ints, query_cams: Ints, gallery_cams: Ints) -> None:
    for name, pids, cams in (("query", query_pids, query_cams), ("gallery", gallery_pids, gallery_cams)):
        if pids.ndim != 1 or cams.shape != pids.shape:
            raise ValueError(f"{name} pids and cameras must be two lists of one length, not {pids.shape}, {cams.shape}")
        if not len(pids):
            raise ValueError(f"the {name} is empty")
