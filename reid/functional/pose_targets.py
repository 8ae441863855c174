"""Ground truth of the pose network from the joints of one person per frame: heat maps and part affinity fields."""

from dataclasses import dataclass

import torch
from torch import Tensor

from alignnet_common.coco18 import JOINTS, LIMBS

CELL = 8
"""Output stride of the pose network, pixels: side of a cell of the maps."""


@dataclass(frozen=True)
class PoseTargets:
    """Targets of N frames on a grid of h x w cells of 8 pixels of the pose network's input."""

    heat: Tensor
    """(N, 19, h, w), 0..1: 18 joints, then background."""
    paf: Tensor
    """(N, 38, h, w), -1..1: x and y of the unit vector along each limb, 0 elsewhere."""
    heat_mask: Tensor
    """(N, 19, 1, 1) bool: False if the joint (for the background: any joint) is not labelled."""
    paf_mask: Tensor
    """(N, 38, 1, 1) bool: False if an end of the limb is not labelled."""

    @property
    def maps(self) -> Tensor:
        """All maps (N, 57, h, w), heat maps first, in the order of the pose network's output."""
        return torch.cat([self.heat, self.paf], dim=1)


@dataclass(frozen=True)
class TargetSize:
    """Size of the images and of what is drawn for them. Defaults are those of OpenPose."""

    height: int
    """Height of the image, pixels."""

    width: int
    """Width of the image, pixels."""

    scale: float = 1.0
    """Factor by which the image is enlarged for the network, at least 1."""

    sigma: float = 7.0
    """Standard deviation of the Gaussian of a joint, pixels of the enlarged image."""

    limb_half_width: float = 8.0
    """Distance from a limb's line up to which its field is drawn, pixels of the enlarged image."""


def pose_targets(joints: Tensor, labelled: Tensor, size: TargetSize, visible: Tensor | None = None) -> PoseTargets:
    """Heat maps and part affinity fields of one person in each of N frames (Cao et al. 2017, Sections 2.2 and 2.3).

    joints -- (N, 18, 2), x and y in pixels; pixel centers are whole numbers; a joint may be outside of the image.
    labelled -- (N, 18) bool; other joints may have any value, also NaN, and are masked out.
    visible -- (N, 18) bool; a labelled joint that is not visible has an empty heat map and no limbs. None: all joints
    that are labelled are drawn.

    Returns targets on ceil(scale height / 8) x ceil(scale width / 8) cells. The centers of the cells are at 8 i + 3.5
    pixels of the enlarged image. Limbs of one kind never overlap, since there is one person in a frame.
    """
    drawn = labelled if visible is None else labelled & visible
    joints = joints.float().masked_fill(~labelled[:, :, None], 0.0)
    joints = joints * size.scale + (size.scale - 1) / 2  # the edges of the image are mapped to edges
    x = _cell_centres(cells_along(size.width, size.scale), joints)  # (w,)
    y = _cell_centres(cells_along(size.height, size.scale), joints)  # (h,)
    heat = joint_heat_maps(joints, x, y, size.sigma) * drawn[:, :, None, None]
    background = 1 - heat.amax(dim=1, keepdim=True)
    ends = torch.tensor([(JOINTS.index(a), JOINTS.index(b)) for a, b in LIMBS], device=joints.device)  # (19, 2)
    limb_drawn = drawn[:, ends].all(dim=2)  # (N, 19)
    paf = part_affinity_fields(joints[:, ends], x, y, size.limb_half_width) * limb_drawn[:, :, None, None, None]
    heat_mask = torch.cat([labelled, labelled.all(dim=1, keepdim=True)], dim=1)
    paf_mask = labelled[:, ends].all(dim=2).repeat_interleave(2, dim=1)
    return PoseTargets(
        heat=torch.cat([heat, background], dim=1),
        paf=paf.flatten(1, 2),
        heat_mask=heat_mask[:, :, None, None],
        paf_mask=paf_mask[:, :, None, None],
    )


def enlarged_length(length: int, scale: float) -> int:
    """Length in pixels of a side of `length` pixels after enlarging by `scale`."""
    return round(length * scale)


def cells_along(length: int, scale: float = 1.0) -> int:
    """Number of cells of the maps along a side of `length` pixels that is enlarged by `scale` for the network."""
    return -(-enlarged_length(length, scale) // CELL)


def joint_heat_maps(joints: Tensor, x: Tensor, y: Tensor, sigma: float) -> Tensor:
    """Heat maps (N, J, h, w): exp(-d^2 / 2 sigma^2), d from joints (N, J, 2) to the cells at x (w,), y (h,)."""
    across = torch.exp(-(x - joints[:, :, 0, None]).square() / (2 * sigma**2))  # (N, J, w)
    down = torch.exp(-(y - joints[:, :, 1, None]).square() / (2 * sigma**2))  # (N, J, h)
    return down[:, :, :, None] * across[:, :, None, :]


def part_affinity_fields(ends: Tensor, x: Tensor, y: Tensor, half_width: float) -> Tensor:
    """Fields (N, L, 2, h, w): unit vector (x, y) from the first to the second end of a limb, in cells near the limb.

    ends -- (N, L, 2, 2), x and y of both ends in pixels. x (w,), y (h,) -- centers of the cells. half_width -- largest
    distance from the limb in pixels; farther cells are 0. The field of a limb of length 0 is 0.
    """
    start, along = ends[:, :, 0], ends[:, :, 1] - ends[:, :, 0]  # (N, L, 2)
    length = along.square().sum(dim=2, keepdim=True).sqrt()
    unit = along / length.clamp(min=1e-6)
    from_start_x = x[None, :] - start[:, :, 0, None, None]  # (N, L, 1, w)
    from_start_y = y[:, None] - start[:, :, 1, None, None]  # (N, L, h, 1)
    unit_x, unit_y = unit[:, :, 0, None, None], unit[:, :, 1, None, None]
    position = from_start_x * unit_x + from_start_y * unit_y  # (N, L, h, w), pixels along the limb
    nearest = position.clamp(min=0).minimum(length[..., None])
    distance = (from_start_x - nearest * unit_x).square() + (from_start_y - nearest * unit_y).square()
    inside = distance <= half_width**2
    return inside[:, :, None] * unit[:, :, :, None, None]


def _cell_centres(count: int, like: Tensor) -> Tensor:
    """Coordinates of the centers of `count` cells, pixels: 3.5, 11.5, ..."""
    return torch.arange(count, dtype=like.dtype, device=like.device) * CELL + (CELL - 1) / 2
