"""Annotations of a rendered set: joints, masks, part masks and visible ratios."""

from dataclasses import dataclass

import numpy as np

from alignnet_common.coco18 import JOINTS, PARTS
from alignnet_common.errors import UserError
from alignnet_common.files import BROKEN_ARRAYS
from reid.data.tracklets.types import Tracklet


@dataclass(frozen=True)
class Joints:
    """Ground-truth joints (COCO-18) of a clip's T frames."""

    positions: np.ndarray
    """(T, 18, 2) float32: x, y in pixels of the rendered frame; pixel centers are whole numbers."""

    visible: np.ndarray
    """(T, 18) bool: inside the frame and not occluded."""


def read_joints(tracklet: Tracklet) -> Joints:
    """Ground-truth joints of a rendered clip. Raises UserError where its annotations are missing or do not fit."""
    positions, visible = _annotations(tracklet, "joints2d", "joints_visible")
    positions, visible = positions.astype(np.float32), visible.astype(bool)
    expected = (len(tracklet.frames), len(JOINTS))
    if positions.shape != (*expected, 2) or visible.shape != expected or not np.isfinite(positions[visible]).all():
        found = f"joints2d {positions.shape} and joints_visible {visible.shape}"
        raise UserError(f"{tracklet.annotations}: {found} do not fit {expected}")
    return Joints(np.where(visible[..., None], positions, 0), visible)


def read_masks(tracklet: Tracklet) -> np.ndarray:
    """Mask (T, H, W) bool of the visible person in a rendered clip. Raises UserError as `read_joints`."""
    (masks,) = _annotations(tracklet, "mask")
    if masks.dtype != bool or masks.ndim != 3 or len(masks) != len(tracklet.frames):
        raise UserError(
            f"{tracklet.annotations}: mask {masks.shape} {masks.dtype} does not fit {len(tracklet.frames)} frames"
        )
    return masks


def read_part_masks(tracklet: Tracklet) -> np.ndarray:
    """Masks (T, 3, H, W) bool of the visible upper, middle and lower part. Raises UserError as `read_joints`."""
    (masks,) = _annotations(tracklet, "part_masks")
    if masks.dtype != bool or masks.shape[:2] != (len(tracklet.frames), len(PARTS)) or masks.ndim != 4:
        raise UserError(f"{tracklet.annotations}: part_masks {masks.shape} {masks.dtype} do not fit: render it again")
    return masks


def read_visible_ratios(tracklet: Tracklet) -> np.ndarray:
    """Visible share (T,) float32, 0..1, of the body in each frame. Raises UserError as `read_joints`."""
    (ratio,) = _annotations(tracklet, "visible_ratio")
    if ratio.shape != (len(tracklet.frames),):
        raise UserError(
            f"{tracklet.annotations}: visible_ratio {ratio.shape} does not fit {len(tracklet.frames)} frames"
        )
    return ratio.astype(np.float32)


@dataclass(frozen=True)
class Bodies:
    """Size and visibility of a clip's person in its T frames."""

    area: np.ndarray
    """(T,) float32: visible area of the person, pixels of the rendered frame."""

    height: np.ndarray
    """(T,) float32: height of the whole body, visible or not, pixels."""

    visible_ratio: np.ndarray
    """(T,) float32: visible share of the body, 0..1."""


def read_bodies(tracklet: Tracklet) -> Bodies:
    """Size and visibility of the person in a rendered clip. Raises UserError as `read_joints`."""
    (boxes,) = _annotations(tracklet, "amodal_box")
    ratio = read_visible_ratios(tracklet)
    area = read_masks(tracklet).sum(axis=(1, 2)).astype(np.float32)
    if boxes.shape != (len(area), 4):
        raise UserError(f"{tracklet.annotations}: amodal_box {boxes.shape} does not fit {len(area)} frames")
    return Bodies(area, (boxes[:, 3] - boxes[:, 1]).astype(np.float32), ratio)


def _annotations(tracklet: Tracklet, *names: str) -> tuple[np.ndarray, ...]:
    path = tracklet.annotations
    if path is None:
        raise UserError(f"{tracklet.frames[0].parent}: no annotations; only rendered sets have them")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return tuple(np.asarray(arrays[name]) for name in names)
    except (*BROKEN_ARRAYS, KeyError) as broken:
        raise UserError(f"{path}: unreadable annotations ({broken}); render the clip again") from broken
