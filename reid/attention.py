"""What temporal attention pays attention to, against the truth of a rendered set.

    python -m reid.attention --data OUT --checkpoint RUN --json F.json

Two questions. Does a frame weigh less where less is seen of the person? Spearman's rank correlation, clip by clip,
between the weights of the frames and their true visible ratios, over clips in which somebody or something passes. And
what does it buy? Rank-1 and mAP between the cameras, the mean of both ways, as more and more of each clip's frames are
covered by another person: for the network as it is, and, where it has weights, for the same network without them.
Compare with one that was trained without (align-avg), too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn
from tqdm import tqdm

from alignnet_common.cli import as_plain, run_command
from alignnet_common.coco18 import PARTS
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_json
from reid.configs.checks import require
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
from reid.runtime.run_dir import MODEL

PROG = "python -m reid.attention"

BLOCKS = ("appearance", *PARTS)
"""What a frame has a weight for, in the order of `AlignNetOutput.frame_weights`; to the letter of the paper, the three
parts have the same."""


@dataclass(frozen=True)
class AttentionConfig:
    """Measure on a rendered set what temporal attention looks at, and what it is worth when people are hidden."""

    data: Path = Path("data/synthetic")
    """Rendered set (python -m synth.render), of people whom the network was not trained on."""

    checkpoint: Path = Path("runs/pretrain")
    """The network: a run's folder, or its model.pt."""

    held_out: int = 0
    """Only the persons whom the training kept out: its --held-out, or --validation-ids. Default: everybody."""

    least_change: float = 0.2
    """Clips whose visible ratio changes by less than this are left out of the correlation, 0..1."""

    chunk: int = 0
    """Frames in a chunk for the ranking, within which attention chooses; 0 = as in that training."""

    covered: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6)
    """Shares of each clip's frames that another person covers in part, for the ranking."""

    draws: int = 1
    """How often it is drawn anew which frames are covered and by whom; the ranking is the mean over the draws."""

    seed: int = 0
    """Seed of that training, and of the first draw."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs; auto = a CUDA GPU where there is one."""

    json: Path | None = None
    """File for the numbers. Default: they are printed only."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        require(self.held_out >= 0, f"--held-out must not be negative, not {self.held_out}")
        require(self.held_out != 1, "--held-out 1: one person cannot be told from others, nor be covered by another")
        require(self.seed >= 0, f"--seed must not be negative, not {self.seed}")
        require(all(0 <= share < 1 for share in self.covered), "--covered: shares from 0 to less than 1")
        require(self.chunk >= 0, f"--chunk must not be negative, not {self.chunk}")
        require(self.draws >= 1, f"--draws must be at least 1, not {self.draws}")
        require(0 < self.least_change <= 1, f"--least-change must lie between 0 and 1, not {self.least_change}")


def attention(config: AttentionConfig) -> None:
    """Measure, print and write."""
    path = config.checkpoint / MODEL if config.checkpoint.is_dir() else config.checkpoint
    model, metadata = load_model(path)
    images, device = metadata["images"], pick_device(config.device)
    model = model.to(device)
    clips = clips_kept_out(config.data, config.held_out, config.seed)
    if len({clip.pid for clip in clips}) < 2:
        raise UserError(f"{config.data}: one person, who cannot be told from others, nor be covered by another")
    store = FrameStore([frame for clip in clips for frame in clip.frames], images["height"], images["width"], 8.0)
    notes = notes_on_weights(path, config.data, clips)
    result: dict[str, Any] = {"variant": model.config.variant, "notes": notes, "correlation": None}
    if model.weighs_frames:
        result["correlation"] = correlation(model, clips, store, config.least_change, device)
    ways = both_ways(config.data, clips)
    chunk = config.chunk or images["chunk"]
    result["covered"] = []
    for share in tqdm(config.covered, "ranking", disable=None, leave=False):
        draws = range(config.seed, config.seed + (config.draws if share else 1))
        covered = (OccludedFrames(store, clips, share, draw) for draw in draws)
        several = [rankings(model, ways, each, chunk, device) for each in covered]
        found = {name: mean_of([one[name] for one in several]) for name in several[0]}
        result["covered"].append({"share": share, **found.pop(""), **found})
    print("\n".join([*(f"note: {note}" for note in notes), *lines(result)]))
    if config.json is not None:
        write_json(config.json, {**result, "model_sha256": sha256_of_file(path), "config": as_plain(config)})
        print(f"{config.json} is written")


def correlation(
    model: AlignNet, clips: Sequence[Tracklet], store: FrameStore, least_change: float, device: torch.device
) -> dict[str, Any]:
    """Spearman's rank correlation between weight and visible ratio: the mean over clips, for each of `BLOCKS`.

    Raises UserError where no clip's visible ratio changes by `least_change`.
    """
    found: dict[str, list[float]] = {block: [] for block in BLOCKS}
    for clip in tqdm(clips, "weights", unit="clip", disable=None, leave=False):
        ratio = read_bodies(clip).visible_ratio
        if np.ptp(ratio) < least_change:
            continue
        for block, weights in zip(BLOCKS, frame_weights(model, clip, store, device).T, strict=True):
            alike = np.ptp(weights) == 0  # such weights know nothing
            found[block].append(0.0 if alike else float(spearmanr(weights, ratio).statistic))
    if not found["appearance"]:
        raise UserError(f"in none of {len(clips)} clips the visible ratio changes by {least_change}: --least-change")
    return {
        "clips": len(found["appearance"]),
        **{block: {"mean": float(np.mean(values)), "sd": float(np.std(values))} for block, values in found.items()},
    }


@torch.inference_mode()
def frame_weights(model: AlignNet, clip: Tracklet, store: FrameStore, device: torch.device) -> NDArray[np.float32]:
    """What each frame of a clip weighs by each attention net: (T, 4), see `AlignNetOutput.frame_weights`."""
    frames, valid = padded([store.read(clip.frames)[0]])
    weights = model(frames.to(device).float() / 255, valid.to(device)).frame_weights
    assert weights is not None, "a network with temporal attention"
    return weights[0].float().cpu().numpy()


class BothPoolings(nn.Module):
    """A network's descriptor, then what it would be if all frames weighed the same: of one look at the frames."""

    def __init__(self, model: AlignNet) -> None:
        super().__init__()
        self.model = model
        self.train(model.training)  # who describes with it puts it back as it was, and the network with it

    def forward(self, frames: Tensor, valid: Tensor) -> AlignNetOutput:
        """As `AlignNet.forward`; its descriptor is (B, 2D)."""
        output: AlignNetOutput = self.model(frames, valid)
        assert output.frame_descriptors is not None
        alike = video_descriptor(output.frame_descriptors, frames.new_ones(*valid.shape, 1), valid)
        return replace(output, descriptor=torch.cat([output.descriptor, alike], dim=1))


