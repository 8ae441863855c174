"""Activation checkpointing: activations are computed again in the backward pass instead of being kept in memory."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def recomputed(part: nn.Module, function: Callable[..., Tensor], *inputs: Any) -> Tensor:
    """`function(*inputs)` with activation checkpointing: only the inputs are kept for the backward pass.

    Running statistics of batch norms in `part` are updated by the first call only.
    """

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _without_statistics(part)

    return checkpoint(function, *inputs, use_reentrant=False, context_fn=contexts)


@contextmanager
def _without_statistics(part: nn.Module) -> Iterator[None]:
    """Batch norms normalise by batch statistics but do not update their running statistics."""
    norms = [module for module in part.modules() if isinstance(module, _BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        norm.num_batches_tracked = norm.num_batches_tracked.clone() if norm.num_batches_tracked is not None else None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
