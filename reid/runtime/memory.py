"""Out of memory as a UserError of one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from alignnet_common.errors import UserError


class MemoryShortError(UserError):
    """Too little memory, of the CPU or of a GPU, for a computation."""


@contextmanager
def enough_memory(computed: str, advice: str, device: torch.device | None = None) -> Iterator[None]:
    """Turn a failed allocation, on CPU or GPU, into a MemoryShortError.

    Args:
        computed: what is computed, for the message: "32 frames of 128 × 64".
        advice: how to need less memory.
        device: device of the computation, if the command has a --device option: a GPU's message then advises the CPU.
    """
    try:
        yield
    except RuntimeError as failure:
        # A CPU raises a plain RuntimeError whose message names the allocator.
        if not isinstance(failure, torch.cuda.OutOfMemoryError) and "DefaultCPUAllocator" not in str(failure):
            raise
        elsewhere = ", or pass --device cpu" if device is not None and device.type != "cpu" else ""
        raise MemoryShortError(f"memory is short for {computed}: {advice}{elsewhere}") from None
