"""Descriptors of tracklets: the mean over chunks without overlap, in bounded memory."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from reid.configs.groups.model import ModelConfig
from reid.data.datasets.prid import load_prid
from reid.data.loading.chunks import chunk_ranges
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import Tracklet
from reid.evaluation.descriptors import padded, tracklet_descriptors
from reid.evaluation.evaluator import describe_and_rank
from reid.models.alignnet import AlignNet
from reid_folders import write_prid

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model():
    config = ModelConfig(appearance="resnet18", appearance_weights="none", pose_stages=1, pose_width=0.125)
    return AlignNet(config, classes=3).train()


@pytest.fixture(scope="module")
def tracklets(tmp_path_factory):
    data = load_prid(
        write_prid(tmp_path_factory.mktemp("prid"), persons=4, frames=7), 0, "random", seed=0, min_frames=1
    )
    return tuple(Tracklet(t.pid, t.camera, t.frames[: 1 + 2 * n]) for n, t in enumerate(data.tracklets[:4]))


class WatchedStore(FrameStore):
    """A store that records the number of frames of each read."""

    asked: list[int]

    def read(self, paths):
        frames, scales = super().read(paths)
        self.asked.append(len(frames))
        return frames, scales


@pytest.fixture(scope="module")
def store(tracklets):
    store = WatchedStore([path for t in tracklets for path in t.frames], 32, 32, 1.0)
    store.asked = []
    return store


def one_by_one(model, tracklets, store, chunk):
    """The mean over chunks of the descriptors of single chunks."""
    model.eval()
    rows = []
    for tracklet in tracklets:
        described = []
        for frames in chunk_ranges(len(tracklet.frames), chunk):
            pixels = store.read([tracklet.frames[frame] for frame in frames])[0]
            images = torch.from_numpy(pixels).permute(0, 3, 1, 2)[None].float() / 255
            with torch.no_grad():
                described.append(model(images, torch.ones(1, len(frames), dtype=torch.bool)).descriptor[0].numpy())
        rows.append(np.mean(described, axis=0))
    return np.stack(rows)


@pytest.mark.parametrize("batch_frames", [1, 5, 100])
def test_descriptors_are_means_over_chunks_for_any_batch_size(model, tracklets, store, batch_frames):
    found = tracklet_descriptors(model, tracklets, store, 3, CPU, batch_frames)
    assert found.shape == (4, model.descriptor_size)
    assert found.dtype == np.float32
    expected = one_by_one(model, tracklets, store, 3)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_mirrored_frames_are_described_as_well(model, tracklets, store):
    class Mirrored:
        def read(self, paths):
            frames, scales = store.read(paths)
            return frames[:, :, ::-1].copy(), scales

    found = tracklet_descriptors(model, tracklets, store, 3, CPU, flip=True)
    expected = (one_by_one(model, tracklets, store, 3) + one_by_one(model, tracklets, Mirrored(), 3)) / 2
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    turned = tracklet_descriptors(model, tracklets, Mirrored(), 3, CPU, flip=True)
    assert np.abs(found - turned).max() < 1e-4 * np.abs(expected).max()
    assert np.abs(found - tracklet_descriptors(model, tracklets, store, 3, CPU)).max() > 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize("flip", [False, True])
def test_a_network_with_unit_length_has_it_over_chunks_and_mirror_images(model, tracklets, store, flip):
    unit = AlignNet(replace(model.config, unit_length=True), 3)
    unit.load_state_dict(model.state_dict())
    found = tracklet_descriptors(unit, tracklets, store, 2, CPU, flip=flip)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)
    if not flip:
        expected = one_by_one(unit, tracklets, store, 2)
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_long_tracklet_is_read_chunk_by_chunk(model, tracklets, store):
    long = Tracklet(1, 0, tracklets[-1].frames * 6)
    store.asked.clear()
    batches = []
    with_hook = model.register_forward_pre_hook(lambda _, inputs: batches.append(int(inputs[1].sum())))
    tracklet_descriptors(model, [long], store, 3, CPU, batch_frames=6)
    with_hook.remove()
    assert max(store.asked) == 3
    assert max(batches) <= 6
    assert sum(batches) == len(long.frames)


def test_the_mode_of_the_network_is_restored(model, tracklets, store):
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tracklet_descriptors(model, tracklets[:1], store, 3, CPU)
    assert model.training
    assert all((value == before[name]).all() for name, value in model.state_dict().items())


def test_padding():
    chunks = [np.full((length, 4, 2, 3), length, np.uint8) for length in (1, 3)]
    frames, valid = padded(chunks)
    assert frames.shape == (2, 3, 3, 4, 2)
    assert valid.tolist() == [[True, False, False], [True, True, True]]
    assert (frames[0, 0] == 1).all()
    assert (frames[1] == 3).all()


def test_ranks_of_a_data_set(model, tmp_path):
    data = load_prid(write_prid(tmp_path, persons=4, frames=2), 0, "random", seed=0, min_frames=1)
    store = FrameStore([path for t in data.tracklets for path in t.frames], 32, 32, 1.0)
    block = describe_and_rank(model, data, store, 2, CPU)
    described = one_by_one(model, (*data.query, *data.gallery), store, 2)
    distances = np.linalg.norm(described[:2, None] - described[None, 2:], axis=-1)
    hits = sum(data.gallery[row.argmin()].pid == query.pid for query, row in zip(data.query, distances, strict=True))
    assert block["rank1"] == 100 * hits / 2
    assert block["valid_queries"] == block["queries"] == 2
