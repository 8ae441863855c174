"""Images as they are given from Python (paths, arrays, tensors, Pillow's images) to arrays (H, W, 3) uint8 RGB."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor

from alignnet_common.arrays import Bytes
from reid.data.tracklets.frames import numbered_frames, read_frame
from reid.data.tracklets.pixels import upright_rgb
from reid.data.tracklets.types import Tracklet

Image = str | Path | Bytes | PillowImage.Image
"""One image: a file, an array (H, W, 3) uint8 RGB of any size, or an image of Pillow."""

Images = Iterable[Image] | Bytes | Tensor
"""Several images: a list of them, an array (N, H, W, 3) uint8 RGB, or a tensor (N, 3, H, W), uint8 or float in 0..1."""


def one_by_one(images: Images) -> list[Image]:
    """The images of `images`, in order; nothing is decoded.

    Float tensors are rounded to the 256 levels of image files, so that a tensor gives the descriptor of the file that
    it was made of. Raises TypeError on a single path, ValueError on another shape, type or range.
    """
    if isinstance(images, (str, Path)):
        raise TypeError(f"a list of images is expected, not one path: [{str(images)!r}]")
    if isinstance(images, Tensor):
        images = array_of_tensor(images)
    if isinstance(images, np.ndarray) and (images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8):
        raise ValueError(f"images must be (N, H, W, 3) uint8 RGB, not {images.shape} {images.dtype}")
    return list(images)


def array_of_tensor(images: Tensor) -> Bytes:
    """A tensor (N, 3, H, W), uint8 or float in 0..1, as an array (N, H, W, 3) uint8. Raises ValueError on any other."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"a tensor of images must be (N, 3, H, W), not {tuple(images.shape)}")
    if images.is_floating_point():
        if images.numel() and not (images.min() >= 0 and images.max() <= 1):  # also where one is NaN
            raise ValueError("floats of images must lie in 0..1: the network normalizes them itself")
        images = (images.detach().float() * 255).round().to(torch.uint8)
    if images.dtype != torch.uint8:
        raise ValueError(f"a tensor of images must be uint8 or float in 0..1, not {images.dtype}")
    return images.permute(0, 2, 3, 1).cpu().numpy()


def pixels(image: Image) -> Bytes:
    """An image as (H, W, 3) uint8 RGB.

    Raises UnreadableImageError on an unreadable file, ValueError on an array of another shape or type, and on an image
    of Pillow with 32 bits a channel.
    """
    if isinstance(image, (str, Path)):
        return read_frame(Path(image))
    if isinstance(image, PillowImage.Image):
        return upright_rgb(image)
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise ValueError(f"an image must be (H, W, 3) uint8 RGB, not {array.shape} {array.dtype}")
    return array


def frames_of(tracklet: Tracklet | str | Path | Images) -> list[Image]:
    """The frames of a tracklet: of a `Tracklet`, of a folder in the order of their numbers, or as they are given.

    Raises UserError on a folder without images, ValueError without a frame, and as `one_by_one`.
    """
    if isinstance(tracklet, Tracklet):
        return list(tracklet.frames)
    if isinstance(tracklet, (str, Path)):
        if not Path(tracklet).is_dir():
            raise ValueError(f"a tracklet is a folder of frames or a list of images; {tracklet} is no folder")
        return list(numbered_frames(Path(tracklet)))
    frames = one_by_one(tracklet)
    if not frames:
        raise ValueError("a tracklet needs at least one frame")
    return frames
