"""CMC, mAP and mINP expected of a random ranking."""

import numpy as np

from alignnet_common.arrays import AnyInts, Floats
from reid.metrics.labels import JUNK, Labels, check_not_empty
from reid.metrics.protocols import Clothes, Protocol, check_any_positive, counts_of_positives, ranked_gallery
from reid.metrics.ranking import Ranking


def chance_ranking(
    query: Labels,
    gallery: Labels,
    protocol: Protocol = "step",
    query_index: AnyInts | None = None,
    max_rank: int = 50,
    clothes: Clothes = "general",
) -> Ranking:
    """Expected figures of a random order of the gallery; arguments and errors as in `evaluate_protocol`.

    Let n items be ranked, of which p match. With the harmonic number H_n:
    - No match is within the first k places with probability prod_{i<k} (n - p - i) / (n - i).
    - The expected precision at a hit is (p - 1) / (n - 1) (1 - H_n / n) + H_n / n,
      and at the place before the hit (p - 1) / (n - 1) (1 - 1 / n) + 1 / n.
    - The last match is at place m with probability p / m prod_{m<j<=n} (1 - p / j).
    """
    check_not_empty(query, gallery)
    left = np.where(ranked_gallery(gallery, protocol, query_index), gallery.pids, JUNK)
    items, positives = counts_of_positives(query, gallery.with_pids(left), clothes)
    check_any_positive(positives, np.count_nonzero(left != JUNK), clothes)
    pairs, times = np.unique(
        np.column_stack((items, positives))[positives > 0].astype(np.int64), axis=0, return_counts=True
    )
    harmonic = np.concatenate(([0.0], np.cumsum(1 / np.arange(1, len(left) + 1))))
    cmc, precision, penalty = np.zeros(max_rank), 0.0, 0.0
    for (n, p), weight in zip(pairs.tolist(), times.tolist(), strict=True):
        cmc += weight * _cmc(n, p, max_rank)
        others = (p - 1) / (n - 1) if n > 1 else 0.0
        at_hits = others + (1 - others) * harmonic[n] / n
        precision += weight * ((at_hits + others + (1 - others) / n) / 2 if protocol == "official" else at_hits)
        penalty += weight * _inverse_negative_penalty(n, p)
    counted = len(query) if protocol == "official" else int(times.sum())
    return Ranking(cmc / counted, precision / counted, len(query), int(times.sum()), penalty / counted)


def chance_rank1(query: Labels, gallery: Labels) -> float:
    """Expected rank-1 of a random order: mean over the valid queries of positives over ranked items, 0..1.

    Raises ValueError where no query has a positive.
    """
    return chance_ranking(query, gallery, max_rank=1).rank1


def _cmc(items: int, positives: int, max_rank: int) -> Floats:
    """Expected CMC (max_rank,) of a query with `positives` among `items`."""
    before = np.arange(max_rank)
    return 1 - np.cumprod(np.maximum(items - positives - before, 0) / np.maximum(items - before, 1))


def _inverse_negative_penalty(items: int, positives: int) -> float:
    """Expected number of positives over the rank of the last one."""
    places = np.arange(items, positives - 1, -1)
    none_after = np.concatenate(([1.0], np.cumprod(1 - positives / places[:-1])))
    return float((positives / places * none_after * positives / places).sum())
