"""The pose network of Section 3.1: OpenPose (COCO-18), layer by layer as in CMU's `pose_deploy_linevec.prototxt`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alignnet_common.coco18 import HEATMAP_CHANNELS, PAF_CHANNELS
from reid.functional.pose_targets import CELL, enlarged_length
from reid.models.activation_checkpointing import recomputed
from reid.models.weights import draw_weights, first_generator

POSE_CHANNELS = HEATMAP_CHANNELS + PAF_CHANNELS
"""F of the paper, 57 channels: heat maps 0-18, then part affinity fields 19-56."""

PADDING = 128 / 256 - 0.5
"""Padding value of images: the network input for pixel value 128."""

POOL = ("pool", 0)
TRUNK = (
    *(("conv1_1", 64), ("conv1_2", 64), POOL),
    *(("conv2_1", 128), ("conv2_2", 128), POOL),
    *(("conv3_1", 256), ("conv3_2", 256), ("conv3_3", 256), ("conv3_4", 256), POOL),
    *(("conv4_1", 512), ("conv4_2", 512), ("conv4_3_CPM", 256), ("conv4_4_CPM", 128)),
)
"""Name and output channels of the 3x3 convolutions before stage 1: VGG-19 up to conv4_2, plus two."""

BRANCHES = {"L1": PAF_CHANNELS, "L2": HEATMAP_CHANNELS}
"""The two branches of a stage and their output channels."""


def pose_input(images: Tensor, scale: float = 1.0) -> Tensor:
    """RGB images (N, 3, H, W) in 0..1 to the input of the pose network: BGR, x / 256 - 0.5 for x in 0..255.

    Images are enlarged `scale` times before, bilinearly, with aligned image borders (not corner pixels).
    """
    if scale != 1:
        size = [enlarged_length(length, scale) for length in images.shape[-2:]]
        images = F.interpolate(images, size, mode="bilinear", align_corners=False)
    return images.flip(1) * (255 / 256) - 0.5


def stage_layers(stage: int, branch: str) -> list[tuple[str, int, int]]:
    """(name, output channels at width 1, kernel) of the convolutions of one branch ("L1", "L2") of a stage from 1."""
    outputs = BRANCHES[branch]
    if stage == 1:
        sizes = [(128, 3), (128, 3), (128, 3), (512, 1), (outputs, 1)]
        return [(f"conv5_{i}_CPM_{branch}", *size) for i, size in enumerate(sizes, start=1)]
    sizes = [(128, 7)] * 5 + [(128, 1), (outputs, 1)]
    return [(f"Mconv{i}_stage{stage}_{branch}", *size) for i, size in enumerate(sizes, start=1)]


@dataclass(frozen=True)
class PoseMaps:
    """Outputs of every stage, first stage first: heat maps (N, 19, h, w) and part affinity fields (N, 38, h, w)."""

    heat: tuple[Tensor, ...]
    paf: tuple[Tensor, ...]

    @property
    def last(self) -> Tensor:
        """The 57 maps of the last stage (N, 57, h, w), heat maps first, as OpenPose publishes them."""
        return torch.cat([self.heat[-1], self.paf[-1]], dim=1)

    def divided(self, count: int) -> tuple["PoseMaps", "PoseMaps"]:
        """The maps of the first `count` images, and those of the remaining images."""
        return self._some(slice(count)), self._some(slice(count, None))

    def _some(self, images: slice) -> "PoseMaps":
        return PoseMaps(tuple(maps[images] for maps in self.heat), tuple(maps[images] for maps in self.paf))


class PoseNet(nn.Module):
    """Images (N, 3, H, W) from `pose_input` to `PoseMaps` of ceil(H / 8) x ceil(W / 8) cells.

    Modules have the Caffe layer names, so `body_pose_model.pth` loads strictly and without renaming. ReLU follows every
    convolution except the last of each branch (conv5_5, Mconv7), whose outputs may be negative.

    Args:
        stages: 1 to 6; OpenPose has 6.
        width: factor on the hidden channels (rounded to multiples of 8, at least 8); OpenPose is 1. The 19 and 38
            output channels stay.
        generator: source of the initial weights; default: seed 0.

    Raises ValueError on another number of stages, or a width that is not positive.
    """

    def __init__(self, stages: int = 6, width: float = 1.0, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if not 1 <= stages <= 6:
            raise ValueError(f"pose stages must be 1 to 6, not {stages}")
        if not width > 0:
            raise ValueError(f"pose width must be above 0, not {width}")
        self.stages = stages
        self.recompute = False
        self.in_float32 = False
        with torch.device("meta"):  # no memory and no random numbers until draw_weights
            channels = 3
            for name, size in TRUNK:
                if name != "pool":
                    channels = self._add(name, channels, _scaled(size, width), kernel=3)
            features = channels
            for stage in range(1, stages + 1):
                for branch in BRANCHES:
                    channels = features if stage == 1 else POSE_CHANNELS + features
                    *hidden, (name, outputs, kernel) = stage_layers(stage, branch)
                    for hidden_name, size, hidden_kernel in hidden:
                        channels = self._add(hidden_name, channels, _scaled(size, width), hidden_kernel)
                    self._add(name, channels, outputs, kernel)
        self.to_empty(device="cpu")
        self._draw_weights(first_generator() if generator is None else generator)

    def forward(self, images: Tensor) -> PoseMaps:
        """Maps of every stage; H and W are padded to multiples of 8 at the right and bottom.

        With `in_float32` the maps are computed in float32, inside an autocast context too.
        """
        if self.in_float32:
            with torch.autocast(images.device.type, enabled=False):
                return self._maps(images.float())
        return self._maps(images)

    def _maps(self, images: Tensor) -> PoseMaps:
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % CELL, 0, -height % CELL), value=PADDING)
        features = self._part(self._trunk, padded)  # (N, 128, h, w)
        heat: list[Tensor] = []
        paf: list[Tensor] = []
        x = features
        for stage in range(1, self.stages + 1):
            if stage > 1:
                x = torch.cat([paf[-1], heat[-1], features], dim=1)  # (N, 185, h, w): L1, L2, features
            paf.append(self._part(self._branch, x, stage, "L1"))
            heat.append(self._part(self._branch, x, stage, "L2"))
        return PoseMaps(heat=tuple(heat), paf=tuple(paf))

    def _part(self, function: Callable[..., Tensor], *inputs: Any) -> Tensor:
        return recomputed(self, function, *inputs) if self.recompute and self.training else function(*inputs)

    def _trunk(self, x: Tensor) -> Tensor:
        for name, _ in TRUNK:
            x = F.max_pool2d(x, 2) if name == "pool" else F.relu(self.get_submodule(name)(x))
        return x

    def _branch(self, x: Tensor, stage: int, branch: str) -> Tensor:
        *hidden, last = [self.get_submodule(name) for name, _, _ in stage_layers(stage, branch)]
        for layer in hidden:
            x = F.relu(layer(x))
        return last(x)

    def _add(self, name: str, inputs: int, outputs: int, kernel: int) -> int:
        """Add a convolution with padding that keeps height and width; returns its output channels."""
        self.add_module(name, nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))
        return outputs

    def _draw_weights(self, generator: torch.Generator) -> None:
        draw_weights(self, generator)
        for stage in range(1, self.stages + 1):
            for branch in BRANCHES:
                # Small weights: maps start near zero, as most of a target is, and add no noise to the next stage.
                last = self.get_parameter(f"{stage_layers(stage, branch)[-1][0]}.weight")
                nn.init.normal_(last, std=0.01, generator=generator)


def _scaled(channels: int, width: float) -> int:
    return max(8, 8 * round(channels * width / 8))
