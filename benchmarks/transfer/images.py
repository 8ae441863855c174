"""The images that a network is trained and tested on."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from alignnet_common.arrays import AnyInts
from alignnet_common.errors import UserError
from benchmarks.transfer.config import TransferConfig
from reid.data.datasets.annotations import read_masks
from reid.data.datasets.market import first_of_each_camera, read_folder
from reid.data.datasets.synthetic import read_clips
from reid.data.tracklets.frames import read_frame
from reid.data.tracklets.types import Tracklet
from reid.metrics.labels import Labels

HEIGHT, WIDTH = 128, 64


@dataclass(frozen=True)
class Images:
    """N crops with their identities and cameras."""

    pixels: Tensor
    """(N, 3, 128, 64) uint8."""
    pids: np.ndarray
    """(N,) identity of each crop."""
    cameras: np.ndarray
    """(N,) camera of each crop."""
    masks: np.ndarray | None = None
    """(N, 128, 64) bool: pixels of the person; None if unknown."""


def training_images(config: TransferConfig, people: int) -> Images:
    """The frames to train on, with masks if backgrounds are replaced.

    Raises UserError if there are fewer than `people` identities.
    """
    clips = read_clips(config.data)
    wanted = sorted({clip.pid for clip in clips})[: config.ids]
    if len(wanted) < people:
        raise UserError(f"{config.data}: {len(wanted)} identities; a batch takes {people}")
    clips = tuple(clip for clip in clips if clip.pid in set(wanted))
    images = read_images(spread_frames(clips, config.frames), "rendered set")
    if config.new_place == 0:
        return images
    masks = [read_masks(clip)[spread(len(clip.frames), config.frames)] for clip in clips]
    return dataclasses.replace(images, masks=np.concatenate(masks))


def spread(length: int, count: int) -> np.ndarray:
    """Up to `count` evenly spread positions in a clip of `length` frames."""
    return np.unique(np.linspace(0, length - 1, count).round().astype(int))


def spread_frames(clips: tuple[Tracklet, ...], frames: int) -> tuple[Tracklet, ...]:
    """The clips with up to `frames` evenly spread frames each."""
    return tuple(
        dataclasses.replace(clip, frames=tuple(clip.frames[position] for position in spread(len(clip.frames), frames)))
        for clip in clips
    )


def tested_images(config: TransferConfig) -> tuple[Images, Images]:
    """The images of `tested_tracklets`. Raises as it does, and as `read_images`."""
    query, gallery = tested_tracklets(config)
    return read_images(query, "queries"), read_images(gallery, "gallery")


def tested_tracklets(config: TransferConfig) -> tuple[tuple[Tracklet, ...], tuple[Tracklet, ...]]:
    """Queries and gallery, of which each frame is one image: of Market-1501, or of a rendered set's identities after
    the first `ids`; of `test_ids` identities if that is not 0.

    Raises UserError if there is no such set, or if it has too few identities.
    """
    query, gallery = market_tracklets(config.market) if config.market is not None else rendered_tracklets(config)
    if config.test_ids == 0:
        return query, gallery
    pids = sorted({tracklet.pid for tracklet in query})
    if config.test_ids > len(pids):
        raise UserError(f"--test-ids {config.test_ids}: there are {len(pids)} identities to test on; 0 takes all")
    tested = {pids[position] for position in spread(len(pids), config.test_ids)}
    query, gallery = (tuple(each for each in side if each.pid in tested) for side in (query, gallery))
    return query, gallery


def rendered_tracklets(config: TransferConfig) -> tuple[tuple[Tracklet, ...], tuple[Tracklet, ...]]:
    """Queries (of the first camera) and gallery of the rendered set's identities after the first `ids`."""
    assert config.test is not None
    clips = read_clips(config.test)
    others = sorted({clip.pid for clip in clips})[config.ids :]
    if not others:
        raise UserError(f"{config.test}: no identities after the first {config.ids}; lower --ids or render more")
    first = min(clip.camera for clip in clips)
    tested = spread_frames(tuple(clip for clip in clips if clip.pid in set(others)), config.frames)
    query = tuple(clip for clip in tested if clip.camera == first)
    gallery = tuple(clip for clip in tested if clip.camera != first)
    return query, gallery


def market_tracklets(root: Path) -> tuple[tuple[Tracklet, ...], tuple[Tracklet, ...]]:
    """Queries (the first image of each identity and camera) and gallery (all images) of Market-1501's training half."""
    tracklets = tuple(tracklet for tracklet in read_folder(root / "bounding_box_train") if tracklet.pid > 0)
    first = tuple(dataclasses.replace(t, frames=t.frames[:1]) for t in first_of_each_camera(tracklets))
    return first, tracklets


def labels_of_frames(tracklets: Sequence[Tracklet]) -> Labels:
    """Identity and camera of each frame of the tracklets, in order."""
    pairs = np.array([(each.pid, each.camera) for each in tracklets for _ in each.frames], np.int64).reshape(-1, 2)
    return Labels(pairs[:, 0], pairs[:, 1])


def tested_in_words(config: TransferConfig, pids: AnyInts) -> str:
    """What the network is tested on, as a line; `pids` are the identities of the queries."""
    chosen = ", evenly spread over all (--test-ids)" if config.test_ids else ""
    where = config.test or "Market-1501, training half"
    return f"{where}: {len(np.unique(pids))} identities{chosen}, {len(pids)} queries"


def read_images(tracklets: tuple[Tracklet, ...], what: str) -> Images:
    """All frames of the tracklets. Raises UserError if a frame is not 128 × 64 pixels."""
    paths = [path for tracklet in tracklets for path in tracklet.frames]
    pixels = torch.empty((len(paths), 3, HEIGHT, WIDTH), dtype=torch.uint8)
    for number, path in enumerate(tqdm(paths, desc=f"read {what}", unit="image")):
        frame = read_frame(path)
        if frame.shape != (HEIGHT, WIDTH, 3):
            raise UserError(f"{path}: {frame.shape[1]} × {frame.shape[0]} pixels, where {WIDTH} × {HEIGHT} are needed")
        pixels[number] = torch.from_numpy(frame).permute(2, 0, 1)
    labels = labels_of_frames(tracklets)
    return Images(pixels, labels.pids, labels.cams)
