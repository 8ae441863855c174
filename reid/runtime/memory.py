"""Memory that runs short while a network computes, said in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from alignnet_common.errors import UserError


@contextmanager
def enough_memory(computed: str, advice: str, device: torch.device | None = None) -> Iterator[None]:
    """Raise UserError, with what was to be computed and what would take less, where an allocation fails.

    device -- where it is computed, if that can be chosen: a machine has more memory than its GPU.
    """
    try:
        yield
    except RuntimeError as failure:
        # On a CPU it is a plain RuntimeError that names its allocator.
        if not isinstance(failure, torch.cuda.OutOfMemoryError) and "DefaultCPUAllocator" not in str(failure):
            raise
        elsewhere = ", or pass --device cpu" if device is not None and device.type != "cpu" else ""
        raise UserError(f"memory is short for {computed}: {advice}{elsewhere}") from None
