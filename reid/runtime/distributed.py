"""Distributed training: several processes that torchrun starts train one network, each on its share of every batch.

    torchrun --nproc-per-node 4 -m -- reid.pretrain --data OUT --run RUN

(The two dashes keep torchrun from taking --run for an option of its own.) Identities of a batch are divided evenly. The
ranking loss sees the descriptors of all processes, gradients are averaged, and rank 0 alone writes files. With
--batch-norm synchronised or frozen the result is that of one process on the whole batch.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from reid.runtime.collectives import sum_of_all


@dataclass(frozen=True)
class ProcessGroup:
    """Rank of this process and number of processes."""

    rank: int = 0
    """Rank of this process, 0 to size - 1. Only rank 0 writes files and prints."""

    size: int = 1
    """Number of processes."""

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def print(self, line: str) -> None:
        """Print a line on rank 0 only."""
        if self.is_main:
            print(line)

    def share(self, batch: list[Any]) -> list[Any]:
        """This process's part of a batch, whose chunks are in order of identity."""
        count = len(batch) // self.size
        return batch[self.rank * count : (self.rank + 1) * count]


SINGLE_PROCESS = ProcessGroup()


def torchrun_group() -> ProcessGroup:
    """The group that torchrun has put this process in; a single process without torchrun."""
    return ProcessGroup(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


@contextmanager
def process_group(group: ProcessGroup, device: torch.device) -> Iterator[None]:
    """Initialise the process group (NCCL on GPUs, Gloo on CPUs) and destroy it on exit; nothing for one process."""
    if group.size == 1:
        yield
        return
    # Rank 0 evaluates the initial network before it joins; the others wait for it here.
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(hours=6))
    try:
        yield
    finally:
        dist.destroy_process_group()


def all_gather(tensor: Tensor, group: ProcessGroup) -> Tensor:
    """(B, ...) of each process to (size * B, ...) of all, in order of rank; differentiable."""
    if group.size == 1:
        return tensor
    zeros = torch.zeros_like(tensor)
    return sum_of_all(torch.cat([tensor if rank == group.rank else zeros for rank in range(group.size)]))


def all_reduce_mean(values: Tensor, group: ProcessGroup) -> Tensor:
    """The mean over all processes, without gradients."""
    if group.size == 1:
        return values
    total = values.detach().clone()
    dist.all_reduce(total)
    return total / group.size
