"""Distances and rankings of arrays: CMC, mAP, mINP, re-ranking, score normalisation. NumPy, but for torch_distances.

`evaluate_protocol` and `rank_features` of this package take the labels as arrays, for scripts; inside the project
`reid.metrics.ranking` is called with `Labels`.
"""

from collections.abc import Iterable

from alignnet_common.arrays import AnyFloats, AnyInts
from reid.metrics import ranking
from reid.metrics.labels import Labels
from reid.metrics.protocols import Clothes, Protocol
from reid.metrics.ranking import Ranking, RankingOptions
from reid.metrics.score_normalisation import ScoreNorm

__all__ = ["Labels", "Ranking", "RankingOptions", "evaluate_protocol", "rank_features"]


def evaluate_protocol(
    distances: AnyFloats | Iterable[AnyFloats],
    query_pids: AnyInts,
    gallery_pids: AnyInts,
    query_cams: AnyInts,
    gallery_cams: AnyInts,
    protocol: Protocol = "step",
    query_index: AnyInts | None = None,
    max_rank: int = 50,
    *,
    clothes: Clothes = "general",
    query_outfits: AnyInts | None = None,
    gallery_outfits: AnyInts | None = None,
) -> Ranking:
    """`reid.metrics.ranking.evaluate_protocol` with person ids, cameras and outfits as integer arrays (Q,) and (G,)."""
    query = Labels(query_pids, query_cams, query_outfits)
    gallery = Labels(gallery_pids, gallery_cams, gallery_outfits)
    return ranking.evaluate_protocol(distances, query, gallery, protocol, query_index, max_rank, clothes)


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
    *,
    clothes: Clothes = "general",
    query_outfits: AnyInts | None = None,
    gallery_outfits: AnyInts | None = None,
) -> Ranking:
    """`reid.metrics.ranking.rank_features` with person ids, cameras and outfits as integer arrays (Q,) and (G,)."""
    query = Labels(query_pids, query_cams, query_outfits)
    gallery = Labels(gallery_pids, gallery_cams, gallery_outfits)
    options = RankingOptions(protocol, score_norm, rerank, max_rank, clothes)
    return ranking.rank_features(query_features, gallery_features, query, gallery, options, query_index)
