"""What can be chosen, as flat frozen dataclasses: their fields are the flags, their docstrings the help.

The defaults are the paper's (TR2019-108), but for the part maps and both poolings (Eqs. 2, 3, 5 and 7) and the pose
network that fine-tuning leaves as it is: docs/choices.md says why, and what fills in where the paper is silent.
Nothing here imports torch.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reid.configs.checks import check_pose_scale, require

DEFAULT_PRETRAIN_RUN = Path("runs/pretrain")


AT_LEAST: dict[float, tuple[str, ...]] = {
    0: (
        *("seed", "identity_weight", "ranking_weight", "margin", "momentum", "weight_decay", "clip_norm", "threshold"),
        *("lr_appearance", "lr_pose", "lr_tap", "lr_classifier", "warmup_steps", "max_drops"),
        *("flip", "shift", "erase", "cover", "colour", "cache_gib", "workers"),
    ),
    0.01: ("pose_width",),
    1: ("pose_stages", "tap_channels", "chunk", "chunks_per_id", "epochs", "patience", "checkpoint_every", "keep"),
    2: ("ids_per_batch",),
    32: ("height", "width"),
}
"""Fields of `TrainConfig` by the least value that they may have."""

AT_MOST: dict[float, tuple[str, ...]] = {
    1: ("momentum", "threshold", "flip", "erase", "cover", "colour", "pose_width"),
    6: ("pose_stages",),
    31: ("shift",),
    2**63 - 1: ("seed",),
}
"""Fields of `TrainConfig` by the greatest value that they may have."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything that pre-training and fine-tuning share."""

    run: Path | None = None
    """Folder that the run is written to."""

    resume: bool = False
    """Go on with the run in --run from its last checkpoint."""

    seed: int = 0
    """Seed of everything random."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs; auto = a CUDA GPU where there is one."""

    max_steps: int | None = None
    """Stop after this many steps in all, whatever --epochs says. Default: no limit."""

    variant: Literal["baseline", "align-avg", "align-tap"] = "align-tap"
    """baseline = appearance alone; align-avg = body parts, plain average over frames; align-tap = with attention."""

    appearance: Literal["resnet18", "resnet34", "resnet50"] = "resnet50"
    """Appearance network."""

    appearance_weights: str = "imagenet"
    """Start of the appearance network: imagenet (torchvision's), none (random), or a torchvision state dict file."""

    stride: Literal[8, 16, 32] = 16
    """Pixels of the input for a cell of the appearance map."""

    pose_stages: int = 6
    """Stages of the pose network after its VGG trunk, 1-6."""

    pose_width: float = 1.0
    """Width of the pose network's hidden layers, as a share of OpenPose's."""

    pose_weights: Path | None = None
    """Start of the pose network: an OpenPose COCO-18 weights file (.pth or .safetensors), or a run's model file, whose
    pose network is taken. Default: random."""

    pose_scale: float = 1.0
    """The pose network sees the frames enlarged this many times, at least 1: it was trained on larger people than small
    crops show. Height and width times this must be multiples of 8; 2 takes four times the time and memory of 1."""

    pose_maps: Literal["network", "cached", "truth"] = "network"
    """What says where the body parts are while training: the pose network; what it says of every frame as it is,
    computed once; or the exact joints of a rendered set. With all but network it is frozen."""

    tap_channels: int = 256
    """Channels inside the temporal attention networks."""

    tap_input: Literal["features", "joints"] = "features"
    """What temporal attention judges a frame by. features = those that it weighs, as in the paper; joints = where and
    how surely the pose network finds each joint, which says less of who it is and more of how much is seen."""

    limb_fields: Literal["signed", "magnitude"] = "magnitude"
    """Limb fields in the part maps of Eq. 2. magnitude = the length of each vector; signed = its x and y, as in the
    paper: limbs that point opposite ways cancel."""

    part_gain: float = 30.0
    """Factor on the part maps before the softmax of Eq. 3, which makes attention keener; the paper's is 1."""

    part_pooling: Literal["mean", "attended"] = "attended"
    """Eq. 5 of the parts. attended = the average weighted by attention; mean = over all cells, as in the paper."""

    frame_pooling: Literal["sum", "average"] = "average"
    """Eq. 7. average = of the weighted frames, over the sum of their weights; sum = over their number: the paper's sum,
    with which the ranking loss draws all weights to 0."""

    frame_gain: float = 1.0
    """Power of the weights in Eq. 7, at least 1: with more, frames that weigh a little more count for much more; the
    paper's is 1."""

    part_visibility: Literal["ignored", "pose"] = "ignored"
    """What a part weighs that is not seen. ignored = as much as one that is, unless attention over time says otherwise,
    as in the paper; pose = less: times how surely the pose network finds its joints (the body's, for f_a)."""

    height: int = 128
    """Height of the network's input, pixels (256 for MARS)."""

    width: int = 64
    """Width of the network's input, pixels (128 for MARS)."""

    chunk: int = 15
    """Frames in a chunk."""

    overlap: int = 5
    """Frames shared by neighbouring training chunks."""

    tail: Literal["wrap", "drop"] = "wrap"
    """A tracklet's last, shorter training chunk: filled up from its beginning, or dropped."""

    ids_per_batch: int = 8
    """Identities in a batch (P)."""

    chunks_per_id: int = 4
    """Chunks of each identity in a batch (K)."""

    identity_weight: float = 1.0
    """Weight of the softmax cross entropy."""

    ranking_weight: float = 1.0
    """Weight of the batch-hard ranking loss."""

    margin: float = 0.3
    """Margin of the ranking loss, in units of descriptor distance."""

    optimizer: Literal["sgd", "adamw"] = "sgd"
    """sgd (with momentum) or adamw."""

    momentum: float = 0.9
    """SGD's momentum."""

    weight_decay: float = 5e-4
    """Weight decay."""

    lr_appearance: float = 1e-2
    """Learning rate of the appearance network; 0 keeps its weights, but not its batch norms' statistics (--batch-norm
    frozen does)."""

    lr_pose: float = 1e-4
    """Learning rate of the pose network; 0 freezes it."""

    lr_tap: float = 1e-2
    """Learning rate of the temporal attention networks; 0 keeps their weights, but not their batch norms' statistics
    (--batch-norm frozen does)."""

    lr_classifier: float = 1e-1
    """Learning rate of the classifier; 0 freezes it."""

    clip_norm: float = 10.0
    """Gradients are scaled down to at most this norm; 0 = never."""

    epochs: int = 300
    """Epochs; in one, as many chunks are drawn as there are."""

    schedule: Literal["plateau", "cosine"] = "plateau"
    """plateau = learning rates drop when the training loss saturates; cosine = they fall to 0 over --epochs."""

    warmup_steps: int = 500
    """Steps over which the learning rates rise from 0."""

    patience: int = 10
    """plateau: epochs without a lower training loss before a drop."""

    threshold: float = 0.01
    """plateau: how much lower counts, as a share of the lowest loss so far."""

    lr_drop: float = 0.1
    """plateau: factor of each drop."""

    max_drops: int = 3
    """plateau: number of drops."""

    flip: float = 0.5
    """Chance that a chunk is mirrored left to right, 0..1."""

    shift: int = 4
    """A chunk is moved by up to this many pixels each way."""

    erase: float = 0.0
    """Chance that a rectangle of a chunk is blanked, 0..1."""

    cover: float = 0.0
    """Chance that a frame is covered in part, from one side, by a frame of another person, 0..1. It is another chance
    for each frame of a chunk, so that attention over time has something to choose."""

    colour: float = 0.0
    """Brightness, contrast and saturation of a chunk change by up to this share, 0..1."""

    cache_gib: float = 8.0
    """Frames are decoded once and kept in memory if they fit this many GiB; otherwise read again each time. Maps of
    --pose-maps cached must fit as many."""

    cache: Path | None = None
    """Folder for decoded frames and kept maps, in place of memory: later runs do not make them again, and processes on
    one machine share them. Default: none."""

    workers: int = 0
    """Processes that prepare batches; 0 = none besides the main one."""

    batch_norm: Literal["own", "synchronised", "frozen"] = "own"
    """Batch norms while training: own = by each process's share of a batch; synchronised = by all of it, where
    torchrun starts several; frozen = by the statistics that the network starts with."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Numbers that convolutions are computed in while training; auto = on a GPU that has it bfloat16, but for the pose
    network, which is faster in float32; else float32, whose factors a GPU rounds to TF32, as PyTorch does unless told
    otherwise. On a CPU bfloat16 is faster where it has AMX or AVX-512 BF16, with networks of the paper's size."""

    channels_last: Literal["auto", "yes", "no"] = "auto"
    """Lay images out with the channels innermost; auto = on a GPU and with bfloat16, which are faster so."""

    compile: bool = False
    """Compile both networks (torch.compile): a few minutes at the start, faster steps after; pays on a GPU."""

    recompute: bool = False
    """Hold less for the backward pass and compute it again: a quarter to a third slower, in far less memory."""

    checkpoint_every: int = 200
    """Steps between checkpoints; the last step has one too."""

    keep: int = 2
    """How many of the last checkpoints are kept; best.pt is the one before which the mean loss was lowest."""

    def check_training(self) -> None:
        """Raise ValueError, one line, on a value out of range."""
        for sign, table in ((1, AT_LEAST), (-1, AT_MOST)):
            for bound, names in table.items():
                for name in names:
                    value, side = getattr(self, name), "least" if sign == 1 else "most"
                    option = "--" + name.replace("_", "-")
                    require(sign * value >= sign * bound, f"{option} must be at {side} {bound}, not {value}")
        check_pose_scale("--pose-scale", self.pose_scale, self.height, self.width)
        require(
            self.pose_maps != "cached" or self.flip == 0 or self.width * self.pose_scale % 8 == 0,
            "--pose-maps cached: maps are mirrored cell by cell, so --width times --pose-scale must be a multiple of 8 "
            "(or --flip 0)",
        )
        require(1 <= self.frame_gain < math.inf, f"--frame-gain must be at least 1, not {self.frame_gain}")
        require(self.part_gain > 0, f"--part-gain must be above 0, not {self.part_gain}")
        require(0 < self.lr_drop < 1, f"--lr-drop must lie between 0 and 1, not {self.lr_drop}")
        require(0 <= self.overlap < self.chunk, f"--overlap must be less than --chunk ({self.chunk})")
        require(self.max_steps is None or self.max_steps >= 0, "--max-steps must not be negative")
        require(not (self.compile and self.recompute), "--compile and --recompute do not go together: leave one out")
        require(
            self.chunks_per_id >= 2 or self.ranking_weight == 0,
            "--chunks-per-id must be at least 2: the ranking loss needs positives (or set --ranking-weight 0)",
        )
