"""Frames and joints of chunks: decoded, resized, kept."""

import errno
import fcntl
import multiprocessing
import os
import pickle
import time
from multiprocessing.reduction import ForkingPickler

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from alignnet_common.errors import UserError
from reid.data.datasets.annotations import Joints
from reid.data.datasets.synthetic import read_clips
from reid.data.loading.chunk_dataset import ChunkDataset, resized_joints
from reid.data.loading.chunks import training_chunks
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.pose_map_store import MapStore
from reid.data.loading.sampler import Draw
from reid.data.tracklets.frames import read_frame
from reid.data.transforms.augmentation import AugmentationRange
from reid_folders import write_rendered


def test_the_store_keeps_frames_or_reads_them_again_with_the_same_result(tmp_path, capsys):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{n}.png" for n in (3, 1, 2)]
    for path in paths:
        iio.imwrite(path, rng.integers(0, 256, (32, 16, 3), dtype=np.uint8))
    kept, again = FrameStore(paths, 64, 48, kept_gib=1.0), FrameStore(paths, 64, 48, kept_gib=1e-9)
    assert "do not fit --cache-gib" in capsys.readouterr().out
    for store in (kept, again):
        frames, scales = store.read(paths[::-1])
        assert frames.shape == (3, 64, 48, 3)
        assert scales.tolist() == [[3.0, 2.0]] * 3
    assert (kept.read(paths)[0] == again.read(paths)[0]).all()
    same_size = FrameStore(paths, 32, 16, 1.0).read(paths[:1])[0][0]
    assert (same_size == read_frame(paths[0])).all()


def pictures(folder, count=3):
    rng = np.random.default_rng(0)
    paths = [folder / f"{n}.png" for n in range(count)]
    for path in paths:
        iio.imwrite(path, rng.integers(0, 256, (32, 16, 3), dtype=np.uint8))
    return paths


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_spawned_worker_shares_the_frames(tmp_path, on_disk):
    paths = pictures(tmp_path, count=9)
    store = FrameStore(paths, 64, 48, kept_gib=1.0, folder=tmp_path / "cache" if on_disk else None)
    content = bytes(ForkingPickler.dumps(store))  # as a loader hands it on; PyTorch has told it of tensors
    assert len(content) < 0.2 * 9 * 64 * 48 * 3
    for found, wanted in zip(pickle.loads(content).read(paths), store.read(paths), strict=True):
        assert (found == wanted).all()


def test_frames_cached_on_disk_equal_those_in_memory_and_are_decoded_once(tmp_path):
    paths, folder = pictures(tmp_path), tmp_path / "cache"
    kept = FrameStore(paths, 64, 48, kept_gib=1.0).read(paths[::-1])
    first = FrameStore(paths, 64, 48, kept_gib=0, folder=folder)
    decoded = []

    def decode(path):
        decoded.append(path)
        raise UserError("decoded again")

    again = FrameStore(paths, 64, 48, kept_gib=0, folder=folder, decode=decode)
    for store in (first, again):
        for found, wanted in zip(store.read(paths[::-1]), kept, strict=True):
            assert (found == wanted).all()
    assert decoded == []
    # Another size, and a picture that was changed, are decoded anew.
    for changed in (lambda: None, lambda: os.utime(paths[1], ns=(0, 0))):
        changed()
        with pytest.raises(UserError, match="decoded again"):
            FrameStore(paths, 32 if decoded == [] else 64, 48, kept_gib=0, folder=folder, decode=decode)
    assert decoded == [paths[0], paths[0]]
    assert [path.name for path in folder.iterdir() if "partial" in path.name] == []


def test_a_full_disk_is_reported_before_any_frame_is_decoded(tmp_path, monkeypatch):
    """Filled through a map, it would end the process."""
    paths, folder, decoded = pictures(tmp_path), tmp_path / "cache", []

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left") as failure:
        FrameStore(paths, 64, 48, kept_gib=0, folder=folder, decode=decoded.append)
    assert failure.value.errno == errno.ENOSPC
    assert decoded == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("missing", ["locks", "room"])
