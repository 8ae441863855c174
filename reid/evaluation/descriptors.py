"""Descriptors of tracklets (paper, Section 4.2), one tracklet after another; memory does not grow with length."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from alignnet_common.arrays import Bytes, Singles
from reid.data.loading.chunks import chunk_ranges
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import Tracklet
from reid.models.alignnet import AlignNet
from reid.runtime.memory import enough_memory

CHUNKS_ON_A_GPU = 8
"""Full chunks in a batch on a GPU. On a CPU a batch is one chunk: as fast, in an eighth of the memory."""


def stream_descriptors(
    model: nn.Module,
    tracklets: Sequence[Tracklet],
    store: FrameStore,
    chunk: int,
    device: torch.device,
    batch_frames: int | None = None,
    flip: bool = False,
    *,
    of_camera: Mapping[int, nn.Module] | None = None,
    quiet: bool = False,
) -> Iterator[Singles]:
    """The descriptor (D,) of each tracklet in order.

    A tracklet is cut into chunks of `chunk` frames without overlap; the last chunk may be shorter. The descriptor of
    the tracklet is the mean of the descriptors of its chunks, and, with `flip`, of their mirror images as well; a
    network with `unit_length` has it scaled to length 1. A batch has at most `batch_frames` frames (default: one
    chunk on a CPU, eight on a GPU), but at least one chunk. `of_camera` has networks in eval mode, on the device, for
    the tracklets of some cameras in place of `model`; a batch has then tracklets of one camera. `quiet`: no progress
    bar. The network is put into eval mode, and back at the end. Raises UserError where a frame cannot be read or memory
    is too small.
    """
    limit = batch_frames or chunk * (CHUNKS_ON_A_GPU if device.type == "cuda" else 1)
    was_training = model.training
    model.eval()
    unit_length: bool = (
        model.config.unit_length if isinstance(model, AlignNet) else getattr(model, "unit_length", False)
    )
    owner, total, count = 0, torch.zeros(()), 0
    try:
        silent = True if quiet else None
        with tqdm(total=len(tracklets), desc="descriptors", unit="tracklet", disable=silent, leave=False) as bar:
            for owners, chunks in _batches(tracklets, store, chunk, limit, bool(of_camera)):
                network = (of_camera or {}).get(tracklets[owners[0]].camera, model)
                frames, valid = padded(chunks)
                with torch.inference_mode(), enough_memory(sizes_of(chunks), "lower --chunk", device):
                    descriptors = _described(network, frames.to(device), valid.to(device), flip).cpu()
                for position, row in zip(owners, descriptors, strict=True):
                    if position != owner:
                        yield _mean(total, count, unit_length)
                        bar.update()
                        owner, total, count = position, torch.zeros(()), 0
                    total, count = total + row, count + 1
            if count:
                yield _mean(total, count, unit_length)
    finally:
        model.train(was_training)


def descriptor_of_images(model: nn.Module, images: Tensor) -> Tensor:
    """Descriptors (B, D) of images (B, 3, H, W) in 0..1: B chunks of one frame."""
    valid = torch.ones(len(images), 1, dtype=torch.bool, device=images.device)
    descriptors: Tensor = model(images[:, None], valid).descriptor
    return descriptors


def _described(model: nn.Module, frames: Tensor, valid: Tensor, flip: bool) -> Tensor:
    """Descriptors (B, D) float32 of chunks of frames (B, T, 3, H, W) uint8; with `flip` their means with those of the
    mirror images."""
    images = frames.float() / 255
    descriptors: Tensor = model(images, valid).descriptor.float()
    return (descriptors + model(images.flip(-1), valid).descriptor.float()) / 2 if flip else descriptors


def _mean(total: Tensor, count: int, unit_length: bool) -> Singles:
    mean = total / count
    found: Singles = (F.normalize(mean, dim=0) if unit_length else mean).numpy()
    return found


def sizes_of(chunks: Sequence[Bytes]) -> str:
    """Size of a batch of chunks (T_i, H, W, 3) as text."""
    height, width = chunks[0].shape[1:3]
    return f"{sum(map(len, chunks))} frames of {height} × {width} at a time"


def padded(chunks: Sequence[Bytes]) -> tuple[Tensor, Tensor]:
    """Pad chunks (T_i, H, W, 3) to one length: `frames` (B, T, 3, H, W) uint8 and the mask `valid` (B, T) bool."""
    longest = max(len(chunk) for chunk in chunks)
    frames = torch.zeros(len(chunks), longest, *chunks[0].shape[1:], dtype=torch.uint8)
    valid = torch.zeros(len(chunks), longest, dtype=torch.bool)
    for row, chunk in enumerate(chunks):
        frames[row, : len(chunk)] = torch.from_numpy(chunk)
        valid[row, : len(chunk)] = True
    return frames.permute(0, 1, 4, 2, 3), valid


def _batches(
    tracklets: Sequence[Tracklet], store: FrameStore, chunk: int, batch_frames: int, one_camera: bool
) -> Iterator[tuple[list[int], list[Bytes]]]:
    """Batches of chunks with at most `batch_frames` frames, with `one_camera` of one camera, and the position of each
    chunk's tracklet."""
    owners: list[int] = []
    chunks: list[Bytes] = []
    for owner, tracklet in enumerate(tracklets):
        for frames in chunk_ranges(len(tracklet.frames), chunk):
            full = sum(map(len, chunks)) + len(frames) > batch_frames
            other = one_camera and bool(owners) and tracklets[owners[-1]].camera != tracklet.camera
            if chunks and (full or other):
                yield owners, chunks
                owners, chunks = [], []
            owners.append(owner)
            chunks.append(store.read(tracklet.frames[frame] for frame in frames)[0])
    if chunks:
        yield owners, chunks


def tracklet_descriptors(
    model: AlignNet,
    tracklets: Sequence[Tracklet],
    store: FrameStore,
    chunk: int,
    device: torch.device,
    batch_frames: int | None = None,
    flip: bool = False,
) -> Singles:
    """Descriptors (N, D) of N tracklets in memory; arguments and errors as in `stream_descriptors`."""
    found = np.empty((len(tracklets), model.descriptor_size), np.float32)
    for row, descriptor in enumerate(stream_descriptors(model, tracklets, store, chunk, device, batch_frames, flip)):
        found[row] = descriptor
    return found
