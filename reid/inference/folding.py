"""Batch norms folded into the convolutions before them: the same network in evaluation, faster.

Measured on one core, channels last, 128 × 64 pixels, per image: ResNet-18 22.1 to 19.9 ms, EfficientNet-Lite0 6.5 to
3.7 ms, MobileNetV2 5.6 to 3.6 ms.
"""

import copy
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

CLOSE = 1e-3
"""Largest difference between the outputs of the two networks, as a share of the largest output."""

Network = TypeVar("Network", bound=nn.Module)


def folded(model: Network, sample: Tensor, forward: Callable[[Network, Tensor], Tensor]) -> Network:
    """A copy of `model`, in eval mode, without the batch norms that follow a convolution; `model` itself if there are
    none, or if the copy does not compute the same.

    Args:
        model: a network in eval mode, on any device.
        sample: an input of the network, by which the pairs of layers are found.
        forward: computes the output of a network for the sample.
    """
    lean = copy.deepcopy(model)
    with torch.inference_mode():
        expected = forward(model, sample)
        pairs = _pairs(lean, sample, forward)
    if not pairs:
        return model
    names = {module: name for name, module in lean.named_modules()}
    for convolution, norm in pairs:
        _fold(convolution, norm)
        parent, _, own = names[norm].rpartition(".")
        setattr(lean.get_submodule(parent), own, _what_is_left(norm))
    with torch.inference_mode():
        difference = (forward(lean, sample) - expected).abs().max()
    return lean if difference <= CLOSE * expected.abs().max() else model


def _pairs(
    model: Network, sample: Tensor, forward: Callable[[Network, Tensor], Tensor]
) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Each convolution whose output a batch norm takes as it is, if both run once."""
    outputs: dict[int, tuple[nn.Conv2d, Tensor]] = {}  # the tensor is kept, so that its id stays its own
    runs: Counter[nn.Module] = Counter()
    found: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []

    def after_convolution(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        runs[layer] += 1
        assert isinstance(layer, nn.Conv2d)
        outputs[id(output)] = layer, output

    def before_norm(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        runs[layer] += 1
        assert isinstance(layer, nn.BatchNorm2d)
        if id(inputs[0]) in outputs and layer.running_mean is not None:
            found.append((outputs[id(inputs[0])][0], layer))

    hooks = [
        layer.register_forward_hook(after_convolution)
        if isinstance(layer, nn.Conv2d)
        else layer.register_forward_pre_hook(before_norm)
        for layer in model.modules()
        if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d))
    ]
    try:
        forward(model, sample)
    finally:
        for hook in hooks:
            hook.remove()
    taken = Counter(convolution for convolution, _ in found)
    return [pair for pair in found if runs[pair[0]] == runs[pair[1]] == taken[pair[0]] == 1]


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
