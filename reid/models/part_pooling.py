"""From pose maps and appearance maps to the frame descriptor: Eqs. 2 to 6 of the paper, one pure function each."""

import torch
from torch import Tensor
from torch.nn import functional as F

from alignnet_common.coco18 import HEATMAP_CHANNELS, JOINTS, PART_JOINTS, PARTS, part_channels


def composite_part_maps(pose: Tensor, limb_fields: str = "signed") -> Tensor:
    """Eq. 2: pose maps (N, 57, h, w) to part maps (N, 3, h, w), the mean over the channels S_r of each part.

    Parts are in the order upper, middle, lower. To the letter ("signed"), S_r has a channel for each joint and two, x
    and y, for each limb; limbs that point opposite ways, as the two sides of a face do, cancel. With "magnitude" a limb
    has one, the length of its field's vector, so that |S_r| is the number of joints and limbs: 11, 12 and 10.
    """
    sets = [part_channels(part) for part in PARTS]
    if limb_fields == "magnitude":
        heat, fields = pose[:, :HEATMAP_CHANNELS], pose[:, HEATMAP_CHANNELS:].unflatten(1, (-1, 2))
        pose = torch.cat([heat, torch.linalg.vector_norm(fields, dim=2)], dim=1)  # (N, 19 + 19, h, w)
        sets = [tuple(sorted({_with_lengths(channel) for channel in channels})) for channels in sets]
    return torch.stack([pose[:, channels].mean(dim=1) for channels in sets], dim=1)


def _with_lengths(channel: int) -> int:
    """Where one of the 57 channels is found when each limb has one in place of two."""
    return channel if channel < HEATMAP_CHANNELS else HEATMAP_CHANNELS + (channel - HEATMAP_CHANNELS) // 2


def area_average(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps (N, R, h, w) averaged over the area of each cell of a `height` x `width` grid (pose to appearance grid)."""
    return F.adaptive_avg_pool2d(maps, (height, width))


def spatial_softmax(maps: Tensor, gain: float = 1.0) -> Tensor:
    """Eq. 3: part maps (N, 3, h, w) to distributions over the h x w cells, each map summing to 1.

    The paper's has no gain. Means over a part's channels lie between 0 and 0.2 even where the pose is known exactly,
    and e^0.2 is no more than 1.2 times e^0.
    """
    return (gain * maps).flatten(2).softmax(dim=2).view_as(maps)


def joint_maps(pose: Tensor, height: int, width: int) -> Tensor:
    """The 18 joints' maps of pose maps (N, 57, h, w), (N, 18, height, width): in each cell of the appearance grid, the
    highest that falls into it, so that how surely a joint is found is not averaged away."""
    return F.adaptive_max_pool2d(pose[:, : len(JOINTS)], (height, width))


def visibility(pose: Tensor) -> Tensor:
    """How much of [the body, upper, middle, lower] pose maps (N, 57, h, w) find: (N, 4) in 0..1.

    Each joint counts as much as its map is high at its highest place, the pose net's confidence; a part's is the mean
    over its joints, the body's that over all 18. A joint that something hides has a low map, as has one that the body
    itself hides.
    """
    confidence = pose[:, : len(JOINTS)].flatten(2).amax(dim=2).clamp(0, 1)  # (N, 18)
    of_parts = [confidence[:, [JOINTS.index(joint) for joint in PART_JOINTS[part]]].mean(dim=1) for part in PARTS]
    return torch.stack([confidence.mean(dim=1), *of_parts], dim=1)


def part_features(appearance: Tensor, attention: Tensor) -> Tensor:
    """Eq. 4: f_a (N, C, h, w) times each part's attention (N, 3, h, w), over all channels: (N, 3, C, h, w)."""
    return appearance[:, None] * attention[:, :, None]


def frame_descriptor(appearance: Tensor, parts: Tensor, attended: bool = False) -> Tensor:
    """Eqs. 5 and 6: f_a (N, C, h, w) and part features (N, 3, C, h, w), average-pooled and concatenated: (N, 4C).

    The order is [f_a; f_a,u; f_a,m; f_a,l]. A part's features hold the attention, which sums to 1, already: with
    `attended` their sum, f_a's average weighted by it, is taken. The paper's average is h x w times as small, and so
    are the parts beside f_a.
    """
    exact = torch.promote_types(appearance.dtype, torch.float32)  # a sum of many in 16 bits is none
    pooled = appearance.mean(dim=(2, 3), dtype=exact)  # (N, C), Eq. 5
    pooled_parts = parts.sum(dim=(3, 4)) if attended else parts.mean(dim=(3, 4))  # (N, 3, C), Eq. 5
    return torch.cat([pooled, pooled_parts.flatten(1)], dim=1)  # Eq. 6
