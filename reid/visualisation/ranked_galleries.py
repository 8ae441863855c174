"""The ranked gallery of each query, and the queries that a page shows. Without PyTorch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import AnyFloats
from alignnet_common.images import spread_over
from reid.metrics.labels import DISTRACTOR, JUNK, Labels

TOP = 10
"""Gallery items shown for a query."""


@dataclass(frozen=True)
class Match:
    """A gallery item at its place in a ranking."""

    row: int
    """Row of the item in the gallery."""

    rank: int
    """Place in the ranking, from 1."""

    distance: float
    """Distance to the query."""

    correct: bool
    """Whether the item is of the query's identity."""


@dataclass(frozen=True)
class Retrieval:
    """The ranking of one query."""

    query: int
    """Row of the query."""

    nearest: tuple[Match, ...]
    """The first `TOP` gallery items, nearest first."""

    first_correct: Match
    """The nearest gallery item of the query's identity."""

    ranked: int
    """Number of gallery items that are ranked."""

    @property
    def failed(self) -> bool:
        """Whether the nearest gallery item is of another identity."""
        return self.first_correct.rank > 1

    @property
    def gap(self) -> float:
        """Distance of the first correct match minus that of the nearest gallery item; 0 if they are the same."""
        return self.first_correct.distance - self.nearest[0].distance


def rank_queries(distances: Iterable[AnyFloats], query: Labels, gallery: Labels, top: int = TOP) -> list[Retrieval]:
    """The ranking of each query that has a correct match in the gallery, in the order of the queries.

    distances -- rows (G,), one per query. As in `reid.metrics.ranking`, items of the query's identity and camera and
    junk are ignored, and equal distances are ranked in gallery order.
    """
    found = []
    for number, row in enumerate(distances):
        pid, camera = query.pids[number], query.cams[number]
        same = gallery.pids == pid
        kept = np.flatnonzero((gallery.pids != JUNK) & ~(same & (gallery.cams == camera)))
        order = kept[np.argsort(row[kept], kind="stable")]
        correct = same[order] & (pid > DISTRACTOR)
        if not correct.any():
            continue
        places = (*range(min(top, len(order))), int(np.argmax(correct)))
        matches = [Match(int(order[at]), at + 1, float(row[order[at]]), bool(correct[at])) for at in places]
        found.append(Retrieval(number, tuple(matches[:-1]), matches[-1], len(order)))
    return found


def hardest_failures(found: Sequence[Retrieval], count: int) -> list[Retrieval]:
    """At most `count` queries whose nearest gallery item is wrong, hardest first.

    Hardest is the query whose first correct match has the largest rank; of equal ranks, the one with the largest `gap`.
    """
    failed = [each for each in found if each.failed]
    return sorted(failed, key=lambda each: (-each.first_correct.rank, -each.gap))[:count]


def some_successes(found: Sequence[Retrieval], count: int) -> list[Retrieval]:
    """At most `count` of the queries whose nearest gallery item is correct, evenly spread over the queries."""
    return spread_over([each for each in found if not each.failed], count)
