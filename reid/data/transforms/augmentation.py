"""Augmentation with one random draw per chunk (the same for all its frames), applied to a whole batch on its device.

Joints and pose maps are transformed with the frames; a horizontal flip exchanges left and right.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alignnet_common.coco18 import HEATMAP_CHANNELS, LIMBS, MIRRORED_JOINTS, MIRRORED_LIMBS
from reid.functional.pose_targets import CELL


@dataclass(frozen=True)
class AugmentationRange:
    """Ranges of the augmentation; see the fields of the same names in `reid.configs.groups.training.TrainConfig`."""

    flip: float = 0.5
    shift: int = 4
    erase: float = 0.0
    colour: float = 0.0
    new_place: float = 0.0
    """Probability that the background of a rendered chunk is replaced by that of another chunk, 0..1."""
    cover: float = 0.0
    """Probability that a frame is occluded in part by another person's frame, 0..1."""


@dataclass(frozen=True)
class Augmentation:
    """One transform for all frames of a chunk, applied in the order of the fields, except that `erased` is last."""

    flip: bool = False
    """Horizontal flip."""

    shift: tuple[int, int] = (0, 0)
    """Translation down and to the right, pixels; the edge is repeated."""

    erased: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Random erasing: top, left, bottom, right of a rectangle, pixels; all 0: none."""

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0

    def packed(self) -> Tensor:
        """The transform as a row (10,) float32, for a batch."""
        colour = self.brightness, self.contrast, self.saturation
        return torch.tensor([self.flip, *self.shift, *self.erased, *colour], dtype=torch.float32)


def draw_augmentation(rng: np.random.Generator, limits: AugmentationRange, height: int, width: int) -> Augmentation:
    """A random transform of frames of `height` x `width` pixels. `limits` do not change the draws from `rng`."""
    flip, erase = rng.random(2)
    down, right = rng.integers(-limits.shift, limits.shift, size=2, endpoint=True).tolist()
    share, aspect, top, left = rng.uniform((0.05, 0.5, 0, 0), (0.25, 2.0, 1, 1)).tolist()
    tall = min(height - 1, round((share * height * width * aspect) ** 0.5))
    wide = min(width - 1, round((share * height * width / aspect) ** 0.5))
    corner = round(top * (height - tall)), round(left * (width - wide))
    brightness, contrast, saturation = (1 + limits.colour * rng.uniform(-1, 1, size=3)).tolist()
    return Augmentation(
        flip=bool(flip < limits.flip),
        shift=(down, right),
        erased=(*corner, corner[0] + tall, corner[1] + wide) if erase < limits.erase else (0, 0, 0, 0),
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
    )


def augmented_frames(frames: Tensor, change: Tensor) -> Tensor:
    """Frames (B, T, 3, H, W) uint8 after flip, translation, color jitter and erasing by `change` (B, 10)."""
    height, width = frames.shape[-2:]
    rows, columns = _sources(change, height, width)
    frames = _picked(frames, rows, columns)
    recoloured = (change[:, 7:] != 1).any(dim=1)  # (B,)
    if bool(recoloured.any()):
        frames[recoloured] = _recoloured(frames[recoloured], change[recoloured])
    return frames.masked_fill(_blank(change, height, width)[:, None, None], 128)


def augmented_joints(joints: Tensor, visible: Tensor, change: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Joints (B, T, 18, 2) in pixels and `visible` (B, T, 18) of frames transformed by `change` (B, 10).

    A flip exchanges left and right joints. A joint outside the frame, or in the erased rectangle, is not visible.
    """
    flip, shift, erased = change[:, 0].bool(), change[:, 1:3], change[:, 3:7]
    mirrored = list(MIRRORED_JOINTS)
    opposite = joints[:, :, mirrored]
    opposite = torch.stack([width - 1 - opposite[..., 0], opposite[..., 1]], dim=-1)
    joints = torch.where(flip[:, None, None, None], opposite, joints)
    visible = torch.where(flip[:, None, None], visible[:, :, mirrored], visible)
    joints = joints + shift.flip(1)[:, None, None]  # (down, right) to (x, y)
    x, y = joints.unbind(-1)
    inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    top, left, bottom, right = (erased - 0.5).T[:, :, None, None]
    blank = (x > left) & (x < right) & (y > top) & (y < bottom)
    return joints, visible & inside & ~blank


