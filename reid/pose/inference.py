"""A pose network read from its weights, and its predictions for frames."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from alignnet_common.errors import UserError
from reid.data.loading.frame_store import FrameStore
from reid.functional.pose_decoding import joints_of_maps
from reid.models.openpose import PoseNet, pose_input
from reid.models.weights import load_strictly, read_pose_weights
from reid.runtime.memory import enough_memory

FRAMES_A_BATCH = 64
TRUNK_CHANNELS = 64
"""Output channels of OpenPose's first convolution."""


@dataclass(frozen=True)
class Poses:
    """Predicted joints of N frames."""

    joints: NDArray[np.float32]
    """(N, 18, 2): x and y in pixels of the image files; pixel centers are whole numbers."""

    confidence: NDArray[np.float32]
    """(N, 18): value of the joint's heat map at the joint, about 0..1."""


def read_pose_net(path: Path) -> PoseNet:
    """The pose network of a file, with the number of stages and the width of its tensors, in eval mode.

    Raises UserError where the file is missing, unreadable, or of another network.
    """
    state = read_pose_weights(path)
    if "conv1_1.weight" not in state:
        raise UserError(f"{path}: no weights of a pose network (OpenPose COCO-18 names); name another file")
    stages = [int(found[1]) for name in state if (found := re.search(r"_stage(\d)_", name))]
    net = PoseNet(max(stages, default=1), width_of(state["conv1_1.weight"].shape[0]))
    load_strictly(net, state, path, "a pose network (OpenPose COCO-18 names)")
    return net.eval()


def width_of(first_channels: int) -> float:
    """Width, relative to OpenPose, of a network whose first convolution has `first_channels` channels."""
    return first_channels / TRUNK_CHANNELS


@torch.inference_mode()
def maps_of_frames(net: PoseNet, frames: NDArray[np.uint8], device: torch.device, scale: float = 1.0) -> torch.Tensor:
    """Maps (N, 57, h, w) of the last stage for frames (N, H, W, 3) uint8 RGB enlarged by `scale`, on the device."""
    with enough_memory(f"the pose network on {len(frames)} frames at a time", "lower --scale", device):
        images = torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).float() / 255
        return net(pose_input(images, scale)).last


def poses_of(
    net: PoseNet, paths: Sequence[Path], height: int, width: int, device: torch.device, scale: float = 1.0
) -> Poses:
    """The joints of the person in each image, resized to `height` x `width` pixels and enlarged by `scale`.

    Raises UserError on an unreadable image.
    """
    found = list(_in_batches(net.to(device), paths, FrameStore((), height, width, 0), device, scale))
    return Poses(*(np.concatenate(arrays).astype(np.float32) for arrays in zip(*found, strict=True)))


def _in_batches(
    net: PoseNet, paths: Sequence[Path], store: FrameStore, device: torch.device, scale: float
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    with tqdm(total=len(paths), desc="joints", unit="frame", disable=None, leave=False) as bar:
        for first in range(0, len(paths), FRAMES_A_BATCH):
            some = paths[first : first + FRAMES_A_BATCH]
            frames, scales = store.read(some)
            joints, confidence = joints_of_maps(maps_of_frames(net, frames, device, scale), scale)
            # From pixels of the store to pixels of the image: their edges coincide, not their centers.
            yield (joints.cpu().numpy() + 0.5) / scales[:, None] - 0.5, confidence.cpu().numpy()
            bar.update(len(some))
