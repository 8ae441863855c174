"""From pose maps and appearance maps to the frame descriptor: Eqs. 2 to 6 of the paper, one pure function each."""

import torch
from torch import Tensor
from torch.nn import functional as F

from alignnet_common.coco18 import HEATMAP_CHANNELS, JOINTS, PART_JOINTS, PARTS, part_channels


def composite_part_maps(pose: Tensor, limb_fields: str = "signed") -> Tensor:
    """Eq. 2: pose maps (N, 57, h, w) to part maps (N, 3, h, w), the mean over the channels S_r of each part.

    Parts are in the order upper, middle, lower. With "signed", as in the paper, S_r has one channel for each joint and
    two, x and y, for each limb; limbs that point in opposite directions, such as the two sides of a face, cancel. With
    "magnitude" a limb has one channel, the length of its vector, so |S_r| is the number of joints and limbs: 11, 12
    and 10.
    """
    sets = [part_channels(part) for part in PARTS]
    if limb_fields == "magnitude":
        heat, fields = pose[:, :HEATMAP_CHANNELS], pose[:, HEATMAP_CHANNELS:].unflatten(1, (-1, 2))
        pose = torch.cat([heat, torch.linalg.vector_norm(fields, dim=2)], dim=1)  # (N, 19 + 19, h, w)
        sets = [tuple(sorted({_with_lengths(channel) for channel in channels})) for channels in sets]
    return torch.stack([pose[:, channels].mean(dim=1) for channels in sets], dim=1)


def _with_lengths(channel: int) -> int:
    """Index of one of the 57 channels after the two channels of each limb are merged into one."""
    return channel if channel < HEATMAP_CHANNELS else HEATMAP_CHANNELS + (channel - HEATMAP_CHANNELS) // 2


def area_average(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps (N, R, h, w) averaged over the area of each cell of a `height` x `width` grid (pose to appearance grid)."""
    return F.adaptive_avg_pool2d(maps, (height, width))


def area_maximum(maps: Tensor, height: int, width: int) -> Tensor:
    """The maximum of maps (N, R, h, w) over the area of each cell of a `height` x `width` grid.

    It is `F.adaptive_max_pool2d`, which cannot be written as ONNX where h and w are no multiples of the grid's.
    """
    if maps.shape[2] % height == 0 and maps.shape[3] % width == 0:
        return F.adaptive_max_pool2d(maps, (height, width))
    for axis, cells in ((2, height), (3, width)):
        length = maps.shape[axis]
        ends = [(cell * length // cells, -(-(cell + 1) * length // cells)) for cell in range(cells)]
        maps = torch.stack([maps.narrow(axis, start, end - start).amax(axis) for start, end in ends], dim=axis)
    return maps


def spatial_softmax(maps: Tensor, gain: float = 1.0) -> Tensor:
    """Eq. 3: part maps (N, 3, h, w) to distributions over the h x w cells, each map summing to 1.

    `gain` multiplies the maps before the softmax; the paper has none (1). Part maps lie between 0 and 0.2 even for
    ground-truth poses, so without a gain no cell gets more than e^0.2 = 1.2 times the attention of another.
    """
    return (gain * maps).flatten(2).softmax(dim=2).view_as(maps)


def joint_maps(pose: Tensor, height: int, width: int) -> Tensor:
    """Heat maps of the 18 joints (N, 18, height, width) from pose maps (N, 57, h, w), max-pooled to the grid of f_a:
    an average would lower the peak, which is the confidence in the joint."""
    return area_maximum(pose[:, : len(JOINTS)], height, width)


def visibility(pose: Tensor) -> Tensor:
    """Visibility (N, 4) in 0..1 of [body, upper, middle, lower] from pose maps (N, 57, h, w).

    The confidence of a joint is the maximum of its heat map, low for joints that are occluded or self-occluded. The
    visibility of a part is the mean over its joints, that of the body the mean over all 18.
    """
    confidence = pose[:, : len(JOINTS)].flatten(2).amax(dim=2).clamp(0, 1)  # (N, 18)
    of_parts = [confidence[:, [JOINTS.index(joint) for joint in PART_JOINTS[part]]].mean(dim=1) for part in PARTS]
    return torch.stack([confidence.mean(dim=1), *of_parts], dim=1)


def part_features(appearance: Tensor, attention: Tensor) -> Tensor:
    """Eq. 4: f_a (N, C, h, w) times each part's attention (N, 3, h, w), over all channels: (N, 3, C, h, w)."""
    return appearance[:, None] * attention[:, :, None]


def generalised_mean(appearance: Tensor, attention: Tensor | None, power: Tensor) -> Tensor:
    """Eqs. 5 and 6 with the generalised mean of Radenovic et al. 2018 (GeM) in place of averages: (N, C) or (N, 4C).

    For f_a (N, C, h, w) it is (mean x^p)^(1/p) over the cells, and for a part whose attention (N, 3, h, w) sums to 1,
    (sum a x^p)^(1/p); p = 1 gives the averages of `frame_descriptor`. Cells below 1e-6 count as 1e-6. Without attention
    there are no parts. `power` is p, a tensor of one number, above 0; computed in float32 under autocast too.
    """
    with torch.autocast(appearance.device.type, enabled=False):
        exact = appearance.to(torch.promote_types(appearance.dtype, torch.float32))
        cells = (exact.clamp_min(1e-6) ** power).flatten(2)  # (N, C, h w)
        pooled = cells.mean(dim=2)
        if attention is not None:
            parts = torch.einsum("nrk,nck->nrc", attention.flatten(2).to(cells), cells)  # (N, 3, C)
            pooled = torch.cat([pooled, parts.flatten(1)], dim=1)
        return pooled ** (1 / power)


def frame_descriptor(appearance: Tensor, parts: Tensor, attended: bool = False) -> Tensor:
    """Eqs. 5 and 6: f_a (N, C, h, w) and part features (N, 3, C, h, w), average-pooled and concatenated: (N, 4C).

    The order is [f_a; f_a,u; f_a,m; f_a,l]. Part features are already multiplied by the attention, which sums to 1.
    With `attended` they are summed, which is the attention-weighted average of f_a. The paper averages them, so that
    parts are h x w times smaller than f_a.
    """
    exact = torch.promote_types(appearance.dtype, torch.float32)  # long sums in 16 bits lose precision
    pooled = appearance.mean(dim=(2, 3), dtype=exact)  # (N, C), Eq. 5
    pooled_parts = parts.sum(dim=(3, 4)) if attended else parts.mean(dim=(3, 4))  # (N, 3, C), Eq. 5
    return torch.cat([pooled, pooled_parts.flatten(1)], dim=1)  # Eq. 6


def rooted(descriptors: Tensor) -> Tensor:
    """Descriptors (..., D) of length 1, then the square root of each number with its sign.

    Power normalisation (Perronnin et al., ECCV 2010, https://doi.org/10.1007/978-3-642-15561-1_11).
    """
    unit = F.normalize(descriptors, dim=-1)
    return unit.sign() * unit.abs().sqrt()


def shortened(descriptors: Tensor, directions: Tensor) -> Tensor:
    """Descriptors (..., D) less their parts along orthogonal directions (R, D); their squared lengths, 0..1, are the
    shares of the parts that go."""
    return descriptors - (descriptors @ directions.T) @ directions
