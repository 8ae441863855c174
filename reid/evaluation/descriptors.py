"""From frames to descriptors (paper, Section 4.2), one tracklet after another, in memory that no length changes."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from tqdm import tqdm

from reid.data.loading.chunks import chunk_ranges
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import Tracklet
from reid.models.alignnet import AlignNet
from reid.runtime.memory import enough_memory

CHUNKS_ON_A_GPU = 8
"""Full chunks in a batch on a GPU; on a CPU one chunk a batch is as fast, and needs an eighth of the memory."""


def stream_descriptors(
    model: nn.Module,
    tracklets: Sequence[Tracklet],
    store: FrameStore,
    chunk: int,
    device: torch.device,
    batch_frames: int | None = None,
) -> Iterator[npt.NDArray[np.float32]]:
    """The descriptor (D,) of each tracklet in turn.

    Each tracklet is cut into chunks of `chunk` frames without overlap, the last as short as it comes; its descriptor
    is the plain mean of theirs. At most `batch_frames` frames (default: one chunk on a CPU, eight on a GPU; at least
    one chunk) and one sum are held at a time, however long a tracklet is and however many there are. The network is
    in eval mode meanwhile, and then as it was.
    """
    limit = batch_frames or chunk * (CHUNKS_ON_A_GPU if device.type == "cuda" else 1)
    was_training = model.training
    model.eval()
    owner, total, count = 0, torch.zeros(()), 0
    try:
        with tqdm(total=len(tracklets), desc="describing", unit="tracklet", disable=None, leave=False) as bar:
            for owners, chunks in _batches(tracklets, store, chunk, limit):
                frames, valid = padded(chunks)
                with torch.inference_mode(), enough_memory(sizes_of(chunks), "lower --chunk", device):
                    described = model(frames.to(device).float() / 255, valid.to(device)).descriptor.float().cpu()
                for position, row in zip(owners, described, strict=True):
                    if position != owner:
                        yield (total / count).numpy()
                        bar.update()
                        owner, total, count = position, torch.zeros(()), 0
                    total, count = total + row, count + 1
            if count:
                yield (total / count).numpy()
    finally:
        model.train(was_training)


def sizes_of(chunks: Sequence[npt.NDArray[np.uint8]]) -> str:
    """How many frames (T_i, H, W, 3) are described at a time, in words."""
    height, width = chunks[0].shape[1:3]
    return f"{sum(map(len, chunks))} frames of {height} × {width} at a time"


def padded(chunks: Sequence[npt.NDArray[np.uint8]]) -> tuple[Tensor, Tensor]:
    """Chunks (T_i, H, W, 3) of unequal lengths as `frames` (B, T, 3, H, W) uint8 and `valid` (B, T) bool."""
    longest = max(len(chunk) for chunk in chunks)
    frames = torch.zeros(len(chunks), longest, *chunks[0].shape[1:], dtype=torch.uint8)
    valid = torch.zeros(len(chunks), longest, dtype=torch.bool)
    for row, chunk in enumerate(chunks):
        frames[row, : len(chunk)] = torch.from_numpy(chunk)
        valid[row, : len(chunk)] = True
    return frames.permute(0, 1, 4, 2, 3), valid


def _batches(
    tracklets: Sequence[Tracklet], store: FrameStore, chunk: int, batch_frames: int
) -> Iterator[tuple[list[int], list[npt.NDArray[np.uint8]]]]:
    """Chunks of at most `batch_frames` frames together, and the positions of the tracklets that they are from."""
    owners: list[int] = []
    chunks: list[npt.NDArray[np.uint8]] = []
    for owner, tracklet in enumerate(tracklets):
        for frames in chunk_ranges(len(tracklet.frames), chunk):
            if chunks and sum(map(len, chunks)) + len(frames) > batch_frames:
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
) -> npt.NDArray[np.float32]:
    """Descriptors (N, D) of N tracklets of any lengths, in memory; see
    `reid.evaluation.descriptors.stream_descriptors`."""
    described = np.empty((len(tracklets), model.descriptor_size), np.float32)
    for row, descriptor in enumerate(stream_descriptors(model, tracklets, store, chunk, device, batch_frames)):
        described[row] = descriptor
    return described
