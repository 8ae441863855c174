"""Evaluation of a data set's splits: descriptors of all tracklets, then rankings.

`evaluate_splits` takes any number of splits, each with the model file that it is evaluated with: one file for all, or
one a split, as a table over splits needs. A network computes the descriptor of a tracklet once.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from reid.data.fingerprint import counts, fingerprint
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import ReidData, Tracklet
from reid.evaluation.camera_statistics import CameraStatistics, for_camera, for_other_cameras, measure_cameras
from reid.evaluation.descriptor_cache import SavedFeatures, features_fingerprint, load_or_compute
from reid.evaluation.descriptors import descriptor_of_images, stream_descriptors, tracklet_descriptors
from reid.evaluation.retrieval import Metrics, chance_of, rank_tracklets
from reid.metrics.ranking import RankingOptions
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_model, trained_size
from reid.provenance.seen_people import adapted_to_tested, trained_on_tested, trainings_of
from reid.runtime.run_dir import MODEL, OLD_MODEL, model_file
from reid.runtime.weights_source import find_weights, shipped_networks

MEASURED_ON = "the gallery and the training tracklets, without their labels (transductive)"
"""What statistics of cameras are measured on."""


@dataclass(frozen=True)
class EvaluationOptions:
    """How descriptors are computed and ranked. Sizes of None are those with which the network was trained."""

    device: torch.device

    features: Path
    """Folder of the descriptor cache."""

    chunk: int | None = None
    """Frames in a chunk."""

    height: int | None = None
    """Height of the network's input, pixels."""

    width: int | None = None
    """Width of the network's input, pixels."""

    cache_gib: float = 0.0
    """Memory for decoded frames, GiB, if all of them fit; 0 = no frame is kept."""

    flip: bool = False
    """Whether descriptors are means over frames and their mirror images."""

    camera_norm: bool = False
    """Whether each camera has statistics of its own, measured on its gallery and training tracklets."""

    ranking: RankingOptions = field(default_factory=RankingOptions)


@dataclass(frozen=True)
class SplitResult:
    """Result of one split."""

    split: int
    """Number of the split."""

    data: ReidData

    fingerprint: str
    """Fingerprint of the data; see `reid.data.fingerprint.fingerprint`."""

    metrics: Metrics
    """CMC, mAP and mINP in percent."""

    chance: Metrics
    """Expected figures of a random ranking."""

    trained_on_tested: int
    """Number of test identities that the network was trained on. If above 0, the figures are not valid."""

    adapted_to_tested: int
    """Number of test identities to whose tracklets the network was adapted without labels: if above 0, the figures are
    transductive."""

    checkpoint: dict[str, Any]
    """File, SHA-256 and configuration of the network."""

    images: dict[str, int]
    """Height and width in pixels, and frames in a chunk."""

    features: dict[str, Any]
    """File of the descriptors, its fingerprint, and whether the file existed before."""

    camera_norm: dict[str, Any] | None = None
    """What the statistics of the cameras were measured on; None without them."""

    def record(self) -> dict[str, Any]:
        """The result as plain values for result.json."""
        return {
            "split": self.split,
            "source": self.data.split,
            **self.metrics,
            "chance": self.chance,
            "trained_on_tested": self.trained_on_tested,
            "adapted_to_tested": self.adapted_to_tested,
            "checkpoint": {name: self.checkpoint[name] for name in ("file", "sha256")},
            "features": self.features,
            "camera_norm": self.camera_norm,
            "counts": {half: counts(getattr(self.data, half)) for half in ("train", "query", "gallery")},
        }


def checkpoints_of(source: str | Path, numbers: Sequence[int]) -> dict[int, Path]:
    """The model file of each split by number.

    `source` is what `find_weights` takes, for all splits; or a folder with one run a split: split-0, split-1, …
    Raises UserError where a file is missing.
    """
    path = Path(source)
    runs = [found for name in (MODEL, OLD_MODEL) for found in path.glob(f"split-*/{name}")]
    if not runs or str(source) in shipped_networks() or model_file(path).is_file():
        return dict.fromkeys(numbers, find_weights(source))
    found = {number: model_file(path / f"split-{number}") for number in numbers}
    missing = [number for number, file in found.items() if not file.is_file()]
    if missing:
        raise UserError(
            f"{path}: holds a run a split, but no split-{missing[0]}/{MODEL}: train it (the others' python -m "
            f"reid.finetune with --split {missing[0]} --run {path / f'split-{missing[0]}'}), or name one --split"
        )
    return found


