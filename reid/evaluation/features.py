"""From tracklets to descriptors (paper, Section 4.2): chunks without overlap, one descriptor each, then their mean."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from reid.data.loading.chunk_dataset import FrameStore
from reid.data.types import ReidData, Tracklet
from reid.evaluation.descriptors import padded, stream_descriptors
from reid.evaluation.retrieval import Block, rank_tracklets
from reid.models.alignnet import AlignNet

__all__ = ["describe_and_rank", "padded", "tracklet_descriptors"]


def describe_and_rank(model: AlignNet, data: ReidData, store: FrameStore, chunk: int, device: torch.device) -> Block:
    """CMC, mAP and mINP of a data set's query and gallery as `model` describes them, by the protocol «step».

    See `reid.evaluation.retrieval.ranking_block`.
    """
    tracklets = tuple(dict.fromkeys((*data.query, *data.gallery)))
    described = tracklet_descriptors(model, tracklets, store, chunk, device)
    row = {tracklet: position for position, tracklet in enumerate(tracklets)}
    query, gallery = ([row[tracklet] for tracklet in side] for side in (data.query, data.gallery))
    return rank_tracklets(data.query, data.gallery, described[query], described[gallery])


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
