"""Batch norms that are synchronised over processes, frozen, or half instance norm (IBN-Net-a)."""

from collections.abc import Mapping
from typing import Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from reid.runtime.collectives import sum_of_all

NormKind = Literal["own", "synchronised", "frozen"]


class SynchronisedBatchNorm(_BatchNorm):
    """Batch norm over the equally large batches of all processes on a CPU: torch.nn.SyncBatchNorm needs GPUs.

    It takes the place of a batch norm of descriptors (N, C) or images (N, C, H, W), and of timm's batch norms with an
    activation, whose `drop` and `act` it keeps.
    """

    def __init__(self, norm: _BatchNorm) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.load_state_dict(norm.state_dict())
        for name, parameter in norm.named_parameters():
            self.get_parameter(name).requires_grad_(parameter.requires_grad)
        self.drop = getattr(norm, "drop", nn.Identity())
        self.act = getattr(norm, "act", nn.Identity())
        self.train(norm.training)

    def _check_input_dim(self, images: Tensor) -> None:
        """All shapes (N, C, ...) are normalised."""

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, ...) of this process, normalised by mean and deviation over all processes; statistics are in
        float32 for bfloat16 images too, as in torch.nn.SyncBatchNorm."""
        if not self.training:
            return self._activated(super().forward(images))
        size, numbers = dist.get_world_size(), images.float()
        others, shape = [0, *range(2, images.ndim)], (-1, *[1] * (images.ndim - 2))
        mean = sum_of_all(numbers.mean(dim=others)) / size
        centred = numbers - mean.view(shape)
        variance = sum_of_all(centred.square().mean(dim=others)) / size
        self._remember(mean.detach(), variance.detach(), images.numel() // images.shape[1] * size)
        scale = self.weight / (variance + self.eps).sqrt()
        return self._activated((centred * scale.view(shape) + self.bias.view(shape)).to(images.dtype))

    def _activated(self, images: Tensor) -> Tensor:
        activated: Tensor = self.act(self.drop(images))
        return activated

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)


def synchronise_norms(network: nn.Module, on_gpu: bool) -> nn.Module:
    """The network with synchronised batch norms; weights keep their names and values."""
    for module in list(network.modules()):
        for name, norm in list(module.named_children()):
            if isinstance(norm, _BatchNorm) and not isinstance(norm, nn.SyncBatchNorm | SynchronisedBatchNorm):
                setattr(module, name, _on_gpus(norm) if on_gpu else SynchronisedBatchNorm(norm))
    return network


def _on_gpus(norm: _BatchNorm) -> nn.Module:
    """torch.nn.SyncBatchNorm in place of `norm`, and timm's own where the norm has an activation."""
    if not hasattr(norm, "act"):
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(norm)
        return converted
    from timm.layers import convert_sync_batchnorm

    with_activation: nn.Module = convert_sync_batchnorm(norm)
    return with_activation


def freeze_norms(network: nn.Module) -> None:
    """Set all batch norms to eval mode: running statistics are used and stay unchanged. `network.train()` undoes it."""
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.eval()


class InstanceBatchNorm(nn.Module):
    """Instance norm of the first half of the channels, batch norm of the others: IBN of Pan et al. 2018, Fig. 3a.

    Instance norm takes contrast and colour cast of each image out of half the channels. `IN` and `BN` are the names in
    the published networks (XingangPan/IBN-Net).

    Args:
        norm: the batch norm whose place it takes. Its activation (timm's norms have one) is applied after both halves.
    """

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.half = norm.num_features // 2
        self.IN = nn.InstanceNorm2d(self.half, norm.eps, affine=True)
        self.BN = nn.BatchNorm2d(norm.num_features - self.half, norm.eps, norm.momentum)
        self.drop = getattr(norm, "drop", nn.Identity())
        self.act = getattr(norm, "act", nn.Identity())

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W), normalised."""
        halves = self.IN(images[:, : self.half]), self.BN(images[:, self.half :])
        normalised: Tensor = self.act(self.drop(torch.cat(halves, dim=1)))
        return normalised


def instance_norms_in(*stages: nn.Module) -> int:
    """Give the first norm (`bn1`) of every residual block in these stages an instance norm for half its channels.

    Returns the number of blocks that have one now.
    """
    blocks = [block for stage in stages for block in stage.modules() if isinstance(_first_norm(block), nn.BatchNorm2d)]
    for block in blocks:
        block.bn1 = InstanceBatchNorm(block.get_submodule("bn1"))
    return len(blocks)


def _first_norm(block: nn.Module) -> nn.Module | None:
    return getattr(block, "bn1", None)


def halves_of(state: dict[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`state` with each batch norm divided for an `InstanceBatchNorm`, where the `expected` state has one.

    A state that has the halves already, and one without any, come back as they are.
    """
    norms = {name.removesuffix("IN.weight") for name in expected if name.endswith(".IN.weight")}
    divided = dict(state)
    for norm in sorted(norms):
        if norm + "IN.weight" in state or norm + "weight" not in state:
            continue
        half = len(expected[norm + "IN.weight"])
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            whole = divided.pop(norm + name, None)
            if whole is None:
                continue
            if name in ("weight", "bias"):
                divided[f"{norm}IN.{name}"] = whole[:half].clone()
            divided[f"{norm}BN.{name}"] = whole[half:].clone() if whole.ndim else whole
    return divided
