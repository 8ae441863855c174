"""Descriptors of tracklets: each camera with its own batch norm statistics, each tracklet in halves; no labels."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from alignnet_common.arrays import Singles
from alignnet_common.images import spread_over
from reid.configs.finetune import FinetuneConfig
from reid.data.loading.chunks import chunk_ranges
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.pose_map_store import MapStore
from reid.data.tracklets.types import Tracklet
from reid.evaluation.camera_statistics import FEWEST, batch_norms
from reid.evaluation.descriptors import padded
from reid.models.alignnet import AlignNet
from reid.runtime.memory import enough_memory
from reid.runtime.precision import autocast

MANY, DIRECTIONS, SAMPLED = 20_000, 512, 2048
"""Above `MANY` tracklets, descriptors are reduced to `DIRECTIONS` numbers, the principal directions of `SAMPLED` of the
tracklets: the descriptors of 100 000 tracklets then take 0.6 GB of memory instead of 6."""


@dataclass(frozen=True)
class Piece:
    """Frames of one tracklet that are described together."""

    tracklet: int
    """Number of the tracklet."""

    half: int
    """0: of the first half of its frames, 1: of the second."""

    frames: tuple[int, ...]
    """Positions of the frames in the tracklet."""


@dataclass(frozen=True)
class Described:
    """Descriptors of N tracklets, each of length 1."""

    whole: Singles
    """(N, D) the mean over both halves."""

    halves: tuple[Singles, Singles]
    """(N, D) the first and the second half of the frames; equal for a tracklet of one frame."""

    divided: npt.NDArray[np.bool_]
    """(N,) whether the tracklet has two halves."""

    directions: Singles | None = None
    """(D, E) principal directions of the network's descriptors (E,), if the rows above are their components."""

    def first(self, count: int) -> Self:
        """The first `count` of the tracklets."""
        halves = self.halves[0][:count], self.halves[1][:count]
        return replace(self, whole=self.whole[:count], halves=halves, divided=self.divided[:count])

    def lifted(self, rows: Singles) -> Singles:
        """Rows (M, D) as descriptors of the network (M, E)."""
        return rows if self.directions is None else rows @ self.directions


def pieces_of(tracklets: Sequence[Tracklet], chunk: int, most: int) -> list[Piece]:
    """The tracklets as chunks of at most `chunk` frames, none of which lies in both halves.

    most -- number of frames of a tracklet that are described, evenly spread.
    """
    pieces = []
    for number, tracklet in enumerate(tracklets):
        frames = spread_over(range(len(tracklet.frames)), most)
        middle = (len(frames) + 1) // 2
        for half, some in enumerate((frames[:middle], frames[middle:])):
            chunks = chunk_ranges(len(some), chunk) if some else ()
            pieces += [Piece(number, half, tuple(some[at] for at in each)) for each in chunks]
    return pieces


