"""Options of python -m reid.finetune."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from alignnet_common.options import bounded, option
from reid.configs.groups.checks import require
from reid.configs.groups.data import ProtocolConfig
from reid.configs.groups.presets import PAPER, SMALL_NETWORK
from reid.configs.groups.training import TrainConfig


@dataclass(frozen=True)
class FinetuneConfig(TrainConfig, ProtocolConfig):
    """Fine-tune on PRID2011, iLIDS-VID, MARS, Market-1501 tracklets, a rendered set or your own, measured before and
    after.

    Starts from runs/pretrain if it exists, and writes runs/finetune-<dataset> by default.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {**PAPER, "lr_pose": 1e-4},
        "small": {**SMALL_NETWORK, "chunk": 4, "overlap": 1, "ids_per_batch": 16, "chunks_per_id": 2, "epochs": 20},
    }

    run: Path | None = option(None, aliases=["--output-dir"])
    """Output folder of the run. Default: runs/finetune-<dataset>."""

    init: str = option("auto", aliases=["--weights"])
    """Initial weights: a run folder or its model.safetensors; the name of a shipped network, such as small (with its
    network options, as in jobs/finetune-small.yaml); none; auto = runs/pretrain if it exists."""

    lr_pose: float = bounded(0.0, at_least=0)
    """Learning rate of the pose network; 0 freezes it. The re-identification losses alone degrade its joints; with
    --rendered, exact joints train it as well. The paper's rate is 1e-4."""

    pose_maps: Literal["network", "cached"] = "network"
    """Source of the pose maps in training. network = run the pose network at each step. cached = compute the maps once
    with the frozen network (much faster). Ignored by --variant baseline."""

    rendered: Path | None = None
    """Rendered set (python -m synth.render) whose exact joints train the pose network during fine-tuning (with
    --lr-pose 1e-4): some of its frames are added to each batch. Default: none, as in the paper."""

    rendered_frames: int = option(16, rare=True)
    """Rendered frames beside each batch; even, two per person."""

    pose_weight: float = bounded(1.0, at_least=0, rare=True)
    """Weight of the pose loss on the rendered frames (squared error of heat maps and part affinity fields at every
    stage)."""

    def __post_init__(self) -> None:
        """Raise ValueError, one line that names the option, on a value out of range or on options that conflict."""
        super().__post_init__()
        self.check_protocol()
        even = self.rendered_frames >= 4 and self.rendered_frames % 2 == 0
        require(even, f"--rendered-frames must be an even number from 4 on, not {self.rendered_frames}")
        learns = self.variant != "baseline" and self.pose_maps == "network" and self.lr_pose > 0
        require(
            self.rendered is None or learns,
            "--rendered trains the pose network, which is frozen or missing here: leave it out, or train the network "
            "(--variant align-…, --pose-maps network, --lr-pose above 0)",
        )

    @property
    def joints_teach(self) -> bool:
        """Whether exact joints train the pose network."""
        return self.rendered is not None and self.pose_weight > 0

    def resolved(self) -> Self:
        """These options as a run keeps them: folders and split named, --resume dropped, a frozen pose network at rate
        0."""
        folder = self.run or Path(f"runs/finetune-{self.dataset}")
        config = replace(self, run=folder, root=self.data_root, split=self.split_or_first, resume=False)
        return config.with_frozen_pose()

    def rendered_batches(self) -> Self:
        """The options under which single frames of the rendered set are sampled and augmented."""
        persons = self.rendered_frames // 2
        return replace(self, chunk=1, overlap=0, ids_per_batch=persons, chunks_per_id=2, cover=0.0)
