"""Batch norms over the whole batch where several processes share it, and batch norms that do not move."""

from typing import Literal

import torch.distributed as dist
from torch import Tensor, nn

from reid.runtime.collectives import sum_of_all

NormKind = Literal["own", "synchronised", "frozen"]


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """A batch norm over the batches of all processes, each as large, on a CPU: torch's own knows GPUs alone."""

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) of this process, normalised by the mean and deviation over all; computed in float32, as torch's
        own does where the images are bfloat16."""
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
    """The network with batch norms over the batches of all processes; its weights keep their names and values."""
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
    """Have batch norms use, and keep, the statistics that they have; undone by `network.train()`."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
