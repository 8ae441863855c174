"""What a checkpoint holds: the network, its optimizer and schedule, and the position in the data."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch

from reid.configs.groups.training import TrainConfig
from reid.models.alignnet import AlignNet
from reid.training.schedule import Schedule


@dataclass
class TrainState:
    """Everything that changes during training."""

    model: AlignNet
    optimizer: torch.optim.Optimizer
    schedule: Schedule = field(default_factory=Schedule)

    step: int = 0
    """Optimizer steps done."""

    epoch: int = 0
    """Epochs done."""

    batch: int = 0
    """Batches of the current epoch done: the sampler's position."""

    lowest: float = math.inf
    """Lowest mean loss between two checkpoints so far."""

    best_validation: float = -math.inf
    """Highest mAP of held-out identities so far, percent."""

    validation: float | None = None
    """mAP of held-out identities after the current step; None if they were not ranked."""

    losses: list[float] = field(default_factory=list)
    """Losses of the steps since the last checkpoint."""

    def advance(self, values: dict[str, float], batches_per_epoch: int, config: TrainConfig) -> dict[str, Any]:
        """Count one optimizer step with these mean losses; returns its row for metrics.jsonl."""
        self.schedule.add(values["loss"])
        self.losses.append(values["loss"])
        row: dict[str, Any] = {"step": self.step + 1, "epoch": self.epoch, **values}
        row["lr"] = {rates["name"]: rates["lr"] for rates in self.optimizer.param_groups}
        self.step, self.batch = self.step + 1, self.batch + 1
        if self.batch == batches_per_epoch:
            self.epoch, self.batch = self.epoch + 1, 0
            self.schedule.end_epoch(config)
        return row

    def improved(self, by_validation: bool = False) -> bool:
        """Whether the network is the best of the checkpoints so far; starts a new mean of the losses.

        by_validation -- best is the highest mAP of held-out identities; otherwise the lowest mean loss since the last
        checkpoint.
        """
        if by_validation:
            found, self.validation, self.losses = self.validation, None, []
            is_best = found is not None and found > self.best_validation
            self.best_validation = max(self.best_validation, -math.inf if found is None else found)
            return is_best
        mean = math.fsum(self.losses) / len(self.losses)
        is_lowest, self.lowest, self.losses = mean < self.lowest, min(mean, self.lowest), []
        return is_lowest
