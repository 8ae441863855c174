"""Small networks whose outputs depend on all of their parts, and random frames."""

from pathlib import Path
from typing import Any

import torch

from reid.configs.groups.model import ModelConfig
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model

IMAGES = {"height": 64, "width": 32, "chunk": 15}


def small_network(variant: str, **options: Any) -> AlignNet:
    """A network in eval mode with running statistics that are not 0 and 1, and pose maps that are not near zero."""
    fixed = {"appearance": "test_resnet", "appearance_weights": "none", "pose_stages": 1, "pose_width": 0.1}
    model = AlignNet(ModelConfig(variant=variant, tap_channels=8, **fixed | options), classes=3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("pose.conv5_5"):
                parameter.mul_(30)
        frames, valid = random_frames(3, 3, seed=5)
        model.train()(frames, valid)
    return model.eval()


def random_frames(
    chunks: int, length: int, seed: int = 0, height: int = 64, width: int = 32
) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames (B, T, 3, H, W) in 0..1, a colour of each and noise; chunk b has b frames of NaN at its end (not all)."""
    generator = torch.Generator().manual_seed(seed)
    colours = torch.rand(chunks, length, 3, 1, 1, generator=generator)
    frames = (colours + torch.rand(chunks, length, 3, height, width, generator=generator)) / 2
    valid = torch.ones(chunks, length, dtype=torch.bool)
    for row in range(1, chunks):
        valid[row, max(1, length - row) :] = False
    return frames.masked_fill(~valid[..., None, None, None], torch.nan), valid


def write_network(path: Path, variant: str, **options: Any) -> AlignNet:
    """A small network, also written as a model file."""
    model = small_network(variant, **options)
    save_model(model, path, {"images": IMAGES}, classifier=False)
    return model
