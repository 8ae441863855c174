"""Values of --preset, in groups that the presets of commands include. Imports no torch."""

from typing import Any, Literal

from reid.configs.groups.model import PAPER_SETTINGS, SMALL_POSE_STAGES, SMALL_POSE_WEIGHTS, SMALL_POSE_WIDTH

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