def both_ways(root: Path, clips: Sequence[Tracklet]) -> tuple[ReidData, ...]:
    """All persons, asked for in camera a and looked for in camera b; and the other way round.

    Raises UserError where the clips are of one camera alone.
    """
    a, b = (tuple(clip for clip in clips if clip.camera == camera) for camera in (0, 1))
    if not a or not b:
        raise UserError(f"{root}: all clips are of one camera; people are looked for from one camera in another")
    return tuple(
        ReidData("synthetic", root, (), query, gallery, f"camera {way}", "all persons")
        for query, gallery, way in ((a, b, "a against camera b"), (b, a, "b against camera a"))
    )


def rankings(
    model: AlignNet, ways: Sequence[ReidData], store: FrameStore, chunk: int, device: torch.device
) -> dict[str, dict[str, float]]:
    """Rank-1 and mAP, per cent, the mean over the ways, whose clips are the same and are described once: of the network
    as it is ("") and, where it weighs frames, of the same without the weights ("average")."""
    clips = (*ways[0].query, *ways[0].gallery)
    network, names = (BothPoolings(model), ("", "average")) if model.weighs_frames else (model, ("",))
    described = np.stack(list(stream_descriptors(network, clips, store, chunk, device)))
    halves = zip(names, np.split(described, len(names), axis=1), strict=True)
    return {name: ranking(dict(zip(clips, half, strict=True)), ways) for name, half in halves}


def ranking(described: Mapping[Tracklet, NDArray[np.float32]], ways: Sequence[ReidData]) -> dict[str, float]:
    """Rank-1 and mAP, per cent, the mean over the ways."""
    blocks = []
    for data in ways:
        query, gallery = (np.stack([described[clip] for clip in side]) for side in (data.query, data.gallery))
        blocks.append(rank_tracklets(data.query, data.gallery, query, gallery))
    return mean_of([{name: float(block[name]) for name in ("rank1", "mAP")} for block in blocks])


def mean_of(several: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure over several rankings."""
    return {name: float(np.mean([one[name] for one in several])) for name in several[0]}


def in_figures(one: dict[str, float]) -> str:
    """A ranking as people read it."""
    return f"rank-1 {one['rank1']:5.1f}, mAP {one['mAP']:5.1f}"


def lines(result: dict[str, Any]) -> list[str]:
    """The numbers as people read them."""
    found = []
    if result["correlation"] is not None:
        of = result["correlation"]
        found += [
            f"weight and visible ratio, Spearman's rho over {of['clips']} clips: "
            + ", ".join(f"{block} {of[block]['mean']:.2f} ± {of[block]['sd']:.2f}" for block in BLOCKS)
        ]
    return found + [
        f"{row['share']:4.0%} of the frames covered: {in_figures(row)}"
        + (f"; without the weights: {in_figures(row['average'])}" if "average" in row else "")
        for row in result["covered"]
    ]


if __name__ == "__main__":
    run_command(attention, AttentionConfig, PROG)
