"""Descriptors on disk, in memory that does not grow with the length or number of tracklets."""

import errno
import os
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from alignnet_common.errors import UserError
from reid.data.datasets.prid import load_prid
from reid.data.tracklets.types import Tracklet
from reid.evaluation import descriptor_cache
from reid.evaluation.descriptor_cache import features_fingerprint, load_or_compute, read_rows, write_rows
from reid.evaluation.descriptors import stream_descriptors
from reid_folders import write_prid

CPU = torch.device("cpu")
SIZE = 64


class FakeNetwork(torch.nn.Module):
    """A network whose descriptor is the mean color of the frames; it records the largest batch."""

    def __init__(self):
        super().__init__()
        self.most_frames = 0

    def forward(self, frames, valid):
        self.most_frames = max(self.most_frames, frames.shape[0] * frames.shape[1])
        mean = (frames.mean(dim=(2, 3, 4)) * valid).sum(1) / valid.sum(1)
        return SimpleNamespace(descriptor=mean[:, None].repeat(1, SIZE))


class FakeStore:
    """A store whose frames have the value of their name; it records the largest read."""

    def __init__(self):
        self.most_frames = 0

    def read(self, paths):
        numbers = [int(path.name) for path in paths]
        self.most_frames = max(self.most_frames, len(numbers))
        return np.array(numbers, np.uint8)[:, None, None, None] * np.ones((1, 16, 8, 3), np.uint8), None


def tracklet(length):
    return Tracklet(1, 0, tuple(Path(str(number % 200)) for number in range(length)))


def peak_of(tracklets, folder):
    """Peak memory in bytes while descriptors of `tracklets` are written, and the largest batch and read in frames."""
    network, store = FakeNetwork(), FakeStore()
    tracemalloc.start()
    write_rows(folder / f"{len(tracklets)}.npy", stream_descriptors(network, tracklets, store, 15, CPU), len(tracklets))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, network.most_frames, store.most_frames


def test_a_long_tracklet_needs_no_more_than_a_short_one(tmp_path):
    peak_of([tracklet(15)], tmp_path)  # whatever is made once
    short, long = peak_of([tracklet(15)], tmp_path), peak_of([tracklet(920)], tmp_path)
    assert short[1:] == long[1:] == (15, 15)
    assert long[0] < short[0] + 150_000  # all 920 frames are 350 kB


def test_twenty_thousand_tracklets_need_no_more_than_two_hundred(tmp_path):
    many = [tracklet(1)] * 20_000
    few, all_of_them = peak_of(many[:200], tmp_path), peak_of(many, tmp_path)
    assert all_of_them[0] < few[0] + 500_000  # all descriptors are 5 MB
    assert (tmp_path / "20000.npy").stat().st_size == 128 + 20_000 * SIZE * 4


def test_descriptors_are_means_over_chunks_of_fifteen(tmp_path):
    some = [tracklet(length) for length in (1, 15, 16, 44)]
    for batch_frames in (None, 1, 1000):
        found = list(stream_descriptors(FakeNetwork(), some, FakeStore(), 15, CPU, batch_frames))
        expected = [np.mean([np.mean(range(n)[at : at + 15]) for at in range(0, n, 15)]) for n in (1, 15, 16, 44)]
        assert np.array([row[0] * 255 for row in found]) == pytest.approx(expected, abs=1e-3)


def test_rows_are_written_one_by_one_and_read_back(tmp_path):
    rows = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    write_rows(tmp_path / "new" / "f.npy", iter(rows), 5)
    assert (np.load(tmp_path / "new" / "f.npy") == rows).all()
    found = read_rows(tmp_path / "new" / "f.npy", 5)
    assert isinstance(found, np.memmap)
    assert read_rows(tmp_path / "new" / "f.npy", 6) is None


def with_fault(fault):
    yield np.zeros(3, np.float32)
    if fault == "nan":
        yield np.array([0, np.nan, 0], np.float32)
    if fault == "error":
        raise UserError("an unreadable frame")


@pytest.mark.parametrize(("fault", "error"), [("nan", UserError), ("error", UserError), ("short", ValueError)])
def test_no_file_is_left_after_an_error(tmp_path, fault, error):
    with pytest.raises(error):
        write_rows(tmp_path / "new" / "f.npy", with_fault(fault), 2)
    assert list(tmp_path.iterdir()) == []


def never():
    raise AssertionError("worked out again")
    yield


def test_a_complete_file_is_read_again(tmp_path):
    rows = np.ones((4, 3), np.float32)
    assert not load_or_compute(tmp_path, "ab" * 32, 4, iter(rows)).reused
    again = load_or_compute(tmp_path, "ab" * 32, 4, never())
    assert again.reused
    assert (again.rows == 1).all()
    again.path.write_bytes(again.path.read_bytes()[:-4])
    assert not load_or_compute(tmp_path, "ab" * 32, 4, iter(rows * 2)).reused
    assert (np.load(again.path) == 2).all()
    with pytest.raises(AssertionError, match="worked out again"):
        load_or_compute(tmp_path, "cd" * 32, 4, never())


def test_the_fingerprint_depends_on_weights_options_and_frames(tmp_path):
    data = load_prid(write_prid(tmp_path, persons=4, frames=2), 0, "random", seed=0, min_frames=1)
    made_of = {"weights": "0" * 64, "images": {"height": 128, "width": 64, "chunk": 15}}
    first = features_fingerprint(tmp_path, data.tracklets, made_of)
    assert first == features_fingerprint(tmp_path, data.tracklets, dict(reversed(made_of.items())))
    others = [
        features_fingerprint(tmp_path, data.tracklets, made_of | {"weights": "1" * 64}),
        features_fingerprint(tmp_path, data.tracklets, made_of | {"images": {"height": 128, "width": 64, "chunk": 8}}),
        features_fingerprint(tmp_path, data.tracklets[::-1], made_of),
        features_fingerprint(tmp_path, data.tracklets[1:], made_of),
    ]
    os.utime(data.tracklets[0].frames[0], (0, 0))
    others.append(features_fingerprint(tmp_path, data.tracklets, made_of))
    assert len({first, *others}) == 6
    data.tracklets[0].frames[0].unlink()
    with pytest.raises(UserError, match="the data changed while it was read"):
        features_fingerprint(tmp_path, data.tracklets, made_of)


def test_a_cache_that_is_there_and_cannot_be_read_is_an_error_that_names_it(tmp_path, monkeypatch):
    def broken(path):
        raise OSError(errno.EIO, "Input/output error")

    write_rows(tmp_path / "f.npy", iter(np.ones((2, 3), np.float32)), 2)
    monkeypatch.setattr(descriptor_cache, "map_npy", broken)
    with pytest.raises(OSError, match="Input/output error") as failure:
        read_rows(tmp_path / "f.npy", 2)
    assert failure.value.filename == str(tmp_path / "f.npy")
