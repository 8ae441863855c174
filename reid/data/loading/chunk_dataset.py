"""Training chunks as tensors: decoded and resized frames, ground truth, and the augmentation drawn for each chunk."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from reid.data.datasets.annotations import Joints, read_joints, read_masks, read_visible_ratios
from reid.data.loading.batch import Batch
from reid.data.loading.chunks import Chunk
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.pose_map_store import MapStore
from reid.data.loading.sampler import Draw
from reid.data.tracklets.types import Tracklet
from reid.data.transforms.augmentation import AugmentationRange, draw_augmentation
from reid.data.transforms.background import before_another_place
from reid.data.transforms.occlusion import WHILE_TRAINING, covered_from_side


class ChunkDataset(Dataset):
    """Training chunks by `Draw`. The augmentation of a draw depends on the seed and the draw's place alone.

    Set `maps` for chunks to have cached pose maps.
    """

    def __init__(
        self,
        tracklets: tuple[Tracklet, ...],
        chunks: tuple[Chunk, ...],
        store: FrameStore,
        limits: AugmentationRange,
        seed: int,
        with_joints: bool = False,
    ) -> None:
        self.tracklets = tracklets
        self._chunks, self._store = chunks, store
        self._limits, self._seed = limits, seed
        self.maps: MapStore | None = None
        self._joints = [read_joints(tracklet) for tracklet in tracklets] if with_joints else None
        self._seen = [read_visible_ratios(tracklet) for tracklet in tracklets] if with_joints else None

    def __len__(self) -> int:
        return len(self._chunks)

    def __getitem__(self, draw: Draw) -> Batch:
        """One chunk: a `Batch` without its first dimension, with the augmentation `change` drawn but not yet applied.

        `joints`, `visible` and `seen` only with joints, `maps` only if set, `covered` only with occlusion augmentation.
        """
        chunk = self._chunks[draw.chunk]
        rng = np.random.default_rng([self._seed, *draw.place])
        change = draw_augmentation(rng, self._limits, self._store.height, self._store.width)
        frames, scales = self._read(chunk)
        if rng.random() < self._limits.new_place:
            place = self._chunks[rng.integers(len(self._chunks))]
            frames = before_another_place(frames, self._masks(chunk), self._read(place)[0], self._masks(place))
        maps = self.maps.read(self._paths(chunk)) if self.maps is not None else None
        in_sight = self._cover(chunk, frames, rng)
        return Batch(
            # Contiguous, so that the memory layout of a batch, and the last bit of its loss, is the same with workers.
            frames=torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous(),
            valid=torch.ones(len(frames), dtype=torch.bool),
            label=torch.tensor(chunk.label),
            change=change.packed(),
            maps=None if maps is None else torch.from_numpy(maps),
            covered=torch.from_numpy(~in_sight.all(axis=1)) if self._limits.cover else None,
            **self._ground_truth(chunk, scales, in_sight),
        )

    def _ground_truth(self, chunk: Chunk, scales: np.ndarray, in_sight: np.ndarray) -> dict[str, Any]:
        """`joints`, `visible` and `seen` of a chunk whose frames were resized by `scales` (T, 2) and of whose columns
        those `in_sight` (T, W) are not covered; empty without joints."""
        if self._joints is None or self._seen is None:
            return {}
        joints = resized_joints(self._joints[chunk.tracklet], list(chunk.frames), scales)
        columns = joints.positions[..., 0].round().astype(int).clip(0, self._store.width - 1)
        visible = joints.visible & np.take_along_axis(in_sight, columns, axis=1)
        # The visible share falls with the number of visible joints; without any before, it stays.
        before = joints.visible.sum(axis=1)
        share = np.where(before > 0, visible.sum(axis=1) / np.maximum(1, before), 1.0)
        seen = self._seen[chunk.tracklet][list(chunk.frames)] * share.astype(np.float32)
        return {
            "joints": torch.from_numpy(joints.positions),
            "visible": torch.from_numpy(visible),
            "seen": torch.from_numpy(seen),
        }

    def _cover(self, chunk: Chunk, frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Cover random frames of (T, H, W, 3) in place; returns the columns (T, W) that are not covered."""
        in_sight = np.ones((len(frames), self._store.width), bool)
        for number in np.flatnonzero(rng.random(len(frames)) < self._limits.cover):
            path = self._frame_of_somebody_else(chunk, rng)
            share, from_left = rng.uniform(*WHILE_TRAINING), bool(rng.integers(2))
            columns = covered_from_side(frames[number], self._store.read([path])[0][0], share, from_left)
            in_sight[number, columns] = False
        return in_sight

    def _frame_of_somebody_else(self, chunk: Chunk, rng: np.random.Generator) -> Path:
        other = chunk
        while other.label == chunk.label:
            other = self._chunks[rng.integers(len(self._chunks))]
        paths = self._paths(other)
        return paths[rng.integers(len(paths))]

    def _read(self, chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
        return self._store.read(self._paths(chunk))

    def _paths(self, chunk: Chunk) -> list[Path]:
        frames = self.tracklets[chunk.tracklet].frames
        return [frames[frame] for frame in chunk.frames]

    def _masks(self, chunk: Chunk) -> np.ndarray:
        """(T, H, W) bool at the size of the store's frames."""
        masks = read_masks(self.tracklets[chunk.tracklet])[list(chunk.frames)]
        return resized_masks(masks, self._store.height, self._store.width)


def resized_masks(masks: np.ndarray, height: int, width: int) -> np.ndarray:
    """Masks (T, h, w) bool at another size, by the nearest pixel to each pixel's centre."""
    rows = ((np.arange(height) + 0.5) * masks.shape[1] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * masks.shape[2] / width).astype(int)
    return masks[:, rows][:, :, columns]


def resized_joints(joints: Joints, frames: list[int], scales: np.ndarray) -> Joints:
    """Joints of some frames, in pixels of the frames resized by `scales` (T, 2); pixel centres are whole numbers."""
    positions = (joints.positions[frames] + 0.5) * scales[:, None] - 0.5
    return Joints(positions.astype(np.float32), joints.visible[frames])
