"""Statistics of each camera from its own unlabelled images: of batch norms, and of descriptors.

A camera's brightness and colours move all of its descriptors alike. With a mean and a variance of its own in every
batch norm, measured on images of the camera, they do so less (camera-based batch norm, Zhuang et al., ECCV 2020,
https://arxiv.org/abs/2001.08680). The mean of what is left is subtracted from the descriptors of the frames, after the
square root of each number; and the directions are shortened in which persons differ from camera to camera
(`between_cameras`), the same ones for all cameras. No weight changes, and no label is read.
"""

import copy
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from alignnet_common.checked.forms import AtLeast
from alignnet_common.checked.json_file import parsed
from alignnet_common.errors import UserError, one_line
from alignnet_common.files import write_atomically
from reid.evaluation.between_cameras import directions_of
from reid.models.alignnet import AlignNet
from reid.models.part_pooling import rooted

FEWEST = 64
"""Images of a camera, at least: with fewer, the statistics of the training are the better estimate."""

MOST = 1024
"""Images of a camera, at most: statistics of 1000 images hardly change with more."""

SAMPLE = 512
"""Images of a camera, at most, that directions between cameras are found by."""

Item = TypeVar("Item")
Network = TypeVar("Network", bound=nn.Module)

Statistics = dict[str, Tensor]
"""`running_mean` and `running_var` (C,) of every batch norm, by the name of the buffer in the network; and `FRAME_MEAN`
(D,) for a network that can be centred. Files of earlier versions have no `FRAME_MEAN`."""

FRAME_MEAN = "frame_mean"
"""`AlignNet.frame_mean` of a camera."""

DIRECTIONS = "frame_directions"
"""Name of `AlignNet.frame_directions` in a file of statistics. Files of earlier versions have none."""


def without_mean(statistics: Statistics) -> Statistics:
    """Statistics without `FRAME_MEAN`."""
    return {name: numbers for name, numbers in statistics.items() if name != FRAME_MEAN}


@dataclass(frozen=True)
class CameraStatistics:
    """The statistics of some cameras, and what they were measured on."""

    model_sha256: str
    """SHA-256 of the model file of the network."""

    values: Mapping[str, Statistics]
    """Statistics by name of the camera."""

    images: Mapping[str, int]
    """Number of images that each of them was measured on."""

    too_few: Mapping[str, int]
    """Cameras with fewer than `FEWEST` images, and their number: they keep the statistics of the training."""

    directions: Tensor | None = None
    """`AlignNet.frame_directions` (R, D) of all cameras; None: none."""

    sample: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    """Centred descriptors (N, D) float16 of images of each camera, for `with_directions`; not written to files."""

    @property
    def centred(self) -> bool:
        """Whether descriptors are centred as well: those of all cameras, or of none."""
        return bool(self.values) and all(FRAME_MEAN in values for values in self.values.values())

    def record(self) -> dict[str, object]:
        """The numbers of images, whether descriptors are centred, and the number of directions between cameras, as
        plain values for results."""
        directions = 0 if self.directions is None else len(self.directions)
        numbers = {"images": dict(self.images), "too_few": dict(self.too_few)}
        return {**numbers, "centred": self.centred, "directions": directions}

    def with_directions(self) -> Self:
        """With the directions between the cameras of `sample`, which is left out; without any where they are one."""
        return replace(self, directions=directions_of(self.sample), sample={})

    def joined(self, other: Self) -> Self:
        """The statistics of the cameras of both, with the directions of this one."""
        return replace(
            self,
            values={**self.values, **other.values},
            images={**self.images, **other.images},
            too_few={**self.too_few, **other.too_few},
            sample={**self.sample, **other.sample},
        )

    def not_centred(self) -> Self:
        """The statistics of batch norms alone."""
        values = {camera: without_mean(values) for camera, values in self.values.items()}
        return replace(self, values=values, directions=None, sample={})

    def in_words(self) -> str:
        """The cameras as one line."""
        few = ", ".join(f"{camera} ({count})" for camera, count in self.too_few.items())
        kinds = ", descriptors centred" if self.centred else ""
        if self.directions is not None:
            kinds += f", {len(self.directions)} directions between cameras shortened"
        line = f"camera statistics of {len(self.values)} cameras, {sum(self.images.values())} images{kinds}"
        return f"{line}; fewer than {FEWEST} images, hence the statistics of the training: {few}" if few else line

    @property
    def sha256(self) -> str:
        """Hex SHA-256 over the statistics of all cameras."""
        digest = hashlib.sha256(self.model_sha256.encode())
        for camera, statistics in sorted(self.values.items()):
            digest.update(os.fsencode(camera))
            for name, numbers in sorted(statistics.items()):
                digest.update(name.encode() + numbers.float().cpu().numpy().tobytes())
        if self.directions is not None:
            digest.update(self.directions.float().cpu().numpy().tobytes())
        return digest.hexdigest()


