"""AlignNet as graphs without data-dependent shapes, for torch.export and ONNX.

`AlignNet.forward` selects the valid frames before its networks. A graph's shapes may not depend on values, so here all
frames enter the networks, in eval mode: batch norms use running statistics, no frame affects another one, and Eq. 7
ignores frames that are not valid.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import Dim

from reid.models.alignnet import AlignNet

BLOCKS = 4
"""Weights of a frame, as in `AlignNetOutput.frame_weights`; a network that does not weigh frames gives ones."""

BATCH, FRAMES, IMAGES = "batch", "frames", "images"
"""Names of the dimensions of any length."""

Shape = tuple[str | int, ...]
"""A tensor's shape: a dimension of any length by its name, any other by its length."""


class FrameGraph(nn.Module):
    """Images (N, 3, H, W) to frame descriptors (N, D) and frame weights (N, 4)."""

    def __init__(self, model: AlignNet) -> None:
        super().__init__()
        self.network = without(model, ("classifier",))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        maps = None if self.network.pose is None else self.network.estimate_pose(images).last
        descriptors, weights = self.network.describe_frames(images, maps)
        return descriptors, descriptors.new_ones(images.shape[0], BLOCKS) if weights is None else weights


class PoolingGraph(nn.Module):
    """Frame descriptors (B, T, D), frame weights (B, T, 4) and the mask (B, T) to descriptors (B, D)."""

    def __init__(self, model: AlignNet) -> None:
        super().__init__()
        self.network = without(model, ("classifier", "appearance", "pose", "appearance_tap", "part_tap"))

    def forward(self, frame_descriptors: Tensor, frame_weights: Tensor, valid: Tensor) -> Tensor:
        """See the class."""
        return self.network.descriptor_of(self.network.pool_frames(frame_descriptors, frame_weights, valid))


class VideoGraph(nn.Module):
    """Frames (B, T, 3, H, W) and the mask (B, T) to descriptors (B, D)."""

    def __init__(self, model: AlignNet) -> None:
        super().__init__()
        self.describe = FrameGraph(model)
        self.pool = PoolingGraph(model)

    def forward(self, frames: Tensor, valid: Tensor) -> Tensor:
        """See the class."""
        chunks = frames.shape[:2]
        descriptors, weights = self.describe(frames.flatten(0, 1))
        descriptor: Tensor = self.pool(descriptors.unflatten(0, chunks), weights.unflatten(0, chunks), valid)
        return descriptor


@dataclass(frozen=True)
class Interface:
    """Inputs and outputs of a graph by name, in order."""

    inputs: dict[str, Shape]
    outputs: dict[str, Shape]

    def example(self) -> tuple[Tensor, ...]:
        """Inputs with two chunks of three frames, or six images, all valid."""
        lengths = {BATCH: 2, FRAMES: 3, IMAGES: 6}
        return tuple(
            torch.ones(
                [lengths[side] if isinstance(side, str) else side for side in shape],
                dtype=torch.bool if name == "valid" else torch.float32,
            )
            for name, shape in self.inputs.items()
        )

    def dynamic_shapes(self) -> tuple[dict[int, Dim], ...]:
        """The dimensions of any length of each input, for `torch.export.export`."""
        dims = {name: Dim(name, min=1) for name in (BATCH, FRAMES, IMAGES)}
        return tuple(
            {axis: dims[side] for axis, side in enumerate(shape) if isinstance(side, str)}
            for shape in self.inputs.values()
        )


def interface_of(graph: str, model: AlignNet, height: int, width: int) -> Interface:
    """Inputs and outputs of the graph "video", "frames" or "pooling" for frames of `height` x `width` pixels."""
    size, pixels = model.descriptor_size, (3, height, width)
    descriptor: dict[str, Shape] = {"descriptor": (BATCH, size)}
    if graph == "video":
        return Interface({"frames": (BATCH, FRAMES, *pixels), "valid": (BATCH, FRAMES)}, descriptor)
    if graph == "frames":
        outputs: dict[str, Shape] = {"frame_descriptor": (IMAGES, size), "frame_weights": (IMAGES, BLOCKS)}
        return Interface({"images": (IMAGES, *pixels)}, outputs)
    inputs: dict[str, Shape] = {
        "frame_descriptors": (BATCH, FRAMES, size),
        "frame_weights": (BATCH, FRAMES, BLOCKS),
        "valid": (BATCH, FRAMES),
    }
    return Interface(inputs, descriptor)


def program_of(graph: str, model: AlignNet, interface: Interface) -> torch.export.ExportedProgram:
    """A graph as a program of torch.export."""
    module = {"video": VideoGraph, "frames": FrameGraph, "pooling": PoolingGraph}[graph](model).eval()
    with torch.no_grad():
        return torch.export.export(module, interface.example(), dynamic_shapes=interface.dynamic_shapes(), strict=False)


def without(model: AlignNet, parts: Sequence[str]) -> AlignNet:
    """A network that shares its parts with `model`, but lacks some: a program holds the weights of all parts."""
    some = copy.copy(model)
    some._modules = {name: part for name, part in model._modules.items() if name not in parts}
    return some
