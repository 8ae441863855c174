"""Batches of random frames for the tiny network."""

from dataclasses import replace

import torch

from reid.configs.groups.training import TrainConfig
from reid.data.loading.batch import Batch
from reid_folders import TINY

CONFIG = TrainConfig(**TINY)


def batch_of(labels, length=2):
    """Random frames and joints of a chunk for each label."""
    generator = torch.Generator().manual_seed(0)
    count = len(labels)
    return Batch(
        frames=torch.randint(0, 256, (count, length, 3, 48, 32), dtype=torch.uint8, generator=generator),
        valid=torch.ones(count, length, dtype=torch.bool),
        label=torch.tensor(labels),
        joints=30 * torch.rand(count, length, 18, 2, generator=generator),
        visible=torch.rand(count, length, 18, generator=generator) > 0.3,
    )


def with_visible_shares(batch):
    """The batch with a random visible share for each frame."""
    return replace(batch, seen=torch.rand(*batch.valid.shape, generator=torch.Generator().manual_seed(1)))