def batch_norms(network: nn.Module) -> dict[str, _BatchNorm]:
    """The batch norms with running statistics by name."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    }


@torch.no_grad()
def measured(network: Network, batches: Iterable[Tensor], forward: Callable[[Network, Tensor], object]) -> Statistics:
    """Means and variances over the batches, which should be of equal size; `network` stays as it is.

    Args:
        network: in eval mode; a copy is made of it, of which the batch norms alone are set to training mode.
        batches: what `forward` takes, at least one.
        forward: computes the network's output for a batch.
    """
    copied = copy.deepcopy(network).eval()
    norms = batch_norms(copied)
    for norm in norms.values():
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    for batch in batches:
        forward(copied, batch)
    return {
        f"{name}.{kind}": getattr(norm, kind).detach().cpu().clone()
        for name, norm in norms.items()
        for kind in ("running_mean", "running_var")
    }


def with_statistics(network: Network, statistics: Statistics) -> Network:
    """A copy of the network in eval mode with these statistics. Raises UserError where they are of another network."""
    copied = copy.deepcopy(network).eval()
    for name, norm in batch_norms(copied).items():
        for kind in ("running_mean", "running_var"):
            own, found = getattr(norm, kind), statistics.get(f"{name}.{kind}")
            if found is None or found.shape != own.shape:
                raise UserError(f"statistics of a camera have no {name}.{kind} of this network: measure them again")
            own.copy_(found)
    if FRAME_MEAN in statistics:
        centre(copied, statistics[FRAME_MEAN])
    return copied


def centre(network: nn.Module, mean: Tensor) -> None:
    """Set `AlignNet.frame_mean` to `mean` (D,). Raises UserError where it is of another network."""
    if not (isinstance(network, AlignNet) and network.can_centre and mean.shape == (network.descriptor_size,)):
        raise UserError(f"the {FRAME_MEAN} of a camera is of another network: measure the statistics again")
    network.frame_mean = mean.to(next(network.parameters()).device)


def shorten(network: nn.Module, directions: Tensor) -> None:
    """Set `AlignNet.frame_directions` (R, D). Raises UserError where they are of another network."""
    if not (isinstance(network, AlignNet) and directions.shape[1:] == (network.descriptor_size,)):
        raise UserError(f"the {DIRECTIONS} are of another network: measure the statistics again")
    network.frame_directions = directions.to(next(network.parameters()).device)


def for_camera(network: Network, statistics: CameraStatistics, camera: str) -> Network:
    """The network for images of one camera, in eval mode; of a camera without statistics, `for_other_cameras`.

    Raises UserError where the statistics are of another network.
    """
    if camera not in statistics.values:
        return for_other_cameras(network, statistics)
    found = with_statistics(network, statistics.values[camera])
    if statistics.directions is not None:
        shorten(found, statistics.directions)
    return found


def for_other_cameras(network: Network, statistics: CameraStatistics) -> Network:
    """The network for cameras without statistics, with the batch norms of the training.

    Where the others are centred, it is too, by the mean over their means: else its descriptors could not be compared
    with theirs. For the same reason it has their directions.
    """
    if not statistics.centred:
        return network
    copied = copy.deepcopy(network).eval()
    centre(copied, torch.stack([values[FRAME_MEAN] for values in statistics.values.values()]).mean(0))
    if statistics.directions is not None:
        shorten(copied, statistics.directions)
    return copied


def measure_cameras(
    network: Network,
    model_sha256: str,
    items_of: Mapping[str, Sequence[Item]],
    decoded: Callable[[Sequence[Item]], Tensor],
    forward: Callable[[Network, Tensor], Tensor],
) -> CameraStatistics:
    """The statistics of every camera with at least `FEWEST` images, with a sample for `with_directions`.

    Args:
        network: in eval mode.
        model_sha256: SHA-256 of its model file.
        items_of: the images of each camera, in any form.
        decoded: the network's input for some images.
        forward: see `measured`; of a network that can be centred, it gives the descriptors (B, D) of single frames.
    """
    chosen = {camera: spread(items) for camera, items in items_of.items()}
    enough = {camera: items for camera, items in chosen.items() if len(items) >= FEWEST}
    values, sample = {}, {}
    for camera, items in enough.items():
        batches = equal_batches(items)
        values[camera] = measured(network, map(decoded, batches), forward)
        if isinstance(network, AlignNet) and network.can_centre:
            own = with_statistics(network, values[camera])
            mean, sample[camera] = mean_and_sample(own, map(decoded, batches), forward)
            values[camera][FRAME_MEAN] = mean
    few = {camera: len(items) for camera, items in items_of.items() if camera not in enough}
    images = {camera: len(items) for camera, items in enough.items()}
    return CameraStatistics(model_sha256, values, images, few, sample=sample)


@torch.inference_mode()
def mean_and_sample(
    network: Network, batches: Iterable[Tensor], forward: Callable[[Network, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """The mean (D,) of `rooted` descriptors of single frames, and at most `SAMPLE` of them (N, D) float16, centred.

    forward -- their descriptors (B, D).
    """
    rows = torch.cat([rooted(forward(network, batch)).cpu() for batch in batches])
    mean = rows.mean(0, dtype=torch.float64).float()
    return mean, (rows[:: -(-len(rows) // SAMPLE)] - mean).half()


def spread(items: Sequence[Item]) -> list[Item]:
    """At most `MOST` of the items, evenly spread."""
    count = min(len(items), MOST)
    return [items[number * len(items) // count] for number in range(count)]


def equal_batches(items: Sequence[Item]) -> list[Sequence[Item]]:
    """The items in batches of `FEWEST` or a few more, each spread over all of them."""
    count = max(1, len(items) // FEWEST)
    return [items[number::count] for number in range(count)]


def write_statistics(path: Path, statistics: CameraStatistics, made_of: str) -> None:
    """Write a safetensors file. made_of -- what they were measured on, for `read_statistics`."""
    tensors = {
        f"{number}/{name}": numbers
        for number, values in enumerate(statistics.values.values())
        for name, numbers in values.items()
    }
    if statistics.directions is not None:
        tensors[DIRECTIONS] = statistics.directions
    facts = {
        "model_sha256": statistics.model_sha256,
        "cameras": json.dumps(list(statistics.values)),
        "images": json.dumps(statistics.images),
        "too_few": json.dumps(statistics.too_few),
        "made_of": made_of,
    }
    write_atomically(path, save(tensors, metadata=facts))


FACTS: dict[str, Any] = {
    "cameras": [str],
    "images": {str: AtLeast(0, int)},
    "too_few": {str: AtLeast(0, int)},
    "model_sha256": None,
    "made_of": None,
}
"""Facts of a file of statistics, and the forms of those in JSON."""


def check_numbers(tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless statistics are finite floats, and variances not negative."""
    for name, numbers in tensors.items():
        axes = 2 if name == DIRECTIONS else 1
        if numbers.ndim != axes or not numbers.is_floating_point() or not bool(numbers.isfinite().all()):
            raise ValueError(f"{name} are no finite numbers")
        if name.endswith("running_var") and bool((numbers < 0).any()):
            raise ValueError(f"{name} has a variance below 0")


