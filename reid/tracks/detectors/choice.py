"""The detector that --detector names."""

from pathlib import Path

import torch

from alignnet_common.errors import UserError
from reid.tracks.detectors.detections import Detector
from reid.tracks.detectors.hog import hog_detector
from reid.tracks.detectors.ssdlite import ssdlite_detector
from reid.tracks.detectors.torchvision_models import torchvision_detector

HOG, TORCHVISION = "hog", "torchvision:"


def detector_of(
    name: str | None, weights: Path | None, size: int, threshold: float, device: torch.device, precision: str = "auto"
) -> Detector:
    """The detector of a name.

    Args:
        name: "hog", "torchvision:MODEL", or weights of SSDLite as a file; None: SSDLite as installed.
        weights: file of a model of torchvision. Default: torchvision's own, which it downloads once.
        size: longer side of the detector's input, pixels.
        threshold: lowest score.
        device: of the network; HOG is computed by the CPU.
        precision: of SSDLite: auto, float32 or bfloat16; the others compute with float32.

    Raises UserError where a package or the weights are missing, and on bfloat16 for others than SSDLite.
    """
    if name == HOG or (name or "").startswith(TORCHVISION):
        if precision == "bfloat16":
            raise UserError(f"--precision bfloat16: --detector {name} computes with float32 alone")
        if name == HOG:
            return hog_detector(size, threshold)
        return torchvision_detector((name or "").removeprefix(TORCHVISION), weights, size, threshold, device)
    return ssdlite_detector(None if name is None else Path(name), size, threshold, device, precision)
