"""Descriptors of tracklets in halves, each camera with its own batch norm statistics."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from reid.adapt.clustering import description
from reid.adapt.clustering.description import Describing, pieces_of, unit
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.model import ModelConfig
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import Tracklet
from reid.models.alignnet import AlignNet


def tracklet(count, camera=0, first=0):
    return Tracklet(pid=0, camera=camera, frames=tuple(Path(f"{camera}-{first + i}.png") for i in range(count)))


def test_a_chunk_never_lies_in_both_halves():
    pieces = pieces_of([tracklet(1), tracklet(5), tracklet(40)], 3, 8)
    assert [(piece.tracklet, piece.half, piece.frames) for piece in pieces[:4]] == [
        (0, 0, (0,)),
        (1, 0, (0, 1, 2)),
        (1, 1, (3, 4)),
        (2, 0, (0, 6, 11)),
    ]
    assert sum(len(piece.frames) for piece in pieces if piece.tracklet == 2) == 8


@pytest.fixture(scope="module")
def describing():
    """A function that describes tracklets of noise, of which camera 1 is darker; the number of frames as given."""
    network = ModelConfig(variant="baseline", appearance="resnet18", appearance_weights="none", unit_length=True)
    model = AlignNet(network, 0).eval()

    def describe(tracklets):
        def decoded(path):
            camera, number = path.stem.split("-")
            noise = np.random.default_rng(int(number)).integers(0, 200, (64, 32, 3))
            return (noise * (0.3 if camera == "1" else 1.0)).astype(np.uint8)

        store = FrameStore((), 64, 32, 0.0, decode=decoded)
        config = FinetuneConfig(**vars(network), height=64, width=32, chunk=1, overlap=0, ranking_weight=0.0)
        found = Describing(tracklets, store, None, config, 2, 16, torch.device("cpu"))
        before = copy.deepcopy(model.state_dict())
        described = found.describe(model)
        after = model.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)
        return described

    return describe


def test_a_camera_with_enough_frames_has_its_own_statistics(describing):
    cameras = [tracklet(4, camera, first) for camera in (0, 1) for first in range(0, 80, 4)]
    found = describing(cameras)
    assert found.whole.shape == (40, 512) and found.divided.all()
    assert np.linalg.norm(found.whole, axis=1) == pytest.approx(1, abs=1e-5)
    # Equal noise, darker by a factor: with the camera's own statistics hardly any difference is left.
    same = (found.whole[:20] * found.whole[20:]).sum(axis=1)
    other = (found.whole[:20] * np.roll(found.whole[20:], 1, axis=0)).sum(axis=1)
    assert (same > other).all()


def test_few_frames_of_a_camera_are_described_by_the_running_statistics(describing):
    lone = [tracklet(1, 0, 3)]
    alone, beside = describing(lone), describing([*lone, tracklet(2, 0, 50)])
    assert alone.whole[0] == pytest.approx(beside.whole[0], abs=1e-5)
    assert alone.divided.tolist() == [False] and (alone.halves[0] == alone.halves[1]).all()


def test_many_tracklets_are_described_by_principal_directions(describing, monkeypatch):
    tracklets = [tracklet(2, 0, first) for first in range(0, 120, 2)]
    full = describing(tracklets)
    monkeypatch.setattr(description, "MANY", 50)
    monkeypatch.setattr(description, "DIRECTIONS", 40)
    few = describing(tracklets)
    assert full.directions is None and few.whole.shape == (60, 40) and few.directions.shape == (40, 512)
    assert few.directions @ few.directions.T == pytest.approx(np.eye(40), abs=1e-4)
    lifted = few.lifted(few.whole)
    assert lifted.shape == full.whole.shape and (full.whole * unit(lifted)).sum(axis=1).min() > 0.95
    assert few.whole @ few.whole.T == pytest.approx(full.whole @ full.whole.T, abs=0.05)
