"""Exact annotations of a clip, from geometry and render passes: pure arrays.

Stored pixels have whole numbers at their centres: a point in the middle of the top left pixel is (0, 0).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Bools, Floats
from alignnet_common.coco18 import JOINTS, PARTS
from synth.cameras.camera import HEIGHT, WIDTH, project

JOINT_DEPTH = {
    "nose": 0.06,
    "eye": 0.05,
    "ear": 0.05,
    "neck": 0.19,
    "shoulder": 0.15,
    "elbow": 0.09,
    "wrist": 0.1,
    "hip": 0.18,
    "knee": 0.14,
    "ankle": 0.12,
}
"""How far below the surface (clothes included) a joint may lie and still count as seen, metres.

Set between the two heaps of depths that 24 people's clips gave: joints below the surface of their own limb, nearly all
less deep, and joints behind another limb, the trunk or the head."""


@dataclass(frozen=True)
class FrameTruth:
    """What is known about one frame of 128 × 64 pixels."""

    joints2d: Floats
    """(18, 2) pixels."""
    joints3d: Floats
    """(18, 3) metres, in the world: Z up, ground at 0."""
    joints_visible: Bools
    """(18,) inside the crop and not hidden, by others or by the person."""
    mask: Bools
    """(128, 64) pixels that the person covers by half or more."""
    part_masks: Bools
    """(3, 128, 64) the mask, each pixel of it in one of the upper, middle and lower part: that which covers most."""
    visible_ratio: float
    """Share of the person's silhouette that is inside the crop and not hidden by others, 0..1."""
    box: Floats
    """(4,) x0, y0, x1, y1 of the visible pixels, in pixels; zeros where none is."""
    amodal_box: Floats
    """(4,) likewise of the whole person, beyond the crop's edges and behind occluders."""


def joints_in_image(joints: Floats, intrinsics: Floats) -> Floats:
    """Camera points (..., 18, 3) to stored pixels (..., 18, 2)."""
    return project(joints, intrinsics) - 0.5


def inside_crop(pixels: Floats) -> Bools:
    """(...,) which of the stored pixels (..., 2) lie in the crop."""
    return ((pixels >= -0.5) & (pixels < np.array([WIDTH, HEIGHT]) - 0.5)).all(-1)


def joints_seen(pixels: Floats, depth_of_joint: Floats, depth: Floats) -> Bools:
    """(18,) joints in the crop with nothing in front of them.

    `pixels` (18, 2); `depth_of_joint` (18,) metres along the optical axis; `depth` (128, 64) of what is seen first.
    A joint lies inside the body, so the surface may be in front of it by as much as JOINT_DEPTH.
    """
    column, row = np.rint(pixels).astype(int).T
    first = depth[np.clip(row, 0, HEIGHT - 1), np.clip(column, 0, WIDTH - 1)]
    allowed = np.array([JOINT_DEPTH[joint.split("_")[-1]] for joint in JOINTS])
    return inside_crop(pixels) & (depth_of_joint - first < allowed)


def box_of_mask(mask: Bools) -> Floats:
    """(4,) x0, y0, x1, y1 of the outermost pixel centres of a mask; zeros where it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.zeros(4)
    return np.array([columns[0], rows[0], columns[-1], rows[-1]], dtype=float)


def frame_truth(
    joints_world: Floats,
    joints_camera: Floats,
    outline: Floats,
    intrinsics: Floats,
    depth: Floats,
    parts: Floats,
    whole: float,
) -> FrameTruth:
    """Put one frame's truth together.

    `joints_*` (18, 3) metres; `outline` (N, 3): all vertices of the person in the camera's frame; `parts`
    (128, 64, 3): coverage by part, 0..1; `whole`: coverage of the person alone, crop's edges and occluders
    taken away, summed over pixels.
    """
    pixels = joints_in_image(joints_camera, intrinsics)
    coverage = parts.sum(-1)
    mask = coverage >= 0.5
    extent = joints_in_image(outline, intrinsics)
    return FrameTruth(
        joints2d=pixels,
        joints3d=joints_world,
        joints_visible=joints_seen(pixels, joints_camera[:, 2], depth),
        mask=mask,
        part_masks=mask & (parts.argmax(-1) == np.arange(len(PARTS))[:, None, None]),
        visible_ratio=float(np.clip(coverage.sum() / whole, 0, 1)) if whole > 0 else 0.0,
        box=box_of_mask(mask),
        amodal_box=np.concatenate([extent.min(0), extent.max(0)]),
    )


@dataclass(frozen=True)
class RenderedClip:
    """T frames and their truth."""

    frames: NDArray[np.uint8]
    """(T, 128, 64, 3) sRGB."""
    truth: list[FrameTruth]
    intrinsics: Floats
    """(T, 3, 3), continuous pixels: subtract half a pixel for stored ones."""
    rotation: Floats
    """(3, 3) world to camera."""
    translation: Floats
    """(3,) metres."""
    sighting: NDArray[np.int64]
    """(T,) which of the clip's sightings a frame is of, from 0."""
