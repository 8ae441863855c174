"""From tracklets to descriptors (paper, Section 4.2): chunks without overlap, one descriptor each, then their mean."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from reid.data.chunks import chunk_ranges
from reid.data.dataset import FrameStore
from reid.data.tracklet import ReidData, Tracklet
from reid.models.alignnet import AlignNet
from reid.results import Block, rank_tracklets


def describe_and_rank(model: AlignNet, data: ReidData, store: FrameStore, chunk: int, device: torch.device) -> Block:
    """CMC and mAP of a data set's query and gallery as `model` describes them; see `reid.results.ranking_block`."""
    tracklets = tuple(dict.fromkeys((*data.query, *data.gallery)))
    described = tracklet_descriptors(model, tracklets, store, chunk, device)
    row = {tracklet: position for position, tracklet in enumerate(tracklets)}
    query, gallery = ([row[tracklet] for tracklet in side] for side in (data.query, data.gallery))
    return rank_tracklets(data.query, data.gallery, described[query], described[gallery])


@torch.inference_mode()
def tracklet_descriptors(
    model: AlignNet,
    tracklets: Sequence[Tracklet],
    store: FrameStore,
    chunk: int,
    device: torch.device,
    batch_frames: int = 120,
) -> npt.NDArray[np.float32]:
    """Descriptors (N, D) of N tracklets of any lengths.

    Each tracklet is cut into chunks of `chunk` frames without overlap, the last as short as it comes; its descriptor
    is the plain mean of theirs. At most `batch_frames` frames (and at least one chunk) are in memory at a time, however
    long a tracklet is. The network is in eval mode meanwhile, and then as it was.
    """
    was_training = model.training
    model.eval()
    sums = torch.zeros(len(tracklets), model.descriptor_size)
    counts = torch.zeros(len(tracklets), 1)
    with tqdm(total=len(tracklets), desc="describing", unit="tracklet", disable=None, leave=False) as bar:
        for owners, chunks in _batches(tracklets, store, chunk, batch_frames):
            frames, valid = padded(chunks)
            described = model(frames.to(device).float() / 255, valid.to(device)).descriptor.float().cpu()
            where = torch.tensor(owners)
            sums.index_add_(0, where, described)
            counts.index_add_(0, where, torch.ones(len(owners), 1))
            bar.update(owners[-1] + 1 - bar.n)
    model.train(was_training)
    return (sums / counts).numpy()


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
