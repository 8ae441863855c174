"""Other people in a clip: where they may be."""

import dataclasses

import numpy as np
import pytest

from synth.animation.walk import Walk
from synth.cameras.camera import Camera
from synth.planning.bystanders import APART, Surroundings, bystanders_rand, is_free, passer_rand, surroundings
from synth.planning.clearance import STAY, Spot, may_be_hidden, outlines, paths, stay
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.scenes.elements import Solid, Surface

CAMERA = Camera(distance=8, pitch=10, roll=0, target_height=0.9)
NOTHING = outlines([])


def empty(heading=90.0, seconds=2.0):
    """A place without things."""
    return Surroundings(CAMERA, heading, 0.0, seconds, np.zeros((0, 2)))


def test_a_path_goes_the_way_of_the_heading():
    path = paths(Spot((1.0, 2.0), 90.0), np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(path[:, 1], np.tile([1.0, 2.0], (len(path), 1)))
    assert (np.diff(path[1:, :, 0], axis=1) > 0).all()
    np.testing.assert_allclose(path[..., 1], 2.0, atol=1e-12)
    assert paths(Spot((0.0, 0.0), 0.0), np.array([1.0]))[-1, 0, 1] < -1


def test_who_turns_walks_an_arc_of_the_same_length():
    times = np.linspace(-2, 2, 401)
    for turn in (0.0, 40.0, -65.0):
        path = paths(Spot((1.0, 2.0), 30.0), times, turn)[1]
        np.testing.assert_allclose(path[200], [1.0, 2.0], atol=1e-12)
        steps = np.diff(path, axis=0)
        np.testing.assert_allclose(np.linalg.norm(steps, axis=1), 0.7 * 0.01, rtol=1e-3)
        courses = np.degrees(np.unwrap(np.arctan2(steps[:, 0], -steps[:, 1])))
        np.testing.assert_allclose(courses, 30 + turn * (times[1:] + times[:-1]) / 2, atol=0.1)


def block(x, y, z=1.0):
    """A pillar two metres high, or as high above the ground as `z` says."""
    return outlines([Solid((x, y, z), (0.4, 0.4, 2), 0, Surface("plain", (0.3,) * 3, (0.3,) * 3, 1.0, 0.8))])


def test_who_is_asked_to_stay_for_longer_is_looked_after_for_longer():
    across = Walk(90.0, 0.0, 0.0)
    assert stay(CAMERA, across, NOTHING, longest=10.0) == 10.0
    assert stay(CAMERA, across, block(7.0, 0)) == STAY[1]
    assert STAY[1] < stay(CAMERA, across, block(7.0, 0), longest=10.0) < 10.0


def test_a_thing_hides_those_behind_it_alone():
    path = np.array([[-2.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
    assert may_be_hidden(CAMERA, path, block(0.0, -3.9)).tolist() == [False, True, False]
    assert may_be_hidden(CAMERA, path, block(0.0, 3.0)).tolist() == [False, False, False]


def test_people_stay_until_they_meet_a_thing_are_hidden_or_come_near_the_camera():
    across = Walk(90.0, 0.0, 0.0)
    assert stay(CAMERA, across, NOTHING) == STAY[1]
    # 1.7 m a second at the fastest, 0.6 m off the thing: 2.9 m are 1.7 s after mid-clip, and as long before it.
    assert stay(CAMERA, across, block(3.7, 0)) == pytest.approx(3.4, abs=0.25)
    assert stay(CAMERA, across, block(1.0, 0)) == STAY[0]
    assert stay(CAMERA, across, block(3.7, 1.6)) == STAY[1]
    # Seen from the camera, it stands before where they will be.
    hidden = stay(CAMERA, across, block(1.8, -3.9))
    assert STAY[0] < hidden < STAY[1]
    assert stay(CAMERA, across, NOTHING, block(1.8, -3.9)) == STAY[1]
    # What hangs over the way hides nobody, unless the camera looks through it.
    assert stay(CAMERA, across, block(1.8, -3.9, 4.2)) == STAY[1]
    assert stay(CAMERA, across, block(3.7, 0, 3.8)) == STAY[1]
    steep = dataclasses.replace(CAMERA, pitch=35)
    assert STAY[0] < stay(steep, across, block(1.8, -3.3, 4.2)) < STAY[1]
    # Nor does what the camera sees them over.
    assert stay(steep, across, block(1.8, -3.3, 0.2)) == STAY[1]
    # 8 m off and 10 degrees up: they come as near as 4.7 m, 3.2 m from where they were.
    assert stay(CAMERA, Walk(0.0, 0.0, 0.0), NOTHING) == pytest.approx(3.6, abs=0.25)
    assert stay(CAMERA, Walk(0.0, 0.0, 0.0, "standing", pace=0.0), NOTHING) == STAY[1]
    assert stay(CAMERA, Walk(0.0, 65.0, 0.0), NOTHING) > stay(CAMERA, Walk(0.0, 0.0, 0.0), NOTHING)


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
    around = surroundings(CAMERA, Walk(90.0, 0.0, 0.0), 1.0, outlines([wall]))
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
            assert np.linalg.norm(own[2] - path[2], axis=-1).min() >= APART


def test_only_the_first_of_several_sightings_has_company():
    clips = make_plan(RenderConfig(ids=30, frames=4, occlusion=0.5))
    first, later = [
        [sighting for clip in clips for sighting in clip.sightings[some]] for some in (slice(1), slice(1, 4))
    ]
    assert len(later) == 3 * len(first)
    for seen in (first, later):
        company = np.mean([bool(sighting.bystanders or sighting.place.occluders) for sighting in seen])
        assert (company > 0.4) if seen is first else (company == 0)


def test_baked_bystanders_never_touch_the_person(body_model):
    pytest.importorskip("torch")
    from synth.rendering.clip_renderer import baked, placed_mesh

    clips = make_plan(RenderConfig(ids=40, frames=5, sightings=1))
    for clip in [clip for clip in clips if clip.sightings[0].bystanders][:6]:
        (seen,) = clip.sightings
        person = baked(body_model, clip.identity, seen.walk, seen.frames, seen.fps)
        for other in seen.bystanders:
            mesh, outfit = placed_mesh(body_model, other, seen.frames, seen.fps)
            assert outfit == other.identity.outfit
            for own, their in zip(person.vertices[:, ::40], mesh.vertices[:, ::40], strict=True):
                gap = np.linalg.norm(own[:, None, :2] - their[None, :, :2], axis=-1)
                level = np.abs(own[:, None, 2] - their[None, :, 2]) < 0.1
                assert gap[level].min() > 0.05
            middle = mesh.vertices[seen.frames // 2, :, :2]
            # A trolley behind or a bag at one side widens what is measured.
            np.testing.assert_allclose((middle.max(0) + middle.min(0)) / 2, other.offset, atol=0.6)
