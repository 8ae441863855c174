"""Motion capture: reading of BVH files, retargeting to postures, and foot planting."""

import dataclasses
import re

import numpy as np
import pytest

from alignnet_common.coco18 import JOINTS
from alignnet_common.errors import UserError
from synth.animation.bvh import joint_transforms, read_bvh, sampled
from synth.animation.retargeting import Take, recorded_posture, recordings
from synth.animation.rotations import DOWN
from synth.animation.walk import Walk, timeline
from synth.people.gait_style import gait_rand
from synth.people.phenotype import phenotype_rand
from synth.planning.clip import plan_row
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan

FPS = 25.0
ROTATIONS = "Zrotation Yrotation Xrotation"
LIMB = {"Leg": 40, "Foot": 40, "ToeBase": 15, "ForeArm": 28, "Hand": 25}


def joint(name, offset, children):
    """BVH lines of one joint."""
    kind = "End Site" if name == "End" else f"JOINT {name}"
    lines = [kind, "{", "OFFSET " + " ".join(map(str, offset))]
    if name != "End":
        lines.append(f"CHANNELS 3 {ROTATIONS}")
    return [*lines, *(line for child in children for line in child), "}"]


def hierarchy(names):
    """BVH hierarchy of a person of 1.7 m, in centimetres, in T-pose, facing +Z. `names`: joints of one side."""
    thigh, shin, foot, arm, forearm, hand = names
    lines = [
        "HIERARCHY",
        "ROOT Hips",
        "{",
        "OFFSET 0 0 0",
        f"CHANNELS 6 Xposition Yposition Zposition {ROTATIONS}",
    ]
    for side, sign in (("Left", 1), ("Right", -1)):
        toes = joint("End", (0, -6, 14), [])
        knee = joint(side + shin, (0, -LIMB["Leg"], 0), [joint(side + foot, (0, -LIMB["Foot"], 0), [toes])])
        lines += joint(side + thigh, (9 * sign, -5, 0), [knee])
    arms = []
    for side, sign in (("Left", 1), ("Right", -1)):
        tips = joint("End", (10 * sign, 0, 0), [])
        elbow = joint(side + forearm, (28 * sign, 0, 0), [joint(side + hand, (25 * sign, 0, 0), [tips])])
        arms.append(joint(side + arm, (17 * sign, 35, 0), [elbow]))
    head = joint("Neck", (0, 40, 0), [joint("Head", (0, 10, 0), [joint("End", (0, 18, 0), [])])])
    return [*lines, *joint("Spine", (0, 10, 0), [head, *arms]), "}"]


CGSPEED = ("UpLeg", "Leg", "Foot", "Arm", "ForeArm", "Hand")
PLAIN = ("Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")


def walking_file(path, names=CGSPEED, frames=60, seconds=1 / 50, facing=0.0):
    """Write a BVH file of a stiff walk of one stride a second with hanging arms."""
    lines = hierarchy(names)
    order = [line.split()[1] for line in lines if line.startswith(("ROOT", "JOINT"))]
    rows = []
    for number in range(frames):
        phase = 2 * np.pi * number * seconds
        turn = dict.fromkeys(order, (0.0, 0.0, 0.0))
        turn["Hips"] = (0.0, facing, 0.0)
        for side, sign, own in (("Left", 1, phase + np.pi), ("Right", -1, phase)):
            bend = 25 * max(0.0, -np.sin(own - 0.4)) + 8
            turn[side + names[0]] = (0.0, 0.0, -20 * np.cos(own) - bend / 2)
            turn[side + names[1]] = (0.0, 0.0, bend)
            turn[side + names[2]] = (0.0, 0.0, 20 * np.cos(own) - bend / 2)
            turn[side + names[3]] = (-80.0 * sign, 0.0, 0.0)
        values = [0.0, 90.0, 100.0 * number * seconds]
        for name in order:
            values += turn[name]
        rows.append(" ".join(f"{value:.4f}" for value in values))
    text = [*lines, "MOTION", f"Frames: {frames}", f"Frame Time: {seconds:.6f}", *rows]
    path.write_text("\n".join(text) + "\n")
    return path


@pytest.fixture
def walking(tmp_path):
    return walking_file(tmp_path / "walk.bvh")