def test_the_cache_works_without_file_locks_and_without_fallocate(tmp_path, monkeypatch, missing):
    def unknown(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(*((fcntl, "flock") if missing == "locks" else (os, "posix_fallocate")), unknown)
    paths = pictures(tmp_path)
    found = FrameStore(paths, 32, 16, kept_gib=0, folder=tmp_path / "cache").read(paths)[0]
    assert (found[0] == read_frame(paths[0])).all()


def decode_slowly(paths, folder, decoded):
    def slow(path):
        decoded.put(path.name)
        time.sleep(0.05)
        return read_frame(path)

    FrameStore(paths, 32, 16, kept_gib=0, folder=folder, decode=slow)


def test_processes_that_start_at_once_decode_once(tmp_path):
    paths, context = pictures(tmp_path, 8), multiprocessing.get_context("spawn")
    decoded = context.Queue()
    started = [context.Process(target=decode_slowly, args=(paths, tmp_path / "cache", decoded)) for _ in range(2)]
    for process in started:
        process.start()
    assert sorted(decoded.get(timeout=60) for _ in paths) == [path.name for path in paths]
    for process in started:
        process.join(60)
        assert process.exitcode == 0
    assert decoded.empty()


def test_grey_and_transparent_images_become_rgb(tmp_path):
    iio.imwrite(tmp_path / "grey.png", np.full((8, 4), 7, np.uint8))
    iio.imwrite(tmp_path / "alpha.png", np.full((8, 4, 4), 9, np.uint8))
    assert read_frame(tmp_path / "grey.png").shape == read_frame(tmp_path / "alpha.png").shape == (8, 4, 3)


def test_unreadable_images(tmp_path):
    whole = tmp_path / "whole.png"
    iio.imwrite(whole, np.random.default_rng(0).integers(0, 256, (32, 16, 3), dtype=np.uint8))
    for name, content in {"cut.png": whole.read_bytes()[:-200], "text.png": b"hello", "empty.jpg": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name}: unreadable image"):
            read_frame(tmp_path / name)
        with pytest.raises(UserError, match=f"{name}: unreadable image"):
            FrameStore([whole, tmp_path / name], 32, 16, 1.0)
    with pytest.raises(UserError, match="unreadable image"):
        read_frame(tmp_path / "absent.png")


def test_resized_joints_keep_pixel_centres():
    joints = Joints(np.array([[[0.0, 0.0], [3.0, 7.0]]], np.float32), np.ones((1, 2), bool))
    twice = resized_joints(joints, [0], np.array([[2.0, 2.0]], np.float32))
    # The centre of pixel 3 of 4 is 3.5 / 4 of the width; of 8 pixels that is 7.0, between pixels 6 and 7.
    assert twice.positions.tolist() == [[[0.5, 0.5], [6.5, 14.5]]]


def test_items_and_their_places(tmp_path):
    write_rendered(tmp_path, persons=2, frames=5)
    clips = read_clips(tmp_path)
    chunks = training_chunks(clips, 3, 1, "wrap")
    store = FrameStore([path for clip in clips for path in clip.frames], 64, 32, 1.0)
    dataset = ChunkDataset(clips, chunks, store, AugmentationRange(0.5, 4, 0.5, 0.2), seed=0, with_joints=True)
    item = dataset[Draw(1, (0, 0, 0))].tensors()
    assert {name: (tuple(value.shape), value.dtype) for name, value in item.items()} == {
        "frames": ((3, 3, 64, 32), torch.uint8),
        "valid": ((3,), torch.bool),
        "label": ((), torch.int64),
        "joints": ((3, 18, 2), torch.float32),
        "visible": ((3, 18), torch.bool),
        "seen": ((3,), torch.float32),
        "change": ((10,), torch.float32),
    }
    again = dataset[Draw(1, (0, 0, 0))].tensors()
    assert all((item[name] == again[name]).all() for name in item)
    elsewhere = [dataset[Draw(1, (0, 0, place))].tensors()["change"] for place in range(1, 5)]
    assert any((other != item["change"]).any() for other in elsewhere)
    paths = [path for clip in clips for path in clip.frames]
    dataset.maps = MapStore(paths, np.arange(len(paths), dtype=np.float16).repeat(57 * 32).reshape(-1, 57, 8, 4))
    first = paths.index(clips[chunks[1].tracklet].frames[0])
    found = dataset[Draw(1, (0, 0, 0))].tensors()["maps"]
    assert found.shape == (3, 57, 8, 4)
    assert found[:, 0, 0, 0].tolist() == [first + frame for frame in chunks[1].frames]


def test_without_changes_a_chunk_is_its_frames(tmp_path):
    write_rendered(tmp_path, persons=1, frames=4)
    clips = read_clips(tmp_path)[:1]
    chunks = training_chunks(clips, 3, 1, "wrap")
    store = FrameStore(clips[0].frames, 128, 64, 1.0)
    dataset = ChunkDataset(clips, chunks, store, AugmentationRange(0, 0, 0, 0), seed=0)
    item = dataset[Draw(1, (0, 0, 0))].tensors()
    expected = [read_frame(clips[0].frames[frame]) for frame in (2, 3, 0)]
    assert (item["frames"].permute(0, 2, 3, 1).numpy() == np.stack(expected)).all()
    assert "joints" not in item


def test_a_covered_frame_hides_joints_behind_somebody_else(tmp_path):
    write_rendered(tmp_path, persons=2, frames=4)
    clips = read_clips(tmp_path)
    chunks = training_chunks(clips, 4, 0, "wrap")
    store = FrameStore([path for clip in clips for path in clip.frames], 128, 64, 1.0)
    whole, covered = (
        ChunkDataset(clips, chunks, store, AugmentationRange(0, 0, 0, 0, cover=chance), seed=0, with_joints=True)
        for chance in (0.0, 1.0)
    )
    assert "covered" not in whole[Draw(1, (0, 0, 0))].tensors()
    strangers = [path for clip in clips if clip.pid != clips[chunks[1].tracklet].pid for path in clip.frames]
    others = torch.from_numpy(store.read(strangers)[0]).permute(0, 3, 1, 2)
    for place in range(4):
        plain, item = (dataset[Draw(1, (0, 0, place))].tensors() for dataset in (whole, covered))
        assert item["covered"].all()
        for frame in range(4):
            same = (item["frames"][frame] == plain["frames"][frame]).all(dim=0).all(dim=0)  # (64,)
            count = int((~same).sum())
            assert 0.1 < count / 64 < 0.9
            first = (64 - count) // 2
            strip = item["frames"][frame][:, :, ~same]  # the middle of somebody else
            assert (others[..., first : first + count] == strip).flatten(1).all(dim=1).any()
            x = item["joints"][frame, :, 0].round().long()
            assert (item["visible"][frame] == same[x]).all()
            assert item["seen"][frame] == pytest.approx(item["visible"][frame].float().mean().item())
        assert (item["joints"] == plain["joints"]).all()
