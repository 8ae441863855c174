"""One network trained by several processes, which torchrun starts: each computes its share of every batch.

    torchrun --nproc-per-node 4 -m -- reid.pretrain --data OUT --run RUN

(The two dashes keep torchrun from taking --run for an option of its own.) A batch's identities are dealt out evenly.
The ranking loss sees the descriptors of all processes, gradients are the mean over them, and the first process alone
writes. With --batch-norm synchronised or frozen, what is trained is what one process would train on the whole batch.
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
class Group:
    """The processes that train together, and which of them this is."""

    rank: int = 0
    """0 to size - 1; 0 leads: it alone writes and prints."""

    size: int = 1
    """How many there are."""

    @property
    def leads(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    def say(self, line: str) -> None:
        """Print a line once, however many processes there are."""
        if self.leads:
            print(line)

    def share(self, batch: list[Any]) -> list[Any]:
        """This process's part of a batch, which is in order of identity."""
        count = len(batch) // self.size
        return batch[self.rank * count : (self.rank + 1) * count]


ALONE = Group()


def group_of_torchrun() -> Group:
    """What torchrun says of this process; alone where nothing has started it."""
    return Group(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


@contextmanager
def together(group: Group, device: torch.device) -> Iterator[None]:
    """Within it, the processes of the group can talk to each other: by NCCL between GPUs, by Gloo between CPUs."""
    if group.size == 1:
        yield
        return
    # The first process measures before it trains, and the others wait for it here.
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(hours=6))
    try:
        yield
    finally:
        dist.destroy_process_group()


def of_all(tensor: Tensor, group: Group) -> Tensor:
    """(B, ...) of each process to the (size × B, ...) of all, in order of rank; differentiable."""
    if group.size == 1:
        return tensor
    nothing = torch.zeros_like(tensor)
    return sum_of_all(torch.cat([tensor if rank == group.rank else nothing for rank in range(group.size)]))


def mean_of_all(values: Tensor, group: Group) -> Tensor:
    """The mean over the processes, without gradients."""
    if group.size == 1:
        return values
    total = values.detach().clone()
    dist.all_reduce(total)
    return total / group.size
