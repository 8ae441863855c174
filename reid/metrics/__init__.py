"""Distances and rankings of arrays: CMC, mAP, mINP, re-ranking, score normalisation. NumPy, but for torch_distances."""

from reid.metrics.ranking import evaluate_protocol, rank_features

__all__ = ["evaluate_protocol", "rank_features"]
