"""PK batches: P identities, K different chunks each, cameras in turn; an order that depends on seed and epoch alone."""

from collections import Counter

import numpy as np
import pytest

from alignnet_common.errors import UserError
from reid.data.loading.chunks import Chunk
from reid.data.loading.sampler import PKSampler, batch_notes


def chunks_of(counts):
    """Chunks from {label: {camera: [chunks in each tracklet]}}."""
    chunks, tracklet = [], 0
    for label, cameras in counts.items():
        for camera, tracklets in cameras.items():
            for count in tracklets:
                chunks += [Chunk(tracklet, (0,), label, camera)] * count
                tracklet += 1
    return chunks


EVEN = chunks_of({label: {0: [4], 1: [4]} for label in range(6)})


@pytest.mark.parametrize(("p", "k"), [(2, 2), (3, 4), (6, 8), (4, 3)])
def test_each_batch_has_p_identities_and_k_different_chunks(p, k):
    rng = np.random.default_rng(3)
    uneven = chunks_of({label: {0: rng.integers(1, 9, 2).tolist(), 2: [8]} for label in range(7)})
    for chunks in (EVEN, uneven):
        for batch in PKSampler(chunks, p, k, seed=0).epoch(0):
            labels = [chunks[draw.chunk].label for draw in batch]
            assert Counter(labels) == dict.fromkeys(labels, k)
            assert len(set(labels)) == p
            assert len({draw.chunk for draw in batch}) == p * k


def test_k_chunks_come_from_all_cameras_and_tracklets_first():
    chunks = chunks_of({label: {0: [9, 1], 1: [5]} for label in range(4)})
    sampler = PKSampler(chunks, 2, 4, seed=0)
    for epoch in range(5):
        for batch in sampler.epoch(epoch)[:1]:
            for label in {chunks[draw.chunk].label for draw in batch}:
                mine = [chunks[draw.chunk] for draw in batch if chunks[draw.chunk].label == label]
                assert Counter(chunk.camera for chunk in mine) == {0: 2, 1: 2}
                assert len({chunk.tracklet for chunk in mine if chunk.camera == 0}) == 2


def test_an_identity_with_fewer_than_k_chunks_gives_them_all_over_and_over():
    chunks = chunks_of({0: {0: [1], 1: [1]}, 1: {0: [8]}})
    batch = PKSampler(chunks, 2, 5, seed=0).epoch(0)[0]
    assert sorted(Counter(draw.chunk for draw in batch if draw.chunk < 2).values()) == [2, 3]


def test_length_of_an_epoch():
    assert PKSampler(EVEN, 2, 4, seed=0).batches == len(EVEN) / 8
    assert PKSampler(EVEN, 6, 8, seed=0).batches == 1
    assert PKSampler(chunks_of({0: {0: [1]}, 1: {0: [1]}}), 2, 4, seed=0).batches == 1


def test_identities_come_up_equally_often():
    chunks = chunks_of({label: {0: [1 + 5 * label]} for label in range(7)})
    sampler = PKSampler(chunks, 3, 2, seed=0)
    seen = Counter()
    for batch in sampler.epoch(0):
        seen.update({chunks[draw.chunk].label for draw in batch})
    assert max(seen.values()) - min(seen.values()) <= 1


def test_the_order_depends_on_seed_and_epoch_alone():
    first, second = PKSampler(EVEN, 2, 2, seed=0), PKSampler(EVEN, 2, 2, seed=0)
    first.epoch(0)
    assert first.epoch(1) == second.epoch(1)
    assert first.epoch(0) != first.epoch(1)
    assert first.epoch(0) != PKSampler(EVEN, 2, 2, seed=1).epoch(0)


def test_every_place_of_an_epoch_is_its_own():
    places = [draw.place for epoch in (0, 1) for batch in PKSampler(EVEN, 2, 2, seed=0).epoch(epoch) for draw in batch]
    assert len(set(places)) == len(places)


def test_too_many_identities_asked_for():
    with pytest.raises(UserError, match="a batch of 7 identities, but there are 6"):
        PKSampler(EVEN, 7, 2, seed=0)
    with pytest.raises(UserError, match="1 identities to train on"):
        PKSampler(chunks_of({0: {0: [3]}}), 2, 2, seed=0)


def test_what_batches_lack_is_said():
    assert batch_notes(EVEN, 4) == []
    chunks = chunks_of({0: {0: [9]}, 1: {0: [2], 1: [1]}, 2: {1: [1]}, 3: {0: [4], 1: [4]}})
    assert batch_notes(chunks, 4) == [
        "note: 2 of 4 persons have one tracklet: its own chunks are their positives",
        "note: 2 of 4 persons have fewer than 4 chunks (--chunks-per-id): a batch holds some of theirs more than once",
    ]
