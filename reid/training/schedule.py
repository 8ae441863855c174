"""Learning-rate schedule: warm-up, then drops on a plateau of the training loss, or a cosine."""

import math
from dataclasses import dataclass

from reid.configs.groups.training import TrainConfig


@dataclass
class Schedule:
    """State of the schedule; `factor` is applied to every learning rate."""

    drops: int = 0
    """Drops so far."""

    best: float = math.inf
    """Lowest mean training loss of an epoch."""

    stale: int = 0
    """Epochs since that lowest loss, or since the last drop."""

    loss_sum: float = 0.0
    """Sum of the losses of this epoch so far."""

    loss_count: int = 0
    """Steps of this epoch so far."""

    def factor(self, config: TrainConfig, step: int, planned: int) -> float:
        """Factor on the learning rates, 0..1, at step `step` (from 0) of `planned` steps."""
        warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
        if config.schedule == "plateau":
            return warm * config.lr_drop**self.drops
        progress = (step - config.warmup_steps) / max(1, planned - config.warmup_steps)
        return warm * 0.5 * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))

    def add(self, loss: float) -> None:
        """Add the loss of one step to the mean of the epoch."""
        self.loss_sum += loss
        self.loss_count += 1

    def end_epoch(self, config: TrainConfig) -> None:
        """End an epoch: learning rates drop if its mean loss has not fallen for `patience` epochs (Section 4.2)."""
        mean = self.loss_sum / max(1, self.loss_count)
        self.loss_sum, self.loss_count = 0.0, 0
        if mean < self.best * (1 - config.threshold):
            self.best, self.stale = mean, 0
            return
        self.stale += 1
        if self.stale >= config.patience and self.drops < config.max_drops:
            self.drops, self.stale = self.drops + 1, 0
