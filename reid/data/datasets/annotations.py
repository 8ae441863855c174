"""Annotations of a rendered set: joints, masks, part masks and visible ratios."""

from dataclasses import dataclass

import numpy as np

from alignnet_common.coco18 import JOINTS, PARTS
from alignnet_common.errors import UserError
from alignnet_common.files import BROKEN_ARRAYS
from reid.data.tracklets.types import Tracklet


@dataclass(frozen=True)
class Joints:
    """The exact joints of a clip's T frames."""

    positions: np.ndarray
    """(T, 18, 2) float32: x, y in pixels of the frame as rendered, whole numbers at the centres of pixels."""

    visible: np.ndarray
    """(T, 18) bool: inside the frame and not hidden."""


def read_joints(tracklet: Tracklet) -> Joints:
    """The exact joints of a rendered clip. Raises UserError where its annotations are missing or do not fit."""
    positions, visible = _annotations(tracklet, "joints2d", "joints_visible")
    positions, visible = positions.astype(np.float32), visible.astype(bool)
    expected = (len(tracklet.frames), len(JOINTS))
    if positions.shape != (*expected, 2) or visible.shape != expected or not np.isfinite(positions[visible]).all():
        found = f"joints2d {positions.shape} and joints_visible {visible.shape}"
        raise UserError(f"{tracklet.annotations}: {found} do not fit {expected}")
    return Joints(np.where(visible[..., None], positions, 0), visible)


def read_masks(tracklet: Tracklet) -> np.ndarray:
    """(T, H, W) bool: where the person of a rendered clip is seen. Raises UserError as `read_joints`."""
    (masks,) = _annotations(tracklet, "mask")
    if masks.dtype != bool or masks.ndim != 3 or len(masks) != len(tracklet.frames):
        raise UserError(
            f"{tracklet.annotations}: mask {masks.shape} {masks.dtype} does not fit {len(tracklet.frames)} frames"
        )
    return masks


def read_part_masks(tracklet: Tracklet) -> np.ndarray:
    """(T, 3, H, W) bool: where the upper, middle and lower part is seen. Raises UserError as `read_joints`."""
    (masks,) = _annotations(tracklet, "part_masks")
    if masks.dtype != bool or masks.shape[:2] != (len(tracklet.frames), len(PARTS)) or masks.ndim != 4:
        raise UserError(f"{tracklet.annotations}: part_masks {masks.shape} {masks.dtype} do not fit: render it again")
    return masks


def read_visible_ratios(tracklet: Tracklet) -> np.ndarray:
    """(T,) float32 in 0..1: the share of the body that each frame shows. Raises UserError as `read_joints`."""
    (ratio,) = _annotations(tracklet, "visible_ratio")
    if ratio.shape != (len(tracklet.frames),):
        raise UserError(
            f"{tracklet.annotations}: visible_ratio {ratio.shape} does not fit {len(tracklet.frames)} frames"
        )
    return ratio.astype(np.float32)


@dataclass(frozen=True)
class Bodies:
    """How much there is to see of a clip's person in its T frames."""

    area: np.ndarray
    """(T,) float32: pixels of the frame as rendered in which the person is seen."""

    height: np.ndarray
    """(T,) float32: of the whole body, hidden or not, in pixels."""

    visible_ratio: np.ndarray
    """(T,) float32 in 0..1: share of the body that is seen."""


def read_bodies(tracklet: Tracklet) -> Bodies:
    """How much there is to see of the person of a rendered clip. Raises UserError as `read_joints`."""
    (boxes,) = _annotations(tracklet, "amodal_box")
    ratio = read_visible_ratios(tracklet)
    area = read_masks(tracklet).sum(axis=(1, 2)).astype(np.float32)
    if boxes.shape != (len(area), 4):
        raise UserError(f"{tracklet.annotations}: amodal_box {boxes.shape} does not fit {len(area)} frames")
    return Bodies(area, (boxes[:, 3] - boxes[:, 1]).astype(np.float32), ratio)


def _annotations(tracklet: Tracklet, *names: str) -> tuple[np.ndarray, ...]:
    path = tracklet.annotations
    if path is None:
        raise UserError(f"{tracklet.frames[0].parent}: no annotations; pose is learnt from rendered sets alone")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return tuple(np.asarray(arrays[name]) for name in names)
    except (*BROKEN_ARRAYS, KeyError) as broken:
        raise UserError(f"{path}: unreadable annotations ({broken}); render the clip again") from broken
