"""Options of python -m reid.pretrain."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from alignnet_common.options import bounded, option
from reid.configs.groups.checks import require
from reid.configs.groups.data import DEFAULT_ROOTS
from reid.configs.groups.presets import PAPER, SMALL_NETWORK
from reid.configs.groups.training import DEFAULT_PRETRAIN_RUN, TrainConfig


@dataclass(frozen=True)
class PretrainConfig(TrainConfig):
    """Pre-train on a rendered set: identity loss, ranking loss, and pose loss on the exact joints.

    Reads data/synthetic and writes runs/pretrain by default.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": PAPER,
        "small": {**SMALL_NETWORK, "chunk": 4, "overlap": 1, "chunks_per_id": 2, "warmup_steps": 30, "epochs": 14},
    }

    data: Path = DEFAULT_ROOTS["synthetic"]
    """Rendered set (python -m synth.render); "sample" = the set that is installed with the package."""

    run: Path | None = option(DEFAULT_PRETRAIN_RUN, aliases=["--output-dir"])
    """Output folder of the run."""

    init: Path | None = option(None, aliases=["--weights"])
    """Initial weights of the whole network except the classifier: a run folder, or its model.safetensors, trained with
    the same network options. Default: --appearance-weights and --pose-weights."""

    lr_pose: float = bounded(1e-2, at_least=0)
    """Learning rate of the pose network, which is trained on the exact joints; 0 freezes it."""

    pose_weight: float = bounded(1.0, at_least=0, rare=True)
    """Weight of the pose loss (squared error of heat maps and part affinity fields at every stage)."""

    attention_weight: float = bounded(0.0, at_least=0)
    """Weight of the attention loss: squared error between the temporal attention of a frame and the visible share of
    the person, which a rendered set records. 0 = no attention loss, as in the paper."""

    attention_apart: bool = option(False, rare=True)
    """Stop gradients between temporal attention and the other losses: the attention loss alone trains temporal
    attention, and trains nothing else."""

    pose_maps: Literal["network", "cached", "truth"] = "network"
    """Source of the pose maps in training. network = the pose network at each step, which is trained too. With a pose
    network that is already trained (--pose-weights) and stays frozen, in a fraction of the time: cached = its maps of
    every frame, computed once (not with --new-place, which changes the frames); truth = maps of the exact joints."""

    new_place: float = option(0.0, at_least=0, at_most=1, aliases=["--background-swap"])
    """Probability of background replacement, 0..1: the people of a chunk are put, by their masks, in front of the scene
    of another clip, so that identity cannot be read off the background."""

    held_out: int = option(0, at_least=0, formerly="validation_ids")
    """Held-out identities, left out of training and evaluated at the end, camera a against camera b."""

    ids: int | None = bounded(None, at_least=2)
    """Identities to train on: the first ones in the order of their numbers, held-out ones not counted. Default: all."""

    eval_every: int = bounded(0, at_least=0)
    """Steps between rankings of the held-out identities during training. best.pt is then the checkpoint with their
    highest mAP. 0 = they are ranked at the end only, and best.pt has the lowest mean training loss."""

    def __post_init__(self) -> None:
        """Raise ValueError, one line that names the option, on a value out of range or on options that conflict."""
        super().__post_init__()
        require(self.eval_every == 0 or self.held_out > 0, "--eval-every ranks held-out identities: give --held-out")
        require(
            not self.attention_apart or self.attention_weight > 0,
            "--attention-apart: no loss would train temporal attention; give --attention-weight",
        )
        require(
            self.pose_maps != "cached" or self.new_place == 0,
            "--pose-maps cached: maps are computed on unchanged frames, but --new-place changes frames; "
            "leave one of the two out",
        )

    @property
    def joints_teach(self) -> bool:
        """Whether exact joints train the pose network, unless it is frozen."""
        return self.pose_weight > 0

    def resolved(self) -> Self:
        """These options as a run keeps them: the folder named, --resume dropped, a frozen pose network at rate 0."""
        return replace(self, run=self.run or DEFAULT_PRETRAIN_RUN, resume=False).with_frozen_pose()
