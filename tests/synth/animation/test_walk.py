"""Walks: kinds and their probabilities, timelines, and planted feet in every kind."""

import dataclasses
import json

import numpy as np
import pytest

from alignnet_common.coco18 import JOINTS
from synth.animation.gait import foot_contact, strides_a_second
from synth.animation.walk import WALK_KINDS, Walk, steady, timeline, walk_rand
from synth.body.anatomy import FOOT
from synth.people.gait_style import ArmPose, gait_rand
from synth.people.phenotype import phenotype_rand, stature

FPS = 25.0
STYLE = gait_rand(np.random.default_rng(1))
WALKS = {
    "straight": Walk(heading=30, turn=2, phase=0.1),
    "turning left": Walk(heading=0, turn=45, phase=0.6, kind="turning"),
    "turning sharply": Walk(heading=0, turn=65, phase=0.6, kind="turning"),
    "turning right": Walk(heading=0, turn=-45, phase=0.3, kind="turning"),
    "slowing": Walk(heading=-60, turn=3, phase=0.4, kind="slowing", stop=0.7),
    "standing": Walk(heading=10, turn=0, phase=0.2, kind="standing", pace=0, glance=20),
    "talking": Walk(heading=10, turn=0, phase=0.2, kind="talking", pace=0, gesture=(1, 0.5)),
    "talking on the way": Walk(heading=10, turn=1, phase=0.2, kind="talking", pace=0.85, look=40, gesture=(0, 1)),
}


def joint(body, name):
    """(T, 3) positions of a joint, metres."""
    return body.joints[:, JOINTS.index(name)]


def person(number):
    rng = np.random.default_rng([21, number])
    phenotype = phenotype_rand(rng)
    return phenotype, dataclasses.replace(gait_rand(rng, stature(phenotype)), arms=("swing", "swing"))


def test_kinds_have_their_probabilities_and_headings_are_uniform():
    walks = [walk_rand(np.random.default_rng([5, seed])) for seed in range(2000)]
    share = {kind: np.mean([walk.kind == kind for walk in walks]) for kind in WALK_KINDS}
    assert share["straight"] + share["turning"] == pytest.approx(0.74, abs=0.04)
    for kind, wanted in (("slowing", 0.10), ("standing", 0.08), ("talking", 0.08)):
        assert share[kind] == pytest.approx(wanted, abs=0.025)
    counts, _ = np.histogram([walk.heading for walk in walks], bins=8, range=(-180, 180))
    assert counts.min() > 200
    for walk in walks:
        assert (abs(walk.turn) >= 15) == (walk.kind == "turning")
        assert (max(walk.gesture) > 0) == (walk.kind == "talking")
        assert walk.pace > 0 or walk.kind in ("standing", "talking")
    assert json.loads(json.dumps(dataclasses.asdict(walks[0])))["kind"] == walks[0].kind


def test_equal_generators_draw_equal_walks():
    assert walk_rand(np.random.default_rng(3)) == walk_rand(np.random.default_rng(3))
    assert walk_rand(np.random.default_rng(3)) != walk_rand(np.random.default_rng(4))


@pytest.mark.parametrize("name", WALKS)
@pytest.mark.parametrize("frames", [1, 2, 50])
def test_a_timeline_has_values_for_every_frame(name, frames):
    course = timeline(WALKS[name], STYLE, frames, FPS)
    for field in dataclasses.fields(course):
        value = getattr(course, field.name)
        if field.name != "posture":
            assert value.shape == ((frames, 2) if field.name in ("gesture", "wave") else (frames,)), field.name
            assert np.isfinite(value).all()
    for value in (course.amplitude, course.stepping, course.gesture):
        assert 0 <= value.min() <= value.max() <= 1
    for value in (course.shift, course.breath, course.wave):
        assert -1 <= value.min() <= value.max() <= 1
    assert np.degrees(course.heading).mean() == pytest.approx(WALKS[name].heading)


def test_a_straight_walk_has_the_cadence_of_the_style():
    course = timeline(WALKS["straight"], STYLE, 50, FPS)
    np.testing.assert_allclose(np.diff(course.phase), strides_a_second(STYLE) / FPS)
    assert course.phase[0] == pytest.approx(0.1)
    assert (course.amplitude == 1).all()
    assert np.ptp(course.shift) == 0


def test_a_turning_path_has_its_turning_rate():
    course = timeline(WALKS["turning left"], STYLE, 51, FPS)
    assert np.degrees(course.heading[-1] - course.heading[0]) == pytest.approx(45 * 2)


