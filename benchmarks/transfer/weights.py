"""Ranking by a network of `reid`, a run or a model file: --weights."""

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from alignnet_common.arrays import Singles
from alignnet_common.errors import UserError
from benchmarks.transfer.config import TransferConfig
from benchmarks.transfer.images import labels_of_frames, tested_in_words, tested_tracklets
from benchmarks.transfer.ranking import in_percent
from reid.data.fingerprint import fingerprint
from reid.data.tracklets.types import ReidData, Tracklet
from reid.inference import Describer, load
from reid.metrics.ranking import Ranking, rank_features
from reid.models.weights import metadata_of
from reid.provenance.seen_people import trained_on_tested, trainings_of
from reid.runtime.device import device_name

BLOCK = 1024
"""Images described between two updates of the progress bar."""

Tracklets = tuple[Tracklet, ...]


def rank_by_weights(config: TransferConfig) -> dict[str, Any]:
    """Rank by the network of --weights; returns the figures, and what they were made of.

    Raises UserError where there is no such network or test set, or an image cannot be read.
    """
    assert config.weights is not None
    describer = load(config.weights, flip_test=config.flip_test)
    query, gallery = tested_tracklets(config)
    trainings = trainings_of(metadata_of(describer.file))
    seen = trained_on_tested(trainings, *tested_data(config, query, gallery))
    if seen:
        print(f"note: the network was trained on {seen} of the identities that it is tested on")
    started = time.monotonic()
    found = rank_frames(describer, query, gallery)
    return {
        "trained_on": "; ".join(f"{each['name']}: {len(each['pids'])} identities" for each in trainings) or "unknown",
        "tested_on": tested_in_words(config, labels_of_frames(query).pids),
        "trained_on_tested": seen,
        "untrained": None,
        "trained": in_percent(found),
        "loss": None,
        "model": {"name": describer.name, "file": str(describer.file), "sha256": describer.sha256},
        "device": device_name(describer.device),
        "seconds": round(time.monotonic() - started),
        "versions": {name: version(name) for name in ("torch", "timm")},
    }


def rank_frames(describer: Describer, query: Tracklets, gallery: Tracklets) -> Ranking:
    """Ranking of each frame of the queries among all frames of the gallery, by Euclidean distance; gallery frames with
    the query's camera and identity are ignored. A frame of both is described once."""
    asked, among = ([frame for each in side for frame in each.frames] for side in (query, gallery))
    row_of = {frame: row for row, frame in enumerate(dict.fromkeys((*among, *asked)))}
    features = describe_frames(describer, list(row_of))
    queries, items = (features[[row_of[frame] for frame in frames]] for frames in (asked, among))
    try:
        return rank_features(queries, items, labels_of_frames(query), labels_of_frames(gallery))
    except ValueError as misfit:
        raise UserError(f"{describer.file}: its descriptors cannot be ranked: {misfit}; name another") from misfit


def describe_frames(describer: Describer, frames: list[Path]) -> Singles:
    """Descriptors (N, D) of N image files; few images are in memory at a time."""
    found = np.empty((len(frames), describer.descriptor_size), np.float32)
    with tqdm(total=len(frames), desc="describe", unit="image") as bar:
        for start in range(0, len(frames), BLOCK):
            block = frames[start : start + BLOCK]
            found[start : start + len(block)] = describer.describe_images(block)
            bar.update(len(block))
    return found


def tested_data(config: TransferConfig, query: Tracklets, gallery: Tracklets) -> tuple[ReidData, str]:
    """The test as a data set, and its fingerprint: to compare its people with those of the network's training."""
    root = config.market or config.test
    assert root is not None
    name = "Market-1501" if config.market is not None else "synthetic"
    data = ReidData(name, root, (), query, gallery, protocol="step", split="identities of direct transfer")
    return data, fingerprint(data)
