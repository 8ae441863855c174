"""A trained network that describes images and tracklets: `load` and `Describer`."""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from alignnet_common.arrays import AnyFloats, Bytes, Singles
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from reid.data.loading.ahead import AheadStore, decoding_threads
from reid.data.tracklets.frames import UnreadableImageError
from reid.data.tracklets.types import Tracklet
from reid.evaluation.descriptors import descriptor_of_images, stream_descriptors
from reid.inference.images import Image, Images, frames_of, one_by_one, pixels
from reid.inference.network.batch_size import largest_batch
from reid.inference.network.folding import folded
from reid.inference.network.layers import largest_output
from reid.inference.network.onnx_network import SUFFIX, OnnxNetwork
from reid.inference.rows import LEFT_OUT
from reid.metrics.distances import euclidean_distances
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_model, trained_size
from reid.runtime.device import pick_device
from reid.runtime.memory import MemoryShortError, enough_memory
from reid.runtime.weights_source import find_weights

UNNAMED = Path()
"""Name of a frame whose place in the order is enough."""


def load(
    weights: str | Path = "small",
    device: str | torch.device = "auto",
    *,
    height: int | None = None,
    width: int | None = None,
    chunk: int | None = None,
    flip_test: bool = False,
) -> "Describer":
    """The network of a shipped name, a run folder or a model file, ready to describe images and tracklets.

    Args:
        weights: name of a shipped network such as "small", a run folder, a model file, or an ONNX file of reid export,
            which onnxruntime computes on the CPU.
        device: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or mps.
        height, width: of the network's input, pixels. Default: those of the training. An ONNX file has no others.
        chunk: frames in a chunk. Default: as in the training.
        flip_test: describe each image by the mean over itself and its mirror image, in twice the time.

    Raises UserError where there are no such weights or no such device, the file holds no network, or an ONNX file has
    another input size or is asked for on a GPU.
    """
    path = find_weights(weights)
    given = {name: size for name, size in (("height", height), ("width", width), ("chunk", chunk)) if size is not None}
    if path.suffix == SUFFIX:
        network = OnnxNetwork(path)
        check_size(path, network, given)
        on_cpu = "cpu" if device == "auto" else str(device)
        return Describer(network, network.sizes | given, pick_device(on_cpu), str(weights), path, flip_test)
    model, metadata = load_model(path)
    trained = {name: int(size) for name, size in trained_size(metadata).items()}
    return Describer(model, trained | given, pick_device(str(device)), str(weights), path, flip_test)


def check_size(path: Path, network: OnnxNetwork, given: dict[str, int]) -> None:
    """Raise UserError on an input size that the ONNX file does not have."""
    for name in ("height", "width"):
        if given.get(name, network.sizes[name]) != network.sizes[name]:
            raise UserError(
                f"--{name} {given[name]}: {path} was exported for {network.sizes[name]} pixels: export again"
            )


