"""One change for a whole chunk: frames, joints and pose maps move together, whatever else is in the batch."""

import numpy as np
import pytest
import torch

from alignnet_common.coco18 import JOINTS
from reid.data.loading.batch import Batch
from reid.data.transforms.augmentation import (
    Augmentation,
    AugmentationRange,
    augmented_frames,
    augmented_maps,
    draw_augmentation,
)
from reid.functional.pose_targets import pose_targets

HEIGHT, WIDTH = 40, 24


def batch_of(*chunks, change):
    """Chunks of (frames (T, H, W, 3), points (T, 18, 2)), all seen, each with its change."""
    frames, points = zip(*chunks, strict=True)
    points = torch.as_tensor(np.stack(points), dtype=torch.float32)
    return {
        "frames": torch.as_tensor(np.stack(frames)).permute(0, 1, 4, 2, 3).contiguous(),
        "joints": points,
        "visible": torch.ones(points.shape[:3], dtype=torch.bool),
        "change": torch.stack([one.packed() for one in change]),
    }


def augmented(tensors, pose_scale=1.0):
    """The tensors of a batch after its augmentation, by name."""
    chunks, length = tensors["frames"].shape[:2]
    batch = Batch(valid=torch.ones(chunks, length, dtype=torch.bool), label=torch.zeros(chunks), **tensors)
    return batch.augmented(pose_scale).tensors()


