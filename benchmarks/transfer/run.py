"""The steps of python -m benchmarks.transfer: read, train, rank, write the result."""

import time
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from alignnet_common.cli import as_plain
from alignnet_common.files import sha256_of_file, write_json
from alignnet_common.set_format import MANIFEST
from benchmarks.transfer.config import TransferConfig
from benchmarks.transfer.images import tested_images, tested_in_words, training_images
from benchmarks.transfer.network import Network
from benchmarks.transfer.ranking import rank
from benchmarks.transfer.training import PEOPLE, train
from benchmarks.transfer.weights import rank_by_weights
from reid.runtime.device import device_name

PROG = "python -m benchmarks.transfer"


def transfer(config: TransferConfig, people: int = PEOPLE) -> None:
    """Rank by a network that is trained here, with `people` identities per batch, or by --weights; write the result."""
    torch.set_num_threads(config.threads)
    found = train_and_rank(config, people) if config.weights is None else rank_by_weights(config)
    write_json(config.json, {"command": PROG, "config": as_plain(config), **found})
    before, after = found["untrained"], found["trained"]
    print(
        f"{config.weights or config.data}, {found['trained_on']}: rank-1 {after['rank1']:.1f}, mAP {after['mAP']:.1f}"
        + (f" (before training {before['rank1']:.1f}, {before['mAP']:.1f})" if before else "")
    )


def train_and_rank(config: TransferConfig, people: int) -> dict[str, Any]:
    """Train with `people` identities per batch and rank; returns the figures, and what they were made of."""
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    source = training_images(config, people)
    query, gallery = tested_images(config)
    started = time.monotonic()
    # The channels-last layout is nearly twice as fast for depthwise convolutions on a CPU.
    network = Network(len(np.unique(source.pids)), config.start).to(device)
    network.to(memory_format=torch.channels_last)
    before = rank(network, query, gallery, device) if config.untrained else None
    losses = train(network, source, config, device, people)
    after = rank(network, query, gallery, device)
    return {
        "trained_on": f"{len(np.unique(source.pids))} identities, {len(source.pids)} rendered images",
        "tested_on": tested_in_words(config, query.pids),
        "untrained": before,
        "trained": after,
        "loss": losses,
        "device": device_name(device),
        "seconds": round(time.monotonic() - started),
        "manifest_sha256": sha256_of_file(config.data / MANIFEST),
        "versions": {name: version(name) for name in ("torch", "efficientnet-lite-pytorch")},
    }
