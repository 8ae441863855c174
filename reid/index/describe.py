"""Descriptors and pictures of tracklets, by the network in this process or in workers of Ray."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alignnet_common.arrays import Bytes, Singles
from alignnet_common.cluster.pool import Job, enter, run_all
from alignnet_common.cluster.ray_session import interrupt_check, start_ray, stop_ray
from alignnet_common.errors import UserError
from alignnet_common.images import spread_over
from reid.configs.video.index import IndexConfig
from reid.data.tracklets.frames import read_frame
from reid.evaluation.camera_statistics import CameraStatistics
from reid.index.plan import Planned
from reid.inference.camera_norm import by_camera, measured_by
from reid.inference.describer import Describer, load

THUMBNAIL = (64, 128)
"""Width and height of a thumbnail at most, pixels."""

QUALITY = 80
"""Of the thumbnails as JPEG."""

FAILURES = "failure.txt"
"""File for Ray's reports of tracklets that cannot be described."""

PART = 64
"""Tracklets that a worker of Ray describes at a time."""


@dataclass(frozen=True)
class Part:
    """Tracklets of one block to describe."""

    key: str
    """Name of the block."""

    camera: str

    digests: tuple[str, ...]
    """Of the tracklets."""

    frames: tuple[tuple[str, ...], ...]
    """Images of each that are described."""

    pictures: tuple[str, ...]
    """The image of each that its thumbnail is made of."""


@dataclass(frozen=True)
class Described:
    """Tracklets of one block with their descriptors."""

    part: Part
    vectors: list[Singles]
    """(D,) of length 1 each."""
    thumbnails: list[bytes]
    """JPEG files."""


@dataclass(frozen=True)
class CameraImages:
    """Images of a camera to measure statistics of."""

    camera: str
    images: tuple[str, ...]


def parts_of(key: str, tracklets: Sequence[Planned], frames: int, size: int | None = None) -> list[Part]:
    """Tracklets of the block `key` in parts of `size`; None: one part, if there are any tracklets.

    frames -- of a tracklet that are described, evenly spread.
    """
    step = size or max(1, len(tracklets))
    return [
        Part(
            key,
            some[0].row.camera,
            tuple(each.row.digest for each in some),
            tuple(tuple(str(path) for path in spread_over(each.frames, frames)) for each in some),
            tuple(str(each.frames[len(each.frames) // 2]) for each in some),
        )
        for some in (tracklets[start : start + step] for start in range(0, len(tracklets), step))
    ]


class Describing:
    """Describes tracklets and measures cameras. Ray makes an actor of this class."""

    def __init__(
        self, config: IndexConfig, statistics: CameraStatistics | None = None, folder: Path | None = None
    ) -> None:
        """Statistics of cameras that are described with their own.

        folder -- the current one of the command, for a process that has another; None: this process has it.
        """
        self._config, self._statistics, self._folder = config, statistics, folder

    def ready(self, describer: Describer | None = None) -> None:
        """Load the network, or take one that is loaded. Raises UserError as `load` and `enter`."""
        if self._folder is not None:
            enter(self._folder, self._config.index, "--index")
        self._trained = describer or load(self._config.weights, self._config.device)
        self._networks, self._otherwise = (
            ({}, self._trained) if self._statistics is None else by_camera(self._trained, self._statistics)
        )

    def work(self, task: Part | CameraImages) -> Described | CameraStatistics:
        """Do a task."""
        if isinstance(task, CameraImages):
            return measured_by(self._trained, {task.camera: task.images}, self._config.workers)
        return self.described(task)

    def described(self, part: Part) -> Described:
        """Descriptors and thumbnails of tracklets. Raises UserError on an image or a network that is broken."""
        network = self._networks.get(part.camera, self._otherwise)
        vectors = []
        for row in network.tracklet_rows(part.frames, self._config.batch_size, self._config.workers, quiet=True):
            length = float(np.linalg.norm(row))
            if not np.isfinite(length):
                raise UserError("the network's descriptor is not finite: train it again")
            vectors.append(row / max(length, float(np.finfo(np.float32).tiny)))
        return Described(part, vectors, [small_jpeg(read_frame(Path(file)), THUMBNAIL) for file in part.pictures])


def small_jpeg(image: Bytes, size: tuple[int, int]) -> bytes:
    """A picture (H, W, 3) uint8 RGB as a JPEG file of at most `size`, width and height in pixels."""
    picture = Image.fromarray(image)
    picture.thumbnail(size)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


class Workforce:
    """Who describes: this process, or the workers of a cluster. Made by `workforce`."""

    def __init__(self, config: IndexConfig, describer: Describer, cores: int | None) -> None:
        self._config, self._describer, self._cores = config, describer, cores

    @property
    def part(self) -> int | None:
        """Tracklets in a part; None: a whole block."""
        return None if self._cores is None else PART

    def measured(self, images_of: Mapping[str, Sequence[str]]) -> CameraStatistics:
        """The statistics of cameras by their images."""
        if self._cores is None:
            return measured_by(self._describer, images_of, self._config.workers)
        tasks = [CameraImages(camera, tuple(images)) for camera, images in images_of.items()]
        done = {next(iter({**one.values, **one.too_few})): one for one in self._by_workers(tasks, None)}
        return reduce(CameraStatistics.joined, (done[camera] for camera in images_of))

    def described(self, parts: Sequence[Part], statistics: CameraStatistics | None) -> Iterator[Described]:
        """Descriptors of parts, with several workers in any order."""
        if self._cores is not None:
            yield from self._by_workers(parts, statistics)
            return
        here = Describing(self._config, statistics)
        here.ready(self._describer)
        yield from map(here.described, parts)

    def _by_workers(self, tasks: Sequence[Part | CameraImages], statistics: CameraStatistics | None) -> Iterator[Any]:
        assert self._cores is not None
        job = Job(
            Describing,
            (self._config, statistics, Path.cwd()),
            name_of=name_of,
            tasks="Tracklets",
            cannot="be described",
            report=self._config.index / FAILURES,
        )
        with interrupt_check() as check:
            for made in run_all(job, tasks, min(self._cores, len(tasks))):
                yield made
                check()


def name_of(task: Part | CameraImages) -> str:
    """What a task is about, for messages."""
    return f"camera {task.camera}" if isinstance(task, CameraImages) else f"the tracklet of {task.pictures[0]}"


@contextmanager
def workforce(config: IndexConfig, describer: Describer) -> Iterator[Workforce]:
    """Who describes inside the block. Raises as `start_ray`.

    describer -- the network, which this process has loaded.
    """
    if config.address is None:
        yield Workforce(config, describer, None)
        return
    (config.index / FAILURES).unlink(missing_ok=True)
    cores = start_ray(1, config.address)
    try:
        yield Workforce(config, describer, max(1, cores))
    finally:
        stop_ray()
