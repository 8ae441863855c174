"""Options of training, in groups that `TrainConfig` inherits: fields are flags and YAML keys, docstrings are the help.

Defaults are the paper's (TR2019-108), but for the part maps, both poolings (Eqs. 2, 3, 5 and 7) and the learning rate
of the pose network in fine-tuning: docs/paper/differences.md has the reasons,
and the values that the paper does not give.
Imports no torch.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from alignnet_common.options import bounded, option
from reid.configs.groups.checks import check_pose_scale, require
from reid.configs.groups.model import (
    PAPER_SETTINGS,
    SMALL_POSE_STAGES,
    SMALL_POSE_WEIGHTS,
    SMALL_POSE_WIDTH,
    ModelConfig,
)

DEFAULT_PRETRAIN_RUN = Path("runs/pretrain")

Preset = Literal["default", "paper", "small"]

PAPER: dict[str, Any] = {**PAPER_SETTINGS, "frame_pooling": "sum", "frame_gain": 1.0, "part_visibility": "ignored"}
"""--preset paper: the settings of the paper (TR2019-108) where the defaults differ."""

SMALL_NETWORK: dict[str, Any] = {
    "appearance": "resnet18",
    "appearance_weights": "none",
    "pose_stages": SMALL_POSE_STAGES,
    "pose_width": SMALL_POSE_WIDTH,
    "pose_weights": SMALL_POSE_WEIGHTS,
    "pose_maps": "cached",
    "pose_scale": 2.0,
    "tap_channels": 64,
    "height": 64,
    "width": 32,
    "optimizer": "adamw",
    "lr_appearance": 2e-4,
    "lr_tap": 2e-4,
    "lr_classifier": 1e-3,
    "schedule": "cosine",
    "shift": 2,
    "colour": 0.25,
}
"""--preset small: ResNet-18 from random weights, the shipped pose network with its maps cached, frames of 64x32 pixels,
AdamW. Two CPU cores train it in minutes."""


@dataclass(frozen=True)
class RunOptions:
    """Folder, seed, device and length of a run."""

    GROUP: ClassVar[str] = "output, resume and device"

    run: Path | None = option(None, aliases=["--output-dir"])
    """Output folder of the run."""

    resume: bool = False
    """Continue the run in --run from its last checkpoint."""

    seed: int = bounded(0, at_least=0, at_most=2**63 - 1)
    """Seed of all random numbers."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    max_steps: int | None = bounded(None, at_least=0)
    """Stop after this many optimizer steps, whatever --epochs is. Default: no limit."""

    checkpoint_every: int = bounded(200, at_least=1, rare=True)
    """Steps between checkpoints; the last step has one too."""

    keep: int = option(2, at_least=1, rare=True, aliases=["--save-total-limit"])
    """Number of recent checkpoints that are kept, beside best.pt, the one with the lowest mean loss before it."""


@dataclass(frozen=True)
class ImageOptions:
    """Size of the network's input."""

    GROUP: ClassVar[str] = "input"

    height: int = bounded(128, at_least=32)
    """Height of the network's input, pixels (256 for MARS)."""

    width: int = bounded(64, at_least=32)
    """Width of the network's input, pixels (128 for MARS)."""


@dataclass(frozen=True)
class ChunkOptions:
    """Chunks of frames that tracklets are cut into."""

    GROUP: ClassVar[str] = "input"

    chunk: int = option(15, at_least=1, aliases=["--seq-len"])
    """Frames in a chunk."""

    overlap: int = option(5, rare=True)
    """Frames that neighbouring training chunks share."""

    tail: Literal["wrap", "drop"] = option("wrap", rare=True)
    """Last, shorter training chunk of a tracklet: wrap = filled from the start of the tracklet; drop = left out."""


@dataclass(frozen=True)
class LoaderOptions:
    """Caches and loader processes."""

    GROUP: ClassVar[str] = "loading and caches"

    cache_gib: float = bounded(8.0, at_least=0, rare=True)
    """Decoded frames are kept in memory if they fit this many GiB, else decoded at each use. Maps of --pose-maps cached
    must fit as well."""

    cache: Path | None = option(None, rare=True)
    """Folder for decoded frames and cached maps in place of memory: later runs reuse it, and processes on one machine
    share it. Default: none."""

    workers: int | None = bounded(None, at_least=0)
    """Loader processes; 0 = batches are made in the main process. Default: 0 on a CPU; on a GPU, one per
    core, at most 8."""


