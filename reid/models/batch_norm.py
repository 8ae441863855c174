"""Synchronised batch norms for distributed training, and frozen batch norms."""

from typing import Literal

import torch.distributed as dist
from torch import Tensor, nn

from reid.runtime.collectives import sum_of_all

NormKind = Literal["own", "synchronised", "frozen"]


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the equally large batches of all processes on a CPU: torch.nn.SyncBatchNorm needs GPUs."""

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) of this process, normalised by mean and deviation over all processes; statistics are in
        float32 for bfloat16 images too, as in torch.nn.SyncBatchNorm."""
        if not self.training:
            return super().forward(images)
        size, numbers = dist.get_world_size(), images.float()
        mean = sum_of_all(numbers.mean(dim=(0, 2, 3))) / size
        centred = numbers - mean[:, None, None]
        variance = sum_of_all(centred.square().mean(dim=(0, 2, 3))) / size
        self._remember(mean.detach(), variance.detach(), images.numel() // images.shape[1] * size)
        scale = self.weight / (variance + self.eps).sqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(images.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)


def synchronise_norms(network: nn.Module, on_gpu: bool) -> nn.Module:
    """The network with synchronised batch norms; weights keep their names and values."""
    if on_gpu:
        synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return synchronised
    for module in list(network.modules()):
        for name, norm in list(module.named_children()):
            if isinstance(norm, nn.BatchNorm2d):
                replacement = SynchronisedBatchNorm(norm.num_features, norm.eps, norm.momentum)
                replacement.load_state_dict(norm.state_dict())
                setattr(module, name, replacement)
    return network


def freeze_norms(network: nn.Module) -> None:
    """Set all batch norms to eval mode: running statistics are used and stay unchanged. `network.train()` undoes it."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
