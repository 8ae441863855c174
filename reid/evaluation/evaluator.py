"""A data set under its splits, described by networks and ranked: each network describes each tracklet once.

`measure_splits` takes any number of splits and, for each, the file of the network that it is measured with: the same
for all, or one a split, as a table over splits needs it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from reid.data.fingerprint import counts, fingerprint
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import ReidData, Tracklet
from reid.evaluation.descriptor_cache import SavedFeatures, features_fingerprint, saved_or_made
from reid.evaluation.descriptors import stream_descriptors, tracklet_descriptors
from reid.evaluation.retrieval import Block, chance_of, rank_tracklets
from reid.metrics.protocols import Protocol
from reid.metrics.score_normalisation import ScoreNorm
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_model
from reid.provenance.seen_people import trained_on_tested, trainings_of

MODEL = "model.pt"


@dataclass(frozen=True)
class MeasureOptions:
    """How tracklets are described, None = as the network was trained; and how they are ranked."""

    device: torch.device

    features: Path
    """Folder that descriptors are kept in and taken from again."""

    chunk: int | None = None
    """Frames in a chunk."""

    height: int | None = None
    """Height of the network's input, pixels."""

    width: int | None = None
    """Width of the network's input, pixels."""

    cache_gib: float = 0.0
    """Decoded frames that fit this many GiB are kept; 0 = each is decoded when it is needed, and then forgotten."""

    protocol: Protocol = "step"
    """How the queries are counted; see `reid.metrics.protocols.Protocol`."""

    score_norm: ScoreNorm | None = None
    """How distances are normalised; None = not."""

    rerank: bool = False
    """Whether distances are re-ranked by k-reciprocal neighbours."""


@dataclass(frozen=True)
class Measured:
    """One split, ranked."""

    split: int
    """Its number."""

    data: ReidData

    fingerprint: str
    """That of the data; see `reid.data.fingerprint.fingerprint`."""

    block: Block
    """CMC, mAP and mINP in percent; see `reid.evaluation.retrieval.ranking_block`."""

    chance: Block
    """What a random order is expected to give."""

    trained_on_tested: int
    """Persons of the test whom the network was trained on: where it is not 0, the numbers are not fair."""

    checkpoint: dict[str, Any]
    """File, SHA-256 and network."""

    images: dict[str, int]
    """Height and width in pixels, and frames in a chunk."""

    features: dict[str, Any]
    """File of the descriptors, its fingerprint, and whether it was there already."""

    def record(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "split": self.split,
            "source": self.data.split,
            **self.block,
            "chance": self.chance,
            "trained_on_tested": self.trained_on_tested,
            "checkpoint": {name: self.checkpoint[name] for name in ("file", "sha256")},
            "features": self.features,
            "counts": {half: counts(getattr(self.data, half)) for half in ("train", "query", "gallery")},
        }


def checkpoints_of(path: Path, numbers: Sequence[int]) -> dict[int, Path]:
    """The model file of each split: `path` itself, or its model.pt, for all; or split-0/model.pt …, one a split.

    Raises UserError where a file is missing.
    """
    if not path.is_dir() or (path / MODEL).is_file() or not any(path.glob(f"split-*/{MODEL}")):
        return dict.fromkeys(numbers, path / MODEL if path.is_dir() else path)
    found = {number: path / f"split-{number}" / MODEL for number in numbers}
    missing = [number for number, file in found.items() if not file.is_file()]
    if missing:
        raise UserError(
            f"{path}: holds a run a split, but no split-{missing[0]}/{MODEL}: train it (the others' python -m "
            f"reid.finetune with --split {missing[0]} --run {path / f'split-{missing[0]}'}), or name one --split"
        )
    return found


