"""CMC, mAP and mINP to be expected of a random ranking."""

import numpy as np

from alignnet_common.arrays import AnyInts
from reid.metrics.protocols import JUNK, Protocol, _check_labels, _check_valid, _counts_of_positives, ranked_gallery
from reid.metrics.ranking import Ranking


def chance_ranking(
    query_pids: AnyInts,
    gallery_pids: AnyInts,
    query_cams: AnyInts,
    gallery_cams: AnyInts,
    protocol: Protocol = "step",
    query_index: AnyInts | None = None,
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


def chance_rank1(query_pids: AnyInts, gallery_pids: AnyInts, query_cams: AnyInts, gallery_cams: AnyInts) -> float:
    """Rank-1 to be expected of a random ranking: mean over valid queries of positives over items not ignored.

    Raises ValueError where no query has a positive.
    """
    return chance_ranking(query_pids, gallery_pids, query_cams, gallery_cams, max_rank=1).rank1