@pytest.mark.parametrize("phase", [0.0, 0.13, 0.5, 0.77])
@pytest.mark.parametrize("stop", [0.5, 0.9])
def test_slowing_stops_smoothly_at_the_end_of_a_step(phase, stop):
    course = timeline(dataclasses.replace(WALKS["slowing"], phase=phase, stop=stop), STYLE, 250, FPS)
    assert course.phase[0] == pytest.approx(phase)
    assert course.amplitude[0] == 1
    assert course.amplitude[-1] == course.stepping[-1] == 0
    assert course.phase[-1] % 0.5 == pytest.approx(0, abs=1e-9)
    stands = np.flatnonzero(course.stepping == 0)[0] / 249
    assert stands == pytest.approx(stop, abs=0.05)
    for series, most in ((course.amplitude, 0.07), (course.stepping, 0.25)):
        assert np.diff(series).max() <= 0
        assert np.diff(series).min() > -most
    rates = np.diff(course.phase)
    assert rates.min() >= 0
    assert np.diff(rates[rates > 0][:-1]).max() < 1e-6
    # The feet are lifted until the last step.
    assert (course.stepping[course.amplitude > 0.2] == 1).all()


def test_standing_shifts_weight_and_gaze_without_moving_on():
    course = timeline(WALKS["standing"], STYLE, 250, FPS)
    assert course.amplitude.max() == course.stepping.max() == 0
    assert np.ptp(course.shift) > 0.5
    assert 20 < np.ptp(course.look) < 45
    assert np.ptp(course.heading) == 0


def test_talking_raises_the_gesturing_arm():
    course = timeline(WALKS["talking on the way"], STYLE, 100, FPS)
    assert course.gesture[:, 0].max() == 0
    assert course.gesture[:, 1].min() > 0.3
    assert np.ptp(course.nod) > 5
    assert timeline(WALKS["straight"], STYLE, 100, FPS).nod.max() == 0


@pytest.fixture(scope="module")
def clip(body_model):
    """A function from a walk, by name, and a person to a baked body of 50 frames."""
    done = {}

    def clip_of(number, name):
        if (number, name) not in done:
            phenotype, style = person(number)
            done[number, name] = body_model.bake(phenotype, style, timeline(WALKS[name], style, 50, FPS))
        return done[number, name]

    return clip_of


@pytest.fixture(scope="module")
def feet(body_model):
    """Vertex indices of the right and of the left foot."""
    anatomy = body_model.anatomy
    skin = np.unique(anatomy.quads["body"])
    return [skin[(anatomy.region[skin] == FOOT) & (anatomy.side[skin] == side)] for side in (-1, 1)]


EVERY_KIND = pytest.mark.parametrize("name", WALKS)
PEOPLE = pytest.mark.parametrize("number", [0, 1])


@EVERY_KIND
@PEOPLE
def test_no_foot_is_below_the_ground_and_one_is_always_on_it(clip, feet, name, number):
    lowest = clip(number, name).vertices[:, np.concatenate(feet), 2].min(1)
    assert np.abs(lowest).max() < 0.001


@EVERY_KIND
@PEOPLE
def test_a_foot_in_contact_does_not_slide(clip, feet, name, number):
    """Over as long as a point of the sole keeps to the ground, it stays within a centimetre of where it came down.

    Points count while the sole is within 3 mm of the ground, but for the moment of leaving it.
    """
    body = clip(number, name)
    _, style = person(number)
    course = timeline(WALKS[name], style, 50, FPS)
    for column, foot in enumerate(feet):
        own = (course.phase + 0.5 * column) % 1
        stands = (own < 0.57) | (course.stepping == 0)
        points, touching = body.vertices[:, foot, :2], body.vertices[:, foot, 2] < 0.003
        start, seen = points[0].copy(), 0
        for frame in range(1, 50):
            stays = touching[frame] & touching[frame - 1] & stands[frame] & stands[frame - 1]
            start[~stays] = points[frame, ~stays]
            slip = np.linalg.norm(points[frame] - start, axis=1)
            assert slip.max() < 0.01, frame
            seen += stays.any()
        assert seen > 15


@EVERY_KIND
@PEOPLE
def test_heel_and_toes_are_on_the_ground_in_mid_stance(clip, feet, body_model, name, number):
    body = clip(number, name)
    _, style = person(number)
    course = timeline(WALKS[name], style, 50, FPS)
    for column, foot in enumerate(feet):
        own = (course.phase + 0.5 * column) % 1
        flat = ((own > 0.12) & (own < 0.38)) | (course.stepping == 0)
        depth = body_model.anatomy.reference[foot, 1]
        heel, toes = foot[depth > np.quantile(depth, 0.9)], foot[depth < np.quantile(depth, 0.1)]
        for part in (heel, toes):
            assert body.vertices[flat][:, part, 2].min(1).max() < 0.02


@EVERY_KIND
@PEOPLE
def test_both_feet_are_on_the_ground_in_double_support(clip, feet, name, number):
    body = clip(number, name)
    _, style = person(number)
    course = timeline(WALKS[name], style, 50, FPS)
    both = (foot_contact(course.phase) == 1).all(1) | (course.stepping == 0)
    assert both.sum() >= 3
    for foot in feet:
        assert body.vertices[both][:, foot, 2].min(1).max() < 0.005


@EVERY_KIND
def test_joints_do_not_jump(clip, name):
    """Accelerations of joints stay below those of the ankle of a swinging leg."""
    for number in (0, 1):
        joints = clip(number, name).joints
        assert np.abs(np.diff(joints, n=2, axis=0)).max() * FPS**2 < 90


