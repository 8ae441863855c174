"""Descriptors with the statistics of each camera: `reid extract --camera-norm`."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from alignnet_common.arrays import Singles
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_lines
from reid.data.loading.ahead import AheadStore, decoding_threads
from reid.data.tracklets.frames import UnreadableImageError
from reid.evaluation.camera_statistics import (
    CameraStatistics,
    for_camera,
    measure_cameras,
    read_statistics,
    write_statistics,
)
from reid.evaluation.descriptors import descriptor_of_images
from reid.inference.describer import Describer
from reid.inference.images import Image, pixels
from reid.inference.rows import Source
from reid.models.alignnet import AlignNet

WINDOW, WINDOW_OF_TRACKLETS = 512, 32
"""Images, or tracklets, that are described camera by camera at a time, and put back into their order."""

Item = TypeVar("Item")


def statistics_file(out: Path) -> Path:
    """The file of the statistics beside a result: F.cameras.safetensors of F.npz."""
    return out.with_suffix(".cameras.safetensors")


def statistics_of_source(
    describer: Describer, source: Source, files: Sequence[str], out: Path, workers: int | None
) -> CameraStatistics:
    """The statistics of the cameras of a source, read from the file beside `out` or measured and written there.

    files -- hash of the files of each row. Raises UserError where no camera is known, and for an ONNX file.
    """
    images_of: dict[str, list[Image]] = defaultdict(list)
    for row in source.rows:
        if row.camera:
            images_of[row.camera] += [str(source.root / frame) for frame in row.frames]
    if not images_of:
        raise UserError("--camera-norm: the cameras are not known: name them in a CSV file or by camera/track/frames")
    cameras = (f"{file} {row.camera}" for file, row in zip(files, source.rows, strict=True))
    made_of = json.dumps([describer.sha256, describer.input_size, sha256_of_lines(cameras)])
    path = statistics_file(out)
    found = read_statistics(path, describer.sha256, made_of) if path.is_file() else None
    if found is None:
        found = measured_by(describer, images_of, workers).with_directions()
        write_statistics(path, found, made_of)
    return found


def measured_by(
    describer: Describer, images_of: Mapping[str, Sequence[Image]], workers: int | None = None
) -> CameraStatistics:
    """The statistics of the cameras of `images_of` for the network of `describer`.

    Unreadable images are left out. Raises UserError where a batch has no other, and for an ONNX file, whose statistics
    cannot be changed.
    """
    network = network_of(describer).to(describer.device)
    bar = tqdm(desc="camera statistics", unit="image", disable=None, leave=False)

    def decoded(images: Sequence[Image]) -> Tensor:
        frames = AheadStore(images, *describer.input_size, pixels, decoding_threads(workers))
        sound = [frame for frame in frames if not isinstance(frame, UnreadableImageError)]
        bar.update(len(images))
        if not sound:
            raise UserError(f"--camera-norm: none of {len(images)} images of a camera can be read, such as {images[0]}")
        return torch.from_numpy(np.stack(sound)).to(describer.device).permute(0, 3, 1, 2).float() / 255

    with bar:
        return measure_cameras(network, describer.sha256, images_of, decoded, descriptor_of_images)


def network_of(describer: Describer) -> AlignNet:
    """The network of PyTorch with its batch norms. Raises UserError for an ONNX file."""
    if describer.trained is None:
        raise UserError(f"{describer.file}: the statistics of an ONNX file cannot be changed: name the model file")
    return describer.trained


def by_camera(describer: Describer, statistics: CameraStatistics) -> tuple[dict[str, Describer], Describer]:
    """A describer for each camera that has statistics, and the one for all other cameras."""
    found = {camera: with_camera(describer, statistics, camera) for camera in statistics.values}
    return found, with_camera(describer, statistics, "")


def with_camera(describer: Describer, statistics: CameraStatistics, camera: str) -> Describer:
    """The describer for images of one camera; "" where it is not known."""
    network = network_of(describer)
    if camera not in statistics.values and not statistics.centred:
        return describer
    return describer.with_network(for_camera(network, statistics, camera))


def rows_by_camera(
    describers: Mapping[str, Describer],
    otherwise: Describer,
    cameras: Sequence[str],
    items: Sequence[Item],
    rows_of: Callable[[Describer, Sequence[Item]], Iterator[Singles]],
    window: int = WINDOW,
) -> Iterator[Singles]:
    """Descriptors of items in order, in blocks (B, D) of at most `window`, each by the describer of its camera.

    Args:
        describers: by camera.
        otherwise: of all other cameras.
        cameras: of each item, "" where it is not known.
        items: images or tracklets.
        rows_of: descriptors (D,) or (B, D) of some items in order, such as `Describer.image_rows`.
    """
    for first in range(0, len(items), window):
        some = range(first, min(first + window, len(items)))
        block = np.empty((len(some), otherwise.descriptor_size), np.float32)
        for camera in dict.fromkeys(cameras[number] for number in some):
            numbers = [number for number in some if cameras[number] == camera]
            describer = describers.get(camera, otherwise)
            found = [np.atleast_2d(rows) for rows in rows_of(describer, [items[number] for number in numbers])]
            block[[number - first for number in numbers]] = np.concatenate(found)
        yield block


def camera_record(statistics: CameraStatistics, source: Source, file: Path) -> dict[str, Any]:
    """What a result says of the statistics: the file, the images of each camera, and the rows without any."""
    unknown = sum(row.camera not in statistics.values for row in source.rows)
    return {**statistics.record(), "file": str(file), "sha256": statistics.sha256, "rows_without": unknown}
