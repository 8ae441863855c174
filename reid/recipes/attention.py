"""Evaluate temporal attention against the ground truth of a synthetic data set.

    python -m reid.attention --data OUT --weights RUN --json F.json

Correlation: Spearman's rank correlation, clip by clip, between the weights of the frames and their true visible ratios,
over clips in which the visible ratio changes. Benefit: rank-1 and mAP between the cameras (mean of both directions) as
a growing share of each clip's frames is occluded by another person, for the network and, if it weights frames, for the
same network without the weights. A network trained without attention (align-avg) is the baseline.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn
from tqdm import tqdm

from alignnet_common.coco18 import PARTS
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_json
from alignnet_common.options import as_plain
from reid.configs.attention import AttentionConfig
from reid.data.datasets.annotations import read_bodies
from reid.data.datasets.synthetic import clips_kept_out
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.occluded_store import OccludedFrames
from reid.data.tracklets.types import ReidData, Tracklet
from reid.evaluation.descriptors import padded, stream_descriptors
from reid.evaluation.retrieval import rank_tracklets
from reid.models.alignnet import AlignNet, AlignNetOutput
from reid.models.checkpoint import load_model
from reid.models.tap import video_descriptor
from reid.provenance.notes import notes_on_weights
from reid.runtime.device import pick_device
from reid.runtime.run_dir import model_file

PROG = "python -m reid.attention"

WEIGHTED = ("appearance", *PARTS)
"""Descriptors with frame weights, in the order of `AlignNetOutput.frame_weights`. With the paper's settings the three
parts have equal weights."""

Figures = dict[str, float]
"""rank1 and mAP in percent."""


def attention(config: AttentionConfig) -> None:
    """Measure, print and write --json. Raises UserError on a data set or a checkpoint that cannot be used."""
    path = model_file(config.weights)
    model, metadata = load_model(path)
    images, device = metadata["images"], pick_device(config.device)
    model = model.to(device)
    clips = clips_kept_out(config.data, config.held_out, config.seed)
    if len({clip.pid for clip in clips}) < 2:
        raise UserError(f"{config.data}: one person cannot be ranked, nor be occluded by another; render more")
    store = FrameStore([frame for clip in clips for frame in clip.frames], images["height"], images["width"], 8.0)
    notes = notes_on_weights(path, config.data, clips)
    result: dict[str, Any] = {"variant": model.config.variant, "notes": notes, "correlation": None}
    if model.weighs_frames:
        weights = partial(frame_weights, model, store=store, device=device)
        result["correlation"] = correlation(clips, weights, config.least_change)
    directions = both_directions(config.data, clips)
    rank = partial(rank_poolings, model, directions, chunk=chunk_length(config, images), device=device)
    result["covered"] = []
    for share in tqdm(config.covered, "ranking", disable=None, leave=False):
        stores = (OccludedFrames(store, clips, share, seed) for seed in draw_seeds(config, share))
        result["covered"].append(occlusion_row(share, [rank(each) for each in stores]))
    if config.json is not None:
        write_json(config.json, {**result, "model_sha256": sha256_of_file(path), "config": as_plain(config)})
    print("\n".join([*(f"note: {note}" for note in notes), *result_lines(result)]))
    if config.json is not None:
        print(f"{config.json} is written")


def chunk_length(config: AttentionConfig, images: Mapping[str, int]) -> int:
    """Frames in a chunk for the ranking: --chunk, or that of the training (`images`)."""
    return config.chunk or images["chunk"]


def draw_seeds(config: AttentionConfig, share: float) -> range:
    """Seeds of the draws of a share of occluded frames; one for a share of 0, where all draws are equal."""
    return range(config.seed, config.seed + (config.draws if share else 1))


def correlation(
    clips: Sequence[Tracklet], weights_of: Callable[[Tracklet], NDArray[np.float32]], least_change: float
) -> dict[str, Any]:
    """Spearman's rank correlation of frame weights and visible ratios: mean over the clips, for each of `WEIGHTED`.

    weights_of -- the weights (T, 4) of a clip's frames. Equal weights of all frames count as correlation 0. Raises
    UserError where the visible ratio changes by `least_change` in no clip.
    """
    found: dict[str, list[float]] = {name: [] for name in WEIGHTED}
    for clip in tqdm(clips, "weights", unit="clip", disable=None, leave=False):
        ratio = read_bodies(clip).visible_ratio
        if np.ptp(ratio) < least_change:
            continue
        for name, weights in zip(WEIGHTED, weights_of(clip).T, strict=True):
            constant = np.ptp(weights) == 0
            found[name].append(0.0 if constant else float(spearmanr(weights, ratio).statistic))
    if not found["appearance"]:
        raise UserError(f"in none of {len(clips)} clips the visible ratio changes by {least_change}: --least-change")
    return {
        "clips": len(found["appearance"]),
        **{name: {"mean": float(np.mean(values)), "sd": float(np.std(values))} for name, values in found.items()},
    }


@torch.inference_mode()
def frame_weights(model: AlignNet, clip: Tracklet, store: FrameStore, device: torch.device) -> NDArray[np.float32]:
    """Weights (T, 4) of the clip's frames in temporal attention, see `AlignNetOutput.frame_weights`."""
    frames, valid = padded([store.read(clip.frames)[0]])
    weights = model(frames.to(device).float() / 255, valid.to(device)).frame_weights
    assert weights is not None, "a network with temporal attention"
    return weights[0].float().cpu().numpy()


