"""Images per second from files to descriptors, compared with torchreid's `FeatureExtractor` on the same backbone.

    PYTHONPATH=.:CLONE python -m benchmarks.extract --json runs/extract.json
    PYTHONPATH=.:CLONE python -m benchmarks.extract --engine onnxruntime --json runs/extract-onnx.json

CLONE is of KaiyangZhou/deep-person-reid. Both programs have the same weights in the same ResNet (variant `baseline`,
output stride 32, in this project), the same JPEG files and input size, float32, and the same number of threads; their
descriptors must agree. torchreid's extractor takes a list of files as one batch, so it is called batch by batch, in the
size that was fastest for it. This project runs the steps of `reid extract`, which reads the files' times and writes the
descriptors to the disk as well. A third measurement is of the network alone, of this project, on the same batches in
memory. The three alternate, so that other load affects all alike; ratios are of measurements of one round, and the
median counts.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

import reid  # before PyTorch, whose threads then sleep while they wait for each other

# isort: split
import torch
from torch import nn

from alignnet_common.arrays import Singles
from alignnet_common.cli import as_plain, run_command
from alignnet_common.doctor.machine import cores
from alignnet_common.errors import JobError
from alignnet_common.files import SAMPLE, set_folder, write_json
from alignnet_common.options import bounded, check_ranges
from alignnet_common.run_record import PACKAGES, now, versions
from benchmarks.torchreid_doors import torchreid_module
from reid.configs.export import ExportConfig
from reid.configs.extract import ExtractConfig
from reid.configs.groups.checks import require
from reid.configs.groups.model import ModelConfig
from reid.data.tracklets.frames import read_frame, resized_frame
from reid.evaluation.descriptors import descriptor_of_images
from reid.exporting.export import export
from reid.inference.extraction import describe_rows
from reid.inference.network.onnx_network import OnnxNetwork
from reid.inference.partial_rows import file_hashes, partial_rows
from reid.inference.sources import images_in
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model

Program = Callable[[], Singles]
"""Descriptors (N, D) of all images, in the order of their files."""

Peer = Callable[[list[str]], torch.Tensor]
"""torchreid's extractor: descriptors (B, D) of a list of files."""

MakePeer = Callable[[str, Path, tuple[int, int]], Peer]
"""torchreid's extractor of a backbone, a file of weights, and the height and width of the input."""

SIDE_BY_SIDE = 64
"""Images by which torchreid's fastest batch is found."""

LOWEST_COSINE = 0.9999
"""Descriptors of the two programs that differ by more are of different networks."""

GOALS = {"ratio": 1.5, "network_share": 0.9}
"""Images per second over torchreid's, and the network's own time over all time, at least."""


@dataclass(frozen=True)
class ExtractBenchmarkConfig:
    """Compare the speed of reid extract with that of torchreid's FeatureExtractor."""

    backbones: tuple[Literal["resnet18", "resnet34", "resnet50"], ...] = ("resnet18", "resnet50")
    """Networks to compare with."""

    sizes: tuple[str, ...] = ("128x64", "256x128")
    """Height and width of the input, pixels. Each is measured with each backbone."""

    images: int = bounded(256, at_least=2)
    """Images of a measurement."""

    image_size: str = "128x64"
    """Height and width of the image files, pixels; the default is that of Market-1501."""

    rounds: int = bounded(5, at_least=1)
    """Measurements of each program, after one that does not count."""

    threads: int = bounded(2, at_least=1)
    """Threads of PyTorch, for all programs. Threads that decode are one per core."""

    peer_batch_sizes: tuple[int, ...] = (4, 16, 64)
    """Images in a call of torchreid's extractor; the fastest of these is compared."""

    engine: Literal["pytorch", "onnxruntime"] = "pytorch"
    """What computes this project's network: PyTorch, or onnxruntime from a file of reid export."""

    batch_size: int | None = bounded(None, at_least=1)
    """Images that this project's network takes at a time. Default: as in reid extract."""

    json: Path | None = None
    """File for the result. Default: only printed."""

    def __post_init__(self) -> None:
        check_ranges(self)
        for size in (*self.sizes, self.image_size):
            require(min(numbers_of(size)) >= 32, f"{size}: write a size as 256x128, height and width, at least 32")
        require(bool(self.peer_batch_sizes) and min(self.peer_batch_sizes) >= 1, "--peer-batch-sizes: at least 1 each")
        require(bool(self.backbones and self.sizes), "name at least one of --backbones and one of --sizes")