def measure_splits(
    splits: Mapping[int, ReidData], checkpoint_of: Mapping[int, Path], options: MeasureOptions
) -> list[Measured]:
    """Every split of `splits`, by number, measured with its own network, in the order given.

    Splits of one network share one pass over their tracklets. Raises UserError where a split has nothing to rank, a
    file is no network, or a frame cannot be read.
    """
    chances = {number: chance_of(data, options.protocol) for number, data in splits.items()}
    prints = fingerprints(splits)
    found: dict[int, Measured] = {}
    for file in dict.fromkeys(checkpoint_of[number] for number in splits):
        shared = {number: data for number, data in splits.items() if checkpoint_of[number] == file}
        model, metadata = load_model(file)
        images = input_of(metadata, options)
        wanted = {tracklet: None for data in shared.values() for tracklet in (*data.query, *data.gallery)}
        row = {tracklet: position for position, tracklet in enumerate(wanted)}
        checkpoint = {"file": str(file), "sha256": sha256_of_file(file), "network": metadata["model_config"]}
        root = next(iter(shared.values())).root
        saved = described(model, tuple(row), root, checkpoint["sha256"], images, options)
        for number, data in shared.items():
            query, gallery = ([row[tracklet] for tracklet in side] for side in (data.query, data.gallery))
            found[number] = Measured(
                split=number,
                data=data,
                fingerprint=prints[number],
                block=rank_tracklets(
                    data.query,
                    data.gallery,
                    saved.rows[query],
                    saved.rows[gallery],
                    options.protocol,
                    options.score_norm,
                    options.rerank,
                ),
                chance=chances[number],
                trained_on_tested=trained_on_tested(trainings_of(metadata), data, prints[number]),
                checkpoint=checkpoint,
                images=images,
                features={"file": str(saved.path), "fingerprint": saved.fingerprint, "reused": saved.reused},
            )
    return [found[number] for number in splits]


def described(
    model: torch.nn.Module,
    tracklets: tuple[Tracklet, ...],
    root: Path,
    weights: str,
    images: dict[str, int],
    options: MeasureOptions,
) -> SavedFeatures:
    """Descriptors of `tracklets`, in order: those on the disk where weights, frames and options are the same."""
    made_of = {"weights": weights, "images": images, "device": options.device.type}
    paths = (frame for tracklet in tracklets for frame in tracklet.frames)
    store = FrameStore(paths, images["height"], images["width"], options.cache_gib)
    rows = stream_descriptors(model.to(options.device), tracklets, store, images["chunk"], options.device)
    print_of = features_fingerprint(root, tracklets, made_of)
    return saved_or_made(options.features, print_of, len(tracklets), rows)


def input_of(metadata: Mapping[str, Any], options: MeasureOptions) -> dict[str, int]:
    """Height, width and frames in a chunk: as asked for, or as the network was trained."""
    trained = {"height": 128, "width": 64, "chunk": 15, **metadata.get("images", {})}
    return {name: getattr(options, name) or trained[name] for name in ("height", "width", "chunk")}


def fingerprints(splits: Mapping[int, ReidData]) -> dict[int, str]:
    """The fingerprint of each split's data; worked out once where all have the same tracklets, as they mostly do."""
    known: dict[frozenset[Tracklet], str] = {}
    found = {}
    for number, data in splits.items():
        everything = frozenset(data.tracklets)
        if everything not in known:
            known[everything] = fingerprint(data)
        found[number] = known[everything]
    return found


def leak_notes(measured: Sequence[Measured]) -> tuple[str, ...]:
    """A note where a network was trained on people whom it is tested on."""
    leaks = [each for each in measured if each.trained_on_tested]
    if not leaks:
        return ()
    worst = max(leaks, key=lambda each: each.trained_on_tested)
    tested = len({tracklet.pid for tracklet in worst.data.query})
    note = f"the checkpoint was trained on {worst.trained_on_tested} of the {tested} persons tested: no fair number"
    if len(measured) > 1:
        some = ", ".join(str(each.split) for each in leaks)
        note += f" in split {some}; train a network a split (RUNS/split-0 …) and name their folder with --checkpoint"
    return (note,)


def describe_and_rank(model: AlignNet, data: ReidData, store: FrameStore, chunk: int, device: torch.device) -> Block:
    """CMC, mAP and mINP of a data set's query and gallery as `model` describes them, by the protocol «step».

    See `reid.evaluation.retrieval.ranking_block`.
    """
    tracklets = tuple(dict.fromkeys((*data.query, *data.gallery)))
    described = tracklet_descriptors(model, tracklets, store, chunk, device)
    row = {tracklet: position for position, tracklet in enumerate(tracklets)}
    query, gallery = ([row[tracklet] for tracklet in side] for side in (data.query, data.gallery))
    return rank_tracklets(data.query, data.gallery, described[query], described[gallery])
