"""Decoding of heat maps into the joints of the person in each crop."""

import torch
from torch import Tensor

from alignnet_common.coco18 import JOINTS
from reid.functional.pose_targets import CELL


def joints_of_maps(heat: Tensor, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Position and value of the maximum of each joint's heat map.

    heat -- (N, 18 or more, h, w), joints first, of frames that were enlarged by `scale` for the network.
    Returns joints (N, 18, 2), x and y in pixels of the frames before enlarging (pixel centers are whole numbers), and
    confidence (N, 18), the maximum of the map.

    The position has sub-cell precision: along each axis, a Gaussian is fitted through the maximum and its two
    neighbors (its logarithm is a parabola). A maximum at the edge of the map is placed at the center of its cell.
    """
    heat = heat[:, : len(JOINTS)].float()
    height, width = heat.shape[2:]
    confidence, place = heat.flatten(2).max(dim=2)  # (N, 18)
    row, column = place // width, place % width
    logs = heat.clamp_min(1e-6).log()
    along_y = logs.gather(3, column[:, :, None, None].expand(-1, -1, height, 1)).squeeze(3)  # (N, 18, h)
    along_x = logs.gather(2, row[:, :, None, None].expand(-1, -1, 1, width)).squeeze(2)  # (N, 18, w)
    cells = torch.stack([column + top_between(along_x, column), row + top_between(along_y, row)], dim=2)
    return (cells + 0.5) * (CELL / scale) - 0.5, confidence


def top_between(values: Tensor, highest: Tensor) -> Tensor:
    """Offset (N, J), -0.5..0.5, of the vertex of a parabola through the maximum, at `highest` (N, J), of (N, J, K)."""
    last = values.shape[2] - 1
    left, middle, right = (
        values.gather(2, (highest + step).clamp(0, last)[..., None]).squeeze(2) for step in (-1, 0, 1)
    )
    bend = left + right - 2 * middle
    inside = (highest > 0) & (highest < last) & (bend < 0)
    offset = 0.5 * (left - right) / torch.where(inside, bend, 1.0)
    return torch.where(inside, offset.clamp(-0.5, 0.5), 0.0)
