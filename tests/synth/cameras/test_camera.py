"""The pinhole camera, and the crops of a tracker."""

import dataclasses

import numpy as np
import pytest

from synth.cameras.camera import HEIGHT, WIDTH, Camera, camera_rand, extrinsics, project, to_camera
from synth.cameras.tracker import Tracker, follow, tracker_rand

LEVEL = Camera(distance=6, pitch=0, roll=0, target_height=0.9)
STEADY = Tracker(margin=1.1, aspect=0.5, shift=(0, 0), drift=(0, 0), jitter=0)
PITCHED = dataclasses.replace(LEVEL, pitch=30)
CAMERAS = [
    LEVEL,
    PITCHED,
    dataclasses.replace(PITCHED, roll=5),
    *(camera_rand(np.random.default_rng(s)) for s in (0, 1)),
]


def walker(frames, rng, speed=0.05):
    """(T, N, 3) random points in a box of the size of a person that moves to the right and sways."""
    points = rng.uniform([-0.3, -0.2, 0], [0.3, 0.2, 1.8], (1, 40, 3)) + np.zeros((frames, 1, 1))
    points[:, :, 0] += speed * np.arange(frames)[:, None]
    points[:, :, 2] += 0.03 * np.sin(np.arange(frames))[:, None]
    return points


@pytest.mark.parametrize("camera", CAMERAS)
def test_extrinsics_are_a_rotation_and_look_at_the_target(camera):
    rotation, translation = extrinsics(camera)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    target = to_camera(np.array([0, 0, camera.target_height]), rotation, translation)
    np.testing.assert_allclose(target, [0, 0, camera.distance], atol=1e-9)


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_position_follows_from_pitch_and_distance(camera):
    rotation, translation = extrinsics(camera)
    position = -rotation.T @ translation
    pitch = np.radians(camera.pitch)
    expected = [0, -camera.distance * np.cos(pitch), camera.target_height + camera.distance * np.sin(pitch)]
    np.testing.assert_allclose(position, expected, atol=1e-9)


def test_image_axes_point_right_and_down_and_depth_increases_with_distance():
    rotation, translation = extrinsics(PITCHED)
    origin = to_camera(np.zeros(3), rotation, translation)
    assert to_camera(np.array([1.0, 0, 0]), rotation, translation)[0] > origin[0] + 0.99
    assert to_camera(np.array([0, 0, 1.0]), rotation, translation)[1] < origin[1] - 0.8
    assert to_camera(np.array([0, 1.0, 0]), rotation, translation)[2] > origin[2] + 0.8


def test_roll_rotates_the_image_about_the_optical_axis():
    upright, tilted = (extrinsics(dataclasses.replace(PITCHED, roll=roll)) for roll in (0, 10))
    np.testing.assert_allclose(upright[0][2], tilted[0][2], atol=1e-12)
    assert np.degrees(np.arccos(upright[0][0] @ tilted[0][0])) == pytest.approx(10)
    np.testing.assert_allclose(upright[0].T @ upright[1], tilted[0].T @ tilted[1], atol=1e-9)


def test_project_is_the_pinhole_formula():
    rng = np.random.default_rng(0)
    points = rng.uniform([-1, -1, 2], [1, 1, 9], (3, 7, 3))
    intrinsics = np.array(
        [[[f, 0, cx], [0, f, cy], [0, 0, 1]] for f, cx, cy in ((300, 32, 64), (400, 10, 90), (9, 1, 2))]
    )
    found = project(points, intrinsics)
    for t in range(3):
        for n in range(7):
            x, y, z = points[t, n]
            f, cx, cy = intrinsics[t][0][0], intrinsics[t][0][2], intrinsics[t][1][2]
            np.testing.assert_allclose(found[t, n], [f * x / z + cx, f * y / z + cy])
    np.testing.assert_allclose(project(points[0], intrinsics[0]), found[0])


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("speed", [0.0, 0.05])
def test_a_crop_without_errors_contains_the_whole_person(camera, speed):
    rng = np.random.default_rng(1)
    points = to_camera(walker(30, rng, speed), *extrinsics(camera))
    seen = project(points, follow(points, STEADY, 25, rng))
    assert seen.min() > 0
    assert (seen.max((0, 1)) < [WIDTH, HEIGHT]).all()


def test_a_standing_person_fills_the_crop_except_for_the_margin():
    rng = np.random.default_rng(2)
    points = to_camera(np.repeat(walker(1, rng), 5, axis=0), *extrinsics(PITCHED))
    seen = project(points, follow(points, STEADY, 25, rng))
    middle = (seen.min(1) + seen.max(1)) / 2
    np.testing.assert_allclose(middle, np.broadcast_to([WIDTH / 2, HEIGHT / 2], (5, 2)), atol=1e-6)
    np.testing.assert_allclose(np.ptp(seen[..., 1], axis=1), HEIGHT / 1.1)


