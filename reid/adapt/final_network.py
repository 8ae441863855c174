"""The network that an adaptation leaves, with batch norms of all cameras together, and statistics of each."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alignnet_common.files import sha256_of_file
from reid.adapt.log import BEST_ROUND
from reid.adapt.unlabelled import Unlabelled
from reid.data.loading.frame_store import FrameStore
from reid.evaluation.camera_statistics import (
    FEWEST,
    equal_batches,
    measure_cameras,
    measured,
    spread,
    with_statistics,
    write_statistics,
)
from reid.evaluation.descriptors import descriptor_of_images
from reid.models.checkpoint import load_model, save_model
from reid.runtime.run_dir import MODEL

CAMERAS = "cameras.safetensors"
"""The statistics of each camera, for --camera-statistics of reid extract."""


def write_network(
    run: Path, data: Unlabelled, store: FrameStore, metadata: Mapping[str, Any], device: torch.device
) -> dict[str, Any]:
    """Write model.safetensors and cameras.safetensors of the round that is kept; returns their record.

    The running statistics of the training are those of augmented frames, a few at a time. They are measured anew on
    frames as they are: for the model file on frames of all cameras, in equal numbers where there are enough.
    """
    network = load_model(run / BEST_ROUND)[0].to(device)
    frames_of = frames_by_camera(data)

    def decoded(frames: Sequence[Path]) -> Tensor:
        return torch.from_numpy(store.read(frames)[0]).to(device).permute(0, 3, 1, 2).float() / 255

    mixed = list(in_turn([spread(frames) for frames in frames_of.values()]))
    if len(mixed) >= FEWEST:
        batches = (decoded(batch) for batch in equal_batches(spread(mixed)))
        network = with_statistics(network, measured(network, batches, descriptor_of_images))
    path = run / MODEL
    save_model(network, path, metadata, classifier=False)
    digest = sha256_of_file(path)
    cameras = measure_cameras(network, digest, frames_of, decoded, descriptor_of_images).with_directions()
    write_statistics(run / CAMERAS, cameras, data.fingerprint)
    return {
        "model": {"file": MODEL, "sha256": digest},
        "camera_norm": {**cameras.record(), "file": CAMERAS, "sha256": cameras.sha256},
    }


def frames_by_camera(data: Unlabelled) -> dict[str, list[Path]]:
    """All frames of each camera, by its name."""
    found: dict[str, list[Path]] = defaultdict(list)
    for (camera, _), tracklet in zip(data.names, data.tracklets, strict=True):
        found[camera] += tracklet.frames
    return dict(found)


def in_turn(rows: Sequence[Sequence[Path]]) -> Iterator[Path]:
    """The first item of each row, then the second of each row, and so on to the end of the shortest row."""
    for items in zip(*rows, strict=False):
        yield from items