class BothPoolings(nn.Module):
    """A network whose descriptor is followed by that of average pooling over the frames, from one forward pass."""

    def __init__(self, model: AlignNet) -> None:
        super().__init__()
        self.model = model
        self.train(model.training)  # `stream_descriptors` restores the mode of this module and with it the network's

    def forward(self, frames: Tensor, valid: Tensor) -> AlignNetOutput:
        """As `AlignNet.forward`; the descriptor is (B, 2D)."""
        output: AlignNetOutput = self.model(frames, valid)
        assert output.frame_descriptors is not None
        average = video_descriptor(output.frame_descriptors, frames.new_ones(*valid.shape, 1), valid)
        alike = self.model.descriptor_of(average)
        return replace(output, descriptor=torch.cat([output.descriptor, alike], dim=1))


def both_directions(root: Path, clips: Sequence[Tracklet]) -> tuple[ReidData, ...]:
    """All persons with queries of camera a and the gallery of camera b, and the reverse.

    Raises UserError where the clips are of one camera only.
    """
    a, b = (tuple(clip for clip in clips if clip.camera == camera) for camera in (0, 1))
    if not a or not b:
        raise UserError(f"{root}: all clips are of one camera; query and gallery need a camera each")
    return tuple(
        ReidData("synthetic", root, (), query, gallery, f"camera {way}", "all persons")
        for query, gallery, way in ((a, b, "a against camera b"), (b, a, "b against camera a"))
    )


def rank_poolings(
    model: AlignNet, directions: Sequence[ReidData], store: FrameStore, chunk: int, device: torch.device
) -> dict[str, Figures]:
    """Figures of the network ("") and, if it weights frames, of the network without the weights ("average").

    directions -- data sets with the same clips; figures are means over them. chunk -- frames in a chunk.
    """
    clips = (*directions[0].query, *directions[0].gallery)
    network, names = (BothPoolings(model), ("", "average")) if model.weighs_frames else (model, ("",))
    descriptors = np.stack(list(stream_descriptors(network, clips, store, chunk, device)))
    blocks = np.split(descriptors, len(names), axis=1)
    if model.config.unit_length:  # of both poolings, after the mean over chunks
        blocks = [block / np.linalg.norm(block, axis=1, keepdims=True) for block in blocks]
    parts = zip(names, blocks, strict=True)
    return {name: mean_ranking(dict(zip(clips, part, strict=True)), directions) for name, part in parts}


def mean_ranking(descriptors: Mapping[Tracklet, NDArray[np.float32]], directions: Sequence[ReidData]) -> Figures:
    """Figures of the descriptors (D,) of tracklets, mean over the directions."""
    found = []
    for data in directions:
        query, gallery = (np.stack([descriptors[clip] for clip in side]) for side in (data.query, data.gallery))
        found.append(rank_tracklets(data.query, data.gallery, query, gallery))
    return mean_figures([{name: float(metrics[name]) for name in ("rank1", "mAP")} for metrics in found])


def occlusion_row(share: float, draws: Sequence[Mapping[str, Figures]]) -> dict[str, Any]:
    """The row of a share of occluded frames: means over the draws, each a result of `rank_poolings`."""
    found = {name: mean_figures([draw[name] for draw in draws]) for name in draws[0]}
    return {"share": share, **found.pop(""), **found}


def mean_figures(several: Sequence[Figures]) -> Figures:
    """The mean of each figure."""
    return {name: float(np.mean([one[name] for one in several])) for name in several[0]}


def format_figures(one: Figures) -> str:
    """Figures as text."""
    return f"rank-1 {one['rank1']:5.1f}, mAP {one['mAP']:5.1f}"


def result_lines(result: dict[str, Any]) -> list[str]:
    """The results as printed lines."""
    found = []
    if result["correlation"] is not None:
        of = result["correlation"]
        found += [
            f"weight and visible ratio, Spearman's rho over {of['clips']} clips: "
            + ", ".join(f"{name} {of[name]['mean']:.2f} ± {of[name]['sd']:.2f}" for name in WEIGHTED)
        ]
    return found + [
        f"{row['share']:4.0%} of the frames covered: {format_figures(row)}"
        + (f"; without the weights: {format_figures(row['average'])}" if "average" in row else "")
        for row in result["covered"]
    ]
