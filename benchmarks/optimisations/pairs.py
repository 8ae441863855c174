"""The optimisations: options that switch each off and on, what is compared, and the tolerance that holds for it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from alignnet_common.files import asset, read_jsonl
from alignnet_common.set_format import FRAMES_FOLDER, MANIFEST
from benchmarks.faults.scenarios import NETWORK

Values = npt.NDArray[np.float64]

Words = tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """A command with an optimisation and without it."""

    name: str
    """What is switched."""

    command: Words
    """Module and options that both runs share; OUT stands for the folder of the run."""

    off: Words
    """Options without the optimisation."""

    on: Words
    """Options with it."""

    results: Callable[[Path], dict[str, Values]]
    """Numbers that a run has left in its folder, by their name."""

    tolerance: float
    """Difference that is allowed, as a share of the value, or of 1 where that is larger; 0: the same to the bit."""

    of_all: Literal["largest", "mean"] = "largest"
    """Which difference of all numbers counts."""


STEPS = 6

TRAINING = (
    *NETWORK,
    *("--chunk", "2", "--overlap", "1", "--ids-per-batch", "4", "--chunks-per-id", "2", "--warmup-steps", "0"),
    *("--lr-appearance", "1e-5", "--lr-pose", "1e-5", "--lr-tap", "1e-5", "--lr-classifier", "1e-4"),
    *("--max-steps", f"{STEPS}", "--device", "cpu", "--data", str(asset("sample")), "--run", "OUT/run"),
)
"""Small steps: from random weights, large ones make much of the last digit."""
FROZEN_POSE = (*TRAINING[: TRAINING.index("--lr-pose")], "--lr-pose", "0", *TRAINING[TRAINING.index("--lr-tap") :])
"""The pose network is not trained; its maps are kept as float16."""
TWO_WORKERS, NO_WORKERS = ("--workers", "2"), ("--workers", "0")
DESCRIBED = (
    *("reid.extract", f"{asset('sample') / FRAMES_FOLDER}", "--tracklets", "--weights", "OUT/network.safetensors"),
    *("--out", "OUT/rows.npz", "--device", "cpu"),
)
RENDERED = ("synth.render", "--ids", "2", "--frames", "2", "--samples", "4", "--seed", "3", "--out", "OUT/set")
PLAIN, DENOISED = ("--no-denoise",), ("--denoise", "--noise-samples", "0")


def losses(out: Path) -> dict[str, Values]:
    """The loss of each step."""
    return {"losses": np.array([row["loss"] for row in read_jsonl(out / "run" / "metrics.jsonl")])}


def losses_and_weights(out: Path) -> dict[str, Values]:
    """The loss of each step, and all weights at the end."""
    from safetensors.numpy import load_file

    weights = load_file(out / "run" / "model.safetensors")
    return losses(out) | {"weights": np.concatenate([weights[name].ravel() for name in sorted(weights)]).astype(float)}


def descriptors(out: Path) -> dict[str, Values]:
    """Descriptors of all tracklets, each of length 1."""
    with np.load(out / "rows.npz") as arrays:
        found = arrays["features"].astype(float)
    return {"descriptors": found / np.linalg.norm(found, axis=1, keepdims=True)}


def pixels(out: Path) -> dict[str, Values]:
    """All pixels of a rendered set, 0 to 1."""
    from PIL import Image

    frames = sorted((out / "set" / FRAMES_FOLDER).rglob("*.png"))
    return {"pixels": np.stack([np.asarray(Image.open(path)) for path in frames]) / 255}


def ground_truth(out: Path) -> dict[str, Values]:
    """Arrays of all annotations of a rendered set, by their name."""
    found: dict[str, list[Values]] = {}
    for row in read_jsonl(out / "set" / MANIFEST):
        with np.load(out / "set" / "annotations" / f"{row['clip']}.npz") as arrays:
            for name in arrays.files:
                if arrays[name].dtype.kind in "biuf":  # others are names of joints
                    found.setdefault(name, []).append(arrays[name].astype(float).ravel())
    return {name: np.concatenate(parts) for name, parts in found.items()}


def pixels_and_truth(out: Path) -> dict[str, Values]:
    """Pixels and annotations."""
    return pixels(out) | ground_truth(out)


PRETRAIN = ("reid.pretrain", *TRAINING)
PAIRS = (
    Pair("loader processes", PRETRAIN, NO_WORKERS, TWO_WORKERS, losses_and_weights, 0),
    Pair("decoded frames kept in memory", PRETRAIN, ("--cache-gib", "0"), (), losses_and_weights, 0),
    Pair("decoded frames kept on the disk", PRETRAIN, (), ("--cache", "OUT/cache"), losses_and_weights, 0),
    Pair("activations computed again", PRETRAIN, (), ("--recompute",), losses_and_weights, 0),
    Pair("channels last", PRETRAIN, ("--channels-last", "no"), ("--channels-last", "yes"), losses, 1e-3),
    Pair("bfloat16", PRETRAIN, ("--precision", "float32"), ("--precision", "bfloat16"), losses, 0.1),
    Pair("torch.compile", PRETRAIN, (), ("--compile",), losses, 1e-3),
    Pair("pose maps kept", ("reid.pretrain", *FROZEN_POSE), (), ("--pose-maps", "cached"), losses, 1e-2),
    Pair("large batches of extract", DESCRIBED, ("--batch-size", "1"), ("--batch-size", "64"), descriptors, 1e-4),
    Pair("loader processes of extract", DESCRIBED, NO_WORKERS, TWO_WORKERS, descriptors, 0),
    Pair("rendering processes", RENDERED, ("--workers", "1"), ("--workers", "2"), pixels_and_truth, 0),
    Pair("denoiser, ground truth", (*RENDERED, "--workers", "1"), PLAIN, DENOISED, ground_truth, 0),
    Pair("denoiser, pixels on average", (*RENDERED, "--workers", "1"), PLAIN, DENOISED, pixels, 0.05, "mean"),
)
