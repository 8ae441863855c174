"""Train a pose network on the exact joints of rendered people, and evaluate it on held-out identities.

    python -m reid.pose train --config jobs/pose-small.yaml --data OUT --run RUN
    python -m reid.pose train --data OUT                        all six stages of OpenPose's size: a GPU's work

The training is that of reid.pretrain with the pose loss alone: the same files, --resume and torchrun.
RUN/pose.safetensors holds the weights under OpenPose's names, RUN/pose.json the metrics of reid.pose evaluate.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import safetensors.torch

from alignnet_common.cli import as_plain
from alignnet_common.files import sha256_of_file, write_atomically, write_json
from alignnet_common.options import bounded, check_ranges
from alignnet_common.run_record import command_line
from reid.configs.checks import require
from reid.configs.data import DEFAULT_ROOTS
from reid.configs.pretrain import PretrainConfig
from reid.configs.training import ImageOptions, LoaderOptions, RunOptions
from reid.data.datasets.synthetic import clips_kept_out
from reid.models.weights import read_pose_weights
from reid.pose.evaluate import lines, pose_numbers, truth_of
from reid.pose.inference import poses_of, read_pose_net
from reid.pretrain import pretrain_run
from reid.runtime.device import pick_device
from reid.runtime.distributed import torchrun_group
from reid.runtime.run_dir import MODEL
from reid.training.flags import FlagNames
from reid.training.run import Run

PROG = "python -m reid.pose"
WEIGHTS, NUMBERS = "pose.safetensors", "pose.json"
FLAGS = FlagNames(identities="--batch", per_identity=2, memory="--batch", rates="--lr", has_all=False)


@dataclass(frozen=True)
class PoseTrainConfig(LoaderOptions, ImageOptions, RunOptions):
    """Train a pose network on a rendered set: heat maps and part affinity fields from the exact joints."""

    data: Path = DEFAULT_ROOTS["synthetic"]
    """Rendered set (python -m synth.render)."""

    run: Path | None = Path("runs/pose")
    """Folder that the run is written to."""

    held_out: int = bounded(0, at_least=0)
    """Held-out identities, left out of training and evaluated at the end."""

    pose_stages: int = bounded(6, at_least=1, at_most=6)
    """Stages after the VGG trunk, 1 to 6; OpenPose has 6."""

    pose_width: float = bounded(1.0, at_least=0.01, at_most=1)
    """Factor on the hidden channels; OpenPose is 1."""

    pose_weights: Path | None = None
    """Initial weights. Default: random."""

    batch: int = 32
    """Frames in a batch; even, two per person, at least 4."""

    epochs: int = bounded(60, at_least=1)
    """Epochs; an epoch draws as many frames as there are."""

    optimizer: Literal["sgd", "adamw"] = "adamw"
    """sgd (with momentum) or adamw."""

    lr: float = 1e-3
    """Learning rate after the warm-up, above 0; it falls to 0 along a cosine."""

    weight_decay: float = bounded(5e-4, at_least=0)
    """Weight decay."""

    warmup_steps: int = bounded(200, at_least=0)
    """Steps over which the learning rate rises linearly from 0."""

    flip: float = bounded(0.5, at_least=0, at_most=1)
    """Probability of a horizontal flip of a frame, 0..1."""

    shift: int = bounded(8, at_least=0, at_most=31)
    """Largest random translation of a frame, pixels each way."""

    erase: float = bounded(0.3, at_least=0, at_most=1)
    """Probability of random erasing: one rectangle of a frame is blanked, and joints in it count as hidden, 0..1."""

    colour: float = bounded(0.4, at_least=0, at_most=1)
    """Color jitter: largest relative change of brightness, contrast and saturation of a frame, 0..1."""

    new_place: float = bounded(0.0, at_least=0, at_most=1)
    """Probability of background replacement: a person is put, by their mask, in front of the scene of another clip,
    0..1."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of convolutions; auto = float32 (TF32 on a GPU), in which the pose network is fastest."""

    compile: bool = False
    """Compile the network with torch.compile; pays on a GPU."""

    def __post_init__(self) -> None:
        """Raise ValueError, one line that names the option, on a value out of range."""
        check_ranges(self)
        require(self.batch >= 4 and self.batch % 2 == 0, f"--batch must be an even number from 4 on, not {self.batch}")
        require(self.lr > 0, f"--lr must be above 0, not {self.lr}")
        self.as_pretraining()

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.run or Path("runs/pose")

    def as_pretraining(self) -> PretrainConfig:
        """The same training as options of reid.pretrain: chunks of one frame, and the pose loss alone."""
        own = {"held_out", "batch", "lr"}
        shared = {name: value for name, value in vars(self).items() if name not in own}
        return PretrainConfig(
            **shared,
            validation_ids=self.held_out,
            variant="align-avg",
            appearance="resnet18",
            appearance_weights="none",
            chunk=1,
            overlap=0,
            ids_per_batch=self.batch // 2,
            chunks_per_id=2,
            identity_weight=0.0,
            ranking_weight=0.0,
            lr_appearance=0.0,
            lr_tap=0.0,
            lr_classifier=0.0,
            lr_pose=self.lr,
            schedule="cosine",
        )


def train(config: PoseTrainConfig) -> None:
    """Train, write RUN/pose.safetensors, and evaluate it on the held-out identities."""
    asked = replace(config, resume=False)
    options = config.as_pretraining()
    pretrain_run(Run.open(options, command_line(PROG), asked, FLAGS))
    if not torchrun_group().is_main:
        return
    weights = config.folder / WEIGHTS
    # Contiguous: the file has one layout, and a GPU's training keeps channels innermost.
    tensors = {name: tensor.contiguous() for name, tensor in read_pose_weights(config.folder / MODEL).items()}
    write_atomically(weights, safetensors.torch.save(tensors))
    numbers = None
    if config.held_out:
        clips = clips_kept_out(config.data, config.held_out, config.seed)
        frames = [path for clip in clips for path in clip.frames]
        found = poses_of(read_pose_net(weights), frames, config.height, config.width, pick_device(config.device))
        numbers = pose_numbers(found, truth_of(clips))
        print("\n".join(lines(numbers)))
    record = {"held_out": numbers, "weights_sha256": sha256_of_file(weights), "config": as_plain(config)}
    write_json(config.folder / NUMBERS, record)
    print(f"{weights} and {config.folder / NUMBERS} are written")
