"""MixStyle (Zhou et al. 2021): statistics of the features of two frames are mixed in training."""

import numpy as np
import torch
from torch import Tensor

CONCENTRATION = 0.1
"""Both parameters of the Beta distribution of the mixing weights: most lie near 0 or near 1."""

SMALLEST = 1e-6
"""Added to variances."""

PURPOSE = 0x4D69
"""Part of the key of the random numbers, which no other generator of a training has."""


class MixStyle:
    """Mixes the mean and deviation of each channel of a feature map with those of another frame of the batch.

    x' = (x - mean) / deviation * mixed deviation + mixed mean, where mixed = w * own + (1 - w) * other's, w drawn from
    Beta(0.1, 0.1) for each frame, and statistics are over the cells of a map and pass no gradient. The backbones apply
    it after their first two stages, in training alone.

    Args:
        probability: with which a batch is mixed, 0..1, drawn for each of the two stages.
        seed: seed of the training.
    """

    def __init__(self, probability: float, seed: int) -> None:
        self.probability = probability
        self.seed = seed
        self.start_step(0)

    def start_step(self, step: int, rank: int = 0) -> None:
        """Key the random numbers by the number of the optimizer step and the rank of the process, so that a resumed
        run continues with those of a run that was not interrupted."""
        self._rng = np.random.default_rng([self.seed, step, rank, PURPOSE])

    def __call__(self, maps: Tensor) -> Tensor:
        """Feature maps (N, C, h, w), mixed or as they are."""
        if self._rng.random() >= self.probability:
            return maps
        numbers = maps.detach().float()
        mean = numbers.mean(dim=(2, 3), keepdim=True)  # (N, C, 1, 1)
        deviation = (numbers.var(dim=(2, 3), keepdim=True, unbiased=False) + SMALLEST).sqrt()
        drawn = self._rng.beta(CONCENTRATION, CONCENTRATION, (len(maps), 1, 1, 1))
        own = torch.from_numpy(drawn).to(numbers)
        other = torch.from_numpy(self._rng.permutation(len(maps))).to(maps.device)
        mixed_mean = own * mean + (1 - own) * mean[other]
        mixed_deviation = own * deviation + (1 - own) * deviation[other]
        scale = mixed_deviation / deviation
        return maps * scale.to(maps.dtype) + (mixed_mean - mean * scale).to(maps.dtype)