def read_statistics(path: Path, model_sha256: str, made_of: str | None = None) -> CameraStatistics | None:
    """The statistics in a file; None where they were measured on other than `made_of`.

    Raises UserError where the file holds none, or those of another network.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        missing = next((name for name in FACTS if name not in facts), None)
        if missing is not None:
            raise ValueError(f"{missing} is missing")
        cameras, images, few = (parsed(facts[name], form) for name, form in FACTS.items() if form is not None)
        if sorted(images) != sorted(set(cameras)) or len(set(cameras)) != len(cameras):
            raise ValueError("cameras and their numbers of images differ")
        check_numbers(tensors)
    except (OSError, SafetensorError, ValueError, RuntimeError, OverflowError) as fault:
        reason = one_line(fault)
        raise UserError(f"{path}: holds no camera statistics of reid extract --camera-norm: {reason}") from fault
    if made_of is not None and facts["made_of"] != made_of:
        return None
    if facts["model_sha256"] != model_sha256:
        raise UserError(f"{path}: measured with another network than --weights: measure again with --camera-norm")
    values = {
        camera: {
            name.removeprefix(f"{number}/"): numbers
            for name, numbers in tensors.items()
            if name.startswith(f"{number}/")
        }
        for number, camera in enumerate(cameras)
    }
    return CameraStatistics(model_sha256, values, images, few, tensors.get(DIRECTIONS))
