"""Chunks as tensors: frames decoded once, resized, and augmented alike over all frames of a chunk."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset
from tqdm import tqdm

from kit.coco18 import MIRRORED_JOINTS
from reid.data.backdrop import before_another_place
from reid.data.chunks import Chunk
from reid.data.frame_cache import mapped_frames
from reid.data.sampler import Draw
from reid.data.synthetic import Joints, read_joints, read_masks
from reid.data.tracklet import Tracklet, read_frame


class FrameStore:
    """Frames at the network's input size, decoded once and kept as uint8 where they fit in `kept_gib`; 0 keeps none.

    With a `folder` they are kept there whatever their size, see `reid.data.frame_cache`. Raises UserError, at once
    where the frames are kept and at first use where they are not, on an unreadable image.
    """

    def __init__(
        self, paths: Iterable[Path], height: int, width: int, kept_gib: float, folder: Path | None = None
    ) -> None:
        self.height, self.width = height, width
        self.kept = False
        if not kept_gib and folder is None:
            return
        wanted = sorted(set(paths))
        size = len(wanted) * height * width * 3
        self.kept = folder is not None or size <= kept_gib * 2**30
        if not self.kept:
            print(f"{size / 2**30:.1f} GiB of frames do not fit --cache-gib {kept_gib}: they are decoded when needed")
            return
        self._position = {path: position for position, path in enumerate(wanted)}
        if folder is not None:
            self._frames, self._scales = mapped_frames(folder, wanted, height, width, self._decode, _decoding)
            return
        self._frames = np.empty((len(wanted), height, width, 3), np.uint8)
        self._scales = np.empty((len(wanted), 2), np.float32)
        for position, path in enumerate(_decoding(wanted)):
            self._frames[position], self._scales[position] = self._decode(path)

    def read(self, paths: Iterable[Path]) -> tuple[np.ndarray, np.ndarray]:
        """Frames (T, H, W, 3) uint8 RGB, and by what factors (T, 2) x and y grew when they were resized."""
        if self.kept:
            positions = [self._position[path] for path in paths]
            return self._frames[positions], self._scales[positions]
        decoded = [self._decode(path) for path in paths]
        return np.stack([frame for frame, _ in decoded]), np.stack([scale for _, scale in decoded])

    def _decode(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        image = read_frame(path)
        height, width = image.shape[:2]
        scale = np.array([self.width / width, self.height / height], np.float32)
        if (height, width) != (self.height, self.width):
            resized = Image.fromarray(image).resize((self.width, self.height), Image.Resampling.BILINEAR)
            image = np.asarray(resized)
        return image, scale


def _decoding(paths: Sequence[Path]) -> Iterator[Path]:
    return iter(tqdm(paths, "decoding", unit="frame", disable=None, leave=False))


@dataclass(frozen=True)
class AugmentationRange:
    """How far a chunk may be changed; see the fields of the same names in `reid.config.TrainConfig`."""

    flip: float = 0.5
    shift: int = 4
    erase: float = 0.0
    colour: float = 0.0
    new_place: float = 0.0
    """Chance that the people of a rendered chunk are put before another chunk's place, 0..1."""


@dataclass(frozen=True)
class Augmentation:
    """One change, made to every frame of a chunk alike."""

    flip: bool = False
    """Mirrored left to right."""

    shift: tuple[int, int] = (0, 0)
    """Pixels down and to the right; the edge is repeated where the picture ends."""

    erased: tuple[int, int, int, int] | None = None
    """Top, left, bottom, right of a rectangle that is blanked, pixels."""

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0


def draw_augmentation(rng: np.random.Generator, limits: AugmentationRange, height: int, width: int) -> Augmentation:
    """A random change within the limits. The same numbers are drawn from `rng` whatever the limits."""
    flip, erase = rng.random(2)
    down, right = rng.integers(-limits.shift, limits.shift, size=2, endpoint=True).tolist()
    share, aspect, top, left = rng.uniform((0.05, 0.5, 0, 0), (0.25, 2.0, 1, 1)).tolist()
    tall = min(height - 1, round((share * height * width * aspect) ** 0.5))
    wide = min(width - 1, round((share * height * width / aspect) ** 0.5))
    corner = round(top * (height - tall)), round(left * (width - wide))
    brightness, contrast, saturation = (1 + limits.colour * rng.uniform(-1, 1, size=3)).tolist()
    return Augmentation(
        flip=bool(flip < limits.flip),
        shift=(down, right),
        erased=(*corner, corner[0] + tall, corner[1] + wide) if erase < limits.erase else None,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
    )


