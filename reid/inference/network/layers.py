"""Which layers of a network follow each other, and how large their outputs are: found by a sample."""

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

CLOSE = 1e-3
"""Largest difference between the outputs of two networks that compute the same, as a share of the largest output."""

Network = TypeVar("Network", bound=nn.Module)
Layer = TypeVar("Layer", bound=nn.Module)


def after_convolutions(
    model: Network, sample: Tensor, forward: Callable[[Network, Tensor], Tensor], *kinds: type[Layer]
) -> list[tuple[nn.Conv2d, Layer]]:
    """Each convolution whose output a layer of `kinds` takes as it is, with that layer, if both run once.

    Args:
        model: a network in eval mode.
        sample: an input of the network.
        forward: computes the output of the network for the sample.
    """
    outputs: dict[int, tuple[nn.Conv2d, Tensor, int]] = {}  # the tensor is kept, so that its id stays its own
    runs: Counter[nn.Module] = Counter()
    found: list[tuple[nn.Conv2d, Layer]] = []

    def after_convolution(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        runs[layer] += 1
        assert isinstance(layer, nn.Conv2d)
        outputs[id(output)] = layer, output, output._version

    def before_follower(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        runs[layer] += 1
        assert isinstance(layer, kinds)
        convolution, output, version = outputs.get(id(inputs[0]), (None, inputs[0], 0))
        if convolution is not None and output._version == version:  # else something was added to it in place
            found.append((convolution, layer))

    hooks: list[RemovableHandle] = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            hooks.append(layer.register_forward_hook(after_convolution))
        elif isinstance(layer, kinds):
            hooks.append(layer.register_forward_pre_hook(before_follower))
    run_with(hooks, model, sample, forward)
    taken = Counter(convolution for convolution, _ in found)
    return [pair for pair in found if runs[pair[0]] == runs[pair[1]] == taken[pair[0]] == 1]


def largest_output(model: Network, sample: Tensor, forward: Callable[[Network, Tensor], Tensor]) -> int:
    """Bytes of the largest tensor that a layer of the network returns for the sample. Arguments as above."""
    sizes = [sample.numel() * sample.element_size()]

    def after(layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor):
            sizes.append(output.numel() * output.element_size())

    run_with([layer.register_forward_hook(after) for layer in model.modules()], model, sample, forward)
    return max(sizes)


def run_with(
    hooks: list[RemovableHandle], model: Network, sample: Tensor, forward: Callable[[Network, Tensor], Tensor]
) -> None:
    """Run the sample through the network, and remove the hooks."""
    try:
        with torch.no_grad():  # in inference mode, tensors do not count their changes
            forward(model, sample)
    finally:
        for hook in hooks:
            hook.remove()


def computes_the_same(
    one: Network, other: Network, sample: Tensor, forward: Callable[[Network, Tensor], Tensor]
) -> bool:
    """Whether two networks have outputs for the sample that differ by less than `CLOSE`."""
    with torch.inference_mode():
        expected, found = forward(one, sample), forward(other, sample)
    return bool((found - expected).abs().max() <= CLOSE * expected.abs().max())


def replace_layer(model: nn.Module, layer: nn.Module, other: nn.Module) -> None:
    """Put `other` in the place of a layer of the network. Raises StopIteration where it is no layer of it."""
    name = next(name for name, each in model.named_modules() if each is layer)
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, other)
