"""What the pose net should say, from the joints of one person a frame: heat maps and part affinity fields."""

from dataclasses import dataclass

import torch
from torch import Tensor

from alignnet_common.coco18 import JOINTS, LIMBS

CELL = 8
"""Pixels a side of one cell of the maps; the pose net's output stride."""


@dataclass(frozen=True)
class PoseTargets:
    """Targets of N frames on a grid of h x w cells of 8 pixels, of the frames as the pose net sees them."""

    heat: Tensor
    """(N, 19, h, w) in 0..1: 18 joints, then background."""
    paf: Tensor
    """(N, 38, h, w) in -1..1: x and y of the unit vector along each limb, 0 away from it."""
    heat_mask: Tensor
    """(N, 19, 1, 1) bool: False where the joint (for the background: any joint) is not labelled."""
    paf_mask: Tensor
    """(N, 38, 1, 1) bool: False where an end of the limb is not labelled."""

    @property
    def maps(self) -> Tensor:
        """The 57 maps (N, 57, h, w), heat maps first, as the pose net publishes them."""
        return torch.cat([self.heat, self.paf], dim=1)


def pose_targets(
    joints: Tensor,
    labelled: Tensor,
    height: int,
    width: int,
    visible: Tensor | None = None,
    sigma: float = 7.0,
    limb_half_width: float = 8.0,
    scale: float = 1.0,
) -> PoseTargets:
    """Heat maps and part affinity fields of one person in each of N frames (Cao et al. 2017, Sections 2.2 and 2.3).

    Args:
        joints: (N, 18, 2) float, x and y in pixels, pixel centres at whole numbers; a joint may lie outside the image.
        labelled: (N, 18) bool; joints that are not labelled may hold anything, NaN too.
        height: of the image, pixels.
        width: of the image, pixels.
        visible: (N, 18) bool; a labelled joint that is not visible has an empty map and no limbs, and that is
            supervised. None: every labelled joint is drawn.
        sigma: of the Gaussian about a joint, pixels that the net sees (OpenPose trains with 7).
        limb_half_width: how far from the limb's line its field reaches, in the same pixels (OpenPose trains with one
            cell).
        scale: how many times the image is enlarged before the net sees it. A joint stays as wide as the net knows it,
            and so becomes narrower beside the person.

    Returns targets on ceil(scale height / 8) x ceil(scale width / 8) cells whose centres are at 8 i + 3.5 pixels of the
    enlarged image. One person a frame: limbs of one kind never overlap, so there is nothing to average.
    """
    drawn = labelled if visible is None else labelled & visible
    joints = joints.float().masked_fill(~labelled[:, :, None], 0.0)
    joints = joints * scale + (scale - 1) / 2  # edges on edges
    x = _cell_centres(cells_along(width, scale), joints)  # (w,)
    y = _cell_centres(cells_along(height, scale), joints)  # (h,)
    heat = joint_heat_maps(joints, x, y, sigma) * drawn[:, :, None, None]
    background = 1 - heat.amax(dim=1, keepdim=True)
    ends = torch.tensor([(JOINTS.index(a), JOINTS.index(b)) for a, b in LIMBS], device=joints.device)  # (19, 2)
    limb_drawn = drawn[:, ends].all(dim=2)  # (N, 19)
    paf = part_affinity_fields(joints[:, ends], x, y, limb_half_width) * limb_drawn[:, :, None, None, None]
    heat_mask = torch.cat([labelled, labelled.all(dim=1, keepdim=True)], dim=1)
    paf_mask = labelled[:, ends].all(dim=2).repeat_interleave(2, dim=1)
    return PoseTargets(
        heat=torch.cat([heat, background], dim=1),
        paf=paf.flatten(1, 2),
        heat_mask=heat_mask[:, :, None, None],
        paf_mask=paf_mask[:, :, None, None],
    )


def enlarged_length(length: int, scale: float) -> int:
    """Pixels along a side of an image that had `length` and was enlarged `scale` times."""
    return round(length * scale)


def cells_along(length: int, scale: float = 1.0) -> int:
    """Cells of the pose net's maps along a side of `length` pixels, which the net sees enlarged `scale` times."""
    return -(-enlarged_length(length, scale) // CELL)


def joint_heat_maps(joints: Tensor, x: Tensor, y: Tensor, sigma: float) -> Tensor:
    """exp(-d^2 / 2 sigma^2) of the distance d from each joint (N, J, 2) to cells at x (w,), y (h,): (N, J, h, w)."""
    across = torch.exp(-(x - joints[:, :, 0, None]).square() / (2 * sigma**2))  # (N, J, w)
    down = torch.exp(-(y - joints[:, :, 1, None]).square() / (2 * sigma**2))  # (N, J, h)
    return down[:, :, :, None] * across[:, :, None, :]


def part_affinity_fields(ends: Tensor, x: Tensor, y: Tensor, half_width: float) -> Tensor:
    """The unit vector from first to second end in every cell within `half_width` of the limb, 0 elsewhere.

    `ends` (N, L, 2, 2) are the ends of each limb, x and y in pixels; cells at x (w,), y (h,). The result is
    (N, L, 2, h, w), x then y. A limb of no length has no direction, and a field of 0.
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
    """Pixel coordinates of the centres of `count` cells: 3.5, 11.5, ..."""
    return torch.arange(count, dtype=like.dtype, device=like.device) * CELL + (CELL - 1) / 2