def dotted(seed=0):
    """Three black frames with a bright pixel at each of 18 points (T, 18, 2), brighter with the joint's number."""
    rng = np.random.default_rng(seed)
    cells = np.stack([rng.permutation((HEIGHT - 12) * (WIDTH - 12))[: len(JOINTS)] for _ in range(3)])
    points = np.stack([cells % (WIDTH - 12) + 6, cells // (WIDTH - 12) + 6], axis=-1)
    frames = np.zeros((3, HEIGHT, WIDTH, 3), np.uint8)
    for frame, joints in zip(frames, points, strict=True):
        for number, (x, y) in enumerate(joints):
            frame[y, x] = 100 + number
    return frames, points


def _other_side(name):
    if name.startswith("left"):
        return name.replace("left", "right")
    return name.replace("right", "left")


def test_joints_stay_on_their_pixels():
    """Six chunks, changed in six ways, in one batch."""
    changes = [Augmentation(flip, shift) for flip in (False, True) for shift in ((0, 0), (3, -5), (-6, 6))]
    found = augmented(batch_of(*(dotted(seed) for seed in range(6)), change=changes))
    assert "change" not in found
    assert found["visible"].all()
    for change, moved, after in zip(changes, found["frames"], found["joints"], strict=True):
        for number, name in enumerate(JOINTS):
            painted = JOINTS.index(_other_side(name)) if change.flip else number
            for frame, (x, y) in zip(moved, after[:, number].int().tolist(), strict=True):
                assert frame[0, y, x] == 100 + painted


def test_joints_that_leave_the_frame_or_are_blanked_are_not_visible():
    points = np.array([[[0, 0], [WIDTH - 1, 5], [10, HEIGHT - 1], [12, 20], *[[5, 5]] * 14]])
    chunk = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8), points
    changes = Augmentation(shift=(1, 1)), Augmentation(shift=(-1, -1)), Augmentation(erased=(18, 11, 22, 14))
    batch = batch_of(chunk, chunk, chunk, change=changes) | {"seen": torch.full((3, 1), 0.9)}
    changed = augmented(batch)
    assert changed["seen"][:, 0].tolist() == pytest.approx([0.9 * 16 / 18, 0.9 * 17 / 18, 0.9 * 17 / 18])
    found = changed["visible"][:, 0, :4]
    assert found.tolist() == [[True, False, False, True], [False, True, True, True], [True, True, True, False]]


def test_as_much_less_of_the_body_is_seen_as_fewer_joints_are():
    """Where no joint was visible from the start, the frame's own ratio stays."""
    batch = batch_of(dotted(), change=[Augmentation()])
    batch["visible"][0, 1] = False
    batch["visible"][0, 2, 9:] = False
    batch["seen"] = torch.tensor([[1.0, 0.3, 0.5]])
    assert augmented(dict(batch))["seen"].tolist() == [pytest.approx([1.0, 0.3, 0.5])]
    blanked = batch | {"change": Augmentation(erased=(0, 0, HEIGHT, WIDTH)).packed()[None]}
    assert augmented(blanked)["seen"].tolist() == [pytest.approx([0.0, 0.3, 0.0])]


def test_every_frame_of_a_chunk_changes_alike_whatever_else_is_in_the_batch():
    rng = np.random.default_rng(0)
    frames = torch.as_tensor(rng.integers(0, 256, (20, 1, 3, HEIGHT, WIDTH), dtype=np.uint8)).expand(-1, 4, -1, -1, -1)
    limits = AugmentationRange(0.5, 6, 0.5, 0.3)
    change = torch.stack([draw_augmentation(rng, limits, HEIGHT, WIDTH).packed() for _ in range(20)])
    changed = augmented_frames(frames, change)
    assert changed.dtype == torch.uint8
    assert changed.shape == frames.shape
    assert (changed == changed[:, :1]).all()
    assert all((augmented_frames(frames[n : n + 1], change[n : n + 1])[0] == changed[n]).all() for n in range(20))
    assert all((changed[n] != frames[n]).any() for n in range(20))


def test_what_is_repeated_and_what_is_blanked():
    frames = torch.arange(HEIGHT * WIDTH, dtype=torch.int64).reshape(1, 1, 1, HEIGHT, WIDTH) % 251
    frames = frames.to(torch.uint8).expand(1, 2, 3, -1, -1)
    moved = augmented_frames(frames, Augmentation(shift=(2, -3)).packed()[None])
    assert (moved[..., 2:, :-3] == frames[..., :-2, 3:]).all()
    assert (moved[..., :2, :] == moved[..., 2:3, :]).all()
    assert (moved[..., -3:] == moved[..., -4:-3]).all()
    blanked = augmented_frames(frames, Augmentation(erased=(4, 5, 10, 9)).packed()[None])
    inside = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    inside[4:10, 5:9] = True
    assert (blanked[..., inside] == 128).all()
    assert (blanked[..., ~inside] == frames[..., ~inside]).all()


def test_limits_of_the_augmentation():
    rng = np.random.default_rng(0)
    drawn = [draw_augmentation(rng, AugmentationRange(0.5, 3, 0.5, 0.2), HEIGHT, WIDTH) for _ in range(400)]
    assert 0.4 < np.mean([change.flip for change in drawn]) < 0.6
    assert {shift for change in drawn for shift in change.shift} == set(range(-3, 4))
    assert 0.4 < np.mean([any(change.erased) for change in drawn]) < 0.6
    for change in drawn:
        assert all(0.8 <= value <= 1.2 for value in (change.brightness, change.contrast, change.saturation))
        if any(change.erased):
            top, left, bottom, right = change.erased
            assert 0 <= top < bottom <= HEIGHT
            assert 0 <= left < right <= WIDTH
    nothing = draw_augmentation(rng, AugmentationRange(0, 0, 0, 0), HEIGHT, WIDTH)
    assert nothing == Augmentation()


def test_colour_is_saturation_then_contrast_then_brightness():
    pixels = np.array([[200, 100, 0], [100, 100, 100]])
    frames = torch.tensor(pixels.T.reshape(1, 1, 3, 1, 2), dtype=torch.uint8)
    change = Augmentation(brightness=1.1, contrast=0.5, saturation=0.8)
    grey = np.array([0.299 * 200 + 0.587 * 100, 100.0])
    saturated = grey[:, None] + 0.8 * (pixels - grey[:, None])
    expected = 1.1 * (grey.mean() + 0.5 * (saturated - grey.mean()))
    found = augmented_frames(frames, change.packed()[None])[0, 0, :, 0].T.numpy()
    assert np.abs(found - expected).max() <= 0.51


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("shift", "scale"), [((0, 0), 1), ((8, -16), 1), ((4, 3), 1), ((4, -8), 2)])
def test_pose_maps_move_with_the_joints(flip, shift, scale):
    """The maps of a changed frame are those that its joints give; between cells, as near as a line is to a curve."""
    height, width = 128, 64
    generator = torch.Generator().manual_seed(0)
    joints = torch.rand(1, 5, 18, 2, generator=generator) * torch.tensor([20.0, 60.0]) + torch.tensor([22.0, 34.0])
    visible = torch.rand(1, 5, 18, generator=generator) > 0.2

    def maps_of(joints, visible):
        known = torch.ones(5, 18, dtype=torch.bool)
        found = pose_targets(joints[0], known, height, width, visible=visible[0], sigma=12.0, scale=scale)
        return found.maps[None]

    batch = {"frames": torch.zeros(1, 5, 3, height, width, dtype=torch.uint8), "joints": joints, "visible": visible}
    change = Augmentation(flip, shift).packed()[None]
    found = augmented(batch | {"maps": maps_of(joints, visible), "change": change}, scale)
    wanted = maps_of(found["joints"], found["visible"])
    # A line between cells 8 pixels apart misses a Gaussian of 12 pixels by up to 8² / 12² / 8 = 0.056, along each axis.
    # What comes in from outside is not known; fields end abruptly, and are compared where whole cells are moved.
    channels = slice(0, 57) if shift != (4, 3) else slice(0, 18)
    error = (found["maps"] - wanted)[:, :, channels, 1:, 1:-2].abs()
    assert float(error.max()) < (1e-4 if shift != (4, 3) else 0.112)
    assert float((augmented_maps(maps_of(joints, visible), change, scale) - found["maps"]).abs().max()) == 0