class Describing:
    """The tracklets, their frames and pose maps, and how they are described."""

    def __init__(
        self,
        tracklets: Sequence[Tracklet],
        store: FrameStore,
        maps: MapStore | None,
        config: FinetuneConfig,
        chunk: int,
        most: int,
        device: torch.device,
    ) -> None:
        """`maps` are None where the network has no pose network; `chunk` and `most` as in `pieces_of`."""
        self._tracklets, self._store, self._maps = tracklets, store, maps
        self._config, self._device = config, device
        self._pieces = pieces_of(tracklets, chunk, most)
        cameras = sorted({tracklet.camera for tracklet in tracklets})
        self._of_camera = [
            [number for number, piece in enumerate(self._pieces) if tracklets[piece.tracklet].camera == camera]
            for camera in cameras
        ]

    def describe(self, model: AlignNet) -> Described:
        """Describe all tracklets by a network, which stays as it is.

        Batch norms use the statistics of each batch, of `FEWEST` frames of one camera or a few more, in a fixed random
        order. A camera with fewer frames is described with the network's running statistics.
        """
        network = copy.deepcopy(model).eval()
        directions = None
        if len(self._tracklets) > MANY and model.descriptor_size > DIRECTIONS:
            sampled = set(spread_over(range(len(self._tracklets)), SAMPLED))
            some = [number for number, piece in enumerate(self._pieces) if piece.tracklet in sampled]
            directions = principal_directions(self._rows(network, some, None), DIRECTIONS)
        return self._joined(self._rows(network, range(len(self._pieces)), directions), directions)

    def _rows(self, network: AlignNet, numbers: Sequence[int], directions: Singles | None) -> Singles:
        """Descriptors (M, E) of some pieces, or their components (M, D)."""
        size = network.descriptor_size if directions is None else len(directions)
        found = np.zeros((len(numbers), size), np.float32)
        place = {number: row for row, number in enumerate(numbers)}
        with tqdm(total=len(numbers), desc="descriptors", unit="chunk", disable=None, leave=False) as bar:
            for camera in self._of_camera:
                for batch in self._batches(network, [number for number in camera if number in place]):
                    rows = self._described(network, [self._pieces[number] for number in batch])
                    found[[place[number] for number in batch]] = rows if directions is None else rows @ directions.T
                    bar.update(len(batch))
        return found

    def _batches(self, network: AlignNet, numbers: list[int]) -> Iterator[list[int]]:
        """Equal batches of a camera's pieces; the batch norms of the network are set for them."""
        frames = sum(len(self._pieces[number].frames) for number in numbers)
        enough = frames >= FEWEST
        for norm in batch_norms(network).values():
            norm.train(enough)
            norm.momentum = 0.0  # running statistics stay as they are
        order = np.random.default_rng(0).permutation(numbers)
        for batch in np.array_split(order, max(1, frames // FEWEST)) if numbers else ():
            yield batch.tolist()

    @torch.inference_mode()
    def _described(self, network: AlignNet, pieces: Sequence[Piece]) -> Singles:
        """Descriptors (B, D) of length 1."""
        paths = [[self._tracklets[piece.tracklet].frames[frame] for frame in piece.frames] for piece in pieces]
        frames, valid = padded([self._store.read(some)[0] for some in paths])
        maps = None if self._maps is None else _padded_maps([self._maps.read(some) for some in paths], valid)
        height, width = frames.shape[-2:]
        computed = f"{int(valid.sum())} frames of {height} × {width} at a time"
        with enough_memory(computed, "lower --chunk", self._device), autocast(self._config, self._device):
            images = frames.to(self._device).float() / 255
            there = None if maps is None else maps.to(self._device).float()
            descriptors = network(images, valid.to(self._device), there).descriptor
        rows: Singles = F.normalize(descriptors.float(), dim=1).cpu().numpy()
        return rows

    def _joined(self, rows: Singles, directions: Singles | None) -> Described:
        count, size = len(self._tracklets), rows.shape[1]
        sums = np.zeros((2, count, size), np.float32)
        halves = np.array([piece.half for piece in self._pieces])
        owners = np.array([piece.tracklet for piece in self._pieces])
        np.add.at(sums, (halves, owners), rows)
        divided = np.zeros(count, bool)
        divided[owners[halves == 1]] = True
        sums[1, ~divided] = sums[0, ~divided]
        first, second = unit(sums[0]), unit(sums[1])
        return Described(unit(first + second), (first, second), divided, directions)


def _padded_maps(maps: Sequence[npt.NDArray[np.float16]], valid: Tensor) -> Tensor:
    """Pose maps (T_i, 57, h, w) as (B, T, 57, h, w) float16, 0 at padded frames."""
    found = torch.zeros(*valid.shape, *maps[0].shape[1:], dtype=torch.float16)
    for row, some in enumerate(maps):
        found[row, : len(some)] = torch.from_numpy(some)
    return found


def principal_directions(rows: Singles, count: int) -> Singles:
    """The `count` directions (count, E), orthogonal and of length 1, that hold most of rows (M, E): truncated SVD."""
    from sklearn.decomposition import TruncatedSVD

    found: Singles = TruncatedSVD(count, random_state=0).fit(rows).components_.astype(np.float32)
    return found


def unit(rows: Singles) -> Singles:
    """Rows (N, D) scaled to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Singles = (rows / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    return scaled
