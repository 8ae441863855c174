"""Out of memory as a UserError of one line; freed memory that is used again."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from alignnet_common.doctor.machine import memory
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


LOOK_EVERY = 64 * 2**20
"""Bytes that a network has kept, or its modules have returned, between two looks at the free memory."""

KEPT_FREE = 2**28
"""Bytes that stay free, at least."""


@contextmanager
def watched_memory(computed: str, advice: str, left_for: int = 0) -> Iterator[None]:
    """Raise MemoryShortError when a pass on the CPU, forward or backward, has used up nearly all memory.

    No allocation says so: the kernel would kill the process. With recomputed activations, it is the backward pass that
    needs most memory. One pass at a time in a process.

    Args:
        computed: what is computed, for the message, as of `enough_memory`.
        advice: how to need less memory.
        left_for: bytes that are needed beyond those of the activations, such as those of gradients.
    """
    seen = largest = 0

    def look(tensor: Tensor) -> Tensor:
        nonlocal seen
        seen += tensor.nbytes
        if seen >= LOOK_EVERY:
            seen, free = 0, memory()[1]
            # A gradient of the size of the largest activation comes between two looks.
            if free is not None and free < KEPT_FREE + left_for + largest:
                raise MemoryShortError(f"memory is short for {computed}: {advice}")
        return tensor

    def after_module(module: nn.Module, inputs: object, output: object) -> None:
        nonlocal largest
        if isinstance(output, Tensor):
            largest = max(largest, output.nbytes * output.requires_grad)
            look(output)

    # Recomputed activations have saved-tensor hooks of their own, which replace those of here: modules are seen.
    modules = nn.modules.module.register_module_forward_hook(after_module)
    try:
        with torch.autograd.graph.saved_tensors_hooks(look, lambda tensor: tensor):
            yield
    finally:
        modules.remove()


TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8
"""Parameters of mallopt(3)."""


def keep_freed_memory() -> bool:
    """Let this process use memory that it has freed again, in place of new pages; returns whether it does.

    The GNU C library returns blocks of 32 MiB and more to the system as soon as they are free, so that each layer of a
    network with large feature maps gets new pages, one fault each: half of the detector's time. With other C libraries
    nothing is changed. The process then never gets smaller than it was at its largest.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(ARENA_MAX, 1) and mallopt(MMAP_MAX, 0) and mallopt(TRIM_THRESHOLD, 2**31 - 1))
