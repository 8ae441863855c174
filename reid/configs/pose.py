"""Options of reid pose train, evaluate, predict, show and parts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alignnet_common.options import bounded, check_ranges
from reid.configs.groups.checks import check_device, check_pose_scale, require
from reid.configs.groups.data import DEFAULT_ROOTS
from reid.configs.groups.model import SMALL_POSE_WEIGHTS
from reid.configs.groups.training import ImageOptions, LoaderOptions, RunOptions
from reid.configs.pretrain import PretrainConfig


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
        check_device(self.device)
        require(self.batch >= 4 and self.batch % 2 == 0, f"--batch must be an even number from 4 on, not {self.batch}")
        require(self.lr > 0, f"--lr must be above 0, not {self.lr}")
        self.as_pretraining()

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.run or Path("runs/pose")

    def as_pretraining(self) -> PretrainConfig:
        """The same training as options of reid.pretrain: chunks of one frame, and the pose loss alone."""
        own = {"batch", "lr"}
        shared = {name: value for name, value in vars(self).items() if name not in own}
        return PretrainConfig(
            **shared,
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


@dataclass(frozen=True)
class PoseEvaluationConfig:
    """Evaluate a pose network on a synthetic data set: PCKh@0.5 and OKS-AP, by joint, by visible ratio, by height."""

    data: Path = Path("data/synthetic")
    """Synthetic data set (python -m synth.render) of persons on which the network was not trained."""

    weights: Path = SMALL_POSE_WEIGHTS
    """Weights: of reid.pose train, an OpenPose COCO-18 file, or a run's model.safetensors. Default: the small network
    that comes with the code."""

    held_out: int = bounded(0, at_least=0)
    """Only the persons held out by reid.pose train with the same --held-out and --seed. Default: all persons."""

    seed: int = bounded(0, at_least=0)
    """Seed with which the persons of --held-out are drawn."""

    height: int = bounded(128, at_least=16)
    """Height of the frames before --scale, pixels."""

    width: int = bounded(64, at_least=16)
    """Width of the frames before --scale, pixels."""

    scale: float = 1.0
    """Factor by which the frames are enlarged for the network, at least 1, as --pose-scale."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    json: Path | None = None
    """File for the results. Default: they are printed only."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_device(self.device)
        check_pose_scale("--scale", self.scale, self.height, self.width)


@dataclass(frozen=True)
class PosePredictionConfig:
    """Predict the joints of the person in each image of a folder, and write them as arrays.

    joints2d (N, 18, 2) in pixels of the images, confidence (N, 18), and files (N,), the sorted names.
    """

    images: Path = Path("images")
    """Folder of images with one person each; folders in it are ignored."""

    weights: Path = SMALL_POSE_WEIGHTS
    """Weights: of reid.pose train, an OpenPose COCO-18 file, or a run's model.safetensors. Default: the small network
    that comes with the code."""

    out: Path = Path("poses.npz")
    """File for the joints."""

    height: int = bounded(128, at_least=16)
    """Height of the frames before --scale, pixels."""

    width: int = bounded(64, at_least=16)
    """Width of the frames before --scale, pixels."""

    scale: float = 1.0
    """Factor by which the frames are enlarged for the network, at least 1, as --pose-scale."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_device(self.device)
        check_pose_scale("--scale", self.scale, self.height, self.width)
        require(self.out.suffix == ".npz", f"--out must end in .npz, not {self.out.name}")


@dataclass(frozen=True)
class PoseSheetConfig:
    """Draw the joints predicted by a pose network on a grid of crops, beside the attention of the three parts.

    Predicted joints are yellow; ground-truth joints are white rings. Attention: head red, trunk and arms green, legs
    blue.
    """

    images: Path | None = None
    """Folder of images with one person each."""

    data: Path | None = None
    """Synthetic data set, instead of --images."""

    weights: Path = SMALL_POSE_WEIGHTS
    """Weights: of reid.pose train, an OpenPose COCO-18 file, or a run's model.safetensors. Default: the small network
    that comes with the code."""

    out: Path = Path("poses.png")
    """File for the image grid."""

    count: int = bounded(24, at_least=1)
    """Number of crops, evenly spaced over all."""

    confidence: float = 0.15
    """Joints with a lower confidence (maximum of the heat map) are not drawn, 0..1."""

    part_gain: float = 30.0
    """Factor on the part maps before the softmax, as in reid.pretrain."""

    limb_fields: Literal["signed", "magnitude"] = "magnitude"
    """Limb fields in the part maps, as in reid.pretrain."""

    height: int = bounded(128, at_least=16)
    """Height of the frames before --scale, pixels."""

    width: int = bounded(64, at_least=16)
    """Width of the frames before --scale, pixels."""

    scale: float = 1.0
    """Factor by which the frames are enlarged for the network, at least 1, as --pose-scale."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    def __post_init__(self) -> None:
        require((self.images is None) != (self.data is None), "name either --images or --data")
        check_ranges(self)
        check_device(self.device)
        check_pose_scale("--scale", self.scale, self.height, self.width)
        require(self.out.suffix == ".png", f"--out must end in .png, not {self.out.name}")


@dataclass(frozen=True)
class PartMassConfig:
    """Measure on a synthetic data set which share of each part's attention falls on the part."""

    data: Path = Path("data/synthetic")
    """Synthetic data set (python -m synth.render) of persons on which the network was not trained."""

    weights: Path | None = None
    """Weights of a pose network, or a run's model.safetensors. Default: ground-truth pose maps, from the joints."""

    held_out: int = bounded(0, at_least=0)
    """Only the persons held out of the training: its --held-out. Default: all persons."""

    seed: int = bounded(0, at_least=0)
    """Seed of that training."""

    strides: tuple[int, ...] = (8, 16, 32)
    """Strides of the appearance map: pixels of the input per cell."""

    gains: tuple[float, ...] = (1.0, 10.0, 30.0, 100.0)
    """Factors on the part maps before the softmax (paper: 1)."""

    limb_fields: Literal["signed", "magnitude"] = "magnitude"
    """Limb fields in the part maps, as in reid.pretrain (paper: signed)."""

    height: int = 128
    """Height of the frames before --scale, pixels."""

    width: int = 64
    """Width of the frames before --scale, pixels."""

    scale: float = 1.0
    """Factor by which the frames are enlarged for the network, at least 1, as --pose-scale."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    json: Path | None = None
    """File for the results. Default: they are printed only."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_device(self.device)
        require(bool(self.strides) and all(stride in (8, 16, 32) for stride in self.strides), "--strides: 8, 16 or 32")
        require(bool(self.gains) and all(gain > 0 for gain in self.gains), "--gains must be above 0")
        smallest = max(self.strides, default=32)
        require(min(self.height, self.width) >= smallest, f"--height and --width must be at least {smallest}")
        check_pose_scale("--scale", self.scale, self.height, self.width)