def test_a_person_wider_than_half_their_height_fits_the_crop():
    rng = np.random.default_rng(3)
    points = walker(10, rng, 0)
    points[..., 0] *= 4
    points = to_camera(points, *extrinsics(LEVEL))
    seen = project(points, follow(points, STEADY, 25, rng))
    assert seen[..., 0].min() > 0
    assert seen[..., 0].max() < WIDTH


def test_the_box_has_the_aspect_of_the_tracker_unless_the_person_is_wider():
    rng = np.random.default_rng(4)
    points = to_camera(walker(6, rng), *extrinsics(PITCHED))
    for aspect, stretch in ((0.5, 1.0), (0.4, 1.25)):
        intrinsics = follow(points, dataclasses.replace(STEADY, aspect=aspect), 25, rng)
        np.testing.assert_allclose(intrinsics[:, 0, 0], stretch * intrinsics[:, 1, 1])
    points[..., 0] *= 2
    narrow = follow(points, dataclasses.replace(STEADY, aspect=0.2), 25, rng)
    seen = project(points, narrow)
    assert seen[..., 0].min() > -0.5
    assert seen[..., 0].max() < WIDTH + 0.5
    assert np.ptp(seen[..., 0]) > 0.9 * WIDTH


def test_intrinsics_have_no_skew():
    rng = np.random.default_rng(4)
    points = to_camera(walker(6, rng), *extrinsics(PITCHED))
    intrinsics = follow(points, tracker_rand(rng), 25, rng)
    np.testing.assert_array_equal(intrinsics[:, [0, 1, 2, 2], [1, 0, 0, 1]], 0)
    np.testing.assert_array_equal(intrinsics[:, 2, 2], 1)


def test_shift_moves_the_person_by_a_share_of_the_crop():
    points = to_camera(walker(8, np.random.default_rng(5)), *extrinsics(LEVEL))
    still, shifted = (
        project(points, follow(points, dataclasses.replace(STEADY, shift=shift), 25, np.random.default_rng(0)))
        for shift in ((0, 0), (0.05, -0.02))
    )
    np.testing.assert_allclose(still - shifted, np.broadcast_to([0.05 * HEIGHT, -0.02 * HEIGHT], still.shape))


def test_drift_is_the_change_of_the_offset_from_the_first_frame_to_the_last():
    points = to_camera(np.repeat(walker(1, np.random.default_rng(8)), 9, axis=0), *extrinsics(LEVEL))
    still, slipping = (
        project(points, follow(points, dataclasses.replace(STEADY, drift=drift), 25, np.random.default_rng(0)))
        for drift in ((0, 0), (0.06, 0.02))
    )
    moved = (still - slipping)[:, 0] / HEIGHT
    np.testing.assert_allclose(moved[-1] - moved[0], [0.06, 0.02], atol=1e-9)
    np.testing.assert_allclose(moved[4], 0, atol=1e-9)


def test_jitter_has_its_standard_deviation_and_follows_the_generator():
    points = to_camera(np.repeat(walker(1, np.random.default_rng(6)), 400, axis=0), *extrinsics(LEVEL))
    jittery = dataclasses.replace(STEADY, jitter=0.01)
    first, same, other = (follow(points, jittery, 25, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.1
    np.testing.assert_allclose(first[:, :2, 2].std(0), 0.01 * HEIGHT, rtol=0.15)


def test_the_box_is_smoothed_over_time():
    points = to_camera(np.repeat(walker(1, np.random.default_rng(7)), 40, axis=0), *extrinsics(LEVEL))
    points[20, :, 0] += 0.1  # one frame out of line
    centre = project(points, follow(points, STEADY, 25, np.random.default_rng(0))).mean(1)[:, 0]
    quiet = np.delete(centre, 20) - centre[0]
    moved = centre[20] - centre[0]
    assert moved > 5 * np.abs(quiet).max() > 0


def test_drawn_cameras_have_the_geometry_of_surveillance_cameras():
    cameras = [camera_rand(np.random.default_rng(seed)) for seed in range(500)]
    distance = np.array([camera.distance for camera in cameras])
    pitch = np.array([camera.pitch for camera in cameras])
    height = 0.9 + distance * np.sin(np.radians(pitch))
    assert 3.0 <= distance.min() < 3.6
    assert 14 < distance.max() <= 15
    assert 0 <= pitch.min() < 3
    assert 30 < pitch.max() <= 35.001
    assert 1.3 <= height.min() < 1.5
    assert 4.5 < height.max() < 5.001
    assert 0.1 < np.mean(height < 2.1) < 0.3


def test_some_boxes_are_loose_and_some_cut_the_feet_off():
    trackers = [tracker_rand(np.random.default_rng(seed)) for seed in range(500)]
    margins, downs = (np.array(each) for each in zip(*((t.margin, t.shift[1]) for t in trackers), strict=True))
    assert 0.05 < np.mean(margins > 1.15) < 0.15
    assert 0.04 < np.mean(downs < -0.05) < 0.14
    assert 0.01 < np.mean(downs > 0.035) < 0.07
    aspects = [t.aspect for t in trackers]
    assert 0.32 < min(aspects) < 0.36 < 0.45 < max(aspects) < 0.5