def numbers_of(size: str) -> tuple[int, int]:
    """Height and width of a size such as "256x128"; zeros for any other text."""
    height, _, width = size.partition("x")
    return (int(height), int(width)) if height.isdecimal() and width.isdecimal() else (0, 0)


def benchmark(config: ExtractBenchmarkConfig, make_peer: MakePeer | None = None) -> None:
    """Measure, print a table, and write --json.

    make_peer -- makes the extractor to compare with; default: torchreid's. Raises UserError where torchreid is not
    importable, JobError where the descriptors of the two programs are not the same.
    """
    make_peer = make_peer or torchreids_extractor()
    torch.set_num_threads(config.threads)
    started, load = now(), os.getloadavg()[0]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_images(folder / "images", config.images, numbers_of(config.image_size))
        for backbone in config.backbones:
            for size in config.sizes:
                rows.append({"backbone": backbone, "size": size} | compared(config, backbone, size, files, make_peer))
                print(in_words(rows[-1]), flush=True)
    loads = {"load_before": load, "load_after": os.getloadavg()[0]}
    print(table(rows))
    if config.json is not None:
        machine = {"cores": cores(), "versions": versions((*PACKAGES, "pillow"))} | loads
        result = {"networks": rows, "goals": GOALS, "config": as_plain(config), "started": started, "machine": machine}
        write_json(config.json, result)


def torchreids_extractor() -> MakePeer:
    """torchreid's `FeatureExtractor` on the CPU. Raises UserError where torchreid is not importable."""
    torchreid_module()
    from torchreid.utils import FeatureExtractor

    def make(backbone: str, weights: Path, size: tuple[int, int]) -> Peer:
        extractor: Peer = FeatureExtractor(backbone, str(weights), size, device="cpu", verbose=False)
        return extractor

    return make


def write_images(folder: Path, count: int, size: tuple[int, int]) -> list[str]:
    """JPEG files of `count` images (`size`: height, width in pixels) of the sample set, again and again; in order."""
    folder.mkdir()
    frames = sorted(set_folder(SAMPLE).rglob("*.png"))
    for number in range(count):
        image = resized_frame(read_frame(frames[number % len(frames)]), *size)
        Image.fromarray(image).save(folder / f"{number:05d}.jpg", quality=90)
    return [str(path) for path in sorted(folder.iterdir())]


