"""What changes while training, and what stays."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import torch

from reid.configs.training import TrainConfig
from reid.data.loading.chunk_dataset import ChunkDataset
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.sampler import PKSampler
from reid.models.alignnet import AlignNet
from reid.runtime.distributed import ALONE, Group
from reid.training.schedule import Schedule


@dataclass
class TrainState:
    """All that changes while training; what a checkpoint holds."""

    model: AlignNet
    optimizer: torch.optim.Optimizer
    schedule: Schedule = field(default_factory=Schedule)

    step: int = 0
    """Steps done."""

    epoch: int = 0
    """Epochs done."""

    batch: int = 0
    """Batches done of this epoch: the sampler's position."""

    lowest: float = math.inf
    """Lowest mean loss between two checkpoints so far."""


@dataclass(frozen=True)
class Setting:
    """What stays as it is while training."""

    config: TrainConfig

    run: Path
    """Folder that metrics go to."""

    device: torch.device

    group: Group = ALONE
    """The processes that train together."""

    pose_weight: float = 0.0
    """Weight of the pose loss, where the data have joints."""

    attention_weight: float = 0.0
    """Weight of the loss that teaches TAP how much is seen, where the data know it."""

    attention_apart: bool = False
    """Whether nothing else teaches TAP, and it teaches nothing else."""


@dataclass(frozen=True)
class TrainingSet:
    """Chunks to train on, and the order in which they come."""

    dataset: ChunkDataset
    sampler: PKSampler
    store: FrameStore
    remarks: list[str]
    """What about the people is not as batches would have it."""
    rendered: "TrainingSet | None" = None
    """Frames of a rendered set that go beside each batch, for the pose network alone."""