def evaluate_splits(
    splits: Mapping[int, ReidData], checkpoint_of: Mapping[int, Path], options: EvaluationOptions
) -> list[SplitResult]:
    """Evaluate each split of `splits`, by number, with its model file; results are in the order of `splits`.

    Splits with the same model file share one pass over their tracklets, except with statistics of cameras, which are
    those of each split. Raises UserError where a split has nothing to rank, a file is no network, or a frame cannot be
    read.
    """
    rules = options.ranking.protocol, options.ranking.clothes
    chances = {number: chance_of(data, *rules) for number, data in splits.items()}
    prints = fingerprints(splits)
    found: dict[int, SplitResult] = {}
    for file, shared in passes(splits, checkpoint_of, options.camera_norm):
        model, metadata = load_model(file)
        images = input_size(metadata, options)
        tracklets = dict.fromkeys(each for data in shared.values() for each in (*data.query, *data.gallery))
        row = {tracklet: position for position, tracklet in enumerate(tracklets)}
        checkpoint = {"file": str(file), "sha256": sha256_of_file(file), "network": metadata["model_config"]}
        root = next(iter(shared.values())).root
        cameras = None
        if options.camera_norm:
            cameras = statistics_of(model, next(iter(shared.values())), checkpoint["sha256"], images, options.device)
        saved = cached_descriptors(model, tuple(row), root, checkpoint["sha256"], images, options, cameras)
        for number, data in shared.items():
            query, gallery = (saved.rows[[row[tracklet] for tracklet in side]] for side in (data.query, data.gallery))
            found[number] = SplitResult(
                split=number,
                data=data,
                fingerprint=prints[number],
                metrics=rank_tracklets(data.query, data.gallery, query, gallery, options.ranking),
                chance=chances[number],
                trained_on_tested=trained_on_tested(trainings_of(metadata), data, prints[number]),
                adapted_to_tested=adapted_to_tested(trainings_of(metadata), data, prints[number]),
                checkpoint=checkpoint,
                images=images,
                features={"file": str(saved.path), "fingerprint": saved.fingerprint, "reused": saved.reused},
                camera_norm=None if cameras is None else {"measured_on": MEASURED_ON, **cameras.record()},
            )
    return [found[number] for number in splits]


def passes(
    splits: Mapping[int, ReidData], checkpoint_of: Mapping[int, Path], one_by_one: bool
) -> Iterator[tuple[Path, dict[int, ReidData]]]:
    """Model files, and the splits by number that share a pass over their tracklets; with `one_by_one` none does."""
    if one_by_one:
        yield from ((checkpoint_of[number], {number: data}) for number, data in splits.items())
        return
    for file in dict.fromkeys(checkpoint_of[number] for number in splits):
        yield file, {number: data for number, data in splits.items() if checkpoint_of[number] == file}


def statistics_of(
    model: AlignNet, data: ReidData, weights: str, images: dict[str, int], device: torch.device
) -> CameraStatistics:
    """The statistics of each camera, measured on its gallery and training tracklets; arguments as `cached_descriptors`.

    Raises UserError where a frame cannot be read.
    """
    frames_of: dict[str, list[Path]] = defaultdict(list)
    for tracklet in dict.fromkeys((*data.train, *data.gallery)):
        frames_of[str(tracklet.camera)] += tracklet.frames
    store = FrameStore((), images["height"], images["width"], 0.0)

    def decoded(paths: Sequence[Path]) -> Tensor:
        return torch.from_numpy(store.read(paths)[0]).to(device).permute(0, 3, 1, 2).float() / 255

    found = measure_cameras(model.eval().to(device), weights, frames_of, decoded, descriptor_of_images)
    found = found.with_directions()
    print(found.in_words())
    return found


