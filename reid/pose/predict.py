"""Predict the joints of the person in each image of a folder.

python -m reid.pose predict --images DIR --weights W --out F.npz
"""

from pathlib import Path

import numpy as np

from alignnet_common.errors import UserError
from alignnet_common.files import replacing
from reid.configs.pose import PosePredictionConfig
from reid.data.tracklets.frames import IMAGE_SUFFIXES, is_image
from reid.pose.inference import poses_of, read_pose_net
from reid.runtime.device import pick_device


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
