"""Batches of two sets: people to be told apart, and rendered frames whose exact joints go on teaching the pose net."""

from collections.abc import Iterable, Iterator

from torch import Tensor

PREFIX = "rendered_"

Batch = dict[str, Tensor]


def mixed(batches: Iterable[Batch], rendered: Iterable[Batch]) -> Iterator[Batch]:
    """Each batch with one of the other set beside it, whose names begin with `PREFIX`; ends with the shorter."""
    for batch, beside in zip(batches, rendered, strict=False):
        yield batch | {PREFIX + name: tensor for name, tensor in beside.items()}


def taken_apart(batch: Batch) -> tuple[Batch, Batch]:
    """The batch without its rendered part, and that part under its own names; empty where it has none."""
    own = {name: tensor for name, tensor in batch.items() if not name.startswith(PREFIX)}
    return own, {name.removeprefix(PREFIX): tensor for name, tensor in batch.items() if name not in own}
