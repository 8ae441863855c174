"""Evaluate a pose network on a synthetic data set, whose joints are known.

    python -m reid.pose evaluate --data OUT --weights W --json F.json

PCKh@0.5: percentage of the visible joints with an error of at most half the length of the head. OKS-AP: average
precision over ten thresholds of COCO's keypoint similarity. See `reid.functional.keypoint_metrics`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignnet_common.cli import as_plain
from alignnet_common.coco18 import JOINTS
from alignnet_common.files import sha256_of_file, write_json
from reid.configs.pose import PoseEvaluationConfig
from reid.data.datasets.annotations import read_bodies, read_joints
from reid.data.datasets.synthetic import clips_kept_out
from reid.data.tracklets.types import Tracklet
from reid.functional.keypoint_metrics import average_precision, distances, keypoint_similarity, rate, within_head
from reid.pose.inference import Poses, poses_of, read_pose_net
from reid.provenance.notes import notes_on_weights
from reid.runtime.device import pick_device

RATIOS = (0.0, 0.5, 0.75, 0.95, 1.001)
"""Edges of the bins of the visible ratio for grouped results."""

HEIGHTS = (0.0, 80.0, 95.0, 110.0, float("inf"))
"""Edges of the bins of the height of the whole body, pixels."""


@dataclass(frozen=True)
class Truth:
    """Ground truth of N frames, in pixels of the rendered frames."""

    joints: NDArray[np.float32]
    """(N, 18, 2) x and y."""
    visible: NDArray[np.bool_]
    """(N, 18) whether the joint is visible."""
    area: NDArray[np.float32]
    """(N,) visible area of the person, square pixels."""
    height: NDArray[np.float32]
    """(N,) height of the whole body."""
    visible_ratio: NDArray[np.float32]
    """(N,) visible share of the body, 0..1."""


def evaluate(config: PoseEvaluationConfig) -> None:
    """Predict the joints of every frame, compare them with the ground truth, print and write the results."""
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
    """Ground truth of all frames of the clips. Raises UserError where annotations are missing or do not fit."""
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
    """PCKh@0.5 and OKS-AP in percent, of all frames and of groups; frames without a visible joint are left out."""
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
    """The results as printed lines."""

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
