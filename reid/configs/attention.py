"""Options of reid attention."""

from dataclasses import dataclass
from pathlib import Path

from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.checks import check_device, require


@dataclass(frozen=True)
class AttentionConfig:
    """Measure on a synthetic data set what temporal attention attends to, and its benefit under occlusion."""

    data: Path = Path("data/synthetic")
    """Synthetic data set (python -m synth.render) of persons on which the network was not trained."""

    weights: Path = option(Path("runs/pretrain"), formerly="checkpoint")
    """The network: a run's folder, or its model.safetensors."""

    held_out: int = bounded(0, at_least=0)
    """Only the persons held out of the training: its --held-out. Default: all persons."""

    least_change: float = bounded(0.2, at_most=1)
    """Clips whose visible ratio changes by less than this are left out of the correlation, above 0, at most 1."""

    chunk: int = bounded(0, at_least=0)
    """Frames in a chunk for the ranking, over which attention weights frames; 0 = as in the training."""

    covered: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6)
    """Shares of each clip's frames that are occluded in part by another person, for the ranking; 0 to less than 1."""

    draws: int = bounded(1, at_least=1)
    """Number of random draws of the occluded frames and occluding persons; figures are means over the draws."""

    seed: int = bounded(0, at_least=0)
    """Seed of the training (for --held-out), and of the first draw."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    json: Path | None = None
    """File for the results. Default: they are printed only."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_device(self.device)
        require(self.held_out != 1, "--held-out 1: one person cannot be ranked, nor be occluded by another; hold out 2")
        require(all(0 <= share < 1 for share in self.covered), "--covered: shares from 0 to less than 1")
        require(self.least_change > 0, f"--least-change must be above 0, not {self.least_change}")
