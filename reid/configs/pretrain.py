"""Options of python -m reid.pretrain."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reid.configs.checks import require
from reid.configs.data import DEFAULT_ROOTS
from reid.configs.training import DEFAULT_PRETRAIN_RUN, TrainConfig


@dataclass(frozen=True)
class PretrainConfig(TrainConfig):
    """Pre-train on a rendered set: identity loss, ranking loss, and pose loss on the exact joints.

    Reads data/synthetic and writes runs/pretrain unless told otherwise.
    """

    data: Path = DEFAULT_ROOTS["synthetic"]
    """Rendered set (python -m synth.render)."""

    run: Path | None = DEFAULT_PRETRAIN_RUN
    """Folder that the run is written to."""

    init: Path | None = None
    """Network to start from, but for its classifier: the folder or model.pt of a run with the same options of the
    network. Default: --appearance-weights and --pose-weights."""

    lr_pose: float = 1e-2
    """Learning rate of the pose network, which learns from the exact joints here; 0 freezes it."""

    pose_weight: float = 1.0
    """Weight of the pose loss (squared error of heat maps and part affinity fields at every stage)."""

    attention_weight: float = 0.0
    """Weight of the squared error between what temporal attention gives each frame and how much of the person it shows,
    which a rendered set knows. 0 = as in the paper, where the other losses alone teach attention."""

    attention_apart: bool = False
    """Whether that error alone teaches temporal attention, and teaches nothing else: it then takes nothing from what
    tells people apart."""

    pose_maps: Literal["network", "cached", "truth"] = "network"
    """What says where the body parts are while training: the pose network, which learns it; or, for networks that have
    one already (--pose-weights) and keep it as it is, in a fraction of the time: what it says of every frame as it is,
    computed once (cached; not with --new-place, which makes other frames), or the exact joints (truth)."""

    new_place: float = 0.0
    """Chance that a chunk's people are put, by their masks, before another clip's place, 0..1: who they are must not be
    read off their surroundings. 0 trains on the frames as they were rendered."""

    validation_ids: int = 0
    """Identities kept out of training and ranked, camera a against camera b, at the end."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        self.check_training()
        require(self.pose_weight >= 0, f"--pose-weight must not be negative, not {self.pose_weight}")
        require(self.attention_weight >= 0, f"--attention-weight must not be negative, not {self.attention_weight}")
        require(
            not self.attention_apart or self.attention_weight > 0,
            "--attention-apart: nothing would teach temporal attention; give --attention-weight",
        )
        require(0 <= self.new_place <= 1, f"--new-place must lie between 0 and 1, not {self.new_place}")
        require(
            self.pose_maps != "cached" or self.new_place == 0,
            "--pose-maps cached: the maps are those of the frames as they are, and --new-place makes others; "
            "leave one of the two out",
        )
        require(self.validation_ids >= 0, f"--validation-ids must not be negative, not {self.validation_ids}")

    @property
    def joints_teach(self) -> bool:
        """Whether exact joints teach the pose network, unless it is frozen."""
        return self.pose_weight > 0