def augment_frames(frames: np.ndarray, change: Augmentation) -> np.ndarray:
    """Frames (T, H, W, 3) uint8, each changed in the same way: mirrored, moved, recoloured, then blanked in part."""
    _, height, width, _ = frames.shape
    if change.flip:
        frames = frames[:, :, ::-1]
    down, right = change.shift
    if down or right:
        rows = np.clip(np.arange(height) - down, 0, height - 1)
        columns = np.clip(np.arange(width) - right, 0, width - 1)
        frames = frames[:, rows][:, :, columns]
    if (change.brightness, change.contrast, change.saturation) != (1.0, 1.0, 1.0):
        frames = _recoloured(frames, change)
    if change.erased is not None:
        top, left, bottom, right_edge = change.erased
        frames = frames.copy()
        frames[:, top:bottom, left:right_edge] = 128
    return np.ascontiguousarray(frames)


def _recoloured(frames: np.ndarray, change: Augmentation) -> np.ndarray:
    """Saturation about each pixel's grey, contrast about the chunk's mean, then brightness."""
    colours = frames.astype(np.float32)
    grey = colours @ np.array([0.299, 0.587, 0.114], np.float32)
    colours = grey[..., None] + change.saturation * (colours - grey[..., None])
    mean = float(grey.mean())
    colours = change.brightness * (mean + change.contrast * (colours - mean))
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8)


def augment_joints(joints: Joints, change: Augmentation, height: int, width: int) -> Joints:
    """The joints of frames that `augment_frames` changed: left and right change places in a mirrored frame.

    A joint that leaves the frame, or is blanked, is not visible any more.
    """
    positions, visible = joints.positions.copy(), joints.visible.copy()
    if change.flip:
        positions = positions[:, MIRRORED_JOINTS]
        positions[..., 0] = width - 1 - positions[..., 0]
        visible = visible[:, MIRRORED_JOINTS]
    down, right = change.shift
    positions += np.array([right, down], np.float32)
    x, y = positions[..., 0], positions[..., 1]
    visible &= (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    if change.erased is not None:
        top, left, bottom, right_edge = change.erased
        visible &= ~((x > left - 0.5) & (x < right_edge - 0.5) & (y > top - 0.5) & (y < bottom - 0.5))
    return Joints(positions, visible)


class ChunkDataset(Dataset):
    """Training chunks by `Draw`; the augmentation of each place depends on the seed and the place alone."""

    def __init__(
        self,
        tracklets: tuple[Tracklet, ...],
        chunks: tuple[Chunk, ...],
        store: FrameStore,
        limits: AugmentationRange,
        seed: int,
        with_joints: bool = False,
    ) -> None:
        self._tracklets, self._chunks, self._store = tracklets, chunks, store
        self._limits, self._seed = limits, seed
        self._joints = [read_joints(tracklet) for tracklet in tracklets] if with_joints else None

    def __len__(self) -> int:
        return len(self._chunks)

    def __getitem__(self, draw: Draw) -> dict[str, torch.Tensor]:
        """`frames` (T,3,H,W) uint8 RGB, `valid` (T,) bool, `label` (); and with joints, `joints` (T,18,2) float32
        pixels (all of them known, wherever they are) and `visible` (T,18) bool.
        """
        chunk = self._chunks[draw.chunk]
        rng = np.random.default_rng([self._seed, *draw.place])
        change = draw_augmentation(rng, self._limits, self._store.height, self._store.width)
        frames, scales = self._read(chunk)
        if rng.random() < self._limits.new_place:
            place = self._chunks[rng.integers(len(self._chunks))]
            frames = before_another_place(frames, self._masks(chunk), self._read(place)[0], self._masks(place))
        frames = augment_frames(frames, change)
        item = {
            # Contiguous, so that the batch's layout, and with it the last bit of a loss, is the same with workers.
            "frames": torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous(),
            "valid": torch.ones(len(frames), dtype=torch.bool),
            "label": torch.tensor(chunk.label),
        }
        if self._joints is not None:
            joints = resized_joints(self._joints[chunk.tracklet], list(chunk.frames), scales)
            joints = augment_joints(joints, change, self._store.height, self._store.width)
            item["joints"], item["visible"] = torch.from_numpy(joints.positions), torch.from_numpy(joints.visible)
        return item

    def _read(self, chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
        tracklet = self._tracklets[chunk.tracklet]
        return self._store.read(tracklet.frames[frame] for frame in chunk.frames)

    def _masks(self, chunk: Chunk) -> np.ndarray:
        """(T, H, W) bool at the size of the store's frames."""
        masks = read_masks(self._tracklets[chunk.tracklet])[list(chunk.frames)]
        return resized_masks(masks, self._store.height, self._store.width)


def resized_masks(masks: np.ndarray, height: int, width: int) -> np.ndarray:
    """Masks (T, h, w) bool at another size: each pixel is what is at its middle."""
    rows = ((np.arange(height) + 0.5) * masks.shape[1] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * masks.shape[2] / width).astype(int)
    return masks[:, rows][:, :, columns]


def resized_joints(joints: Joints, frames: list[int], scales: np.ndarray) -> Joints:
    """The joints of some frames after these were resized by `scales` (T, 2); pixel centres are whole numbers."""
    positions = (joints.positions[frames] + 0.5) * scales[:, None] - 0.5
    return Joints(positions.astype(np.float32), joints.visible[frames])
