"""Options of python -m reid.finetune."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reid.configs.checks import require
from reid.configs.data import ProtocolConfig
from reid.configs.training import TrainConfig


@dataclass(frozen=True)
class FinetuneConfig(TrainConfig, ProtocolConfig):
    """Fine-tune on PRID2011, iLIDS-VID, MARS, Market-1501 tracklets, a rendered set or your own, measured before and
    after.

    Starts from runs/pretrain where it is there and writes runs/finetune-<dataset> unless told otherwise.
    """

    run: Path | None = None
    """Folder that the run is written to. Default: runs/finetune-<dataset>."""

    init: str = "auto"
    """Weights to start from: a run folder or its model.pt; none; auto = runs/pretrain where it is there."""

    lr_pose: float = 0.0
    """Learning rate of the pose network. 0 keeps it as it is: the losses about who people are make it forget where
    joints are, unless rendered ones go on teaching it (--rendered). The paper's is small, 1e-4."""

    pose_maps: Literal["network", "cached"] = "network"
    """What says where the body parts are while training: the pose network; or what it says of every frame as it is,
    computed once, which takes far less time and leaves it as it was; the baseline has none."""

    rendered: Path | None = None
    """Rendered set (python -m synth.render) whose exact joints go on teaching the pose network while it is fine-tuned
    (--lr-pose 1e-4): some of its frames stand beside each batch. Default: none, as in the paper."""

    rendered_frames: int = 16
    """How many of them, an even number: two of each person."""

    pose_weight: float = 1.0
    """Weight of their pose loss (squared error of heat maps and part affinity fields at every stage)."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        self.check_training()
        self.check_protocol()
        require(self.pose_weight >= 0, f"--pose-weight must not be negative, not {self.pose_weight}")
        even = self.rendered_frames >= 4 and self.rendered_frames % 2 == 0
        require(even, f"--rendered-frames must be an even number from 4 on, not {self.rendered_frames}")
        learns = self.variant != "baseline" and self.pose_maps == "network" and self.lr_pose > 0
        require(
            self.rendered is None or learns,
            "--rendered teaches the pose network, which is not trained here: leave it out, or train the network "
            "(--variant align-…, --pose-maps network, --lr-pose above 0)",
        )
        require(self.splits != "all", "--splits all: a network is trained on one split: name it with --split 0 … 9")

    @property
    def run_folder(self) -> Path:
        """The folder named, or the data set's default one."""
        return self.run or Path(f"runs/finetune-{self.dataset}")

    @property
    def joints_teach(self) -> bool:
        """Whether exact joints teach the pose network."""
        return self.rendered is not None and self.pose_weight > 0
