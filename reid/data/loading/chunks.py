"""Cutting tracklets into chunks (paper, Section 4.2): 15 frames, 5 shared in training, none shared in the test."""

from dataclasses import dataclass
from typing import Literal

from reid.data.tracklets.types import Tracklet, labels_of


@dataclass(frozen=True)
class Chunk:
    """Some frames of one tracklet, to be looked at together."""

    tracklet: int
    """Position of the tracklet in the list that was cut."""

    frames: tuple[int, ...]
    """Positions of the frames in the tracklet."""

    label: int
    """Class number of the identity."""

    camera: int
    """Number of the camera."""


def chunk_ranges(length: int, size: int = 15, overlap: int = 0) -> tuple[range, ...]:
    """Positions of a tracklet's frames, cut into chunks; every frame is in one, the last may be shorter.

    A new chunk starts every `size - overlap` frames while there is a frame that no chunk holds yet.

    >>> chunk_ranges(16, 15, 5)
    (range(0, 15), range(10, 16))
    """
    if length < 1 or size < 1 or not 0 <= overlap < size:
        raise ValueError(f"cannot cut {length} frames into chunks of {size} with {overlap} shared")
    starts = range(0, max(length - overlap, 1), size - overlap)
    return tuple(range(start, min(start + size, length)) for start in starts)


def training_frames(length: int, size: int, overlap: int, tail: Literal["wrap", "drop"]) -> tuple[tuple[int, ...], ...]:
    """Like `chunk_ranges`, but each chunk has exactly `size` frames.

    tail -- "wrap": a shorter last chunk goes on at the tracklet's beginning; "drop": it is left out, unless it is
    the only one (a person with short tracklets alone would vanish).
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
    """The chunks of every tracklet, in order, labelled by `labels_of`."""
    labels = labels_of(tracklets)
    return tuple(
        Chunk(position, frames, labels[tracklet.pid], tracklet.camera)
        for position, tracklet in enumerate(tracklets)
        for frames in training_frames(len(tracklet.frames), size, overlap, tail)
    )