def cached_descriptors(
    model: AlignNet,
    tracklets: tuple[Tracklet, ...],
    root: Path,
    weights: str,
    images: dict[str, int],
    options: EvaluationOptions,
    cameras: CameraStatistics | None = None,
) -> SavedFeatures:
    """Descriptors (N, D) of `tracklets` in order: from the cache if weights, frames and options are the same.

    weights -- SHA-256 of the model file. images -- height, width and frames in a chunk. cameras -- statistics by number
    of the camera.
    """
    made_of: dict[str, Any] = {"weights": weights, "images": images, "device": options.device.type}
    if options.flip:
        made_of["flip"] = True  # without it, files from before the option are found
    paths = (frame for tracklet in tracklets for frame in tracklet.frames)
    store = FrameStore(paths, images["height"], images["width"], options.cache_gib)
    model, device = model.to(options.device), options.device
    of_camera = {}
    if cameras is not None:
        made_of["camera_statistics"] = cameras.sha256
        of_camera = {int(camera): for_camera(model, cameras, camera) for camera in cameras.values}
        model = for_other_cameras(model, cameras)
    how = store, images["chunk"], device
    rows = stream_descriptors(model, tracklets, *how, flip=options.flip, of_camera=of_camera)
    digest = features_fingerprint(root, tracklets, made_of)
    return load_or_compute(options.features, digest, len(tracklets), rows)


def input_size(metadata: Mapping[str, Any], options: EvaluationOptions) -> dict[str, int]:
    """Height, width and frames in a chunk: from `options`, else from the training's metadata."""
    trained = trained_size(metadata)
    return {name: getattr(options, name) or trained[name] for name in ("height", "width", "chunk")}


def fingerprints(splits: Mapping[int, ReidData]) -> dict[int, str]:
    """The fingerprint of each split's data by number, computed once for splits of the same tracklets."""
    known: dict[frozenset[Tracklet], str] = {}
    found = {}
    for number, data in splits.items():
        everything = frozenset(data.tracklets)
        if everything not in known:
            known[everything] = fingerprint(data)
        found[number] = known[everything]
    return found


def leak_notes(results: Sequence[SplitResult]) -> tuple[str, ...]:
    """A note, if a network was trained on identities that it is tested on, and one if it was adapted to them."""
    most = max(results, key=lambda each: each.adapted_to_tested)
    tested = len({tracklet.pid for tracklet in most.data.query})
    adapted = f"the checkpoint was adapted, without labels, to tracklets of {most.adapted_to_tested} of the {tested} "
    transductive = (f"{adapted}persons tested: a transductive figure",) if most.adapted_to_tested else ()
    leaks = [each for each in results if each.trained_on_tested]
    if not leaks:
        return transductive
    worst = max(leaks, key=lambda each: each.trained_on_tested)
    tested = len({tracklet.pid for tracklet in worst.data.query})
    note = f"the checkpoint was trained on {worst.trained_on_tested} of the {tested} persons tested: no valid figure"
    if len(results) > 1:
        some = ", ".join(str(each.split) for each in leaks)
        note += f" in split {some}; train a network a split (RUNS/split-0 …) and name their folder with --weights"
    return (note, *transductive)


def evaluate_networks(
    networks: Mapping[str, AlignNet], data: ReidData, store: FrameStore, chunk: int, device: torch.device
) -> dict[str, Metrics]:
    """`describe_and_rank` of each network, by name; a network with two names is evaluated once."""
    found: dict[int, Metrics] = {}
    for network in networks.values():
        if id(network) not in found:
            found[id(network)] = describe_and_rank(network, data, store, chunk, device)
    return {name: found[id(network)] for name, network in networks.items()}


def describe_and_rank(model: AlignNet, data: ReidData, store: FrameStore, chunk: int, device: torch.device) -> Metrics:
    """CMC, mAP and mINP of a data set's query and gallery by the protocol «step», with the descriptors of `model`.

    chunk -- frames in a chunk. See `reid.evaluation.retrieval.metrics_dict`.
    """
    tracklets = tuple(dict.fromkeys((*data.query, *data.gallery)))
    descriptors = tracklet_descriptors(model, tracklets, store, chunk, device)
    row = {tracklet: position for position, tracklet in enumerate(tracklets)}
    query, gallery = (descriptors[[row[tracklet] for tracklet in side]] for side in (data.query, data.gallery))
    return rank_tracklets(data.query, data.gallery, query, gallery)