class Describer:
    """A network, of PyTorch or in an ONNX file, its device, and the size of its input. Made by `load`.

    Images of any size are resized as in training and evaluation, so that `reid evaluate` has the same descriptors.
    Descriptors are compared by Euclidean distance, see `distance`.
    """

    def __init__(
        self,
        model: AlignNet | OnnxNetwork,
        sizes: dict[str, int],
        device: torch.device,
        name: str,
        file: Path,
        flip_test: bool,
    ) -> None:
        self.trained = model if isinstance(model, AlignNet) else None
        """The network of PyTorch as it was trained, with its batch norms; None for an ONNX file."""
        self.model: AlignNet | OnnxNetwork = model.eval()
        """The network, that of PyTorch with batch norms folded into the convolutions before them."""
        self.unit_length = model.config.unit_length if isinstance(model, AlignNet) else model.unit_length
        """Whether descriptors have length 1."""
        self._largest_map: int | None = None
        self._enlarged = 1.0
        self._sizes = sizes
        if isinstance(model, AlignNet):
            shape = 1, 3, sizes["height"], sizes["width"]
            sample = torch.linspace(0, 1, math.prod(shape)).view(shape)
            self.model = folded(model, sample, descriptor_of_images)
            self._largest_map = largest_output(self.model, sample, descriptor_of_images)
            self._enlarged = 1.0 if model.pose is None else model.config.pose_scale**2
        self.name = name
        """Name of the shipped network, or the path, as given to `load`."""
        self.file = file
        """The model file."""
        self.sha256 = sha256_of_file(file)
        """Hex SHA-256 of the model file."""
        self.input_size = sizes["height"], sizes["width"]
        """Height and width of the network's input, pixels."""
        self.chunk = sizes["chunk"]
        """Frames in a chunk of a tracklet."""
        self.flip_test = flip_test
        """Whether descriptors are means over images and their mirror images."""
        self.descriptor_size = model.descriptor_size
        """Numbers in a descriptor, D."""
        self.device = device
        """Device of the network."""
        self.to(device)

    def to(self, device: str | torch.device) -> Self:
        """Move the network to another device; returns this object. Raises UserError where there is no such device, or
        an ONNX file's network is moved from the CPU."""
        self.device = pick_device(str(device))
        if isinstance(self.model, OnnxNetwork) and self.device.type != "cpu":
            raise UserError(f"{self.file}: onnxruntime computes an ONNX file on the CPU; name the model file instead")
        self.model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.batch_size = largest_batch(self.device, *self.input_size, self._largest_map, self._enlarged)
        return self

    def with_network(self, network: AlignNet) -> "Describer":
        """A describer like this one with another network of the same kind, such as one with the statistics
        of a camera."""
        return Describer(network, self._sizes, self.device, self.name, self.file, self.flip_test)

    def describe_images(self, images: Images, batch_size: int | None = None) -> Singles:
        """Descriptors (N, D) float32 of N images, each a tracklet of one frame.

        Args:
            images: a list of paths, of arrays (H, W, 3) uint8 RGB of any sizes or of Pillow's images; an array
                (N, H, W, 3) uint8 RGB; or a tensor (N, 3, H, W), uint8 or float in 0..1.
            batch_size: images that the network takes at a time. Default: by the memory of the device.

        Raises UserError on an unreadable file or too little memory, TypeError and ValueError on other input.
        """
        items = one_by_one(images)
        found = np.empty((len(items), self.descriptor_size), np.float32)
        done = 0
        for rows in self.image_rows(items, batch_size, workers=None if len(items) > 1 else 0):
            found[done : done + len(rows)] = rows
            done += len(rows)
        return found

    def describe(self, tracklet: Tracklet | str | Path | Images) -> Singles:
        """The descriptor (D,) float32 of one tracklet: the mean over its chunks.

        tracklet -- a folder of frames, a `Tracklet`, or frames as `describe_images` takes them, in their order. Raises
        as `describe_images`, and on a tracklet without frames.
        """
        return self.describe_tracklets([tracklet])[0]

    def describe_tracklets(self, tracklets: Sequence[Tracklet | str | Path | Images]) -> Singles:
        """Descriptors (N, D) float32 of N tracklets, each as in `describe`."""
        rows = list(self.tracklet_rows([frames_of(each) for each in tracklets]))
        return np.stack(rows) if rows else np.empty((0, self.descriptor_size), np.float32)

    @staticmethod
    def distance(a: AnyFloats, b: AnyFloats) -> Singles:
        """Euclidean distances (N, M) float32 between descriptors (N, D) or (D,) and (M, D) or (D,).

        They are the distances that all protocols of `reid evaluate` rank by. A small distance means that the network
        takes two tracklets for one person. Of descriptors of unit length, the order is that of cosine similarity.
        Raises ValueError on sizes that differ, and on values that are not finite.
        """
        return euclidean_distances(np.atleast_2d(a), np.atleast_2d(b))

    def image_rows(
        self,
        images: Sequence[Image],
        batch_size: int | None = None,
        workers: int | None = None,
        skip_broken: bool = False,
    ) -> Iterator[Singles]:
        """Descriptors of images in order, in blocks (B, D) of at most a batch; memory does not grow with their number.

        Args:
            images: what `pixels` takes.
            batch_size: images in a batch. Default: by the memory of the device.
            workers: threads that decode beside the network; 0: none. Default: one per core, at most 8.
            skip_broken: an unreadable file is a row of `LEFT_OUT`, instead of an UnreadableImageError.
        """
        store = AheadStore(images, *self.input_size, pixels, decoding_threads(workers))
        batch: list[Bytes | UnreadableImageError] = []
        for frame in store:
            if isinstance(frame, UnreadableImageError) and not skip_broken:
                raise frame
            batch.append(frame)
            if len(batch) == (batch_size or self.batch_size) or store.position == len(images):
                yield self._rows_of_batch(batch)
                batch = []

    def tracklet_rows(
        self,
        tracklets: Sequence[Sequence[Image]],
        batch_size: int | None = None,
        workers: int | None = None,
        skip_broken: bool = False,
        quiet: bool = False,
    ) -> Iterator[Singles]:
        """Descriptors (D,) of tracklets in order, each a sequence of at least one frame.

        Arguments as in `image_rows`; `batch_size` is in frames, at least one chunk. With `skip_broken` the row of a
        tracklet with an unreadable frame is `LEFT_OUT`. quiet -- no progress bar.
        """
        frames, broken, done = batch_size or self.batch_size, set[int](), 0
        while done < len(tracklets):
            if done in broken:
                yield np.full(self.descriptor_size, LEFT_OUT, np.float32)
                done += 1
                continue
            first, stop = done, min((row for row in broken if row > done), default=len(tracklets))
            some = tracklets[first:stop]
            store = AheadStore(chain.from_iterable(some), *self.input_size, pixels, decoding_threads(workers))
            try:
                for row in self._stream(some, store, frames, quiet):
                    yield row
                    done += 1
            except UnreadableImageError:
                if not skip_broken:
                    raise
                ends = accumulate(map(len, some))
                broken.add(first + next(number for number, end in enumerate(ends) if store.position < end))
            except MemoryShortError:
                if self.device.type != "cuda" or frames <= self.chunk:
                    raise
                frames = self._halved(frames)

    def _stream(
        self, tracklets: Sequence[Sequence[Image]], store: AheadStore, batch_frames: int, quiet: bool
    ) -> Iterator[Singles]:
        named = [Tracklet(pid=0, camera=0, frames=(UNNAMED,) * len(each)) for each in tracklets]
        how = self.chunk, self.device, batch_frames, self.flip_test
        return stream_descriptors(self.model, named, store, *how, quiet=quiet)

    def _rows_of_batch(self, batch: list[Bytes | UnreadableImageError]) -> Singles:
        """Descriptors (B, D) of frames (H, W, 3); `LEFT_OUT` in place of an unreadable one."""
        rows = np.full((len(batch), self.descriptor_size), LEFT_OUT, np.float32)
        sound = {number: frame for number, frame in enumerate(batch) if not isinstance(frame, UnreadableImageError)}
        if sound:
            rows[list(sound)] = self._of_frames(torch.from_numpy(np.stack(list(sound.values()))))
        return rows

    def _of_frames(self, frames: Tensor) -> Singles:
        """Descriptors (B, D) of frames (B, H, W, 3) uint8, in parts where the memory of a GPU is short."""
        step = len(frames)
        while True:
            try:
                parts = [self._of_batch(part) for part in frames.split(step)]
                return np.concatenate(parts)
            except MemoryShortError:
                if self.device.type != "cuda" or step == 1:
                    raise
                step = self.batch_size = self._halved(step)

    def _of_batch(self, frames: Tensor) -> Singles:
        computed = f"{len(frames)} images of {frames.shape[1]} × {frames.shape[2]} at a time"
        with torch.inference_mode(), enough_memory(computed, "lower the batch size", self.device):
            images = frames.to(self.device).permute(0, 3, 1, 2).float() / 255
            found = descriptor_of_images(self.model, images)
            if self.flip_test:
                found = (found + descriptor_of_images(self.model, images.flip(-1))) / 2
                found = nn.functional.normalize(found, dim=1) if self.unit_length else found
            descriptors: Singles = found.float().cpu().numpy()
        return descriptors

    def _halved(self, batch: int) -> int:
        torch.cuda.empty_cache()
        half = max(1, batch // 2)
        print(f"note: the GPU's memory is short for batches of {batch}: {half} from now on")
        return half

    def __repr__(self) -> str:
        height, width = self.input_size
        return f"Describer({self.name!r}, {height}x{width} pixels, {self.descriptor_size} numbers, {self.device})"
