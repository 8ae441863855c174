"""Distances of tensors are those of arrays, wherever the tensors are."""

import numpy as np
import pytest
import torch

from reid.metrics import evaluate_protocol, rank_features
from reid.metrics.distances import euclidean_distances
from reid.metrics.torch_distances import tensor_distance_blocks


def features(seed=0, queries=37, gallery=90, size=24):
    rng = np.random.default_rng(seed)
    both = rng.normal(3, 1, (queries + gallery, size)).astype(np.float32)
    both[queries] = both[0]
    return both[:queries], both[queries:]


def agree(device):
    query, gallery = features()
    blocks = list(
        tensor_distance_blocks(torch.tensor(query, device=device), torch.tensor(gallery, device=device), rows=10)
    )
    assert [len(block) for block in blocks] == [10, 10, 10, 7]
    found = np.concatenate(blocks)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, euclidean_distances(query, gallery), rtol=1e-6)
    assert found[0, 0] == 0


def test_tensors_are_as_far_apart_as_arrays():
    agree("cpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_tensors_on_a_gpu_are_as_far_apart_as_arrays():
    agree("cuda")


def test_they_rank_as_features_do():
    query, gallery = features()
    rng = np.random.default_rng(1)
    people = (rng.integers(1, 9, 37), rng.integers(-1, 9, 90), rng.integers(0, 3, 37), rng.integers(0, 3, 90))
    blocks = tensor_distance_blocks(torch.from_numpy(query), torch.from_numpy(gallery))
    ranking, expected = evaluate_protocol(blocks, *people), rank_features(query, gallery, *people)
    np.testing.assert_array_equal(ranking.cmc, expected.cmc)
    assert ranking.mAP == pytest.approx(expected.mAP, abs=1e-12)


@pytest.mark.parametrize(
    ("query", "gallery", "words"),
    [
        (torch.zeros(0, 3), torch.zeros(2, 3), "query features must be"),
        (torch.zeros(2, 3), torch.zeros(3), "gallery features must be"),
        (torch.zeros(2, 3), torch.zeros(2, 4), "differ in size: 3 and 4"),
        (torch.zeros(2, 3), torch.full((2, 3), torch.nan), "gallery features hold NaN"),
    ],
)
def test_what_has_no_distances_is_refused(query, gallery, words):
    with pytest.raises(ValueError, match=words):
        next(tensor_distance_blocks(query, gallery))
