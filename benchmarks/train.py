"""Speed of a training step, compared with other loops in the same run, and utilisation of the device.

    python -m benchmarks.train --job jobs/pretrain.yaml --json runs/train.json
    python -m benchmarks.train --job jobs/demo-pretrain.yaml --torchreid CLONE

Compared with (a) a plain eager loop in float32 of the same network, with images in NCHW layout and an optimizer that
updates its tensors one by one; this project's step is timed with the pose network in training, and with cached maps of
a frozen one. (b) If a clone is given: the step of torchreid's engine for video (KaiyangZhou/deep-person-reid, with its
own ResNet-50 and loss), which is compared with `baseline` at stride 32. Steps alternate, so that other load affects all
alike; the median counts.
"""

import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import yaml
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from alignnet_common.cli import as_plain, read_config_file, run_command
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.training import TrainConfig
from reid.configs.pretrain import PretrainConfig
from reid.data.loading.batch import Batch
from reid.data.transforms.augmentation import Augmentation, AugmentationRange, draw_augmentation
from reid.functional.pose_targets import cells_along
from reid.models.appearance import appearance_input
from reid.models.openpose import POSE_CHANNELS
from reid.runtime.device import device_name, pick_device
from reid.runtime.precision import precision_of
from reid.training.objective import AlignNetLoss, GroundTruthWeights
from reid.training.setup import build_model, build_optimizer, prepare_model

CLASSES = 100
Step = Callable[[], None]


@dataclass(frozen=True)
class TrainBenchmarkConfig:
    """Time training steps on random images: of this project, a plain loop, and torchreid."""

    job: Path = Path("jobs/demo-pretrain.yaml")
    """YAML of a training (reid.pretrain or reid.finetune) to time."""

    torchreid: Path | None = None
    """Clone of KaiyangZhou/deep-person-reid. Default: not measured."""

    steps: int = 10
    """Number of timed steps."""

    warm_up: int = 3
    """Number of steps before the timed ones."""

    compile: bool = False
    """Compile this project's networks."""

    pose_weight: float | None = None
    """Weight of the pose loss; 0: the pose network learns from the other losses only. Default: as in the job."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device to train on."""

    json: Path = Path("runs/train.json")
    """File for the result."""

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        if self.steps < 1 or self.warm_up < 0:
            raise ValueError("--steps must be at least 1, and --warm-up not negative")


def benchmark(config: TrainBenchmarkConfig) -> None:
    """Measure, write the result, print it."""
    (job, pose_weight), device = job_of(config.job), pick_device(config.device)
    pose_weight = pose_weight if config.pose_weight is None else config.pose_weight
    ours = replace(job, compile=config.compile)
    batch = random_batch(ours)
    frames = batch.valid.numel()
    steps = {
        "ours": our_step(ours, batch, device, pose_weight),
        "plain": our_step(plain(job), batch, device, pose_weight, plainly=True),
    }
    if ours.variant != "baseline":
        steps["ours, cached maps"] = our_step(replace(ours, lr_pose=0), with_random_maps(batch, ours), device, 0.0)
    if config.torchreid is not None:
        baseline = replace(ours, variant="baseline", appearance="resnet50", appearance_weights="none", stride=32)
        steps["our baseline"] = our_step(baseline, batch, device, 0.0)
        steps["torchreid"] = their_step(config.torchreid, baseline, batch, device)
    flops = {name: flops_of(step) for name, step in steps.items()}
    seconds = medians(steps, config, device)
    peak = {str(kind): peak_flops(device, kind) for kind in {torch.float32, precision_of(ours, device)}}
    result = {
        "command": "python -m benchmarks.train",
        "config": as_plain(config),
        "job": as_plain(ours),
        "pose_weight": pose_weight,
        "device": device_name(device),
        "versions": {"torch": torch.__version__},
        "frames_a_step": frames,
        "precision": str(precision_of(ours, device)),
        "seconds_a_step": seconds,
        "frames_a_second": {name: frames / found for name, found in seconds.items()},
        "flops_a_step": flops,
        "measured_peak_flops": peak,
        "share_of_peak": flops["ours"] / seconds["ours"] / peak[str(precision_of(ours, device))],
        "times_as_fast": {
            f"{mine}, of {other}": seconds[other] / seconds[mine]
            for mine, other in (("ours", "plain"), ("ours, cached maps", "plain"), ("our baseline", "torchreid"))
            if mine in seconds
        },
        "memory_of_a_step_mib": memory_of(steps["ours"], device),
    }
    write_json(config.json, result)
    print("\n".join(lines(result)))


