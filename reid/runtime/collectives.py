"""Differentiable sums over the processes of a group."""

from typing import Any

import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function


class _Sum(Function):
    """Sum of a tensor over the processes. Each process has a loss of its own; their sum is differentiated."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def sum_of_all(tensor: Tensor) -> Tensor:
    """The sum of a tensor over all processes, of its shape; differentiable."""
    total: Tensor = _Sum.apply(tensor)
    return total
