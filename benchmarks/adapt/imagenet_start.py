"""A network as `small` before it saw synthetic people: ImageNet weights, untrained attention, the shipped pose network.

    python -m benchmarks.convert_efficientnet_lite --out runs/tf_efficientnet_lite0.safetensors
    python -m benchmarks.adapt.imagenet_start --appearance-weights runs/tf_efficientnet_lite0.safetensors
    python -m benchmarks.adapt --market DIR --init runs/imagenet-start.safetensors --out runs/adapt-imagenet

The adaptation of this file beside that of `small` tells what the synthetic start is worth.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from reid.configs.groups.model import SMALL_POSE_WEIGHTS
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_model, save_model, trained_size
from reid.runtime.weights_source import find_weights


@dataclass(frozen=True)
class ImagenetStartConfig:
    """Write a model file with ImageNet weights and the layers of a shipped network."""

    appearance_weights: Path | None = None
    """ImageNet weights of the appearance network in timm's names, as benchmarks.convert_efficientnet_lite writes."""

    like: str = "small"
    """Network whose layers and image size are taken."""

    out: Path = Path("runs/imagenet-start.safetensors")
    """Model file that is written."""


def write_imagenet_start(config: ImagenetStartConfig) -> None:
    """Write the model file. Raises UserError where the weights are missing or do not fit."""
    if config.appearance_weights is None:
        raise UserError("name the ImageNet weights: --appearance-weights FILE")
    shaped, record = load_model(find_weights(config.like))
    started = replace(shaped.config, appearance_weights=str(config.appearance_weights), pose_weights=SMALL_POSE_WEIGHTS)
    model = AlignNet(started, classes=0)
    save_model(model, config.out, {"images": trained_size(record), "trained_on": []}, classifier=False)
    print(f"{config.out} is written")


if __name__ == "__main__":
    run_command(write_imagenet_start, ImagenetStartConfig, "python -m benchmarks.adapt.imagenet_start")