def job_of(path: Path) -> tuple[TrainConfig, float]:
    """Training options and weight of the pose loss, from the YAML of a pre-training, or of a fine-tuning if it has the
    field `dataset`. Options of data and run are left out."""
    if not path.is_file():
        raise UserError(f"no such file: {path}: name the YAML of a training with --job")
    kind = FinetuneConfig if "dataset" in (yaml.safe_load(path.read_text()) or {}) else PretrainConfig
    whole = read_config_file(kind, path)
    pose_weight = whole.pose_weight if isinstance(whole, PretrainConfig) else 0.0
    job = TrainConfig(
        **{field.name: getattr(whole, field.name) for field in fields(TrainConfig) if field.name != "run"}
    )
    # Random weights, since speed does not depend on them and nothing is downloaded. Cached maps are timed separately.
    job = replace(job, appearance_weights="none", pose_weights=None, pose_maps="network", warmup_steps=0)
    return job, pose_weight


def plain(job: TrainConfig) -> TrainConfig:
    """The same job without mixed precision, channels-last layout, compilation and checkpointing."""
    return replace(job, precision="float32", channels_last="no", compile=False, recompute=False)


def random_batch(job: TrainConfig) -> Batch:
    """A batch of noise, with the fields of `reid.data.loading.chunk_dataset`."""
    generator = torch.Generator().manual_seed(0)
    rng = np.random.default_rng(0)
    chunks, size = job.ids_per_batch * job.chunks_per_id, (job.height, job.width)
    places = torch.rand(chunks, job.chunk, 18, 2, generator=generator)
    return Batch(
        frames=torch.randint(0, 256, (chunks, job.chunk, 3, *size), dtype=torch.uint8, generator=generator),
        valid=torch.ones(chunks, job.chunk, dtype=torch.bool),
        label=torch.arange(job.ids_per_batch).repeat_interleave(job.chunks_per_id),
        joints=places * torch.tensor([job.width, job.height]),
        visible=torch.ones(chunks, job.chunk, 18, dtype=torch.bool),
        change=torch.stack([drawn_change(rng, job).packed() for _ in range(chunks)]),
    )


def with_random_maps(batch: Batch, job: TrainConfig) -> Batch:
    """The batch with cached pose maps of noise."""
    cells = (cells_along(length, job.pose_scale) for length in (job.height, job.width))
    form = (job.ids_per_batch * job.chunks_per_id, job.chunk, POSE_CHANNELS, *cells)
    return replace(batch, maps=torch.rand(form, generator=torch.Generator().manual_seed(0)).half())


def drawn_change(rng: np.random.Generator, job: TrainConfig) -> Augmentation:
    """Random augmentation of one chunk, by the job's options."""
    limits = AugmentationRange(job.flip, job.shift, job.erase, job.colour)
    return draw_augmentation(rng, limits, job.height, job.width)


def our_step(job: TrainConfig, batch: Batch, device: torch.device, pose_weight: float, plainly: bool = False) -> Step:
    """A step of the job as in `reid.training.loop`, from the batch in memory to the updated weights."""
    model = prepare_model(build_model(job, CLASSES), job, device).train()
    optimizer = build_optimizer(model, job)
    if plainly:
        kind = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[job.optimizer]
        # The groups contain the options of the fused optimizer, which override the arguments.
        optimizer = kind([group | {"foreach": False, "fused": False} for group in optimizer.param_groups])
    wanted = batch if pose_weight else replace(batch, joints=None, visible=None)
    loss = AlignNetLoss(model, job, GroundTruthWeights(pose=pose_weight))

    def step() -> None:
        losses = loss(wanted.to(device).augmented(job.pose_scale))
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), job.clip_norm)
        optimizer.step()
        losses["loss"].item()

    return step