@dataclass(frozen=True)
class BatchOptions:
    """P identities times K chunks in a batch."""

    GROUP: ClassVar[str] = "batches and losses"

    ids_per_batch: int = bounded(8, at_least=2)
    """Identities in a batch (P)."""

    chunks_per_id: int = option(4, at_least=1, aliases=["--num-instances"])
    """Chunks of each identity in a batch (K)."""


@dataclass(frozen=True)
class LossOptions:
    """Weights of the two re-identification losses (Section 3.4)."""

    GROUP: ClassVar[str] = "batches and losses"

    identity_weight: float = bounded(1.0, at_least=0, rare=True)
    """Weight of the identity loss (softmax cross entropy)."""

    ranking_weight: float = option(1.0, at_least=0, rare=True, aliases=["--triplet-weight"])
    """Weight of the ranking loss (batch-hard triplet loss)."""

    label_smoothing: float = bounded(0.0, at_least=0, rare=True)
    """Label smoothing of the identity loss: the share of each target that is spread over all identities, 0 to below
    1."""

    margin: float = bounded(0.3, at_least=0, rare=True)
    """Margin of the ranking loss, in units of descriptor distance (0 to 2 with --unit-length)."""


@dataclass(frozen=True)
class OptimizerOptions:
    """Optimizer, learning rates and their schedule."""

    GROUP: ClassVar[str] = "optimization"

    optimizer: Literal["sgd", "adamw"] = "sgd"
    """sgd (with momentum) or adamw."""

    momentum: float = bounded(0.9, at_least=0, at_most=1, rare=True)
    """Momentum of SGD, 0..1."""

    weight_decay: float = bounded(5e-4, at_least=0, rare=True)
    """Weight decay."""

    lr_appearance: float = bounded(1e-2, at_least=0)
    """Learning rate of the appearance network; 0 keeps its weights, but not the running statistics of its batch norms
    (--batch-norm frozen keeps those)."""

    lr_pose: float = bounded(1e-4, at_least=0)
    """Learning rate of the pose network; 0 freezes it."""

    lr_tap: float = bounded(1e-2, at_least=0, rare=True)
    """Learning rate of the temporal attention networks; 0 keeps their weights, but not the running statistics of their
    batch norms (--batch-norm frozen keeps those)."""

    lr_classifier: float = bounded(1e-1, at_least=0, rare=True)
    """Learning rate of the classifier; 0 freezes it."""

    clip_norm: float = option(10.0, at_least=0, rare=True, aliases=["--grad-clip"])
    """Gradient clipping: largest norm of the gradient over all parameters; 0 = no clipping."""

    epochs: int = bounded(300, at_least=1)
    """Epochs; an epoch draws as many chunks as there are."""

    schedule: Literal["plateau", "cosine"] = "plateau"
    """plateau = learning rates drop when the training loss saturates; cosine = they fall to 0 over --epochs."""

    warmup_steps: int = bounded(500, at_least=0, rare=True)
    """Steps over which the learning rates rise linearly from 0."""

    patience: int = bounded(10, at_least=1, rare=True)
    """plateau: epochs without a lower training loss before a drop."""

    threshold: float = bounded(0.01, at_least=0, at_most=1, rare=True)
    """plateau: smallest decrease that counts as lower, as a share of the lowest loss so far."""

    lr_drop: float = option(0.1, rare=True)
    """plateau: factor of each drop, between 0 and 1."""

    max_drops: int = bounded(3, at_least=0, rare=True)
    """plateau: number of drops."""


