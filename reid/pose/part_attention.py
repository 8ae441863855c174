"""Share of the attention of Eq. 3 that falls on its body part, by the part masks of a synthetic data set.

    python -m reid.pose parts --data OUT                      with ground-truth pose maps
    python -m reid.pose parts --data OUT --weights W          with the maps of a pose network

For each stride of the appearance map and each gain of the softmax: the share of the attention that falls on the part,
compared with uniform attention and with three horizontal stripes (as in PCB).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from alignnet_common.cli import as_plain
from alignnet_common.coco18 import PARTS
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from reid.configs.pose import PartMassConfig
from reid.data.datasets.annotations import read_joints, read_part_masks
from reid.data.datasets.synthetic import clips_kept_out
from reid.data.loading.chunk_dataset import resized_joints
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import Tracklet
from reid.functional.pose_targets import TargetSize, pose_targets
from reid.models.alignnet import part_attention
from reid.models.openpose import PoseNet
from reid.models.part_pooling import area_average
from reid.pose.inference import maps_of_frames, read_pose_net
from reid.provenance.notes import notes_on_weights
from reid.runtime.device import pick_device

STRIPES = (0.0, 1 / 6, 1 / 2, 1.0)
"""Edges of three stripes of a crop, as shares of its height: head and neck, trunk, legs."""


def parts(config: PartMassConfig) -> None:
    """Measure, print and write the shares."""
    device = pick_device(config.device)
    net = None if config.weights is None else read_pose_net(config.weights).to(device)
    clips = clips_kept_out(config.data, config.held_out, config.seed)
    notes = [] if config.weights is None else notes_on_weights(config.weights, config.data, clips)
    sums = sums_over(clips, net, config, device)
    rows = rows_of(sums, config)
    print("\n".join([*(f"note: {note}" for note in notes), *lines(rows)]))
    if config.json is not None:
        write_json(config.json, {"rows": rows, "notes": notes, "config": as_plain(config)})
        print(f"{config.json} is written")


def sums_over(
    clips: Sequence[Tracklet], net: PoseNet | None, config: PartMassConfig, device: torch.device
) -> dict[tuple[int, str], Tensor]:
    """For each (stride, attention): sum over the frames of the attention on each part, and frames that show it; (2, 3).

    The attention is "uniform", "stripes" or the gain.
    """
    store = FrameStore((), config.height, config.width, 0)
    sums: dict[tuple[int, str], Tensor] = {}
    for clip in tqdm(clips, "clips", unit="clip", disable=None, leave=False):
        maps, inside = maps_and_masks(clip, net, store, device, config.scale)
        for stride in config.strides:
            height, width = config.height // stride, config.width // stride
            share = area_average(inside, height, width)  # (T, 3, h, w): share of each cell that is the part
            kinds = {"uniform": torch.full_like(share, 1 / (height * width)), "stripes": stripes(height, width, device)}
            kinds |= {
                f"{gain:g}": part_attention(maps, height, width, gain, config.limb_fields) for gain in config.gains
            }
            seen = inside.flatten(2).any(dim=2)  # (T, 3)
            for kind, attention in kinds.items():
                mass = (attention * share).sum(dim=(2, 3)) * seen
                found = torch.stack([mass.sum(dim=0), seen.sum(dim=0)]).double().cpu()
                sums[stride, kind] = sums.get((stride, kind), torch.zeros(2, 3, dtype=torch.float64)) + found
    return sums


def maps_and_masks(
    clip: Tracklet, net: PoseNet | None, store: FrameStore, device: torch.device, scale: float
) -> tuple[Tensor, Tensor]:
    """Pose maps (T, 57, h, w) of a clip's frames, enlarged by `scale`, and part masks (T, 3, H, W) in 0..1.

    The maps are ground truth if `net` is None.
    """
    frames, scales = store.read(clip.frames)
    masks = torch.from_numpy(read_part_masks(clip)).float().to(device)
    inside = F.adaptive_avg_pool2d(masks, (store.height, store.width))
    if net is not None:
        return maps_of_frames(net, frames, device, scale), inside
    joints = resized_joints(read_joints(clip), list(range(len(clip.frames))), scales)
    visible = torch.from_numpy(joints.visible)
    targets = pose_targets(
        torch.from_numpy(joints.positions),
        torch.ones_like(visible),
        TargetSize(store.height, store.width, scale),
        visible,
    )
    return targets.maps.to(device), inside


def stripes(height: int, width: int, device: torch.device) -> Tensor:
    """Attention (3, height, width) that is uniform in one of three stripes of the crop and 0 elsewhere."""
    fine = torch.zeros(3, 96, 1, device=device)
    for part, (top, bottom) in enumerate(pairwise(STRIPES)):
        fine[part, round(96 * top) : round(96 * bottom)] = 1.0
    rows = F.adaptive_avg_pool2d(fine, (height, 1)).expand(-1, -1, width)
    return rows / rows.sum(dim=(1, 2), keepdim=True)


def rows_of(sums: dict[tuple[int, str], Tensor], config: PartMassConfig) -> list[dict[str, Any]]:
    """A row per stride and attention: percentage on each part, and the mean ratios to uniform and stripe attention.

    sums -- by (stride, attention), see `sums_over`. Raises UserError where no frame shows one of the parts.
    """
    shown = sums[config.strides[0], "uniform"][1]
    missing = [part for part, frames in zip(PARTS, shown, strict=True) if not frames]
    if missing:
        raise UserError(f"{config.data}: no frame shows the {missing[0]} part of anybody; measure on more persons")
    rows = []
    for stride in config.strides:
        mean = {kind: (found[0] / found[1]).numpy() for (one, kind), found in sums.items() if one == stride}
        for kind in (*("uniform", "stripes"), *(f"{gain:g}" for gain in config.gains)):
            ratios = {other: float(np.mean(mean[kind] / mean[other])) for other in ("uniform", "stripes")}
            of_parts = {part: 100 * float(value) for part, value in zip(PARTS, mean[kind], strict=True)}
            rows.append({"stride": stride, "attention": kind, "inside": of_parts, "times": ratios})
    return rows


def lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The rows as printed lines."""
    found = ["stride  attention     upper  middle   lower   x uniform  x stripes"]
    for row in rows:
        name = row["attention"] if row["attention"] in ("uniform", "stripes") else f"gain {row['attention']}"
        inside = "  ".join(f"{value:5.1f}%" for value in row["inside"].values())
        times = row["times"]
        found.append(
            f"{row['stride']:>6}  {name:<10}  {inside}      {times['uniform']:6.2f}     {times['stripes']:6.2f}"
        )
    return found
