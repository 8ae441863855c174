"""Convolutions fused with what follows them: the same network in evaluation, faster on a CPU.

A convolution of PyTorch lays its weights out anew at every call, and each activation and each sum of a residual block
reads and writes all values once more. oneDNN, with which PyTorch computes convolutions on x86, does all in one pass,
with weights that are laid out once. Convolutions of 3 x 3 with many channels run by Winograd's algorithm, see
`reid.inference.network.winograd`. Elsewhere the layers run as they are.
"""

import copy
import platform
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from reid.inference.network import winograd
from reid.inference.network.layers import Network, after_convolutions, computes_the_same, replace_layer

ACTIVATIONS: Mapping[type[nn.Module], Callable[[Any], tuple[str, list[float]]]] = {
    nn.ReLU: lambda layer: ("relu", []),
    nn.ReLU6: lambda layer: ("hardtanh", [layer.min_val, layer.max_val]),
    nn.SiLU: lambda layer: ("swish", []),
}
"""oneDNN's name of an activation, and its numbers."""

_NOTHING: tuple[str, list[float]] = ("none", [])


def fused(model: Network, sample: Tensor, forward: Callable[[Network, Tensor], Tensor]) -> Network:
    """A copy of `model` with `FusedConvolution` and `FusedBlock` in place of its layers; `model` itself where PyTorch
    has no oneDNN, or if the copy does not compute the same.

    Arguments as in `reid.inference.network.folding.folded`, which comes before: blocks with norms stay as they are.
    """
    if not _has_onednn():
        return model
    lean = copy.deepcopy(model)
    pairs = after_convolutions(lean, sample, forward, *ACTIVATIONS)
    for convolution, activation in pairs:
        if type(activation) in ACTIVATIONS and can_be_fused(convolution):
            replace_layer(lean, convolution, FusedConvolution(convolution, activation))
            replace_layer(lean, activation, nn.Identity())
    for block in list(lean.modules()):
        if isinstance(block, BasicBlock | Bottleneck) and _has_no_norms(block):
            replace_layer(lean, block, FusedBlock(block))
    done = {each.convolution for each in lean.modules() if isinstance(each, FusedConvolution)}
    for layer in list(lean.modules()):
        if isinstance(layer, nn.Conv2d) and layer not in done and can_be_fused(layer):
            replace_layer(lean, layer, FusedConvolution(layer))
    return lean if computes_the_same(model, lean, sample, forward) else model


def can_be_fused(layer: nn.Module) -> bool:
    """Whether a layer is a convolution with zeros around its input, of a stated width; not of a class of its own."""
    return type(layer) is nn.Conv2d and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


class FusedConvolution(nn.Module):
    """A convolution, the sum with another map, and an activation, in one pass on a CPU.

    The weights are laid out when they are first used, and again for a larger batch, or after the module has been moved.

    Args:
        convolution: one that `can_be_fused`.
        activation: one of `ACTIVATIONS`; default: none.
    """

    def __init__(self, convolution: nn.Conv2d, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.convolution = convolution
        self.activation = activation
        self._kind, self._numbers = _NOTHING if activation is None else ACTIVATIONS[type(activation)](activation)
        self._laid_out: dict[int, tuple[int, Tensor]] = {}
        """By Winograd's tile size, 0 for oneDNN: the weights, and the images of the batch for which they were made."""

    def forward(self, images: Tensor, added: Tensor | None = None) -> Tensor:
        """Maps of images (N, C, H, W): the activation of the convolution's output + `added`, which is overwritten."""
        if images.device.type != "cpu" or images.dtype != torch.float32 or torch.is_grad_enabled():
            return self._activated(self.convolution(images), added)
        tile = winograd.tile_for(self.convolution, images)
        if tile is not None:
            maps = winograd.convolved(images, self._weights_for(images, tile), tile)
            if self.convolution.bias is not None:
                maps += self.convolution.bias[:, None, None]
            return self._activated(maps, added)
        if added is None:
            return self._by_onednn(images, self._kind)
        if self._kind in ("none", "relu"):
            return self._by_onednn(images, self._kind, added)
        return self._activated(self._by_onednn(images, "none"), added)  # oneDNN sums before no other activation

    def _activated(self, maps: Tensor, added: Tensor | None) -> Tensor:
        maps = maps if added is None else maps + added
        return maps if self.activation is None else self.activation(maps)

    def _by_onednn(self, images: Tensor, kind: str, added: Tensor | None = None) -> Tensor:
        layer, operators = self.convolution, torch.ops.mkldnn
        weights = self._weights_for(images, tile=0)
        common = weights, layer.bias, layer.padding, layer.stride, layer.dilation, layer.groups
        numbers = self._numbers if kind == self._kind else []
        if added is None:
            maps: Tensor = operators._convolution_pointwise(images, *common, kind, numbers, "")
        else:
            last = None if kind == "none" else kind
            maps = operators._convolution_pointwise_(added, images, *common, "add", 1.0, last, numbers, "")
        return maps

    def _weights_for(self, images: Tensor, tile: int) -> Tensor:
        batch, weights = self._laid_out.get(tile, (0, images))
        if batch == 0 or (tile == 0 and len(images) > batch):
            layer, weight = self.convolution, self.convolution.weight.detach()
            weights = (
                winograd.transformed(weight, tile)
                if tile
                else torch.ops.mkldnn._reorder_convolution_weight(
                    weight, layer.padding, layer.stride, layer.dilation, layer.groups, list(images.shape)
                )
            )
            self._laid_out[tile] = len(images), weights
        return weights

    def _apply(self, function: Any, recurse: bool = True) -> Any:
        self._laid_out = {}
        return super()._apply(function, recurse)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_laid_out": {}}  # oneDNN's can be neither copied nor saved


class FusedBlock(nn.Module):
    """A residual block of torchvision's ResNets, without norms: the last convolution adds the block's input.

    Its input is overwritten where nothing is computed from it for the sum.
    """

    def __init__(self, block: BasicBlock | Bottleneck) -> None:
        super().__init__()
        names = [name for name in ("conv1", "conv2", "conv3") if hasattr(block, name)]
        self.body = nn.ModuleList(FusedConvolution(getattr(block, name), block.relu) for name in names)
        self.shortcut = None if block.downsample is None else FusedConvolution(block.downsample[0])

    def forward(self, images: Tensor) -> Tensor:
        """Maps (N, C', H', W') of maps (N, C, H, W)."""
        shortcut = images if self.shortcut is None else self.shortcut(images)
        *first, last = self.body
        for layer in first:
            images = layer(images)
        maps: Tensor = last(images, shortcut)
        return maps


def _has_no_norms(block: BasicBlock | Bottleneck) -> bool:
    """Whether all norms of a residual block are folded, that of its shortcut too."""
    norms = [getattr(block, name) for name in ("bn1", "bn2", "bn3") if hasattr(block, name)]
    norms += [] if block.downsample is None else list(block.downsample)[1:]
    return all(isinstance(norm, nn.Identity) for norm in norms)


def _has_onednn() -> bool:
    """Whether this PyTorch computes convolutions by oneDNN, and has the operators that its compiler fuses them with."""
    names = "_convolution_pointwise", "_convolution_pointwise_", "_reorder_convolution_weight"
    on_x86 = platform.machine().lower() in ("x86_64", "amd64")
    return on_x86 and torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in names)
