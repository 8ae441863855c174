"""Other people in a clip: where they may be."""

import dataclasses

import numpy as np
import pytest

from synth.camera import Camera
from synth.company import APART, Spot, Surroundings, bystanders_rand, is_free, passer_rand, paths, surroundings
from synth.config import RenderConfig
from synth.place import Solid, Surface
from synth.plan import make_plan

CAMERA = Camera(distance=8, pitch=10, roll=0, target_height=0.9)
NOTHING = np.zeros((0, 2))


def empty(heading=90.0, seconds=2.0):
    """A place without things."""
    return Surroundings(CAMERA, heading, seconds, NOTHING)


def test_a_path_goes_the_way_of_the_heading():
    path = paths(Spot((1.0, 2.0), 90.0), np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(path[:, 1], np.tile([1.0, 2.0], (len(path), 1)))
    assert (np.diff(path[1:, :, 0], axis=1) > 0).all()
    np.testing.assert_allclose(path[..., 1], 2.0, atol=1e-12)
    assert paths(Spot((0.0, 0.0), 0.0), np.array([1.0]))[-1, 0, 1] < -1


def test_people_keep_apart_and_away_from_things_and_the_camera():
    assert is_free(Spot((0.0, 3.0), 90.0), empty(), [])
    assert not is_free(Spot((0.0, 0.5), 90.0), empty(), [])
    # On the way of one who walks away from the camera.
    assert not is_free(Spot((0.0, 2.0), 90.0), empty(heading=180.0), [])
    assert is_free(Spot((0.0, 2.0), 90.0), empty(heading=180.0, seconds=0.4), [])
    assert not is_free(Spot((0.0, 3.0), 90.0), empty(), [Spot((1.5, 3.0), -90.0)])
    assert not is_free(Spot((0.3, -7.0), 0.0), empty(seconds=0.5), [])
    tree = dataclasses.replace(empty(), obstacles=np.array([[0.8, 3.0]]))
    assert not is_free(Spot((0.0, 3.0), 90.0), tree, [])
    assert is_free(Spot((0.0, 4.5), 90.0), tree, [])


def test_nobody_is_behind_a_wall():
    wall = Solid((0, 3, 1), (30, 0.3, 2), 0, Surface("plain", (0.3,) * 3, (0.3,) * 3, 1.0, 0.8))
    around = surroundings(CAMERA, 90.0, 1.0, [wall])
    assert not is_free(Spot((0.0, 4.5), 90.0), around, [])
    assert is_free(Spot((0.0, 1.6), 90.0), around, [])
    for seed in range(50):
        for spot in bystanders_rand(np.random.default_rng(seed), around):
            assert spot.offset[1] < 2.6


def test_a_third_of_clips_have_company_and_one_to_three_of_it():
    found = [bystanders_rand(np.random.default_rng(seed), empty()) for seed in range(300)]
    assert 0.3 < np.mean([bool(spots) for spots in found]) < 0.5
    assert {len(spots) for spots in found} == {0, 1, 2, 3}
    for spots in found:
        assert all(spot.offset[1] > 0 for spot in spots)


def test_passers_cross_before_the_person_where_there_is_room():
    for seed in range(50):
        spot = passer_rand(np.random.default_rng(seed), empty(), [])
        assert spot is not None
        assert -4 < spot.offset[1] <= -APART
        assert abs(spot.offset[0]) <= 0.4
        assert abs(np.cos(np.radians(spot.heading))) < 0.9
    crowded = dataclasses.replace(empty(), obstacles=np.array([[0.0, -1.5], [0.5, -0.8], [-0.5, -2.0]]))
    assert passer_rand(np.random.default_rng(0), crowded, []) is None


def test_planned_bystanders_are_other_people_who_keep_apart():
    clips = make_plan(RenderConfig(ids=80))
    others = [other for clip in clips for other in clip.bystanders]
    assert 0.2 < np.mean([bool(clip.bystanders) for clip in clips]) < 0.6
    assert {other.identity.person for other in others} == {0}
    assert len({repr(other.identity) for other in others}) == len(others)
    for clip in clips:
        times = np.linspace(-1, 1, 9)
        own = paths(Spot((0.0, 0.0), clip.walk.heading), times)
        for other in clip.bystanders:
            path = paths(Spot(other.offset, other.walk.heading), times)
            assert np.linalg.norm(own[2] - path[2], axis=-1).min() >= APART


def test_baked_bystanders_never_touch_the_person(body_model):
    pytest.importorskip("torch")
    from synth.clip import baked, placed_mesh

    clips = [clip for clip in make_plan(RenderConfig(ids=40, frames=5, fps=2.5)) if clip.bystanders][:6]
    for clip in clips:
        person = baked(body_model, clip.identity, clip.walk, clip.frames, clip.fps)
        for other in clip.bystanders:
            mesh, outfit = placed_mesh(body_model, other, clip.frames, clip.fps)
            assert outfit == other.identity.outfit
            for own, their in zip(person.vertices[:, ::40], mesh.vertices[:, ::40], strict=True):
                gap = np.linalg.norm(own[:, None, :2] - their[None, :, :2], axis=-1)
                level = np.abs(own[:, None, 2] - their[None, :, 2]) < 0.1
                assert gap[level].min() > 0.05
            middle = mesh.vertices[clip.frames // 2, :, :2]
            np.testing.assert_allclose((middle.max(0) + middle.min(0)) / 2, other.offset, atol=0.35)
