"""Options of the network."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIANTS = ("baseline", "align-avg", "align-tap")
"""The rows of Table 1b: the appearance net alone; with part alignment and plain averages; with TAP too."""


LIMB_FIELDS = ("signed", "magnitude")


PART_POOLINGS = ("mean", "attended")


FRAME_POOLINGS = ("sum", "average")


PART_VISIBILITIES = ("ignored", "pose")


TAP_INPUTS = ("features", "joints")


LETTER: dict[str, Any] = {"limb_fields": "signed", "part_gain": 1.0, "part_pooling": "mean"}
"""The paper's letter where our defaults are otherwise; what files mean that were written before there was a choice."""


@dataclass(frozen=True)
class ModelConfig:
    """Which network is built, and the weights that it starts from. Raises ValueError on a value out of range."""

    variant: str = "align-tap"
    """baseline, align-avg or align-tap (Table 1b of the paper)."""
    appearance: str = "resnet50"
    """Appearance net: resnet18, resnet34 or resnet50."""
    appearance_weights: str = "imagenet"
    """What the appearance net starts from: imagenet (downloaded), none (random), or a torchvision state dict's path."""
    stride: int = 16
    """Pixels a cell of the appearance map: 8, 16 or 32."""
    pose_stages: int = 6
    """Stages of the pose net, 1 to 6; OpenPose has 6."""
    pose_width: float = 1.0
    """Factor on the pose net's hidden channels; OpenPose is 1."""
    pose_weights: Path | None = None
    """Weights of the pose net (body_pose_model.pth or .safetensors); none: drawn at random. Not used by baseline."""
    pose_scale: float = 1.0
    """How many times the frames are enlarged for the pose net, at least 1; its maps are finer by that."""
    tap_channels: int = 256
    """Hidden channels of each temporal attention net."""
    tap_input: str = "features"
    """What temporal attention judges a frame by: features, the paper's; or joints, the 18 joints' heat maps."""
    limb_fields: str = "magnitude"
    """Eq. 2: the magnitude of each limb field's vector; or signed, its x and y, the paper's."""
    part_gain: float = 30.0
    """Factor on the part maps before the softmax of Eq. 3; the paper has none, 1."""
    part_pooling: str = "attended"
    """Eq. 5 of the parts: attended, the average weighted by their attention; or mean over all cells, the paper's."""
    frame_pooling: str = "average"
    """Eq. 7: average of the weighted frames, over the sum of their weights; or sum, over their number."""
    frame_gain: float = 1.0
    """Eq. 7: power of the weights, at least 1; the paper has none, 1."""
    part_visibility: str = "ignored"
    """Eq. 7: ignored, as in the paper; or pose, where f_a and each part weigh, in each frame, times how surely the pose
    net finds their joints."""

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"variant {self.variant!r} is not one of {', '.join(VARIANTS)}")
        if self.appearance not in APPEARANCE_NETS:
            raise ValueError(f"appearance {self.appearance!r} is not one of {', '.join(APPEARANCE_NETS)}")
        if self.stride not in STRIDES:
            raise ValueError(f"stride {self.stride} is not one of {', '.join(map(str, STRIDES))}")
        if not 1 <= self.pose_stages <= 6:
            raise ValueError(f"pose_stages must be 1 to 6, not {self.pose_stages}")
        if not self.pose_width > 0:
            raise ValueError(f"pose_width must be above 0, not {self.pose_width}")
        if not self.pose_scale >= 1:
            raise ValueError(f"pose_scale must be at least 1, not {self.pose_scale}")
        if self.tap_channels < 1:
            raise ValueError(f"tap_channels must be at least 1, not {self.tap_channels}")
        if not self.part_gain > 0:
            raise ValueError(f"part_gain must be above 0, not {self.part_gain}")
        if not self.frame_gain >= 1:
            raise ValueError(f"frame_gain must be at least 1, not {self.frame_gain}")
        readings = {
            "limb_fields": LIMB_FIELDS,
            "part_pooling": PART_POOLINGS,
            "frame_pooling": FRAME_POOLINGS,
            "part_visibility": PART_VISIBILITIES,
            "tap_input": TAP_INPUTS,
        }
        for name, known in readings.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r} is not one of {', '.join(known)}")


APPEARANCE_NETS = ("resnet18", "resnet34", "resnet50")


STRIDES = (8, 16, 32)
