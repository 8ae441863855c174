"""Frames and joints: decoding, resizing, and one augmentation for a whole chunk."""

import multiprocessing
import os
import time

import imageio.v3 as iio
import numpy as np
import pytest
import torch
from reid_folders import write_rendered

from kit.coco18 import JOINTS
from kit.command import UserError
from reid.data.chunks import training_chunks
from reid.data.dataset import (
    Augmentation,
    AugmentationRange,
    ChunkDataset,
    FrameStore,
    augment_frames,
    augment_joints,
    draw_augmentation,
    resized_joints,
)
from reid.data.sampler import Draw
from reid.data.synthetic import Joints, read_clips
from reid.data.tracklet import read_frame

HEIGHT, WIDTH = 40, 24


def dotted(points, visible=None):
    """Black frames with a bright pixel at each of `points` (T, J, 2), brighter with the joint's number."""
    frames = np.zeros((len(points), HEIGHT, WIDTH, 3), np.uint8)
    for frame, joints in zip(frames, points, strict=True):
        for number, (x, y) in enumerate(joints):
            frame[int(y), int(x)] = 100 + number
    return frames, Joints(np.asarray(points, np.float32), np.ones(np.shape(points)[:2], bool))


def some_points():
    rng = np.random.default_rng(0)
    cells = np.stack([rng.permutation((HEIGHT - 12) * (WIDTH - 12))[: len(JOINTS)] for _ in range(3)])
    return np.stack([cells % (WIDTH - 12) + 6, cells // (WIDTH - 12) + 6], axis=-1)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("shift", [(0, 0), (3, -5), (-6, 6)])
def test_joints_stay_on_their_pixels(flip, shift):
    frames, joints = dotted(some_points())
    change = Augmentation(flip=flip, shift=shift)
    moved = augment_frames(frames, change)
    after = augment_joints(joints, change, HEIGHT, WIDTH)
    assert after.visible.all()
    mirror = [JOINTS.index(_other_side(name)) if flip else number for number, name in enumerate(JOINTS)]
    for frame, positions in zip(moved, after.positions.astype(int), strict=True):
        for number, (x, y) in enumerate(positions):
            assert frame[y, x, 0] == 100 + mirror[number]


def _other_side(name):
    if name.startswith("left"):
        return name.replace("left", "right")
    return name.replace("right", "left")


def test_joints_that_leave_the_frame_or_are_blanked_are_not_visible():
    points = np.array([[[0, 0], [WIDTH - 1, 5], [10, HEIGHT - 1], [12, 20], *[[5, 5]] * 14]])
    _, joints = dotted(points)
    down_right = augment_joints(joints, Augmentation(shift=(1, 1)), HEIGHT, WIDTH).visible[0]
    assert down_right[:4].tolist() == [True, False, False, True]
    up_left = augment_joints(joints, Augmentation(shift=(-1, -1)), HEIGHT, WIDTH).visible[0]
    assert up_left[:4].tolist() == [False, True, True, True]
    erased = augment_joints(joints, Augmentation(erased=(18, 11, 22, 14)), HEIGHT, WIDTH).visible[0]
    assert erased[:4].tolist() == [True, True, True, False]


def test_every_frame_of_a_chunk_changes_alike():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (1, HEIGHT, WIDTH, 3), dtype=np.uint8)
    for _ in range(20):
        change = draw_augmentation(rng, AugmentationRange(0.5, 6, 0.5, 0.3), HEIGHT, WIDTH)
        changed = augment_frames(np.repeat(frame, 4, axis=0), change)
        assert changed.dtype == np.uint8
        assert changed.shape == (4, HEIGHT, WIDTH, 3)
        assert (changed == changed[:1]).all()


def test_limits_of_the_augmentation():
    rng = np.random.default_rng(0)
    drawn = [draw_augmentation(rng, AugmentationRange(0.5, 3, 0.5, 0.2), HEIGHT, WIDTH) for _ in range(400)]
    assert 0.4 < np.mean([change.flip for change in drawn]) < 0.6
    assert {shift for change in drawn for shift in change.shift} == set(range(-3, 4))
    assert 0.4 < np.mean([change.erased is not None for change in drawn]) < 0.6
    for change in drawn:
        assert all(0.8 <= value <= 1.2 for value in (change.brightness, change.contrast, change.saturation))
        if change.erased:
            top, left, bottom, right = change.erased
            assert 0 <= top < bottom <= HEIGHT
            assert 0 <= left < right <= WIDTH
    nothing = draw_augmentation(rng, AugmentationRange(0, 0, 0, 0), HEIGHT, WIDTH)
    assert nothing == Augmentation()


def test_colour_is_saturation_then_contrast_then_brightness():
    frames = np.array([[[[200, 100, 0], [100, 100, 100]]]], np.uint8)
    change = Augmentation(brightness=1.1, contrast=0.5, saturation=0.8)
    grey = np.array([0.299 * 200 + 0.587 * 100, 100.0])
    saturated = grey[:, None] + 0.8 * (frames[0, 0] - grey[:, None])
    expected = 1.1 * (grey.mean() + 0.5 * (saturated - grey.mean()))
    assert np.abs(augment_frames(frames, change)[0, 0] - expected).max() <= 0.51


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


def test_frames_on_the_disk_are_those_in_memory_and_are_decoded_once(tmp_path, monkeypatch):
    paths, folder = pictures(tmp_path), tmp_path / "cache"
    kept = FrameStore(paths, 64, 48, kept_gib=1.0).read(paths[::-1])
    first = FrameStore(paths, 64, 48, kept_gib=0, folder=folder)
    decoded = []
    monkeypatch.setattr(FrameStore, "_decode", lambda self, path: decoded.append(path) or broken())
    again = FrameStore(paths, 64, 48, kept_gib=0, folder=folder)
    for store in (first, again):
        for found, wanted in zip(store.read(paths[::-1]), kept, strict=True):
            assert (found == wanted).all()
    assert decoded == []
    # Another size, and a picture that was changed, are decoded anew.
    for changed in (lambda: None, lambda: os.utime(paths[1], ns=(0, 0))):
        changed()
        with pytest.raises(UserError, match="no more"):
            FrameStore(paths, 32 if decoded == [] else 64, 48, kept_gib=0, folder=folder)
    assert decoded == [paths[0], paths[0]]
    assert [path.name for path in folder.iterdir() if "partial" in path.name] == []


def broken():
    raise UserError("no more")


def decode_slowly(paths, folder, decoded):
    def slow(self, path):
        decoded.put(path.name)
        time.sleep(0.05)
        return read_frame(path), np.ones(2, np.float32)

    FrameStore._decode = slow
    FrameStore(paths, 32, 16, kept_gib=0, folder=folder)


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
    item = dataset[Draw(1, (0, 0, 0))]
    assert {name: (tuple(value.shape), value.dtype) for name, value in item.items()} == {
        "frames": ((3, 3, 64, 32), torch.uint8),
        "valid": ((3,), torch.bool),
        "label": ((), torch.int64),
        "joints": ((3, 18, 2), torch.float32),
        "visible": ((3, 18), torch.bool),
    }
    again = dataset[Draw(1, (0, 0, 0))]
    assert all((item[name] == again[name]).all() for name in item)
    elsewhere = [dataset[Draw(1, (0, 0, place))]["frames"] for place in range(1, 5)]
    assert any((other != item["frames"]).any() for other in elsewhere)


def test_without_changes_a_chunk_is_its_frames(tmp_path):
    write_rendered(tmp_path, persons=1, frames=4)
    clips = read_clips(tmp_path)[:1]
    chunks = training_chunks(clips, 3, 1, "wrap")
    store = FrameStore(clips[0].frames, 128, 64, 1.0)
    dataset = ChunkDataset(clips, chunks, store, AugmentationRange(0, 0, 0, 0), seed=0)
    item = dataset[Draw(1, (0, 0, 0))]
    expected = [read_frame(clips[0].frames[frame]) for frame in (2, 3, 0)]
    assert (item["frames"].permute(0, 2, 3, 1).numpy() == np.stack(expected)).all()
    assert "joints" not in item
