"""What a run leaves behind for people and scripts: the numbers, and everything that produced them.

Nothing here imports torch.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from alignnet_common.errors import UserError
from reid.data.tracklets.types import ReidData, Tracklet
from reid.metrics.chance import chance_ranking
from reid.metrics.protocols import Protocol
from reid.metrics.ranking import Ranking, rank_features
from reid.metrics.score_normalisation import ScoreNorm

SHOWN_RANKS = (1, 5, 10, 20)
CMC_LENGTH = 20
COUNTED = ("queries", "valid_queries", "queries_without_positive")
"""Numbers of a block that are counts, not shares."""

Block = dict[str, Any]
"""Numbers of one ranking: rank1, rank5, rank10, rank20, mAP, mINP and cmc in percent, and those of COUNTED."""


def ranking_block(ranking: Ranking) -> Block:
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


def pids_and_cameras(tracklets: Sequence[Tracklet]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pids (N,) and cameras (N,) of N tracklets."""
    pairs = np.array([(tracklet.pid, tracklet.camera) for tracklet in tracklets], dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def rank_tracklets(
    query: Sequence[Tracklet],
    gallery: Sequence[Tracklet],
    query_features: npt.NDArray[np.floating],
    gallery_features: npt.NDArray[np.floating],
    protocol: Protocol = "step",
    score_norm: ScoreNorm | None = None,
    rerank: bool = False,
) -> Block:
    """CMC, mAP and mINP of descriptors (Q, D) and (G, D) by a protocol; see `ranking_block`, `reid.metrics.ranking`.

    Raises UserError where the descriptors have no distances.
    """
    query_pids, query_cams = pids_and_cameras(query)
    gallery_pids, gallery_cams = pids_and_cameras(gallery)
    counted, rows = protocol_of(query, gallery, protocol)
    try:
        ranking = rank_features(
            query_features,
            gallery_features,
            query_pids,
            gallery_pids,
            query_cams,
            gallery_cams,
            protocol=counted,
            query_index=rows,
            score_norm=score_norm,
            rerank=rerank,
        )
    except ValueError as misfit:
        raise UserError(f"the network's descriptors cannot be ranked: {misfit}") from misfit
    return ranking_block(ranking)


def protocol_of(
    query: Sequence[Tracklet], gallery: Sequence[Tracklet], protocol: Protocol
) -> tuple[Protocol, npt.NDArray[np.int64] | None]:
    """What `reid.metrics.ranking` is to be asked for: a protocol, and the gallery row (Q,) of each query that has one.

    Where no query stands in the gallery (PRID2011), torchreid's protocol takes nothing out of it: it is «step».
    """
    rows = places_in_gallery(query, gallery)
    apart = protocol == "torchreid" and rows is None and set(query).isdisjoint(gallery)
    return "step" if apart else protocol, rows


def places_in_gallery(query: Sequence[Tracklet], gallery: Sequence[Tracklet]) -> npt.NDArray[np.int64] | None:
    """The gallery row (Q,) that each query is, where all queries stand in the gallery too (MARS); else None."""
    row = {tracklet: position for position, tracklet in enumerate(gallery)}
    found = [row.get(tracklet, -1) for tracklet in query]
    return np.array(found, dtype=np.int64) if found and min(found) >= 0 else None


def mean_block(blocks: Sequence[Block]) -> Block:
    """The mean of each number over the splits; those of COUNTED are summed."""
    return {name: _over_splits(name, blocks, lambda values: np.mean(values, axis=0)) for name in blocks[0]}


def deviation_block(blocks: Sequence[Block]) -> Block | None:
    """The standard deviation of each number over the splits (of a sample: n - 1); None for one split."""
    if len(blocks) < 2:
        return None
    names = [name for name in blocks[0] if name not in COUNTED]
    return {name: _over_splits(name, blocks, lambda values: np.std(values, axis=0, ddof=1)) for name in names}


def _over_splits(name: str, blocks: Sequence[Block], fold: Callable[[npt.NDArray[Any]], Any]) -> Any:
    values = np.array([block[name] for block in blocks])
    if name in COUNTED:
        return int(values.sum())
    return fold(values).tolist()


def chance_of(data: ReidData, protocol: Protocol = "step") -> Block:
    """The chance of a data set's query and gallery by a protocol. Raises UserError where no query has a positive."""
    query_pids, query_cams = pids_and_cameras(data.query)
    gallery_pids, gallery_cams = pids_and_cameras(data.gallery)
    counted, rows = protocol_of(data.query, data.gallery, protocol)
    try:
        chance = chance_ranking(query_pids, gallery_pids, query_cams, gallery_cams, protocol=counted, query_index=rows)
    except ValueError as none:
        advice = "take another split, or another protocol" if protocol == "torchreid" else "take another split"
        raise UserError(f"{data.root}: nothing to evaluate: {none}; {advice}") from none
    return ranking_block(chance)


def table(blocks: dict[str, Block]) -> str:
    """Ranks and mAP in percent, a line a block, for people."""
    width = max(len(name) for name in blocks)
    lines = [f"{'':{width}}  " + "".join(f"{f'rank-{rank}':>9}" for rank in SHOWN_RANKS) + f"{'mAP':>9}"]
    for name, block in blocks.items():
        numbers = [block[f"rank{rank}"] for rank in SHOWN_RANKS] + [block["mAP"]]
        lines.append(f"{name:{width}}  " + "".join(f"{number:9.1f}" for number in numbers))
    return "\n".join(lines)
