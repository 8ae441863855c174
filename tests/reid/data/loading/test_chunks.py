"""Chunks: every frame in one, the right overlap, tails kept at test and wrapped or dropped in training."""

import itertools
from pathlib import Path

import pytest

from reid.data.loading.chunks import chunk_ranges, training_chunks, training_frames
from reid.data.tracklets.types import Tracklet


def test_the_paper_s_cuts():
    assert chunk_ranges(40, 15, 5) == (range(15), range(10, 25), range(20, 35), range(30, 40))
    assert chunk_ranges(35, 15, 5) == (range(15), range(10, 25), range(20, 35))
    assert chunk_ranges(40, 15, 0) == (range(15), range(15, 30), range(30, 40))
    assert chunk_ranges(3, 15, 0) == (range(3),)


@pytest.mark.parametrize(("size", "overlap"), [(15, 5), (15, 0), (4, 3), (1, 0), (6, 1)])
def test_every_frame_is_in_a_chunk_and_neighbours_share_the_overlap(size, overlap):
    for length in range(1, 64):
        chunks = chunk_ranges(length, size, overlap)
        assert sorted(set(itertools.chain(*chunks))) == list(range(length))
        assert all(len(chunk) == size for chunk in chunks[:-1])
        assert 1 <= len(chunks[-1]) <= size
        for first, second in itertools.pairwise(chunks):
            assert len(set(first) & set(second)) == overlap
            assert set(second) - set(first)


@pytest.mark.parametrize(("length", "size", "overlap"), [(0, 15, 5), (5, 0, 0), (5, 3, 3), (5, 3, -1)])
def test_cuts_that_cannot_be(length, size, overlap):
    with pytest.raises(ValueError, match="cannot cut"):
        chunk_ranges(length, size, overlap)


def test_tails_in_training():
    assert training_frames(7, 4, 0, "wrap") == ((0, 1, 2, 3), (4, 5, 6, 0))
    assert training_frames(7, 4, 0, "drop") == ((0, 1, 2, 3),)
    assert training_frames(8, 4, 0, "drop") == ((0, 1, 2, 3), (4, 5, 6, 7))
    assert training_frames(3, 4, 0, "drop") == ((0, 1, 2, 0),)
    assert training_frames(1, 3, 1, "wrap") == ((0, 0, 0),)


def test_chunks_are_labelled_by_sorted_pid():
    frames = tuple(Path(f"{n}.png") for n in range(5))
    tracklets = (Tracklet(9, 1, frames), Tracklet(4, 0, frames), Tracklet(9, 0, frames[:2]))
    chunks = training_chunks(tracklets, 3, 1, "wrap")
    assert [(chunk.tracklet, chunk.label, chunk.camera) for chunk in chunks] == [
        *[(0, 1, 1), (0, 1, 1)],
        *[(1, 0, 0), (1, 0, 0)],
        (2, 1, 0),
    ]
    assert all(len(chunk.frames) == 3 for chunk in chunks)
