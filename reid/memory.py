"""Memory that runs short while a network computes, said in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from kit.command import UserError


@contextmanager
def enough_memory(computed: str, advice: str) -> Iterator[None]:
    """Raise UserError, with what was to be computed and what would take less, where an allocation fails."""
    try:
        yield
    except RuntimeError as failure:
        # On a CPU it is a plain RuntimeError that names its allocator.
        if not isinstance(failure, torch.cuda.OutOfMemoryError) and "DefaultCPUAllocator" not in str(failure):
            raise
        raise UserError(f"memory is short for {computed}: {advice}") from None
