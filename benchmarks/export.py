"""What an exported network costs in ranking and gives in speed: PyTorch, ONNX and int8 on the tracklets of a data set.

    python -m reid.export --weights RUN --out F.onnx --int8 IMAGES
    python -m benchmarks.export --weights RUN --onnx F.onnx --int8 F.int8.onnx --dataset market --root R

All describe the same tracklets on the CPU in one run, by `reid.evaluation.descriptors`. Images a second are of the
networks alone, without decoding, in turns on the same frames, so that other load affects all alike; the median counts.
"""

import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_json
from alignnet_common.options import bounded, check_ranges
from alignnet_common.run_record import PACKAGES, versions
from reid.configs.groups.data import ProtocolConfig
from reid.configs.groups.ranking import Protocol
from reid.data import load_data
from reid.data.fingerprint import data_record, fingerprint
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import ReidData, Tracklet
from reid.evaluation.descriptors import padded, stream_descriptors
from reid.evaluation.retrieval import rank_tracklets, table
from reid.inference.network.onnx_network import OnnxNetwork
from reid.metrics.ranking import RankingOptions
from reid.models.checkpoint import load_model, trained_size
from reid.runtime.weights_source import find_weights

CPU = torch.device("cpu")


@dataclass(frozen=True)
class ExportBenchmarkConfig(ProtocolConfig):
    """Rank a data set's tracklets with PyTorch, ONNX and int8, and time the three."""

    weights: str = "small"
    """The network: a run's folder, a model file, or the name of a shipped network."""

    onnx: Path | None = None
    """The graph video of the network, by python -m reid.export. Default: not measured."""

    int8: Path | None = None
    """Its int8 form. Default: not measured."""

    protocol: Protocol = "step"
    """How queries, gallery and average precision are counted, as in python -m reid.evaluate."""

    seed: int = bounded(0, at_least=0)
    """Seed of the random splits, if --split-seed is not given."""

    rounds: int = bounded(9, at_least=1)
    """Timed passes of each network."""

    batch_frames: int = bounded(15, at_least=1)
    """Frames of a timed pass, as chunks of one tracklet each."""

    threads: int = bounded(2, at_least=1)
    """Threads of PyTorch and of onnxruntime."""

    cache_gib: float = bounded(4.0, at_least=0)
    """Memory for decoded frames, GiB, which all networks read."""

    json: Path | None = None
    """File for the result. Default: only printed."""

    def __post_init__(self) -> None:
        """Check the values."""
        self.check_protocol()
        check_ranges(self)


def benchmark(config: ExportBenchmarkConfig) -> None:
    """Rank, time, print, and write --json."""
    torch.set_num_threads(config.threads)
    path = find_weights(config.weights)
    model, metadata = load_model(path)
    images = trained_size(metadata)
    networks = {"PyTorch": model} | exported(config, sha256_of_file(path))
    data = load_data(config, config.seed)
    tracklets = tuple(dict.fromkeys((*data.query, *data.gallery)))
    paths = (frame for tracklet in tracklets for frame in tracklet.frames)
    store = FrameStore(paths, images["height"], images["width"], config.cache_gib)
    speeds = images_per_second(networks, *timed_frames(tracklets, store, config.batch_frames), config.rounds)
    found = rank_all(networks, data, tracklets, store, images["chunk"], config.protocol)
    for name, row in found.items():
        row["images_per_second"] = speeds[name]
    print(table(found))
    for name, row in found.items():
        print(
            f"{name}: {row['images_per_second']:.1f} images/s, {row['images_per_second'] / speeds['PyTorch']:.2f} of "
            f"PyTorch's; cosine to PyTorch: mean {row['cosine']['mean']:.5f}, lowest {row['cosine']['lowest']:.5f}"
        )
    if config.json is not None:
        machine = {"processor": platform.processor(), "versions": versions((*PACKAGES, "onnx", "onnxruntime"))}
        result = {"networks": found, "data": data_record(data, fingerprint(data)), "images": images}
        write_json(config.json, result | {"config": as_plain(config), "machine": machine})


def exported(config: ExportBenchmarkConfig, weights: str) -> dict[str, nn.Module]:
    """The exported networks by name. Raises UserError where a file is missing or of other weights (SHA-256)."""
    found: dict[str, nn.Module] = {}
    for name, file in (("ONNX", config.onnx), ("int8", config.int8)):
        if file is None:
            continue
        if not file.is_file():
            raise UserError(f"no such file: {file}: write it with python -m reid.export")
        network = OnnxNetwork(file, config.threads)
        if network.file.properties.get("model_sha256") != weights:
            raise UserError(f"{file} is of other weights than {config.weights}: export it again")
        found[name] = network
    return found


def timed_frames(tracklets: Sequence[Tracklet], store: FrameStore, count: int) -> tuple[Tensor, Tensor]:
    """Frames (B, 1, 3, H, W) in 0..1 of the first B = `count` frames of the data set, and their mask (B, 1)."""
    paths = [frame for tracklet in tracklets for frame in tracklet.frames][:count]
    frames, valid = padded([store.read([path])[0] for path in paths])
    return frames.float() / 255, valid


def images_per_second(
    networks: Mapping[str, nn.Module], frames: Tensor, valid: Tensor, rounds: int
) -> dict[str, float]:
    """Images a second of each network, the median of `rounds` passes in turns after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    with torch.inference_mode():
        for _ in range(rounds + 1):
            for name, network in networks.items():
                began = time.perf_counter()
                network(frames, valid)
                seconds[name].append(time.perf_counter() - began)
    return {name: int(valid.sum()) / statistics.median(passes[1:]) for name, passes in seconds.items()}


def rank_all(
    networks: Mapping[str, nn.Module],
    data: ReidData,
    tracklets: tuple[Tracklet, ...],
    store: FrameStore,
    chunk: int,
    protocol: Protocol,
) -> dict[str, dict[str, Any]]:
    """Figures of each network, and the cosine similarity of its descriptors to those of PyTorch, the first network."""
    row = {tracklet: position for position, tracklet in enumerate(tracklets)}
    places = [[row[tracklet] for tracklet in side] for side in (data.query, data.gallery)]
    found: dict[str, dict[str, Any]] = {}
    first: np.ndarray | None = None
    for name, network in networks.items():
        described = np.stack(list(stream_descriptors(network, tracklets, store, chunk, CPU)))
        first = described if first is None else first
        lengths = np.linalg.norm(described, axis=1) * np.linalg.norm(first, axis=1)
        cosines = (described * first).sum(axis=1) / lengths
        query, gallery = (described[rows] for rows in places)
        metrics = rank_tracklets(data.query, data.gallery, query, gallery, RankingOptions(protocol))
        found[name] = metrics | {"cosine": {"mean": float(cosines.mean()), "lowest": float(cosines.min())}}
    return found


if __name__ == "__main__":
    run_command(benchmark, ExportBenchmarkConfig, "python -m benchmarks.export")
