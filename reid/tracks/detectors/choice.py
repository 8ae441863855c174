"""The detector that --detector names."""

from pathlib import Path
from typing import NamedTuple

import torch

from alignnet_common.errors import UserError
from reid.tracks.detectors.detections import Detector
from reid.tracks.detectors.hog import hog_detector
from reid.tracks.detectors.ssdlite import arithmetic_of, ssdlite_detector
from reid.tracks.detectors.torchvision_models import torchvision_detector

HOG, TORCHVISION = "hog", "torchvision:"

SLOW = "note: the detector takes half the time with onnxruntime: pip install 'alignnet-reid[export]'"


class Chosen(NamedTuple):
    """A detector, and what computes it."""

    detect: Detector

    computed: str
    """Library and numbers, such as "onnxruntime, float32"."""


def detector_of(
    name: str | None,
    weights: Path | None,
    size: int,
    threshold: float,
    device: torch.device,
    precision: str = "auto",
    engine: str = "auto",
) -> Chosen:
    """The detector of a name.

    Args:
        name: "hog", "torchvision:MODEL", or weights of SSDLite as a file; None: SSDLite as installed.
        weights: file of a model of torchvision. Default: torchvision's own, which it downloads once.
        size: longer side of the detector's input, pixels.
        threshold: lowest score.
        device: of the network; HOG is computed by the CPU.
        precision: of SSDLite: auto, float32 or bfloat16; the others compute with float32.
        engine: of SSDLite: auto, pytorch or onnxruntime.

    Raises UserError where a package or the weights are missing, and on bfloat16 or onnxruntime for other detectors.
    """
    if name == HOG or (name or "").startswith(TORCHVISION):
        if precision == "bfloat16":
            raise UserError(f"--precision bfloat16: --detector {name} computes with float32 alone")
        if engine == "onnxruntime":
            raise UserError(f"--engine onnxruntime: of the default detector alone, not of {name}")
        if name == HOG:
            return Chosen(hog_detector(size, threshold), "opencv, float32")
        model = (name or "").removeprefix(TORCHVISION)
        return Chosen(torchvision_detector(model, weights, size, threshold, device), "pytorch, float32")
    arithmetic = arithmetic_of(engine, precision, device)
    if engine == "auto" and device.type == "cpu" and arithmetic == ("pytorch", torch.float32):
        print(SLOW)
    detect = ssdlite_detector(None if name is None else Path(name), size, threshold, device, arithmetic)
    return Chosen(detect, f"{arithmetic.engine}, {str(arithmetic.precision).removeprefix('torch.')}")
