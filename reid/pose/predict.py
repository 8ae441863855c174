"""Predict the joints of the person in each image of a folder.

python -m reid.pose predict --images DIR --weights W --out F.npz
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from alignnet_common.errors import UserError
from alignnet_common.files import replacing
from alignnet_common.options import bounded, check_ranges
from reid.configs.checks import check_pose_scale, require
from reid.data.tracklets.frames import IMAGE_SUFFIXES, is_image
from reid.pose.inference import SMALL_WEIGHTS, poses_of, read_pose_net
from reid.runtime.device import pick_device


@dataclass(frozen=True)
class PosePredictionConfig:
    """Predict the joints of the person in each image of a folder, and write them as arrays.

    joints2d (N, 18, 2) in pixels of the images, confidence (N, 18), and files (N,), the sorted names.
    """

    images: Path = Path("images")
    """Folder of images with one person each; folders in it are ignored."""

    weights: Path = SMALL_WEIGHTS
    """Weights: of reid.pose train, an OpenPose COCO-18 file, or a run's model.pt. Default: the small network that comes
    with the code."""

    out: Path = Path("poses.npz")
    """File for the joints."""

    height: int = bounded(128, at_least=16)
    """Height of the frames before --scale, pixels."""

    width: int = bounded(64, at_least=16)
    """Width of the frames before --scale, pixels."""

    scale: float = 1.0
    """Factor by which the frames are enlarged for the network, at least 1, as --pose-scale."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device of the network; auto = a CUDA GPU if there is one."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_pose_scale("--scale", self.scale, self.height, self.width)
        require(self.out.suffix == ".npz", f"--out must end in .npz, not {self.out.name}")


def predict(config: PosePredictionConfig) -> None:
    """Predict the joints and write them."""
    net, device = read_pose_net(config.weights), pick_device(config.device)
    paths = images_in(config.images)
    found = poses_of(net, paths, config.height, config.width, device, config.scale)
    with replacing(config.out) as partial, partial.open("wb") as stream:
        np.savez(
            stream,
            joints2d=found.joints,
            confidence=found.confidence,
            files=np.array([path.name for path in paths]),
        )
    print(f"{config.out}: joints of {len(paths)} images")


def images_in(folder: Path) -> list[Path]:
    """The images of a folder in sorted order. Raises UserError where the folder or an image is missing."""
    if not folder.is_dir():
        raise UserError(f"no such folder of images: {folder}")
    paths = sorted(path for path in folder.iterdir() if is_image(path))
    if not paths:
        raise UserError(f"{folder}: no images ({', '.join(IMAGE_SUFFIXES)})")
    return paths
