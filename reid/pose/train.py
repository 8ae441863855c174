"""Train a pose network on rendered people, whose joints are known, and measure it on people kept out.

    python -m reid.pose train --config jobs/pose-small.yaml --data OUT --run RUN
    python -m reid.pose train --data OUT                        all six stages of OpenPose's size: a GPU's work

It is the training of reid.pretrain without the losses about who people are: the same files, --resume, torchrun.
RUN/pose.safetensors has the weights alone, under OpenPose's names; RUN/pose.json what reid.pose evaluate finds.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import safetensors.torch

from alignnet_common.cli import as_plain
from alignnet_common.files import sha256_of_file, write_atomically, write_json
from reid.configs.checks import require
from reid.configs.data import DEFAULT_ROOTS
from reid.configs.pretrain import PretrainConfig
from reid.data.datasets.synthetic import clips_kept_out
from reid.data.loading.sampler import BatchOption
from reid.models.weights import read_pose_weights
from reid.pose.evaluate import lines, pose_numbers, truth_of
from reid.pose.inference import poses_of, read_pose_net
from reid.pretrain import pretrain
from reid.runtime.device import pick_device
from reid.runtime.distributed import group_of_torchrun
from reid.runtime.run_dir import MODEL

PROG = "python -m reid.pose"
WEIGHTS, NUMBERS = "pose.safetensors", "pose.json"


@dataclass(frozen=True)
class PoseTrainConfig:
    """Train a pose network on a rendered set: heat maps and part affinity fields from the exact joints."""

    data: Path = DEFAULT_ROOTS["synthetic"]
    """Rendered set (python -m synth.render)."""

    run: Path = Path("runs/pose")
    """Folder that the run is written to."""

    resume: bool = False
    """Go on with the run in --run from its last checkpoint."""

    seed: int = 0
    """Seed of everything random."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs; auto = a CUDA GPU where there is one."""

    held_out: int = 0
    """Persons kept out of training, and measured at the end."""

    pose_stages: int = 6
    """Stages after the VGG trunk, 1-6."""

    pose_width: float = 1.0
    """Width of the hidden layers, as a share of OpenPose's."""

    pose_weights: Path | None = None
    """Weights to start from. Default: random."""

    height: int = 128
    """Height of the network's input, pixels."""

    width: int = 64
    """Width of the network's input, pixels."""

    batch: int = 32
    """Frames in a batch, an even number: two of each person."""

    epochs: int = 60
    """In an epoch, as many frames are drawn as there are."""

    max_steps: int | None = None
    """Stop after this many steps in all, whatever --epochs says. Default: no limit."""

    optimizer: Literal["sgd", "adamw"] = "adamw"
    """sgd (with momentum) or adamw."""

    lr: float = 1e-3
    """Learning rate at first; it falls to 0 along a cosine."""

    weight_decay: float = 5e-4
    """Weight decay."""

    warmup_steps: int = 200
    """Steps over which the learning rate rises from 0."""

    flip: float = 0.5
    """Chance that a frame is mirrored left to right, 0..1."""

    shift: int = 8
    """A frame is moved by up to this many pixels each way."""

    erase: float = 0.3
    """Chance that a rectangle of a frame is blanked, 0..1: joints in it are not seen."""

    colour: float = 0.4
    """Brightness, contrast and saturation of a frame change by up to this share, 0..1."""

    new_place: float = 0.0
    """Chance that a person is put, by their mask, before another clip's place, 0..1."""

    cache_gib: float = 8.0
    """Frames are decoded once and kept in memory if they fit this many GiB; otherwise read again each time."""

    cache: Path | None = None
    """Folder for decoded frames, in place of memory. Default: none."""

    workers: int = 0
    """Processes that prepare batches; 0 = none besides the main one."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Numbers that convolutions are computed in; auto = float32, which a GPU rounds to TF32 and is fastest in."""

    compile: bool = False
    """Compile the network (torch.compile): pays on a GPU."""

    checkpoint_every: int = 200
    """Steps between checkpoints; the last step has one too."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        require(self.batch >= 4 and self.batch % 2 == 0, f"--batch must be an even number from 4 on, not {self.batch}")
        require(self.lr > 0, f"--lr must be above 0, not {self.lr}")
        require(self.held_out >= 0, f"--held-out must not be negative, not {self.held_out}")
        self.as_pretraining()

    def as_pretraining(self) -> PretrainConfig:
        """The same as a job of reid.pretrain: chunks of one frame, and no loss but the pose's."""
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
    """Train, write the weights by themselves, and measure them on the persons kept out."""
    asked = replace(config, resume=False)
    pretrain(config.as_pretraining(), PROG, BatchOption("--batch", of_each=2), asked)
    if not group_of_torchrun().leads:
        return
    weights = config.run / WEIGHTS
    # Contiguous: the file has one layout, and a GPU's training keeps channels innermost.
    tensors = {name: tensor.contiguous() for name, tensor in read_pose_weights(config.run / MODEL).items()}
    write_atomically(weights, safetensors.torch.save(tensors))
    numbers = None
    if config.held_out:
        clips = clips_kept_out(config.data, config.held_out, config.seed)
        frames = [path for clip in clips for path in clip.frames]
        found = poses_of(read_pose_net(weights), frames, config.height, config.width, pick_device(config.device))
        numbers = pose_numbers(found, truth_of(clips))
        print("\n".join(lines(numbers)))
    record = {"held_out": numbers, "weights_sha256": sha256_of_file(weights), "config": as_plain(config)}
    write_json(config.run / NUMBERS, record)
    print(f"{weights} and {config.run / NUMBERS} are written")