def compared(
    config: ExtractBenchmarkConfig, backbone: str, size: str, files: list[str], make_peer: MakePeer
) -> dict[str, Any]:
    """The figures of one backbone and size."""
    height, width = numbers_of(size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = network(backbone, files[:16], height, width)
        save_model(model, folder / "ours.safetensors", {"images": {"height": height, "width": width}}, classifier=False)
        torch.save(model.appearance.state_dict(), folder / "theirs.pth")
        peer = make_peer(backbone, folder / "theirs.pth", (height, width))
        describer = reid.load(exported(folder / "ours.safetensors", config.engine), "cpu")
        batch = config.batch_size or describer.batch_size
        theirs = {each: partial(by_peer, peer, files, each) for each in config.peer_batch_sizes}
        peer_batch = fastest({each: partial(by_peer, peer, files[:SIDE_BY_SIDE], each) for each in theirs})
        programs: dict[str, Program] = {
            "theirs": theirs[peer_batch],
            "ours": partial(by_extraction, describer, Path(files[0]).parent, folder, batch),
            "network": partial(in_memory, describer.model, network_inputs(files, height, width, batch)),
        }
        agreement = agree(programs["theirs"](), programs["ours"]())
        seconds = alternated(programs, config.rounds)
    return {"peer_batch": peer_batch, "batch": batch} | agreement | ratios(seconds, len(files))


def network(backbone: str, files: Sequence[str], height: int, width: int) -> AlignNet:
    """A network of random weights, in eval mode, whose norms have the statistics of the images."""
    config = ModelConfig(variant="baseline", appearance=backbone, appearance_weights="none", stride=32)
    model = AlignNet(config, classes=0)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()
        descriptor_of_images(model, network_inputs(files, height, width, len(files))[0])
    return model.eval()


def network_inputs(files: Sequence[str], height: int, width: int, batch: int) -> list[torch.Tensor]:
    """The images as the network takes them: batches (B, 3, height, width) float32 in 0..1, channels last."""
    frames = np.stack([resized_frame(read_frame(Path(file)), height, width) for file in files])
    return [part.permute(0, 3, 1, 2).float() / 255 for part in torch.from_numpy(frames).split(batch)]


def by_peer(peer: Peer, files: Sequence[str], batch: int) -> Singles:
    """Descriptors (N, D) by torchreid's extractor, called with `batch` files at a time."""
    return np.concatenate([peer(list(files[i : i + batch])).numpy() for i in range(0, len(files), batch)])


def by_extraction(describer: "reid.Describer", images: Path, folder: Path, batch: int) -> Singles:
    """Descriptors (N, D) of a folder of images by the steps of reid extract: find, describe, write."""
    config = ExtractConfig(source=str(images), out=folder / "F.npz", batch_size=batch)
    source = images_in(images)
    assert config.out is not None
    with partial_rows(config.out, {}, file_hashes(source), describer.descriptor_size) as partial_result:
        describe_rows(describer, {}, source, partial_result, config)
        return np.array(partial_result.rows())


def exported(weights: Path, engine: str) -> Path:
    """The model file, or an ONNX file of it beside it."""
    if engine == "pytorch":
        return weights
    export(ExportConfig(weights=str(weights), out=weights.with_suffix(".onnx")))
    return weights.with_suffix(".onnx")


def in_memory(model: AlignNet | OnnxNetwork, batches: Sequence[torch.Tensor]) -> Singles:
    """Descriptors (N, D) of batches in memory."""
    with torch.inference_mode():
        return np.concatenate([descriptor_of_images(model, batch).numpy() for batch in batches])


def fastest(programs: Mapping[int, Program]) -> int:
    """The key of the program that takes the least time: the better of two runs each, after one that does not count."""
    seconds = alternated({str(key): program for key, program in programs.items()}, 2)
    return min(programs, key=lambda key: min(seconds[str(key)]))


def alternated(programs: Mapping[str, Program], rounds: int) -> dict[str, list[float]]:
    """Seconds of each program in each round, in turns, after a round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds + 1):
        for name, program in programs.items():
            began = time.perf_counter()
            program()
            seconds[name].append(time.perf_counter() - began)
    return {name: each[1:] for name, each in seconds.items()}


def agree(theirs: Singles, ours: Singles) -> dict[str, float]:
    """The lowest cosine, and the largest difference as a share of the largest number, of descriptors (N, D).

    Raises JobError where they are of different networks.
    """
    if theirs.shape != ours.shape:
        raise JobError(f"descriptors differ in shape: {theirs.shape} by torchreid, {ours.shape} here")
    lengths = np.linalg.norm(theirs, axis=1) * np.linalg.norm(ours, axis=1)
    cosine = float(((theirs * ours).sum(axis=1) / lengths).min())
    if not cosine >= LOWEST_COSINE:
        raise JobError(f"descriptors differ from torchreid's: lowest cosine {cosine:.5f}")
    return {"lowest_cosine": cosine, "largest_difference": float(np.abs(theirs - ours).max() / np.abs(theirs).max())}


def ratios(seconds: Mapping[str, Sequence[float]], images: int) -> dict[str, Any]:
    """Images per second, and medians of the ratios of each round, with their lowest and highest values."""
    of_rounds = {
        "ratio": [theirs / ours for theirs, ours in zip(seconds["theirs"], seconds["ours"], strict=True)],
        "network_share": [alone / ours for alone, ours in zip(seconds["network"], seconds["ours"], strict=True)],
    }
    speeds = {name: images / statistics.median(each) for name, each in seconds.items()}
    return {
        "images_per_second": speeds,
        **{name: statistics.median(each) for name, each in of_rounds.items()},
        "range": {name: [min(each), max(each)] for name, each in of_rounds.items()},
        "seconds": dict(seconds),
    }


def in_words(row: Mapping[str, Any]) -> str:
    """Batches, agreement and range of one comparison."""
    low, high = row["range"]["ratio"]
    batches = f"batches of {row['batch']}, torchreid's of {row['peer_batch']}"
    difference = f"largest difference {row['largest_difference']:.1e}, lowest cosine {row['lowest_cosine']:.7f}"
    return f"{row['backbone']}, {row['size']}: {batches}; {low:.2f} to {high:.2f} times as fast; {difference}"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table of all comparisons."""
    lines = [
        "| backbone | input | torchreid, images/s | ours, images/s | ratio | the network's share |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        speeds = row["images_per_second"]
        lines.append(
            f"| {row['backbone']} | {row['size']} | {speeds['theirs']:.1f} | {speeds['ours']:.1f} | "
            f"{row['ratio']:.2f} | {100 * row['network_share']:.0f} % |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(benchmark, ExtractBenchmarkConfig, "python -m benchmarks.extract")
