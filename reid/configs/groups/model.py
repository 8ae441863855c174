"""Options of the network. Imports no torch."""

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from alignnet_common.files import asset
from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.checks import check_choices, require

Variant = Literal["baseline", "align-avg", "align-tap"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
"""The rows of Table 1b of the paper."""

APPEARANCE_NETS = ("resnet18", "resnet34", "resnet50")
"""The backbones of torchvision; all others are timm's."""

IBN_A = "_ibn_a"
"""End of the name of a backbone with instance norm (IBN-Net-a)."""

Stride = Literal[8, 16, 32]
STRIDES: tuple[Stride, ...] = get_args(Stride)

PAPER_SETTINGS: dict[str, Any] = {"limb_fields": "signed", "part_gain": 1.0, "part_pooling": "mean"}
"""The paper's settings where the defaults below differ. Model files and runs saved without these keys were made with
the paper's settings."""


SMALL_POSE_WEIGHTS = asset("weights/pose-small.safetensors")
"""Weights of the small pose network that comes with the code, see assets/weights/README.md."""

SMALL_POSE_STAGES, SMALL_POSE_WIDTH = 3, 0.25
"""Values of --pose-stages and --pose-width that it was trained with."""


@dataclass(frozen=True)
class ModelConfig:
    """The network and its initial weights."""

    GROUP: ClassVar[str] = "network, parts and attention"

    variant: Variant = "align-tap"
    """Rows of Table 1b. baseline = appearance network alone; align-avg = part alignment, frames averaged; align-tap =
    part alignment, frames weighted by temporal attention."""

    appearance: str = option("resnet50", aliases=["--backbone"])
    """Backbone of the appearance network: resnet18, resnet34 or resnet50 of torchvision, or a convolutional network of
    timm by its name there, such as tf_efficientnet_lite0, mobilenetv2_100 or resnet50d. With _ibn_a after the name,
    half of the channels of the first norm of each block have instance norm in the first three stages."""

    appearance_weights: str = "imagenet"
    """Initial weights of the appearance network: imagenet (of torchvision or timm, downloaded once), none (random), or
    the path of a state dict in the names of torchvision or timm (.pth or .safetensors), or of a checkpoint that has
    one, such as torchreid's."""

    stride: Stride = option(16, rare=True)
    """Output stride of the appearance network: input pixels for one cell of its feature map."""

    pose_stages: int = bounded(6, at_least=1, at_most=6)
    """Stages of the pose network after the VGG trunk, 1 to 6; OpenPose has 6."""

    pose_width: float = bounded(1.0, at_least=0.01, at_most=1)
    """Factor on the hidden channels of the pose network; OpenPose is 1."""

    pose_weights: Path | None = None
    """Initial weights of the pose network: an OpenPose COCO-18 file (.pth or .safetensors), or a model file of this
    project, from which the pose network is taken. Default: random. The baseline has no pose network."""

    pose_scale: float = option(1.0, rare=True)
    """Factor by which frames are enlarged for the pose network, at least 1: OpenPose was trained on people larger than
    those in small crops. Height and width times the factor must be multiples of 8. Time and memory grow with its
    square."""

    tap_channels: int = bounded(256, at_least=1, rare=True)
    """Hidden channels of each temporal attention network."""

    tap_input: Literal["features", "joints"] = option("features", rare=True)
    """Input of temporal attention (Eq. 8). features = the feature maps that it weights, as in the paper; joints = the
    heat maps of the 18 joints, which carry less identity and more visibility."""

    limb_fields: Literal["signed", "magnitude"] = option("magnitude", rare=True)
    """Part affinity fields in Eq. 2. magnitude = length of each vector; signed = its x and y channels, as in the paper:
    limbs that point in opposite directions cancel."""

    part_gain: float = option(30.0, rare=True)
    """Inverse temperature of the softmax in Eq. 3, above 0 (paper: 1). Higher values give sharper part attention."""

    part_pooling: Literal["mean", "attended"] = option("attended", rare=True)
    """Pooling of the parts in Eq. 5. attended = average weighted by part attention; mean = over all cells, as in the
    paper."""

    frame_pooling: Literal["sum", "average"] = option("average", rare=True)
    """Eq. 7. average = weighted sum over the sum of the weights; sum = weighted sum over the number of frames, as in
    the paper: the ranking loss then drives all weights towards 0."""

    frame_gain: float = bounded(1.0, at_least=1, rare=True)
    """Exponent on the frame weights of Eq. 7, at least 1 (paper: 1). Higher values favour the best frames."""

    pooling: Literal["average", "gem"] = option("average", rare=True)
    """Pooling of feature maps over their cells (Eq. 5). average = mean, for parts weighted by part attention; gem =
    generalized mean, the p-th root of the mean of p-th powers, with one trained p that starts at 3."""

    neck: Literal["none", "batch-norm"] = option("none", rare=True)
    """Layer between the video descriptor and the classifier. batch-norm = batch norm without bias (BNNeck): the ranking
    loss sees the descriptor before it, the classifier the one after it. --neck-feat chooses the one that is
    compared."""

    neck_feat: Literal["after", "before"] = option("after", rare=True)
    """Descriptor that is compared, with --neck batch-norm: after the neck or before it. It changes no training."""

    unit_length: bool = option(False, rare=True)
    """Scale descriptors to length 1, so that Euclidean distance ranks as cosine similarity does."""

    part_visibility: Literal["ignored", "pose"] = option("ignored", rare=True)
    """Weight of hidden parts in Eq. 7. ignored = temporal attention alone weights parts, as in the paper; pose = each
    weight is multiplied by the pose network's confidence in the joints of the part (of all joints for f_a)."""

    def __post_init__(self) -> None:
        """Raise ValueError, one line that names the option, on a value out of range."""
        check_choices(self)
        check_ranges(self)
        require(self.pose_scale >= 1, f"--pose-scale must be at least 1, not {self.pose_scale}")
        require(self.frame_gain < math.inf, f"--frame-gain must be finite, not {self.frame_gain}")
        require(self.part_gain > 0, f"--part-gain must be above 0, not {self.part_gain}")
        require(bool(self.appearance.removesuffix(IBN_A)), "--appearance must name a network")
        require(
            self.pooling == "average" or self.part_pooling == "attended" or self.variant == "baseline",
            "--pooling gem weights cells by part attention: it needs --part-pooling attended",
        )

    @property
    def network(self) -> "ModelConfig":
        """These options alone, for classes that inherit them."""
        return ModelConfig(**{field.name: getattr(self, field.name) for field in fields(ModelConfig)})
