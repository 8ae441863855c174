"""Tracklets and their descriptors to plain figures of retrieval, in percent. Without PyTorch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from alignnet_common.arrays import AnyFloats, Ints
from alignnet_common.errors import UserError
from reid.configs.groups.ranking import Clothes, Protocol
from reid.data.tracklets.types import ReidData, Tracklet
from reid.metrics.chance import chance_ranking
from reid.metrics.labels import DISTRACTOR, Labels
from reid.metrics.ranking import PLAIN, Ranking, RankingOptions, rank_features

SHOWN_RANKS = (1, 5, 10, 20)
CMC_LENGTH = 20
COUNTS = ("queries", "valid_queries", "queries_without_positive")
"""Figures of `Metrics` that are counts and not shares."""

Metrics = dict[str, Any]
"""Figures of one ranking: rank1, rank5, rank10, rank20, mAP, mINP and cmc (20 values) in percent, and the `COUNTS`."""


class NothingToRankError(UserError):
    """No query has a positive in the gallery."""


def metrics_dict(ranking: Ranking) -> Metrics:
    """A ranking as plain numbers: shares in percent, not rounded, and counts of queries."""
    percent = [100 * float(share) for share in ranking.cmc[:CMC_LENGTH]]
    return {
        **{f"rank{rank}": percent[rank - 1] for rank in SHOWN_RANKS},
        "mAP": 100 * ranking.mAP,
        "mINP": 100 * ranking.mINP,
        "cmc": percent,
        "queries": ranking.queries,
        "valid_queries": ranking.valid_queries,
        "queries_without_positive": ranking.queries - ranking.valid_queries,
    }


def labels_of_tracklets(tracklets: Sequence[Tracklet]) -> Labels:
    """Person ids and cameras of N tracklets, and outfits if those of all persons are known."""
    pairs = np.array([(tracklet.pid, tracklet.camera) for tracklet in tracklets], dtype=np.int64).reshape(-1, 2)
    if any(tracklet.outfit is None and tracklet.pid > DISTRACTOR for tracklet in tracklets):
        return Labels(pairs[:, 0], pairs[:, 1])
    outfits = np.array([tracklet.outfit or 0 for tracklet in tracklets], dtype=np.int64)
    return Labels(pairs[:, 0], pairs[:, 1], outfits)


def rank_tracklets(
    query: Sequence[Tracklet],
    gallery: Sequence[Tracklet],
    query_features: AnyFloats,
    gallery_features: AnyFloats,
    options: RankingOptions = PLAIN,
) -> Metrics:
    """CMC, mAP and mINP of descriptors (Q, D) and (G, D) of the tracklets; see `reid.metrics.ranking.rank_features`.

    Raises UserError where the descriptors cannot be ranked.
    """
    protocol, rows = effective_protocol(query, gallery, options.protocol)
    try:
        ranking = rank_features(
            query_features,
            gallery_features,
            labels_of_tracklets(query),
            labels_of_tracklets(gallery),
            replace(options, protocol=protocol),
            rows,
        )
    except ValueError as misfit:
        raise UserError(f"the network's descriptors cannot be ranked: {misfit}") from misfit
    return metrics_dict(ranking)


def effective_protocol(
    query: Sequence[Tracklet], gallery: Sequence[Tracklet], protocol: Protocol
) -> tuple[Protocol, Ints | None]:
    """The protocol for these tracklets, and the gallery row (Q,) of each query if all queries are in the gallery.

    The torchreid protocol removes queries from the gallery; if no query is in the gallery (PRID2011), it is «step».
    """
    rows = gallery_rows(query, gallery)
    disjoint = protocol == "torchreid" and rows is None and set(query).isdisjoint(gallery)
    return "step" if disjoint else protocol, rows


def check_outfits_known(data: ReidData) -> None:
    """Raise UserError if the outfit of a query, or of a gallery tracklet of a person, is not known."""
    tracklets = [each for each in dict.fromkeys((*data.query, *data.gallery)) if each.pid > DISTRACTOR]
    unknown = sum(tracklet.outfit is None for tracklet in tracklets)
    if unknown:
        some = "no" if unknown == len(tracklets) else f"not every ({unknown} of {len(tracklets)} do not)"
        advice = "a CSV file needs the column outfit, filled in; a rendered set has outfits"
        raise UserError(f"--clothes: {data.root}: {some} tracklet names the person's outfit: {advice}")


def gallery_rows(query: Sequence[Tracklet], gallery: Sequence[Tracklet]) -> Ints | None:
    """The gallery row (Q,) of each query, if all queries are in the gallery too (MARS); else None."""
    row = {tracklet: position for position, tracklet in enumerate(gallery)}
    found = [row.get(tracklet, -1) for tracklet in query]
    return np.array(found, dtype=np.int64) if found and min(found) >= 0 else None


def mean_metrics(several: Sequence[Metrics]) -> Metrics:
    """The mean of each figure over the splits; `COUNTS` are summed."""
    return {name: _over_splits(name, several, lambda values: np.mean(values, axis=0)) for name in several[0]}


def std_metrics(several: Sequence[Metrics]) -> Metrics | None:
    """The standard deviation of each share over the splits (of a sample: n - 1); None for one split."""
    if len(several) < 2:
        return None
    names = [name for name in several[0] if name not in COUNTS]
    return {name: _over_splits(name, several, lambda values: np.std(values, axis=0, ddof=1)) for name in names}


def _over_splits(name: str, several: Sequence[Metrics], fold: Callable[[npt.NDArray[Any]], Any]) -> Any:
    values = np.array([metrics[name] for metrics in several])
    if name in COUNTS:
        return int(values.sum())
    return fold(values).tolist()


def chance_of(data: ReidData, protocol: Protocol = "step", clothes: Clothes = "general") -> Metrics:
    """Expected figures of a random ranking of a data set's query and gallery by a protocol and a setting of clothes.

    Raises NothingToRankError where no query has a positive.
    """
    counted, rows = effective_protocol(data.query, data.gallery, protocol)
    query, gallery = labels_of_tracklets(data.query), labels_of_tracklets(data.gallery)
    try:
        chance = chance_ranking(query, gallery, counted, rows, clothes=clothes)
    except ValueError as none:
        advice = "take another split, or another protocol" if protocol == "torchreid" else "take another split"
        if clothes != "general":
            advice = "leave --clothes out, or take data with more outfits (synth render --outfits)"
        raise NothingToRankError(f"{data.root}: nothing to evaluate: {none}; {advice}") from none
    return metrics_dict(chance)


def table(rows: Mapping[str, Metrics]) -> str:
    """CMC at `SHOWN_RANKS` and mAP, in percent, as text: a named line for each of `rows`."""
    width = max(len(name) for name in rows)
    lines = [f"{'':{width}}  " + "".join(f"{f'rank-{rank}':>9}" for rank in SHOWN_RANKS) + f"{'mAP':>9}"]
    for name, metrics in rows.items():
        numbers = [metrics[f"rank{rank}"] for rank in SHOWN_RANKS] + [metrics["mAP"]]
        lines.append(f"{name:{width}}  " + "".join(f"{number:9.1f}" for number in numbers))
    return "\n".join(lines)
