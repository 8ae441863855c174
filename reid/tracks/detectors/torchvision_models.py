"""Detectors of torchvision, by the names that it gives them, such as fasterrcnn_mobilenet_v3_large_320_fpn."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import torch
from torch import nn

from alignnet_common.arrays import Bytes
from alignnet_common.errors import UserError
from reid.tracks.detectors.detections import Detections, Detector

PERSON = 1
"""Class of persons in torchvision's order of COCO, of which 0 is the background."""


def torchvision_detector(
    name: str, weights: Path | None, size: int, threshold: float, device: torch.device
) -> Detector:
    """A detector of torchvision.

    Args:
        name: one of torchvision.models.detection.
        weights: file of its state_dict. Default: torchvision's best weights, which it downloads once into its folder.
        size: longer side of the network's input, pixels. SSDs have a size of their own.
        threshold: lowest score.
        device: of the network.

    Raises UserError on an unknown name, a file that does not fit, and where the weights cannot be downloaded.
    """
    network = model_of(name, weights).eval().to(device)
    if network.transform.fixed_size is None:
        network.transform.min_size, network.transform.max_size = (size,), size

    @torch.inference_mode()
    def detect(images: Sequence[Bytes]) -> list[Detections]:
        pixels = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2).float() / 255
        return [persons(found, threshold) for found in network(list(pixels))]

    return detect


def persons(found: dict[str, torch.Tensor], threshold: float) -> Detections:
    """The persons of what a network of torchvision has found in an image."""
    kept = (found["labels"] == PERSON) & (found["scores"] > threshold)
    return Detections(found["boxes"][kept].float().cpu().numpy(), found["scores"][kept].float().cpu().numpy())


def model_of(name: str, weights: Path | None) -> Any:
    """The network with its weights. Raises UserError as `torchvision_detector`."""
    from torchvision import models

    known = models.list_models(module=models.detection)
    if name not in known:
        raise UserError(f"--detector torchvision:{name}: torchvision has {', '.join(known)}")
    if weights is not None:
        network: nn.Module = models.get_model(name, weights=None, weights_backbone=None)
        load_file(network, name, weights)
        return network
    best = models.get_model_weights(name).DEFAULT
    try:
        return models.get_model(name, weights=best)
    except (URLError, OSError, RuntimeError) as failure:
        reason = " ".join(str(failure).split()) or type(failure).__name__
        raise UserError(
            f"--detector torchvision:{name}: its weights cannot be downloaded ({reason}): bring {best.url} here, and "
            "name the file (--detector-weights)"
        ) from failure


def load_file(network: nn.Module, name: str, path: Path) -> None:
    """Read weights. Raises UserError where they are not those of the network."""
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise UserError(f"--detector-weights {path}: no such file") from None
    except Exception as other:  # torch.load raises what its parts raise: of pickle, zipfile, struct and itself
        reason = next(iter(str(other).strip().splitlines()), type(other).__name__)
        raise UserError(f"--detector-weights {path}: not the weights of torchvision's {name} ({reason})") from other
