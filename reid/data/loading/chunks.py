"""Chunks of tracklets (paper, Section 4.2): 15 frames, with an overlap of 5 in training and of 0 in testing."""

from dataclasses import dataclass
from typing import Literal

from reid.data.tracklets.types import Tracklet, labels_of


@dataclass(frozen=True)
class Chunk:
    """Frames of one tracklet that are one input of the network."""

    tracklet: int
    """Position of the tracklet in the list of tracklets."""

    frames: tuple[int, ...]
    """Positions of the frames in the tracklet."""

    label: int
    """Class number of the identity."""

    camera: int
    """Number of the camera."""


def chunk_ranges(length: int, size: int = 15, overlap: int = 0) -> tuple[range, ...]:
    """Chunks of a tracklet of `length` frames, as ranges of positions; each frame is in a chunk.

    A chunk of `size` frames starts every `size - overlap` frames; the last chunk may be shorter. Raises ValueError on a
    length or size below 1, or an overlap outside 0..size - 1.

    >>> chunk_ranges(16, 15, 5)
    (range(0, 15), range(10, 16))
    """
    if length < 1 or size < 1 or not 0 <= overlap < size:
        raise ValueError(f"cannot cut {length} frames into chunks of {size} with {overlap} shared")
    starts = range(0, max(length - overlap, 1), size - overlap)
    return tuple(range(start, min(start + size, length)) for start in starts)


def training_frames(length: int, size: int, overlap: int, tail: Literal["wrap", "drop"]) -> tuple[tuple[int, ...], ...]:
    """Like `chunk_ranges`, but each chunk has exactly `size` frames.

    tail -- "wrap": a shorter last chunk is filled with the tracklet's first frames; "drop": it is left out, unless it
    is the tracklet's only chunk, which is always wrapped.
    """
    chunks = [
        tuple((chunk.start + step) % length for step in range(size))
        for chunk in chunk_ranges(length, size, overlap)
        if tail == "wrap" or len(chunk) == size
    ]
    return tuple(chunks) or (tuple(step % length for step in range(size)),)


def training_chunks(
    tracklets: tuple[Tracklet, ...], size: int, overlap: int, tail: Literal["wrap", "drop"]
) -> tuple[Chunk, ...]:
    """The training chunks of each tracklet, in order, with class numbers from `labels_of`."""
    labels = labels_of(tracklets)
    return tuple(
        Chunk(position, frames, labels[tracklet.pid], tracklet.camera)
        for position, tracklet in enumerate(tracklets)
        for frames in training_frames(len(tracklet.frames), size, overlap, tail)
    )
