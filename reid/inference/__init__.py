"""Descriptors by a trained network, from Python and as a command: images, tracklets, folders and tables of them."""

from reid.inference.describer import Describer, load
from reid.inference.feature_extractor import FeatureExtractor
from reid.inference.reid_encoder import ReIDEncoder

__all__ = ["Describer", "FeatureExtractor", "ReIDEncoder", "load"]
