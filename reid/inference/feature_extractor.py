"""The interface of torchreid's `FeatureExtractor`, for programs that are written for it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor

from reid.inference.describer import load
from reid.inference.images import Image, Images


class FeatureExtractor:
    """Features of images, called as `torchreid.utils.FeatureExtractor` is.

        extractor = FeatureExtractor("small", device="cpu")
        features = extractor(["a.jpg", "b.jpg"])  # torch.Tensor (2, D)

    Two things differ. The network normalizes its input itself, so that there are no `pixel_mean`, `pixel_std` and
    `pixel_norm`, and a tensor holds RGB, uint8 or float in 0..1. Tensors of any size are resized.

    Args:
        model_name: name of a shipped network. Ignored if `model_path` is given.
        model_path: run folder or model file.
        image_size: height and width of the input in pixels, or one number for both. Default: those of the training.
        device: auto, cpu, cuda, cuda:1 or mps.
        verbose: print the network's name, size and input.
    """

    def __init__(
        self,
        model_name: str = "small",
        model_path: str | Path = "",
        image_size: tuple[int, int] | int | None = None,
        *,
        device: str | torch.device = "auto",
        verbose: bool = True,
    ) -> None:
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size or (None, None)
        self.describer = load(model_path or model_name, device, height=height, width=width)
        self.model, self.device = self.describer.model, self.describer.device
        if verbose:
            parameters = sum(parameter.numel() for parameter in self.model.parameters())
            print(f"Model: {self.describer.name}")
            print(f"- params: {parameters:,}")
            print("- input: {}x{} pixels, features: {}".format(*self.describer.input_size, self._size))

    @property
    def _size(self) -> int:
        return self.describer.descriptor_size

    def __call__(self, input: Images | Image) -> Tensor:
        """Features (N, D) float32 on the device, of a list of paths or arrays, one path or array, or a tensor.

        Arrays are (H, W, 3) uint8 RGB; tensors (N, 3, H, W) or (3, H, W). Raises as `Describer.describe_images`.
        """
        images: Any = input
        if isinstance(images, (str, Path, PillowImage.Image)) or (isinstance(images, np.ndarray) and images.ndim == 3):
            images = [images]
        elif isinstance(images, Tensor) and images.ndim == 3:
            images = images[None]
        return torch.from_numpy(self.describer.describe_images(images)).to(self.device)
