"""Ground truth of a clip's frames, computed from geometry and render passes.

Stored pixel coordinates are whole numbers at pixel centres: (0, 0) is the centre of the top left pixel.
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
"""Largest depth, in metres, of a visible joint below the surface in front of it (clothes included).

The depths in the clips of 24 people form two clusters: joints under the surface of their own limb, and joints behind
another limb, the trunk or the head. These limits lie between the two."""


@dataclass(frozen=True)
class FrameTruth:
    """Ground truth of one frame of 128 × 64 pixels."""

    joints2d: Floats
    """(18, 2) pixels."""
    joints3d: Floats
    """(18, 3) metres in the world: Z up, ground at 0."""
    joints_visible: Bools
    """(18,) inside the frame and not hidden, neither by an occluder nor by the person's own body."""
    mask: Bools
    """(128, 64) pixels that the person covers by half or more."""
    part_masks: Bools
    """(3, 128, 64) the mask divided into upper, middle and lower part, by the part that covers most of each pixel."""
    visible_ratio: float
    """Share of the person's silhouette that is inside the frame and not hidden by others, 0..1."""
    box: Floats
    """(4,) x0, y0, x1, y1 of the mask, in pixels; zeros if the mask is empty."""
    amodal_box: Floats
    """(4,) x0, y0, x1, y1 of the whole person, in pixels, hidden parts and those outside the frame included."""


def joints_in_image(joints: Floats, intrinsics: Floats) -> Floats:
    """Project camera points (..., N, 3) to stored pixels (..., N, 2)."""
    return project(joints, intrinsics) - 0.5


def inside_crop(pixels: Floats) -> Bools:
    """(...,) bool: which stored pixels (..., 2) lie inside the frame."""
    return ((pixels >= -0.5) & (pixels < np.array([WIDTH, HEIGHT]) - 0.5)).all(-1)


def joints_seen(pixels: Floats, depth_of_joint: Floats, depth: Floats) -> Bools:
    """(18,) bool: joints inside the frame with nothing in front of them.

    `pixels` (18, 2); `depth_of_joint` (18,) and `depth` (128, 64), that of the visible surface, in metres along the
    optical axis. A joint lies inside the body: the surface may be in front of it by up to JOINT_DEPTH.
    """
    column, row = np.rint(pixels).astype(int).T
    first = depth[np.clip(row, 0, HEIGHT - 1), np.clip(column, 0, WIDTH - 1)]
    allowed = np.array([JOINT_DEPTH[joint.split("_")[-1]] for joint in JOINTS])
    return inside_crop(pixels) & (depth_of_joint - first < allowed)


def box_of_mask(mask: Bools) -> Floats:
    """(4,) x0, y0, x1, y1 of the outermost pixel centres of a mask (H, W); zeros if it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.zeros(4)
    return np.array([columns[0], rows[0], columns[-1], rows[-1]], dtype=float)


@dataclass(frozen=True)
class PersonGeometry:
    """Exact geometry of the person in one frame, and the camera's intrinsics."""

    joints_world: Floats
    """(18, 3) metres."""
    joints_camera: Floats
    """(18, 3) metres, in the camera's frame."""
    vertices_camera: Floats
    """(N, 3) metres, in the camera's frame."""
    intrinsics: Floats
    """(3, 3) of the continuous pixels of a 128 × 64 frame."""


def frame_truth(geometry: PersonGeometry, depth: Floats, parts: Floats, whole: float) -> FrameTruth:
    """Ground truth of one frame.

    `depth` (128, 64): metres along the optical axis to the visible surface; `parts` (128, 64, 3): coverage by part,
    0..1; `whole`: area of the person's silhouette in pixels, as if nothing hid it and the frame had no edges.
    """
    pixels = joints_in_image(geometry.joints_camera, geometry.intrinsics)
    coverage = parts.sum(-1)
    mask = coverage >= 0.5
    extent = joints_in_image(geometry.vertices_camera, geometry.intrinsics)
    return FrameTruth(
        joints2d=pixels,
        joints3d=geometry.joints_world,
        joints_visible=joints_seen(pixels, geometry.joints_camera[:, 2], depth),
        mask=mask,
        part_masks=mask & (parts.argmax(-1) == np.arange(len(PARTS))[:, None, None]),
        visible_ratio=float(np.clip(coverage.sum() / whole, 0, 1)) if whole > 0 else 0.0,
        box=box_of_mask(mask),
        amodal_box=np.concatenate([extent.min(0), extent.max(0)]),
    )


@dataclass(frozen=True)
class RenderedClip:
    """T rendered frames and their ground truth."""

    frames: NDArray[np.uint8]
    """(T, 128, 64, 3) sRGB."""
    truth: list[FrameTruth]
    intrinsics: Floats
    """(T, 3, 3) of continuous pixels: subtract half a pixel for stored ones."""
    rotation: Floats
    """(3, 3) world to camera."""
    translation: Floats
    """(3,) metres, world to camera."""
    sighting: NDArray[np.int64]
    """(T,) number of the sighting that each frame is of, from 0."""