def test_a_bvh_file_is_parsed(walking):
    bvh = read_bvh(walking)
    assert bvh.values.shape == (60, 6 + 3 * 15)
    assert bvh.seconds == pytest.approx(0.02)
    assert [joint.name for joint in bvh.joints[:5]] == ["Hips", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftFoot end"]
    assert bvh.joints[0].parent == -1
    assert [joint.parent for joint in bvh.joints[1:5]] == [0, 1, 2, 3]


def test_positions_follow_from_rotations(walking):
    bvh = read_bvh(walking)
    values = np.zeros((2, bvh.values.shape[1]))
    column = {joint.name: sum(len(other.channels) for other in bvh.joints[:n]) for n, joint in enumerate(bvh.joints)}
    values[1, 0:3] = 1, 2, 3
    values[1, column["LeftUpLeg"] + 2] = -90  # about X: the thigh swings forward
    values[1, column["LeftLeg"]] = 90  # about Z, in the axes of the thigh
    _, places = joint_transforms(bvh, values)
    number = {joint.name: n for n, joint in enumerate(bvh.joints)}
    np.testing.assert_allclose(places[0, number["LeftFoot"]], [9, -85, 0])
    np.testing.assert_allclose(places[1, number["LeftUpLeg"]], [10, -3, 3])
    np.testing.assert_allclose(places[1, number["LeftLeg"]], [10, -3, 43], atol=1e-9)
    np.testing.assert_allclose(places[1, number["LeftFoot"]], [50, -3, 43], atol=1e-9)


def test_sampling_keeps_the_speed_and_runs_backwards_at_the_end(walking):
    bvh = read_bvh(walking)
    ahead = sampled(bvh, 10, 20, FPS)
    np.testing.assert_allclose(ahead, bvh.values[10:50:2])
    between = sampled(bvh, 10, 3, 100.0)
    np.testing.assert_allclose(between[1], (bvh.values[10] + bvh.values[11]) / 2, atol=1e-9)
    back = sampled(bvh, 57, 5, 50.0)
    np.testing.assert_allclose(back, bvh.values[[57, 58, 59, 58, 57]])


def test_a_first_frame_in_the_rest_pose_is_left_out(walking):
    values = read_bvh(walking).values
    lines = walking.read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Frame Time")) + 1
    lines.insert(first, " ".join(["0"] * values.shape[1]))
    walking.write_text("\n".join(lines).replace("Frames: 60", "Frames: 61"))
    np.testing.assert_array_equal(read_bvh(walking).values, values)


def test_angles_are_interpolated_the_short_way_round(walking):
    bvh = read_bvh(walking)
    bvh.values[0, 3:6], bvh.values[1, 3:6] = 179, -179
    assert sampled(bvh, 0, 2, 100.0)[1, 3:6] == pytest.approx([180, 180, 180])


@pytest.mark.parametrize(("names", "facing"), [(CGSPEED, 0.0), (PLAIN, 0.0), (CGSPEED, 137.0)])
def test_a_posture_faces_ahead_for_any_joint_names_and_any_direction_of_the_recording(tmp_path, names, facing):
    path = walking_file(tmp_path / "walk.bvh", names, facing=facing)
    posture = recorded_posture(Take(str(path), 0), 25, FPS)
    np.testing.assert_allclose(posture.pelvis[12], np.eye(3), atol=1e-3)
    np.testing.assert_allclose(posture.head[12], np.eye(3), atol=1e-3)
    # Arms hang 10 degrees away from the body, thighs swing by 20 degrees.
    arms = posture.arm @ DOWN
    np.testing.assert_allclose(arms[0], [[-0.1736, 0, -0.9848], [0.1736, 0, -0.9848]], atol=1e-3)
    thigh = posture.thigh @ DOWN
    angle = np.degrees(np.arctan2(-thigh[..., 1], -thigh[..., 2]))
    phase = 2 * np.pi * np.arange(25) / FPS
    bend = 25 * np.maximum(0, -np.sin(phase - 0.4)) + 8
    np.testing.assert_allclose(angle[:, 0], 20 * np.cos(phase) + bend / 2, atol=0.01)
    # Knees bend backwards, feet are level.
    shin = posture.shin @ DOWN
    assert (shin[..., 1] > thigh[..., 1]).all()
    np.testing.assert_allclose(posture.foot_pitch, 0, atol=0.01)
    np.testing.assert_allclose(posture.foot_yaw, 0, atol=0.01)


def test_recorded_feet_are_planted(body_model, walking):
    rng = np.random.default_rng(4)
    phenotype, style = phenotype_rand(rng), gait_rand(rng)
    walk = Walk(heading=90, turn=0, phase=0, take=Take(str(walking), 3))
    body = body_model.bake(phenotype, style, timeline(walk, style, 27, FPS))
    neck = body.joints[:, JOINTS.index("neck")]
    assert neck[-1, 0] - neck[0, 0] > 0.5  # towards +X
    assert np.ptp(neck[:, 1]) < 0.2
    skin = body.vertices[:, np.unique(body_model.anatomy.quads["body"])]
    assert np.abs(skin[..., 2].min(1)).max() < 0.002
    low = skin[..., 2] < 0.003
    both = low[1:] & low[:-1]
    assert both.any(1).all()
    assert (np.linalg.norm(np.diff(skin[..., :2], axis=0), axis=-1) * both).max() < 0.01


def test_recorded_motion_keeps_the_arm_pose_of_the_style(body_model, walking):
    rng = np.random.default_rng(4)
    phenotype, style = phenotype_rand(rng), gait_rand(rng)
    take = Take(str(walking), 3)
    bodies = {}
    for arms in (("swing", "swing"), ("phone-ear", "swing")):
        own = dataclasses.replace(style, arms=arms)
        bodies[arms[0]] = body_model.bake(phenotype, own, timeline(Walk(0, 0, 0, take=take), own, 5, FPS))
    wrist, ear = JOINTS.index("right_wrist"), JOINTS.index("right_ear")
    apart = {name: np.linalg.norm(body.joints[:, wrist] - body.joints[:, ear], axis=1) for name, body in bodies.items()}
    assert apart["phone-ear"].max() < 0.22 < 0.5 < apart["swing"].min()


def test_the_plan_has_the_file_and_its_first_frame(tmp_path):
    for name in ("a.bvh", "b.BVH"):
        walking_file(tmp_path / name)
    clips = make_plan(RenderConfig(ids=8, frames=10, fps=25.0, motion=tmp_path))
    takes = [clip.sightings[0].walk.take for clip in clips]
    assert {take.file for take in takes} == {str(tmp_path / "a.bvh"), str(tmp_path / "b.BVH")}
    # 10 frames at 25 frames a second span 20 of the 60 frames of the file.
    assert len({take.first for take in takes}) > 8
    assert all(0 <= take.first <= 40 for take in takes)
    assert max(take.first for take in takes) > 25
    assert make_plan(RenderConfig(ids=3, frames=10, fps=25.0, motion=tmp_path)) == clips[:6]
    whole = make_plan(RenderConfig(ids=2, frames=50, fps=25.0, motion=tmp_path))
    assert {clip.sightings[0].walk.take.first for clip in whole} == {0}
    assert plan_row(clips[0])["sightings"][0]["walk"]["take"]["first"] == takes[0].first


def with_frame_time(time):
    """Changes the text of a file to this Frame Time."""
    return lambda text: re.sub(r"Frame Time: \S+", f"Frame Time: {time}", text)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace("MOTION", ""), "MOTION"),
        (lambda text: text.replace("Frames: 60", "Frames: 61"), "61 frames"),
        (lambda text: text.rsplit(" ", 1)[0], "values"),
        (lambda text: text.replace("90.0000", "ninety", 1), "not a number"),
        (lambda text: text.replace("OFFSET 0 0 0", "OFFSET 0 0"), "HIERARCHY"),
        (lambda text: text.replace("}", "", 1), "HIERARCHY"),
        (lambda text: "", "HIERARCHY"),
        (lambda text: text.replace("ForeArm", "Tentacle"), "no joint called RightForeArm"),
        (lambda text: text.replace("Zrotation", "zrotation", 1), "channel zrotation"),
        *[
            (with_frame_time(time), "not the time of a frame")
            for time in ("nan", "inf", "0", "-0.04", "1e-300", "86400")
        ],
    ],
)
def test_an_invalid_file_is_reported_with_the_reason(walking, change, why):
    walking.write_text(change(walking.read_text()))
    with pytest.raises(UserError) as mistake:
        recordings(walking.parent)
    assert str(walking) in str(mistake.value)
    assert why in str(mistake.value)
    assert "\n" not in str(mistake.value)


def test_a_skeleton_without_forearms_is_refused(walking):
    walking.write_text(walking.read_text().replace("ForeArm", "Tentacle"))
    with pytest.raises(UserError, match=r"walk\.bvh.*RightForeArm"):
        recorded_posture(Take(str(walking), 0), 3, FPS)


@pytest.mark.parametrize("what", ["missing", "empty", "file"])
def test_a_folder_without_recordings_is_refused(tmp_path, what):
    folder = tmp_path / "mocap"
    if what == "empty":
        folder.mkdir()
    if what == "file":
        folder.write_text("")
    with pytest.raises(UserError, match=r"--motion .*mocap"):
        make_plan(RenderConfig(ids=1, motion=folder))