def their_step(clone: Path, job: TrainConfig, batch: Batch, device: torch.device) -> Step:
    """A step of torchreid's engine for video: frames as separate images, label-smoothed cross-entropy loss."""
    network = from_clone(clone, "models/resnet.py").resnet50(num_classes=CLASSES, loss="softmax", pretrained=False)
    network = network.to(device).train()
    criterion = from_clone(clone, "losses/cross_entropy_loss.py").CrossEntropyLoss(
        num_classes=CLASSES, use_gpu=device.type == "cuda"
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=job.momentum, weight_decay=job.weight_decay)
    # The loader of torchreid returns normalised floats.
    images = appearance_input(batch.frames.flatten(0, 1).float() / 255)
    labels = batch.label.repeat_interleave(job.chunk)

    def step() -> None:
        loss = criterion(network(images.to(device)), labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def from_clone(clone: Path, file: str) -> Any:
    """A single module of the clone, since the package needs more than PyTorch. Raises UserError if it is missing."""
    path = clone / "torchreid" / file
    spec = importlib.util.spec_from_file_location(f"torchreid_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise UserError(f"{clone} has no torchreid/{file}: name a clone of KaiyangZhou/deep-person-reid")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def flops_of(step: Step) -> int:
    """Floating-point operations of the matrix products and convolutions of a step, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


def memory_of(step: Step, device: torch.device) -> float | None:
    """Peak GPU memory of a step in MiB, without the memory in use before it; None on a CPU."""
    if device.type != "cuda":
        return None
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    step()
    return (torch.cuda.max_memory_allocated(device) - before) / 2**20


def medians(steps: Mapping[str, Step], config: TrainBenchmarkConfig, device: torch.device) -> dict[str, float]:
    """Median seconds per step of each, measured in turns."""
    found: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(config.warm_up + config.steps):
        for name, step in steps.items():
            begun = time.perf_counter()
            step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn >= config.warm_up:
                found[name].append(time.perf_counter() - begun)
        print(f"turn {turn + 1} of {config.warm_up + config.steps}", end="\r", file=sys.stderr, flush=True)
    return {name: statistics.median(times) for name, times in found.items()}


def peak_flops(device: torch.device, kind: torch.dtype) -> float:
    """Operations per second of a large matrix product: the device's measured peak."""
    size = 8192 if device.type == "cuda" else 2048
    one = torch.rand(size, size, device=device).to(kind)
    best, precision = float("inf"), torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")  # TF32 if available, as convolutions use by default
    for _ in range(8):
        begun = time.perf_counter()
        F.linear(one, one)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - begun)
    torch.set_float32_matmul_precision(precision)
    return 2 * size**3 / best


def lines(result: Mapping[str, Any]) -> list[str]:
    """The result as lines of text."""
    found = [f"{result['device']}, {result['frames_a_step']} frames a step, ours in {result['precision']}"]
    found += [
        f"{name}: {rate:.1f} frames/s ({result['seconds_a_step'][name]:.3f} s a step, "
        f"{result['flops_a_step'][name] / 1e9:.0f} GFLOP)"
        for name, rate in result["frames_a_second"].items()
    ]
    found += [f"times as fast: {pair}: {times:.2f}" for pair, times in result["times_as_fast"].items()]
    peaks = json.dumps({kind: f"{rate / 1e12:.2f} TFLOP/s" for kind, rate in result["measured_peak_flops"].items()})
    return [*found, f"ours: {100 * result['share_of_peak']:.0f} % of the measured peak ({peaks})"]


if __name__ == "__main__":
    run_command(benchmark, TrainBenchmarkConfig, "python -m benchmarks.train")