def test_slowing_ends_with_both_feet_side_by_side(clip):
    body = clip(0, "slowing")
    forward = np.array([np.sin(np.radians(-60)), -np.cos(np.radians(-60)), 0])
    apart = (joint(body, "right_ankle") - joint(body, "left_ankle")) @ forward
    assert np.abs(apart[-3:]).max() < 0.05
    assert np.abs(apart).max() > 0.2
    still = np.linalg.norm(body.joints[-1] - body.joints[-4], axis=1)
    assert still.max() < 0.02


def test_a_standing_person_moves_in_place(clip):
    for name in ("standing", "talking"):
        body = clip(0, name)
        ankles = [joint(body, f"{side}_ankle") for side in ("right", "left")]
        assert max(np.ptp(ankle, axis=0).max() for ankle in ankles) < 0.005
        assert 0.005 < np.ptp(joint(body, "neck"), axis=0).max() < 0.12
        assert np.ptp(joint(body, "nose"), axis=0).max() > 0.01


def test_a_talking_person_moves_the_hands(clip):
    def height(name):
        body = clip(0, name)
        return joint(body, "right_wrist")[:, 2] - joint(body, "right_hip")[:, 2]

    assert height("talking").mean() > height("standing").mean() + 0.1
    assert np.ptp(height("talking")) > 5 * np.ptp(height("standing"))


def test_the_head_turns_into_the_curve(clip):
    for name, sign in (("turning left", 1), ("turning right", -1)):
        body = clip(0, name)
        eyes = joint(body, "left_eye") - joint(body, "right_eye")
        hips = joint(body, "left_hip") - joint(body, "right_hip")
        yaw = [np.unwrap(np.arctan2(line[:, 1], line[:, 0])) for line in (eyes, hips)]
        assert 5 < sign * np.degrees(yaw[0] - yaw[1]).mean() < 30


@pytest.fixture(scope="module")
def holding(body_model):
    """A function from an arm pose to bodies of three people over 25 frames, with the left arm in that pose."""
    done = {}

    def holding_of(pose: ArmPose):
        if pose not in done:
            people = []
            for number in range(3):
                phenotype, style = person(number)
                style = dataclasses.replace(style, arms=("swing", pose))
                phase = np.arange(25) / 25
                people.append(body_model.bake(phenotype, style, steady(phase, np.zeros(25))))
            done[pose] = people
        return done[pose]

    return holding_of


def from_joint(body, name):
    """(T, 3) metres (outwards, forwards, up) from a joint to the left wrist of a person who walks along -Y."""
    return (joint(body, "left_wrist") - joint(body, name)) * np.array([1, -1, 1])


@pytest.mark.parametrize(
    ("pose", "by", "low", "high"),
    [
        ("hold", "left_hip", (0.0, -0.12, -0.25), (0.25, 0.15, 0.1)),
        ("phone-ear", "left_ear", (-0.02, 0.0, -0.2), (0.12, 0.16, -0.02)),
        ("phone-read", "left_shoulder", (-0.22, 0.2, -0.35), (0.02, 0.45, -0.05)),
        ("umbrella", "left_shoulder", (-0.12, 0.15, -0.12), (0.1, 0.38, 0.12)),
        ("trolley", "left_hip", (0.0, -0.45, -0.2), (0.3, -0.2, 0.25)),
        ("strap", "left_shoulder", (-0.15, 0.06, -0.25), (0.08, 0.3, 0.0)),
        ("pocket", "left_hip", (0.03, -0.12, -0.1), (0.25, 0.15, 0.2)),
    ],
)
def test_a_carrying_hand_is_at_its_position(holding, pose, by, low, high):
    for body in holding(pose):
        wrist = from_joint(body, by)
        assert (wrist > np.array(low)).all(), wrist.min(0)
        assert (wrist < np.array(high)).all(), wrist.max(0)


@pytest.mark.parametrize("pose", ["hold", "phone-ear", "phone-read", "umbrella", "trolley", "strap", "pocket"])
def test_a_carrying_hand_hardly_swings_and_the_other_hand_does(holding, pose):
    for body, free in zip(holding(pose), holding("swing"), strict=True):
        assert np.ptp(from_joint(body, "neck")[:, 1]) < 0.11 < np.ptp(from_joint(free, "neck")[:, 1])
        right = [joint(each, "right_wrist") - joint(each, "neck") for each in (body, free)]
        np.testing.assert_allclose(right[0], right[1], atol=0.005)


def test_elbows_and_hands_stay_outside_the_body(holding, body_model):
    for pose in ("strap", "pocket", "phone-read", "umbrella"):
        for body in holding(pose):
            assert (joint(body, "left_elbow")[:, 0] > joint(body, "left_hip")[:, 0]).all(), pose
            if pose in ("strap", "phone-read", "umbrella"):
                assert (joint(body, "left_wrist")[:, 1] < joint(body, "neck")[:, 1] - 0.08).all(), pose
