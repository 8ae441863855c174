"""People before another clip's place: by their masks alone, in a chunk, and in a batch of the benchmark."""

import numpy as np
import pytest
import torch

from alignnet_common.errors import UserError
from benchmarks.transfer import images, training
from reid.data.datasets.annotations import read_joints, read_masks
from reid.data.datasets.synthetic import read_clips
from reid.data.loading.chunk_dataset import ChunkDataset, resized_masks
from reid.data.loading.chunks import training_chunks
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.sampler import Draw
from reid.data.transforms.augmentation import AugmentationRange
from reid.data.transforms.background import REACH, replace_background, without_person
from reid_folders import write_rendered

PERSON, WALL = np.array([200, 30, 40]), np.array([20, 90, 160])


def scene(person, wall, rows=slice(20, 100), columns=slice(20, 40), frames=2):
    """A person of one colour as an upright rectangle before a wall of another."""
    masks = np.zeros((frames, 128, 64), bool)
    masks[:, rows, columns] = True
    return np.where(masks[..., None], person, wall).astype(np.uint8), masks


def test_the_person_stays_and_the_wall_is_the_others():
    frames, masks = scene(PERSON, WALL)
    others, other_masks = scene(np.array([0, 255, 0]), np.array([120, 120, 10]), slice(10, 120), slice(10, 50))
    result = replace_background(frames, masks, others, other_masks)
    assert result.shape == frames.shape
    assert result.dtype == np.uint8
    assert (result[:, 21:99, 21:39] == PERSON).all()
    outside = np.ones((128, 64), bool)
    outside[19:101, 19:41] = False
    assert (result[:, outside] == [120, 120, 10]).all()
    edge = result[:, 50, 19]
    assert (edge > [120, 30, 10]).any()
    assert (edge != PERSON).all()


def test_painting_over_goes_on_with_the_colours_round_about():
    ramp = np.broadcast_to(np.arange(64)[None, None, :, None] * 3, (1, 128, 64, 3))
    masks = scene(PERSON, WALL, frames=1)[1]
    filled = without_person(np.where(masks[..., None], 255, ramp).astype(np.uint8), masks)
    known = np.ones((128, 64), bool)
    known[20 - REACH : 100 + REACH, 20 - REACH : 40 + REACH] = False
    assert np.allclose(filled[0, known], ramp[0, known])
    hole = filled[0, 60, 20:40, 0]
    assert (np.diff(hole) >= -1e-3).all()
    assert hole[0] < hole[-1]
    assert (filled.min(), filled.max()) == (0, 63 * 3)


@pytest.mark.parametrize("size", [(128, 64), (45, 33), (33, 64)])
def test_any_size_can_be_painted_over_and_a_picture_full_of_person_is_black(size):
    frames = np.full((1, *size, 3), 77, np.uint8)
    masks = np.zeros((1, *size), bool)
    masks[:, 5:20, 4:30] = True
    assert np.allclose(without_person(frames, masks), 77, atol=1e-3)
    assert (without_person(frames, np.ones_like(masks)) == 0).all()


def test_masks_at_another_size():
    _, masks = scene(PERSON, WALL, frames=1)
    small, large = resized_masks(masks, 64, 32), resized_masks(masks, 256, 128)
    assert (small[0, 10:50, 10:20].all(), small.sum()) == (True, 40 * 10)
    assert (large[0, 40:200, 40:80].all(), large.sum()) == (True, 160 * 40)
    assert (resized_masks(masks, 128, 64) == masks).all()


def rendered_people(root):
    """A set of grey frames, each clip of its own grey, in which everybody is the same rectangle."""
    write_rendered(root, persons=3, frames=4)
    for path in sorted(root.glob("annotations/*/*.npz")):
        masks = scene(PERSON, WALL, frames=4)[1]
        np.savez(path, **(dict(np.load(path)) | {"mask": masks}))
    return read_clips(root)


def test_a_chunk_of_a_rendered_set_gets_another_place_and_keeps_its_person_and_joints(tmp_path):
    clips = rendered_people(tmp_path)
    chunks = training_chunks(clips, 4, 1, "wrap")
    store = FrameStore([path for clip in clips for path in clip.frames], 128, 64, 1.0)

    def items(chance):
        dataset = ChunkDataset(clips, chunks, store, AugmentationRange(0, 0, 0, 0, chance), seed=0, with_joints=True)
        return [dataset[Draw(1, (0, 0, place))] for place in range(40)]

    plain, half = items(0.0), items(0.5)
    mask = torch.from_numpy(read_masks(clips[0])[0])
    inside = mask.clone()
    inside[[20, 99]] = False
    inside[:, [20, 39]] = False
    moved = 0
    for before, after in zip(plain, half, strict=True):
        assert (after.frames[..., inside] == before.frames[..., inside]).all()
        assert (after.joints == before.joints).all()
        moved += bool((after.frames != before.frames).any())
    assert 8 < moved < 32
    assert all((first.frames == second.frames).all() for first, second in zip(half, items(0.5), strict=True))


def test_masks_that_do_not_fit_are_said(tmp_path):
    clips = rendered_people(tmp_path)
    path = clips[0].annotations
    np.savez(path, **(dict(np.load(path)) | {"mask": np.zeros((2, 128, 64), bool)}))
    with pytest.raises(UserError, match="does not fit; the clip has 4 frames"):
        read_masks(clips[0])
    assert read_joints(clips[0]).positions.shape == (4, 18, 2)


def test_a_batch_of_the_benchmark_gets_other_places():
    frames, masks = scene(PERSON, WALL, frames=6)
    frames[3:] = np.where(masks[3:, ..., None], PERSON, [120, 120, 10])
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2)
    source = images.Images(pixels, np.arange(6), np.zeros(6), masks)
    batch = torch.tensor([0, 1] * 20)
    seen = training.with_new_backgrounds(source, batch, 0.7, np.random.default_rng(0))
    assert (source.pixels == torch.from_numpy(frames).permute(0, 3, 1, 2)).all()
    assert (seen[:, :, 60, 30] == torch.tensor(PERSON)[None]).all()
    corner = seen[:, 0, 5, 5]
    assert set(corner.tolist()) == {20, 120}
    assert 6 <= int((corner == 120).sum()) <= 24
    unmoved = training.with_new_backgrounds(source, batch, 0.0, np.random.default_rng(0))
    assert (unmoved == source.pixels[batch]).all()