@dataclass(frozen=True)
class AugmentationOptions:
    """Random changes of training frames."""

    GROUP: ClassVar[str] = "augmentation"

    flip: float = bounded(0.5, at_least=0, at_most=1, rare=True)
    """Probability of a horizontal flip of a chunk, 0..1."""

    shift: int = bounded(4, at_least=0, at_most=31, rare=True)
    """Largest random translation of a chunk, pixels each way."""

    erase: float = option(0.0, at_least=0, at_most=1, aliases=["--random-erasing"])
    """Probability of random erasing: one rectangle of a chunk is blanked, 0..1."""

    cover: float = option(0.0, at_least=0, at_most=1, rare=True, aliases=["--occlusion-augmentation"])
    """Probability that one side of a frame is covered by part of a frame of another person, 0..1; drawn for each frame,
    so that frames of a chunk differ in visibility."""

    colour: float = option(0.0, at_least=0, at_most=1, aliases=["--color-jitter"])
    """Color jitter: largest relative change of brightness, contrast and saturation of a chunk, 0..1."""


@dataclass(frozen=True)
class SpeedOptions:
    """Precision, memory and batch norm."""

    GROUP: ClassVar[str] = "speed and memory"

    batch_norm: Literal["own", "synchronised", "frozen"] = "own"
    """Statistics of batch norms in training. own = of each process's share of the batch; synchronised = of the whole
    batch, where torchrun starts several processes; frozen = the running statistics of the initial weights."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of convolutions in training. auto = bfloat16 on a GPU that supports it, except for the pose network, which
    is faster in float32 (TF32 on a GPU, the default of PyTorch); float32 on a CPU. bfloat16 is faster on CPUs with AMX
    or AVX-512 BF16, with networks of the paper's size."""

    channels_last: Literal["auto", "yes", "no"] = option("auto", rare=True)
    """Memory format of images (NHWC); auto = channels last on a GPU and with bfloat16, where it is faster."""

    compile: bool = False
    """Compile both networks with torch.compile: minutes at the start, then faster steps; pays on a GPU."""

    recompute: bool = option(False, aliases=["--activation-checkpointing"])
    """Activation checkpointing: a quarter to a third slower, in far less memory."""


@dataclass(frozen=True)
class TrainConfig(
    SpeedOptions,
    AugmentationOptions,
    OptimizerOptions,
    LossOptions,
    BatchOptions,
    LoaderOptions,
    ChunkOptions,
    ImageOptions,
    ModelConfig,
    RunOptions,
):
    """All options that pre-training and fine-tuning share; a dataclass lists the fields of its last base first."""

    GROUP: ClassVar[str] = "network, parts and attention"

    preset: Preset = "default"
    """Values of several options, which other options override. paper = as in the paper: limb fields with their sign, no
    gain on part attention, parts averaged over all cells, Eq. 7 as a sum, and the pose network trained in fine-tuning;
    small = a small network for a CPU; default = the defaults below."""

    pose_maps: Literal["network", "cached", "truth"] = "network"
    """Source of the pose maps in training. network = the pose network at each step; cached = maps of the frozen pose
    network, computed once for every frame; truth = the exact joints of a rendered set. cached and truth freeze the pose
    network."""

    def __post_init__(self) -> None:
        """Raise ValueError, one line that names the option, on a value out of range or on options that conflict."""
        super().__post_init__()
        check_pose_scale("--pose-scale", self.pose_scale, self.height, self.width)
        require(
            self.pose_maps != "cached" or self.flip == 0 or self.width * self.pose_scale % 8 == 0,
            "--pose-maps cached: maps are mirrored cell by cell, so --width times --pose-scale must be a multiple of 8 "
            "(or --flip 0)",
        )
        require(self.label_smoothing < 1, f"--label-smoothing must be below 1, not {self.label_smoothing}")
        require(0 < self.lr_drop < 1, f"--lr-drop must lie between 0 and 1, not {self.lr_drop}")
        require(0 <= self.overlap < self.chunk, f"--overlap must be less than --chunk ({self.chunk})")
        require(not (self.compile and self.recompute), "--compile and --recompute do not go together: leave one out")
        require(
            self.chunks_per_id >= 2 or self.ranking_weight == 0,
            "--chunks-per-id must be at least 2: the ranking loss needs positives (or set --ranking-weight 0)",
        )

    @property
    def joints_teach(self) -> bool:
        """Whether exact joints train the pose network."""
        return False

    def with_frozen_pose(self) -> Self:
        """These options with learning rate 0 for the pose network, unless the pose maps come from it at each step."""
        return self if self.pose_maps == "network" else replace(self, lr_pose=0.0)
