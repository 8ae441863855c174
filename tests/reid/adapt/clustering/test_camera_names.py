"""Names of cameras: right ones explain how the pictures look, random ones do not."""

import numpy as np
import pytest

from alignnet_common.files import asset
from reid.adapt.clustering.camera_names import between, look_of, names_of_cameras
from reid.data.tracklets.frames import read_frame

CAMERAS = ("cam_a", "cam_b")


def drawn(cameras, each, apart, seed=0):
    """Looks of tracklets of cameras that differ by `apart` deviations."""
    rng = np.random.default_rng(seed)
    camera_of = np.repeat(np.arange(cameras), each)
    return rng.normal(size=(cameras * each, 12)) + apart * rng.normal(size=(cameras, 12))[camera_of], camera_of


def test_cameras_that_look_different_are_no_note():
    looks, camera_of = drawn(cameras=4, each=25, apart=0.7)
    found = names_of_cameras(looks, camera_of, np.random.default_rng(1))
    assert found.note is None and found.deviations > 20 and found.share > 5 * found.at_random


@pytest.mark.parametrize("seed", range(5))
def test_names_at_random_are_a_note(seed):
    looks, camera_of = drawn(cameras=4, each=25, apart=0.7)
    shuffled = np.random.default_rng(seed).permutation(camera_of)
    found = names_of_cameras(looks, shuffled, np.random.default_rng(1))
    assert abs(found.deviations) < 5 and "check that they are right" in found.note
    # Of C cameras and N tracklets, (C - 1) / (N - 1) of the variance lies between means by chance.
    assert found.at_random == pytest.approx(3 / 99, rel=0.1)


def test_all_of_the_variance_lies_between_cameras_of_one_look_each():
    camera_of = np.array([0, 0, 1, 1])
    assert between(np.array([[1.0], [1.0], [-1.0], [-1.0]]), camera_of) == 1
    assert between(np.array([[1.0], [-1.0], [1.0], [-1.0]]), camera_of) == 0


def test_tracklets_that_all_look_the_same_are_a_note():
    found = names_of_cameras(np.ones((60, 12)), np.arange(60) % 2, np.random.default_rng(0))
    assert found.deviations == 0 and found.note is not None


def test_the_look_is_of_the_picture_and_of_its_margins():
    frame = np.zeros((8, 16, 3), np.uint8)
    frame[:, :2, 0] = frame[:, -2:, 0] = 200
    look = look_of(frame)
    assert look[0] == 50 and look[6] == 200 and look[9] == 0
    assert not look[1:3].any()


def test_the_fixed_cameras_of_a_rendered_set_are_told_from_random_names():
    """The sample: each person has a scene and a camera of their own, so that names say little; brightness apart."""
    files = [
        (number, path)
        for number, name in enumerate(CAMERAS)
        for path in asset("sample/multi_shot").glob(f"{name}/*/0001.png")
    ]
    dark = {0: 1.0, 1: 0.6}
    looks = np.stack([look_of((read_frame(path) * dark[camera]).astype(np.uint8)) for camera, path in files])
    camera_of = np.array([camera for camera, _ in files])
    assert names_of_cameras(looks, camera_of, np.random.default_rng(0)).note is None
    shuffled = np.random.default_rng(2).permutation(camera_of)
    assert names_of_cameras(looks, shuffled, np.random.default_rng(0)).note is not None
