"""Cached pose maps: a frozen pose network runs once on every frame instead of at each training step."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from alignnet_common.errors import UserError
from reid.configs.groups.training import TrainConfig
from reid.data.loading.array_cache import Arrays, cached_arrays, key_of
from reid.data.loading.batch import Batch
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.pose_map_store import MapStore
from reid.data.tracklets.types import Tracklet
from reid.functional.pose_targets import cells_along
from reid.models.alignnet import AlignNet
from reid.models.openpose import POSE_CHANNELS, PoseNet, pose_input
from reid.runtime.memory import enough_memory
from reid.runtime.precision import autocast, precision_of

FRAMES_A_BATCH = 64


def frozen_maps(
    model: AlignNet, tracklets: tuple[Tracklet, ...], store: FrameStore, config: TrainConfig, device: torch.device
) -> MapStore:
    """Pose maps of all frames of the tracklets by the model's pose network, in the folder `config.cache` or, without
    one, in memory (see `check_maps_fit`). Raises UserError if memory is short for a batch of frames."""
    pose = model.pose
    assert pose is not None, "the baseline has no pose net"
    paths = frames_of(tracklets)
    form = form_of_maps(len(paths), config)

    def fill(arrays: Arrays) -> None:
        maps = arrays["maps"]
        with tqdm(total=len(paths), desc="pose maps", unit="frame", disable=None, leave=False) as bar:
            for first in range(0, len(paths), FRAMES_A_BATCH):
                some = slice(first, first + FRAMES_A_BATCH)
                frames = store.read(paths[some])[0]
                with enough_memory(f"the pose network on {len(frames)} frames at a time", "lower --pose-scale", device):
                    maps[some] = maps_of(pose, frames, config, device)
                bar.update(len(paths[some]))

    if config.cache is not None:
        numbers = str(torch.float32 if pose.in_float32 else precision_of(config, device)).removeprefix("torch.")
        seen = f"{config.height}x{config.width}x{config.pose_scale}-{numbers}-{device.type}"
        key = f"maps-{seen}-{key_of(paths)}-{key_of_weights(pose)}"
        return MapStore(paths, cached_arrays(Path(config.cache) / key, {"maps": (form, np.float16)}, fill)["maps"])
    maps = np.empty(form, np.float16)
    fill({"maps": maps})
    return MapStore(paths, maps)


def check_maps_fit(tracklets: tuple[Tracklet, ...], config: TrainConfig) -> None:
    """Raise UserError if the maps of all frames of the tracklets are to be kept in memory and exceed
    `config.cache_gib`."""
    gib = 2 * float(np.prod(form_of_maps(len(frames_of(tracklets)), config))) / 2**30
    if config.cache is None and gib > config.cache_gib:
        raise UserError(f"{gib:.1f} GiB of pose maps do not fit --cache-gib {config.cache_gib}: name a --cache folder")


def frames_of(tracklets: tuple[Tracklet, ...]) -> list[Path]:
    """Paths of all frames of the tracklets, each once, sorted."""
    return sorted({path for tracklet in tracklets for path in tracklet.frames})


def form_of_maps(frames: int, config: TrainConfig) -> tuple[int, ...]:
    """Shape (N, 57, h, w) of the maps of N frames."""
    return frames, POSE_CHANNELS, *(cells_along(length, config.pose_scale) for length in (config.height, config.width))


@torch.inference_mode()
def maps_of(pose: PoseNet, frames: np.ndarray, config: TrainConfig, device: torch.device) -> np.ndarray:
    """Maps (N, 57, h, w) float16 of frames (N, H, W, 3) uint8."""
    images = torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).float() / 255
    with autocast(config, device):
        return pose(pose_input(images, config.pose_scale)).last.half().cpu().numpy()


@torch.no_grad()
def with_maps_of_covered(pose: PoseNet, batch: Batch, config: TrainConfig) -> Batch:
    """The batch with new pose maps for the frames that occlusion augmentation has covered: the cached maps are of the
    frames before."""
    if batch.covered is None or batch.maps is None or not batch.covered.any():
        return batch
    with autocast(config, batch.frames.device):
        found = pose(pose_input(batch.frames[batch.covered].float() / 255, config.pose_scale)).last
    maps = batch.maps.clone()
    maps[batch.covered] = found.to(maps.dtype)
    return replace(batch, maps=maps)


def key_of_weights(pose: PoseNet) -> str:
    """First 16 hex digits of the SHA-256 of all weights."""
    digest = hashlib.sha256()
    for name, tensor in pose.state_dict().items():
        digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
