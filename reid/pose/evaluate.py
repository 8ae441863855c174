"""Measure a pose network on a rendered set, whose joints are known.

    python -m reid.pose evaluate --data OUT --weights W --json F.json

PCKh@0.5: per cent of the visible joints that are found within half a head of where they are. OKS-AP: average
precision over ten thresholds of COCO's keypoint similarity, one person a frame. See `reid.functional.keypoint_metrics`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alignnet_common.cli import as_plain
from alignnet_common.coco18 import JOINTS
from alignnet_common.files import sha256_of_file, write_json
from reid.configs.checks import check_pose_scale, require
from reid.data.datasets.annotations import read_bodies, read_joints
from reid.data.datasets.synthetic import clips_kept_out
from reid.data.tracklets.types import Tracklet
from reid.functional.keypoint_metrics import average_precision, distances, keypoint_similarity, rate, within_head
from reid.pose.inference import SMALL_WEIGHTS, Poses, poses_of, read_pose_net
from reid.provenance.notes import notes_on_weights
from reid.runtime.device import pick_device

RATIOS = (0.0, 0.5, 0.75, 0.95, 1.001)
"""Between which visible ratios frames are counted together."""

HEIGHTS = (0.0, 80.0, 95.0, 110.0, float("inf"))
"""The same for heights of the whole body, pixels."""


@dataclass(frozen=True)
class PoseEvaluationConfig:
    """Measure a pose network on a rendered set: PCKh@0.5 and OKS-AP, by joint, by what is seen, by size."""

    data: Path = Path("data/synthetic")
    """Rendered set (python -m synth.render), of people whom the network was not trained on."""

    weights: Path = SMALL_WEIGHTS
    """Weights: of reid.pose train, an OpenPose COCO-18 file, or a run's model.pt. Default: the small network that comes
    with the code."""

    held_out: int = 0
    """Only the persons whom reid.pose train --held-out with the same number and --seed kept out. Default: all."""

    seed: int = 0
    """Seed that the persons of --held-out are drawn with."""

    height: int = 128
    """Height of the frames before --scale, pixels."""

    width: int = 64
    """Width of the frames before --scale, pixels."""

    scale: float = 1.0
    """Frames of this size are enlarged so many times before the network sees them, at least 1, as --pose-scale does."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs; auto = a CUDA GPU where there is one."""

    json: Path | None = None
    """File for the numbers. Default: they are printed only."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        require(self.held_out >= 0, f"--held-out must not be negative, not {self.held_out}")
        require(self.seed >= 0, f"--seed must not be negative, not {self.seed}")
        require(min(self.height, self.width) >= 16, "--height and --width must be at least 16")
        check_pose_scale("--scale", self.scale, self.height, self.width)


@dataclass(frozen=True)
class Truth:
    """What is known of N frames, in pixels of the frames as rendered."""

    joints: NDArray[np.float32]
    """(N, 18, 2)"""
    visible: NDArray[np.bool_]
    """(N, 18)"""
    area: NDArray[np.float32]
    """(N,)"""
    height: NDArray[np.float32]
    """(N,)"""
    visible_ratio: NDArray[np.float32]
    """(N,)"""


def evaluate(config: PoseEvaluationConfig) -> None:
    """Find the joints of every frame, compare them with the true ones, print and write the numbers."""
    net, device = read_pose_net(config.weights), pick_device(config.device)
    clips = clips_kept_out(config.data, config.held_out, config.seed)
    notes = notes_on_weights(config.weights, config.data, clips)
    frames = [path for clip in clips for path in clip.frames]
    found = poses_of(net, frames, config.height, config.width, device, config.scale)
    result = {
        **pose_numbers(found, truth_of(clips)),
        "persons": len({clip.pid for clip in clips}),
        "notes": notes,
        "weights_sha256": sha256_of_file(config.weights),
        "config": as_plain(config),
    }
    print("\n".join([*(f"note: {note}" for note in notes), *lines(result)]))
    if config.json is not None:
        write_json(config.json, result)
        print(f"{config.json} is written")


def truth_of(clips: Sequence[Tracklet]) -> Truth:
    """What is known of all frames of the clips. Raises UserError where annotations are missing or do not fit."""
    joints = [read_joints(clip) for clip in clips]
    bodies = [read_bodies(clip) for clip in clips]
    return Truth(
        joints=np.concatenate([one.positions for one in joints]),
        visible=np.concatenate([one.visible for one in joints]),
        area=np.concatenate([one.area for one in bodies]),
        height=np.concatenate([one.height for one in bodies]),
        visible_ratio=np.concatenate([one.visible_ratio for one in bodies]),
    )


def pose_numbers(found: Poses, true: Truth) -> dict[str, Any]:
    """PCKh@0.5 and OKS-AP, of all and of groups of frames, in per cent; frames without a visible joint do not count."""
    error = distances(found.joints, true.joints)
    right = within_head(error, true.height)
    similarity = keypoint_similarity(error, true.area, true.visible)
    sure = (found.confidence * true.visible).sum(axis=1) / np.maximum(true.visible.sum(axis=1), 1)
    counted = true.visible.any(axis=1)

    def of(frames: NDArray[np.bool_]) -> dict[str, float | int | None]:
        frames = frames & counted
        return {
            "frames": int(frames.sum()),
            "pckh50": rate(right[frames], true.visible[frames]),
            "oks_ap": average_precision(similarity[frames], sure[frames]) if frames.any() else None,
        }

    return {
        **of(counted),
        "by_joint": {joint: rate(right[:, number], true.visible[:, number]) for number, joint in enumerate(JOINTS)},
        "by_visible_ratio": {
            f"{low:g}-{min(high, 1):g}": of((true.visible_ratio >= low) & (true.visible_ratio < high))
            for low, high in pairwise(RATIOS)
        },
        "by_height": {
            f"{low:g}-{high:g}": of((true.height >= low) & (true.height < high)) for low, high in pairwise(HEIGHTS)
        },
        "confidence_of_visible": float(found.confidence[true.visible].mean()) if true.visible.any() else None,
        "confidence_of_hidden": float(found.confidence[~true.visible].mean()) if not true.visible.all() else None,
    }


def lines(result: dict[str, Any]) -> list[str]:
    """The numbers as people read them."""

    def row(name: str, of: dict[str, Any]) -> str:
        if of["pckh50"] is None:
            return f"{name:>16}   no frame"
        return f"{name:>16}   PCKh@0.5 {of['pckh50']:5.1f}   OKS-AP {of['oks_ap']:5.1f}   {of['frames']} frames"

    joints = ", ".join(f"{joint} {value:.0f}" for joint, value in result["by_joint"].items() if value is not None)
    return [
        row("all", result),
        *(row(f"seen {name}", of) for name, of in result["by_visible_ratio"].items()),
        *(row(f"{name} px high", of) for name, of in result["by_height"].items()),
        f"PCKh@0.5 by joint: {joints}",
    ]
