"""Networks in 8-bit integers, by the quantisation of onnxruntime: ranges of activations are measured on images."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alignnet_common.arrays import Singles
from alignnet_common.errors import UserError
from alignnet_common.files import replacing, sha256_of_file
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.frames import IMAGE_SUFFIXES, is_image
from reid.data.tracklets.listing import is_left_out
from reid.inference.network.onnx_network import OnnxFile

QUANTISED = ("Conv", "Relu", "Clip", "Add", "MaxPool")
"""Operators that compute in integers; what follows the networks, Eqs. 2 to 9, stays in float. An activation must be
among them: else the range of a convolution's output is measured before it, and most of its steps are cut off."""

BATCH = 8
"""Images at a time."""

CHECKED = 64
"""Images that descriptors are compared on."""


def quantise(file: Path, out: Path, graph: str, folder: Path, count: int, bits: int) -> dict[str, Any]:
    """Write the int8 form of an ONNX file, and compare their descriptors on images; returns the record.

    Activations are unsigned with 8 bits, weights signed with a scale for each channel.

    Args:
        file: graph "video" or "frames".
        folder: images of persons; see `chosen_images`.
        count: images that ranges are measured on.
        bits: of the weights, 7 or 8. Processors without VNNI saturate the sum of two products of 8 bits.

    Raises UserError where `folder` has no images or one cannot be read.
    """
    network = OnnxFile(file)
    height, width = (int(network.properties[name]) for name in ("input_height", "input_width"))
    measured, others = chosen_images(folder, count)
    store = FrameStore([], height, width, 0.0)
    with replacing(out) as partial:
        _quantise(file, partial, Reader(network.inputs, store, measured), bits)
        cosines = _cosines(network, OnnxFile(partial), graph, store, others or measured[:CHECKED])
    return {
        "file": out.name,
        "graph": graph,
        "bytes": out.stat().st_size,
        "sha256": sha256_of_file(out),
        "bytes_of_float": file.stat().st_size,
        "weight_bits": bits,
        "calibration_images": len(measured),
        "cosine_to_float": {
            "mean": float(cosines.mean()),
            "lowest": float(cosines.min()),
            "images": len(cosines),
            "other_images": bool(others),
        },
    }


def chosen_images(folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    """At most `count` images under a folder to measure ranges on, and at most `CHECKED` others to compare on.

    Both are evenly spread over the sorted names. Raises UserError where there is no image.
    """
    if not folder.is_dir():
        raise UserError(f"--int8 {folder}: no such folder of images")
    found = sorted(path for path in folder.rglob("*") if is_image(path) and not _in_left_out(path, folder))
    if not found:
        raise UserError(f"--int8 {folder}: no images ({', '.join(IMAGE_SUFFIXES)})")
    measured = _spread(found, count)
    return measured, _spread(sorted(set(found) - set(measured)), CHECKED)


def _in_left_out(path: Path, folder: Path) -> bool:
    """Whether a file is in a folder of systems, such as thumbnails in @eaDir."""
    return any(is_left_out(part) for part in path.relative_to(folder).parts[:-1])


def _spread(paths: list[Path], count: int) -> list[Path]:
    """At most `count` of the paths, evenly spread."""
    if len(paths) <= count:
        return paths
    return [paths[int(position)] for position in np.linspace(0, len(paths) - 1, count)]


class Reader:
    """Calibration data of onnxruntime: batches of images under the names of the network's inputs."""

    def __init__(self, inputs: Sequence[str], store: FrameStore, paths: Sequence[Path]) -> None:
        self.inputs = inputs
        self.batches = batches(store, paths)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch; None at the end."""
        images = next(self.batches, None)
        if images is None:
            return None
        return {name: value.numpy() for name, value in zip(self.inputs, _inputs(images, self.inputs), strict=True)}


def batches(store: FrameStore, paths: Sequence[Path]) -> Iterator[Tensor]:
    """Images (N, 3, H, W) float in 0..1, `BATCH` at a time."""
    for start in range(0, len(paths), BATCH):
        pixels = torch.from_numpy(store.read(paths[start : start + BATCH])[0])
        yield pixels.permute(0, 3, 1, 2).float() / 255


def _inputs(images: Tensor, names: Sequence[str]) -> tuple[Tensor, ...]:
    """Inputs of a graph from images (N, 3, H, W): as they are, or as N chunks of one frame."""
    if "valid" not in names:
        return (images,)
    return images[:, None], torch.ones(len(images), 1, dtype=torch.bool)


def _quantise(file: Path, out: Path, reader: Reader, bits: int) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="reid-") as folder:
        prepared = Path(folder) / "prepared.onnx"  # shapes inferred, batch norms merged into convolutions
        quant_pre_process(str(file), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(out),
            reader,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            per_channel=True,
            reduce_range=bits == 7,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def _cosines(network: OnnxFile, int8: OnnxFile, graph: str, store: FrameStore, paths: Sequence[Path]) -> Singles:
    """Cosine similarity (N,) of the descriptors of N images by both networks."""
    found = []
    for images in batches(store, paths):
        first, second = (each(*_inputs(images, network.inputs))[0] for each in (network, int8))
        found.append(torch.nn.functional.cosine_similarity(first, second))
    cosines: Singles = torch.cat(found).numpy()
    return cosines
