"""Annotations of a rendered set: joints, masks, part masks and visible ratios."""

from dataclasses import dataclass

import numpy as np

from alignnet_common.checked.annotations import read_annotations
from alignnet_common.checked.arrays_file import BrokenArraysError
from alignnet_common.errors import UserError, one_line
from alignnet_common.set_format import ANNOTATIONS
from reid.data.tracklets.types import Tracklet


@dataclass(frozen=True)
class Joints:
    """Ground-truth joints (COCO-18) of a clip's T frames."""

    positions: np.ndarray
    """(T, 18, 2) float32: x, y in pixels of the rendered frame; pixel centers are whole numbers."""

    visible: np.ndarray
    """(T, 18) bool: inside the frame and not occluded."""


def read_joints(tracklet: Tracklet) -> Joints:
    """The exact joints of a rendered clip. Raises UserError if its annotations are missing, broken or of another shape.

    Positions of joints that are not visible are 0.
    """
    positions, visible = _annotations(tracklet, "joints2d", "joints_visible")
    positions = positions.astype(np.float32)
    if not np.isfinite(positions[visible]).all():
        raise UserError(f"{tracklet.annotations}: joints2d has infinite values; render the clip again")
    return Joints(np.where(visible[..., None], positions, 0), visible)


def read_masks(tracklet: Tracklet) -> np.ndarray:
    """(T, H, W) bool: visible pixels of the person of a rendered clip. Raises UserError as `read_joints`."""
    return _annotations(tracklet, "mask")[0]


def read_part_masks(tracklet: Tracklet) -> np.ndarray:
    """(T, 3, H, W) bool: visible pixels of the upper, middle and lower part. Raises UserError as `read_joints`."""
    return _annotations(tracklet, "part_masks")[0]


def read_sightings(tracklet: Tracklet) -> tuple[np.ndarray, np.ndarray]:
    """(T,) and (T,) int: number of the sighting and of the person's outfit in each frame. Raises as `read_joints`."""
    sightings, outfits = _annotations(tracklet, "sighting", "outfit")
    return sightings, outfits


def read_visible_ratios(tracklet: Tracklet) -> np.ndarray:
    """(T,) float32 in 0..1: visible share of the body in each frame. Raises UserError as `read_joints`."""
    return _annotations(tracklet, "visible_ratio")[0].astype(np.float32)


@dataclass(frozen=True)
class Bodies:
    """Size and visibility of a clip's person in its T frames."""

    area: np.ndarray
    """(T,) float32: visible area of the person, in pixels of the frame as rendered."""

    height: np.ndarray
    """(T,) float32: height of the whole body, hidden parts included, in pixels."""

    visible_ratio: np.ndarray
    """(T,) float32 in 0..1: visible share of the body."""


def read_bodies(tracklet: Tracklet) -> Bodies:
    """Area, height and visible ratio of the person of a rendered clip. Raises UserError as `read_joints`."""
    boxes, ratio, masks = _annotations(tracklet, "amodal_box", "visible_ratio", "mask")
    area, height = masks.sum(axis=(1, 2)), boxes[:, 3] - boxes[:, 1]
    return Bodies(area.astype(np.float32), height.astype(np.float32), ratio.astype(np.float32))


def _annotations(tracklet: Tracklet, *names: str) -> tuple[np.ndarray, ...]:
    """Arrays of a clip's annotation file by name, with the shapes and kinds of `ANNOTATIONS`."""
    path, frames = tracklet.annotations, len(tracklet.frames)
    if path is None:
        raise UserError(f"{tracklet.frames[0].parent}: no annotations; only rendered sets have them")
    try:
        arrays = read_annotations(path, names, frames if tracklet.first is None else None)
    except (BrokenArraysError, OSError) as broken:
        said = f"{one_line(broken)}; the clip has {frames} frames"
        raise UserError(f"{path}: unreadable annotations ({said}): render the clip again") from broken
    found = {name: _part(tracklet, name, array) for name, array in arrays.items()}
    for name, array in found.items():
        if not ANNOTATIONS[name].fits(array, frames):
            raise UserError(f"{path}: {name} {array.shape} {array.dtype} does not fit {frames} frames")
    return tuple(found.values())


def _part(tracklet: Tracklet, name: str, array: np.ndarray) -> np.ndarray:
    """The rows of an array of the whole clip that belong to the tracklet; the array itself for a whole clip."""
    if tracklet.first is None or ANNOTATIONS[name].shape[0] != "T":
        return array
    return array[tracklet.first : tracklet.first + len(tracklet.frames)]
