"""Batch norms folded into the convolutions before them: the same network in evaluation, faster.

Measured on one core, channels last, 128 × 64 pixels, per image: ResNet-18 22.1 to 19.9 ms, EfficientNet-Lite0 6.5 to
3.7 ms, MobileNetV2 5.6 to 3.6 ms.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from reid.inference.network.layers import Network, after_convolutions, computes_the_same, replace_layer


def folded(model: Network, sample: Tensor, forward: Callable[[Network, Tensor], Tensor]) -> Network:
    """A copy of `model`, in eval mode, without the batch norms that follow a convolution; `model` itself if there are
    none, or if the copy does not compute the same.

    Args:
        model: a network in eval mode, on any device.
        sample: an input of the network, by which the pairs of layers are found.
        forward: computes the output of a network for the sample.
    """
    lean = copy.deepcopy(model)
    pairs = [
        (convolution, norm)
        for convolution, norm in after_convolutions(lean, sample, forward, nn.BatchNorm2d)
        if norm.running_mean is not None
    ]
    for convolution, norm in pairs:
        _fold(convolution, norm)
        replace_layer(lean, norm, _what_is_left(norm))
    return lean if pairs and computes_the_same(model, lean, sample, forward) else model


@torch.no_grad()
def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Give the convolution the weights and the bias with which it computes both layers; in float64, then rounded."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.double()
    shift = -norm.running_mean.double() * scale
    if norm.bias is not None:
        shift = shift + norm.bias.double()
    if convolution.bias is not None:
        shift = shift + convolution.bias.double() * scale
    weight = convolution.weight
    convolution.weight = nn.Parameter((weight.double() * scale[:, None, None, None]).to(weight.dtype), False)
    convolution.bias = nn.Parameter(shift.to(weight.dtype), False)


def _what_is_left(norm: nn.BatchNorm2d) -> nn.Module:
    """The activation that is part of some batch norms of timm (`BatchNormAct2d`); else nothing."""
    activation = getattr(norm, "act", None)
    return activation if isinstance(activation, nn.Module) else nn.Identity()
