"""Options of python -m benchmarks.transfer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class TransferConfig:
    """Train a fixed small network on a rendered set and rank Market-1501's training identities with it.

    With --weights, rank them by that network; the options of the training (--data, --steps, --seed, …) have no effect.
    """

    market: Path | None = None
    """Folder of Market-1501, which contains bounding_box_train, to test on."""

    test: Path | None = None
    """A rendered set to test on instead of Market-1501: its identities after the first --ids; queries are camera a's
    frames, the gallery is camera b's."""

    test_ids: int = 0
    """Number of identities to test on, evenly spread over all, with a gallery of their images alone, among which
    persons are easier to find than among all; 0: all of them."""

    weights: str | None = None
    """Network to rank with, in place of a training: a run folder of reid, a model file, or the name of a shipped
    network."""

    flip_test: bool = False
    """Describe each image by the mean over itself and its mirror image. Needs --weights."""

    data: Path = Path("data/synthetic")
    """Rendered set to train on."""

    json: Path = Path("runs/transfer.json")
    """File for the result."""

    ids: int = 300
    """Number of identities of the set to train on, the first ones."""

    frames: int = 8
    """Number of frames per clip, evenly spread."""

    steps: int = 1200
    """Training steps."""

    seed: int = 0
    """Seed of the batches, the augmentation and the classifier's initial weights."""

    start: Literal["imagenet", "nothing"] = "imagenet"
    """Initial weights of the network: ImageNet or random."""

    new_place: float = 0.0
    """Probability, 0..1, that a training image's background is replaced by another image's, as in reid.pretrain."""

    untrained: bool = True
    """Whether to evaluate the network also before its training."""

    threads: int = 1
    """Number of threads for PyTorch on a CPU."""

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        if (self.market is None) == (self.test is None):
            raise ValueError("--market or --test: name one of them, the data to test on")
        if not 0 <= self.new_place <= 1:
            raise ValueError(f"--new-place {self.new_place}: must be between 0 and 1")
        if self.test_ids < 0 or self.test_ids == 1:
            raise ValueError(f"--test-ids {self.test_ids}: must be 0 or at least 2")
        if self.flip_test and self.weights is None:
            raise ValueError("--flip-test: needs --weights, a network to rank with")