def augmented_maps(maps: Tensor, change: Tensor, scale: float = 1.0) -> Tensor:
    """Pose maps (B, T, 57, h, w) after flip and translation by `change` (B, 10), with linear interpolation.

    A cell is 8 pixels of the pose network's input, the frames enlarged by `scale`. Color jitter and erasing do not
    change the maps.
    """
    flip = change[:, 0].bool()[:, None, None, None, None]
    maps = torch.where(flip, mirrored_maps(maps), maps)
    for axis, shift in ((-2, change[:, 1]), (-1, change[:, 2])):
        maps = _moved(maps, shift * scale / CELL, axis)
    return maps


def mirrored_maps(maps: Tensor) -> Tensor:
    """Pose maps (..., 57, h, w) of flipped frames: left and right are exchanged, x of the limb fields is negated."""
    background = HEATMAP_CHANNELS - 1
    heat = [*MIRRORED_JOINTS, background]
    paf = [HEATMAP_CHANNELS + 2 * limb + axis for limb in MIRRORED_LIMBS for axis in (0, 1)]
    sign = torch.tensor([1.0] * HEATMAP_CHANNELS + [-1.0, 1.0] * len(LIMBS), device=maps.device, dtype=maps.dtype)
    return maps[..., heat + paf, :, :].flip(-1) * sign[:, None, None]


def _sources(change: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Source row (B, H) and source column (B, W) of each row and column after flip and translation."""
    flip, (down, right) = change[:, :1].bool(), change[:, 1:3].long().T[:, :, None]
    rows = (torch.arange(height, device=change.device) - down).clamp(0, height - 1)
    columns = (torch.arange(width, device=change.device) - right).clamp(0, width - 1)
    return rows, torch.where(flip, width - 1 - columns, columns)


def _picked(frames: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """frames[b, t, c, rows[b], columns[b]] for all b, t and c, contiguous."""
    chunk, frame, channel = (torch.arange(size, device=frames.device) for size in frames.shape[:3])
    return frames[
        chunk[:, None, None, None, None],
        frame[:, None, None, None],
        channel[:, None, None],
        rows[:, None, None, :, None],
        columns[:, None, None, None, :],
    ]


def _recoloured(frames: Tensor, change: Tensor) -> Tensor:
    """Saturation around each pixel's gray value, contrast around the chunk's mean gray value, then brightness."""
    brightness, contrast, saturation = change[:, 7:].T[:, :, None, None, None, None]
    # Integer sums (thousandths) make the mean independent of the batch and of the device, to the bit.
    red, green, blue = frames.int().unbind(2)
    thousandths = 299 * red + 587 * green + 114 * blue  # (B, T, H, W)
    mean = thousandths.sum(dim=(1, 2, 3)).double() / thousandths[0].numel() / 1000
    mean = mean.float()[:, None, None, None, None]
    grey = thousandths[:, :, None].float() / 1000
    colours = grey + saturation * (frames.float() - grey)
    return (brightness * (mean + contrast * (colours - mean))).round().clamp(0, 255).to(torch.uint8)


def _blank(change: Tensor, height: int, width: int) -> Tensor:
    """Mask (B, H, W) bool of the erased rectangles."""
    top, left, bottom, right = change[:, 3:7].T[:, :, None]
    row, column = torch.arange(height, device=change.device), torch.arange(width, device=change.device)
    rows, columns = (row >= top) & (row < bottom), (column >= left) & (column < right)
    return rows[:, :, None] & columns[:, None]


def _moved(maps: Tensor, cells: Tensor, axis: int) -> Tensor:
    """Maps (B, T, C, h, w), those of chunk b moved along an axis by `cells[b]` cells; the edge is repeated."""
    size = maps.shape[axis]
    source = torch.arange(size, device=maps.device) - cells[:, None]  # (B, size)
    below = source.floor()
    share = (source - below).to(maps.dtype)
    form = [len(cells), 1, 1, 1, 1]
    form[axis] = size
    first, second = (
        maps.gather(axis, (below + step).long().clamp(0, size - 1).view(form).expand_as(maps)) for step in (0, 1)
    )
    return torch.lerp(first, second, share.view(form))
