"""Clearance of walks, and positions of bystanders."""

import dataclasses

import numpy as np
import pytest

from synth.animation.walk import Walk
from synth.cameras.camera import Camera
from synth.planning.bystanders import (
    MIN_GAP,
    Surroundings,
    bystanders_rand,
    crossing_bystander_rand,
    is_free,
    surroundings,
)
from synth.planning.clearance import (
    MAX_SECONDS,
    MIN_SECONDS,
    Spot,
    longest_unobstructed_walk,
    may_be_hidden,
    obstacles_of,
    paths,
)
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.scenes.elements import Solid, Surface

CAMERA = Camera(distance=8, pitch=10, roll=0, target_height=0.9)
NOTHING = obstacles_of([])


def empty(heading=90.0, seconds=2.0):
    """Surroundings without obstacles."""
    return Surroundings(CAMERA, heading, 0.0, seconds, np.zeros((0, 2)))


def test_a_path_follows_its_heading():
    path = paths(Spot((1.0, 2.0), 90.0), np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(path[:, 1], np.tile([1.0, 2.0], (len(path), 1)))
    assert (np.diff(path[1:, :, 0], axis=1) > 0).all()
    np.testing.assert_allclose(path[..., 1], 2.0, atol=1e-12)
    assert paths(Spot((0.0, 0.0), 0.0), np.array([1.0]))[-1, 0, 1] < -1


def test_turning_walks_an_arc_of_the_same_length():
    times = np.linspace(-2, 2, 401)
    for turn in (0.0, 40.0, -65.0):
        path = paths(Spot((1.0, 2.0), 30.0), times, turn)[1]
        np.testing.assert_allclose(path[200], [1.0, 2.0], atol=1e-12)
        steps = np.diff(path, axis=0)
        np.testing.assert_allclose(np.linalg.norm(steps, axis=1), 0.7 * 0.01, rtol=1e-3)
        courses = np.degrees(np.unwrap(np.arctan2(steps[:, 0], -steps[:, 1])))
        np.testing.assert_allclose(courses, 30 + turn * (times[1:] + times[:-1]) / 2, atol=0.1)


def pillar(x, y, z=1.0):
    """Obstacle points of a pillar 2 m high whose centre is at (x, y, z)."""
    return obstacles_of([Solid((x, y, z), (0.4, 0.4, 2), 0, Surface("plain", (0.3,) * 3, (0.3,) * 3, 1.0, 0.8))])


ACROSS, TOWARDS = Walk(90.0, 0.0, 0.0), Walk(0.0, 0.0, 0.0)


def seconds_of(walk, obstacles, *occluders, camera=CAMERA, **longest):
    """Seconds of the longest unobstructed walk in front of `camera`."""
    return longest_unobstructed_walk(camera, walk, obstacles, *occluders, **longest)


def test_obstacles_are_looked_for_as_long_as_requested():
    assert seconds_of(ACROSS, NOTHING, longest=10.0) == 10.0
    assert seconds_of(ACROSS, pillar(7.0, 0)) == MAX_SECONDS
    assert MAX_SECONDS < seconds_of(ACROSS, pillar(7.0, 0), longest=10.0) < 10.0


def test_an_obstacle_hides_only_what_is_behind_it():
    path = np.array([[-2.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
    assert may_be_hidden(CAMERA, path, pillar(0.0, -3.9)).tolist() == [False, True, False]
    assert may_be_hidden(CAMERA, path, pillar(0.0, 3.0)).tolist() == [False, False, False]


def test_a_walk_ends_at_an_obstacle():
    assert seconds_of(ACROSS, NOTHING) == MAX_SECONDS
    # At 1.7 m/s and 0.6 m from the pillar, 2.9 m are 1.7 s, before mid-clip and after it.
    assert seconds_of(ACROSS, pillar(3.7, 0)) == pytest.approx(3.4, abs=0.25)
    assert seconds_of(ACROSS, pillar(1.0, 0)) == MIN_SECONDS
    assert seconds_of(ACROSS, pillar(3.7, 1.6)) == MAX_SECONDS


def test_a_walk_ends_where_an_obstacle_hides_the_person():
    assert MIN_SECONDS < seconds_of(ACROSS, pillar(1.8, -3.9)) < MAX_SECONDS
    assert seconds_of(ACROSS, NOTHING, pillar(1.8, -3.9)) == MAX_SECONDS
    # A pillar overhead hides nobody unless it is in the line of sight.
    assert seconds_of(ACROSS, pillar(1.8, -3.9, 4.2)) == MAX_SECONDS
    assert seconds_of(ACROSS, pillar(3.7, 0, 3.8)) == MAX_SECONDS
    steep = dataclasses.replace(CAMERA, pitch=35)
    assert MIN_SECONDS < seconds_of(ACROSS, pillar(1.8, -3.3, 4.2), camera=steep) < MAX_SECONDS
    # The camera sees the person over a low one.
    assert seconds_of(ACROSS, pillar(1.8, -3.3, 0.2), camera=steep) == MAX_SECONDS


def test_a_walk_ends_near_the_camera():
    # 8 m away and 10 degrees up: the person may come as near as 4.7 m on the ground, 3.2 m from mid-clip.
    assert seconds_of(TOWARDS, NOTHING) == pytest.approx(3.6, abs=0.25)
    assert seconds_of(Walk(0.0, 0.0, 0.0, "standing", pace=0.0), NOTHING) == MAX_SECONDS
    assert seconds_of(Walk(0.0, 65.0, 0.0), NOTHING) > seconds_of(TOWARDS, NOTHING)


def test_bystanders_keep_away_from_people_obstacles_and_the_camera():
    assert is_free(Spot((0.0, 3.0), 90.0), empty(), [])
    assert not is_free(Spot((0.0, 0.5), 90.0), empty(), [])
    # On the path of a person who walks away from the camera.
    assert not is_free(Spot((0.0, 2.0), 90.0), empty(heading=180.0), [])
    assert is_free(Spot((0.0, 2.0), 90.0), empty(heading=180.0, seconds=0.4), [])
    assert not is_free(Spot((0.0, 3.0), 90.0), empty(), [Spot((1.5, 3.0), -90.0)])
    assert not is_free(Spot((0.3, -7.0), 0.0), empty(seconds=0.5), [])
    tree = dataclasses.replace(empty(), obstacles=np.array([[0.8, 3.0]]))
    assert not is_free(Spot((0.0, 3.0), 90.0), tree, [])
    assert is_free(Spot((0.0, 4.5), 90.0), tree, [])


def test_no_bystander_is_behind_a_wall():
    wall = Solid((0, 3, 1), (30, 0.3, 2), 0, Surface("plain", (0.3,) * 3, (0.3,) * 3, 1.0, 0.8))
    around = surroundings(CAMERA, Walk(90.0, 0.0, 0.0), 1.0, obstacles_of([wall]))
    assert not is_free(Spot((0.0, 4.5), 90.0), around, [])
    assert is_free(Spot((0.0, 1.6), 90.0), around, [])
    for seed in range(50):
        for spot in bystanders_rand(np.random.default_rng(seed), around):
            assert spot.offset[1] < 2.6


def test_a_third_of_clips_have_one_to_three_bystanders():
    found = [bystanders_rand(np.random.default_rng(seed), empty()) for seed in range(300)]
    assert 0.3 < np.mean([bool(spots) for spots in found]) < 0.5
    assert {len(spots) for spots in found} == {0, 1, 2, 3}
    for spots in found:
        assert all(spot.offset[1] > 0 for spot in spots)


def test_occluding_bystanders_cross_in_front_of_the_person_if_there_is_room():
    for seed in range(50):
        spot = crossing_bystander_rand(np.random.default_rng(seed), empty(), [])
        assert spot is not None
        assert -4 < spot.offset[1] <= -MIN_GAP
        assert abs(spot.offset[0]) <= 0.4
        assert abs(np.cos(np.radians(spot.heading))) < 0.9
    crowded = dataclasses.replace(empty(), obstacles=np.array([[0.0, -1.5], [0.5, -0.8], [-0.5, -2.0]]))
    assert crossing_bystander_rand(np.random.default_rng(0), crowded, []) is None


def test_planned_bystanders_are_other_identities_and_keep_their_distance():
    seen = [sighting for clip in make_plan(RenderConfig(ids=80)) for sighting in clip.sightings]
    others = [other for sighting in seen for other in sighting.bystanders]
    assert 0.2 < np.mean([bool(sighting.bystanders) for sighting in seen]) < 0.6
    assert {other.identity.person for other in others} == {0}
    assert len({repr(other.identity) for other in others}) == len(others)
    for sighting in seen:
        times = np.linspace(-0.5, 0.5, 9) * sighting.frames / sighting.fps
        own = paths(Spot((0.0, 0.0), sighting.walk.heading), times, sighting.walk.turn)
        for other in sighting.bystanders:
            path = paths(Spot(other.offset, other.walk.heading), times)
            assert np.linalg.norm(own[2] - path[2], axis=-1).min() >= MIN_GAP


def test_only_the_first_of_several_sightings_has_bystanders_or_occluders():
    clips = make_plan(RenderConfig(ids=30, frames=4, occlusion=0.5))
    first, later = [
        [sighting for clip in clips for sighting in clip.sightings[some]] for some in (slice(1), slice(1, 4))
    ]
    assert len(later) == 3 * len(first)
    for seen in (first, later):
        share = np.mean([bool(sighting.bystanders or sighting.place.occluders) for sighting in seen])
        assert (share > 0.4) if seen is first else (share == 0)


def test_baked_bystanders_never_touch_the_person(body_model):
    pytest.importorskip("torch")
    from synth.rendering.clip_renderer import bake_walk, dressed_bystander

    clips = make_plan(RenderConfig(ids=40, frames=5, sightings=1))
    for clip in [clip for clip in clips if clip.sightings[0].bystanders][:6]:
        (seen,) = clip.sightings
        person = bake_walk(body_model, clip.identity, seen.walk, seen.frames, seen.fps)
        for other in seen.bystanders:
            dressed = dressed_bystander(body_model, other, seen.frames, seen.fps)
            assert dressed.outfit == other.identity.outfit
            mesh = dressed.mesh
            for own, their in zip(person.vertices[:, ::40], mesh.vertices[:, ::40], strict=True):
                gap = np.linalg.norm(own[:, None, :2] - their[None, :, :2], axis=-1)
                level = np.abs(own[:, None, 2] - their[None, :, 2]) < 0.1
                assert gap[level].min() > 0.05
            middle = mesh.vertices[seen.frames // 2, :, :2]
            # The mesh includes a trolley behind the bystander or a bag at one side.
            np.testing.assert_allclose((middle.max(0) + middle.min(0)) / 2, other.offset, atol=0.6)
