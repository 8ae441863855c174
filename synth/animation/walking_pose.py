"""Posture of a walking or standing person: joint angles of the gait, gestures, and arms that carry something.

Arrays are over T frames. Pairs are (right, left).
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from alignnet_common.arrays import Floats
from synth.animation.foot_planting import Support
from synth.animation.gait import PELVIC_TILT, foot_contact, foot_load, foot_pitch, joint_angles
from synth.animation.pose import SIDE_SIGN, SIDES, Posture, Skeleton, bone_turns
from synth.animation.rotations import about_x, about_y, about_z, two_bone_ik
from synth.animation.walk import Timeline
from synth.people.gait_style import ArmPose, GaitStyle

INWARD = 8.0
"""Degrees that a hanging arm is rotated inwards, so that the forearm bends towards the middle."""
STANDING_WIDTH = 0.08
"""Metres added to the step width of a standing person."""
TALKING = {"swing": 16.0, "elbow": 70.0, "inward": 15.0, "twist": 40.0}
"""Degrees added to an arm that gestures."""


def gait_posture(style: GaitStyle, timeline: Timeline, skeleton: Skeleton) -> tuple[Posture, Support]:
    """Posture and foot support of walking or standing over a timeline; arms hang, swing or gesture."""
    frames = len(timeline.phase)
    angles = joint_angles(style, timeline.phase, timeline.amplitude, timeline.stepping)
    ones = np.ones(frames)
    pelvis = about_z(angles.pelvis_turn) @ about_y(angles.pelvis_list - 4.0 * timeline.shift)
    look = timeline.look + np.clip(0.4 * timeline.turning, -18, 18)
    chest = (
        about_z(angles.pelvis_turn + angles.trunk_turn + 0.15 * look)
        @ about_y(angles.trunk_sway - 1.5 * timeline.shift)
        @ about_x(style.lean * (0.4 + 0.6 * timeline.amplitude) + 0.5 * timeline.breath)
    )
    head = about_z(0.2 * (angles.pelvis_turn + angles.trunk_turn) + look) @ about_x(angles.nod + timeline.nod)
    lean = angles.shift + 2.0 * timeline.shift
    thighs, shins = [], []
    for column, side in enumerate(SIDES):
        sign = SIDE_SIGN[column]
        width = style.step_width + STANDING_WIDTH * (1 - timeline.amplitude)
        leg = skeleton.length(f"upperleg01.{side}", f"foot.{side}")
        inward = np.degrees(np.arcsin((abs(skeleton.head(f"upperleg01.{side}")[0]) - width / 2) / leg)) * sign
        thigh = pelvis @ about_z(sign * style.toe_out * ones) @ about_y(inward + lean)
        thighs.append(thigh @ about_x(PELVIC_TILT - angles.hip[:, column]))
        shins.append(thighs[-1] @ about_x(angles.knee[:, column]))
    arms, forearms, hands = _free_arms(style, timeline, angles.swing, angles.elbow, chest)
    posture = Posture(
        pelvis=pelvis,
        chest=chest,
        head=head,
        thigh=np.stack(thighs, axis=1),
        shin=np.stack(shins, axis=1),
        foot_yaw=angles.pelvis_turn[:, None] + SIDE_SIGN * style.toe_out,
        foot_pitch=foot_pitch(angles),
        arm=arms,
        forearm=forearms,
        hand=hands,
        shoulders=style.shoulders,
    )
    stepping = timeline.stepping[:, None]
    load: Floats = stepping * foot_load(timeline.phase) + (1.0 - stepping) * 0.5
    contact: Floats = 1.0 - stepping * (1.0 - foot_contact(timeline.phase))
    return posture, Support(load, contact)


def _free_arms(
    style: GaitStyle, timeline: Timeline, swing: Floats, elbow: Floats, chest: Floats
) -> tuple[Floats, Floats, Floats]:
    """Rotations (T, 2, 3, 3) of arms, forearms and hands that hang from the chest, swing and gesture."""
    arms, forearms, hands = [], [], []
    for column, pose in enumerate(style.arms):
        sign, talk, wave = SIDE_SIGN[column], timeline.gesture[:, column], timeline.wave[:, column]
        free = 0.15 if pose == "hold" else 1.0
        bend = 8.0 if pose == "hold" else elbow[:, column]
        forward = free * swing[:, column] + talk * (TALKING["swing"] + 6 * wave)
        inward = INWARD + talk * (TALKING["inward"] + 18 * wave)
        arm = (
            chest @ about_y(np.full(len(talk), -sign * style.arm_spread)) @ about_x(-forward) @ about_z(-sign * inward)
        )
        forearm = arm @ about_x(-(bend + talk * (TALKING["elbow"] + 16 * wave)))
        arms.append(arm)
        forearms.append(forearm)
        hands.append(forearm @ about_z(sign * talk * TALKING["twist"]))
    return np.stack(arms, axis=1), np.stack(forearms, axis=1), np.stack(hands, axis=1)


@dataclass(frozen=True)
class Hold:
    """Position of a hand that holds something. Directions are (outwards, forwards, up), for an average adult."""

    by: Literal["ear", "shoulder", "hip"]
    """Body part that the wrist moves with."""
    wrist: tuple[float, float, float]
    """Metres from that part to the wrist, for an arm of 0.5 m from shoulder to wrist."""
    elbow: tuple[float, float, float]
    """Direction of the elbow."""
    clear: Literal["out", "front", ""] = ""
    """Side of the trunk on which the wrist is kept off the skin; "" for no check."""
    twist: float = 0.0
    """Degrees that the palm is rotated up."""
    grip: float = 1.0
    """Factor on the bend of the fingers: 1 relaxed, 4 a fist."""


HOLDS: dict[ArmPose, Hold] = {
    "phone-ear": Hold("ear", (0.05, 0.05, -0.11), (0.8, 0.35, -1.0), grip=2.5),
    "phone-read": Hold("shoulder", (-0.10, 0.27, -0.20), (0.45, -0.3, -1.0), twist=60, grip=2.0),
    "umbrella": Hold("shoulder", (-0.01, 0.23, -0.01), (0.25, -0.2, -1.0), grip=4.0),
    "strap": Hold("shoulder", (-0.02, 0.10, -0.12), (0.5, -0.1, -1.0), clear="front", grip=3.5),
    "pocket": Hold("hip", (0.09, 0.03, 0.03), (0.6, -0.9, 0.0), clear="out", grip=1.0),
}
"""Arm poses with a fixed place for the hand; in the others the arm hangs from the shoulder."""
OFF_SKIN = {"out": 0.035, "front": 0.06}
"""Metres from skin to wrist, for clothes and half the wrist."""


@dataclass(frozen=True)
class BodySurface:
    """Points of a body, in the reference pose, that a carrying arm is placed by."""

    ears: Floats
    """(2, 3) metres, (right, left)."""
    trunk: Floats
    """(N, 3) vertices of the trunk and the thighs, metres."""


def pose_arms(posture: Posture, arms: tuple[ArmPose, ArmPose], skeleton: Skeleton, shape: BodySurface) -> Posture:
    """The posture with each arm in its carrying pose. Arms that swing or hold a bag at the side are not changed."""
    if all(pose in ("swing", "hold") for pose in arms):
        return dataclasses.replace(posture, grip=_grips(arms))
    turns = bone_turns(posture, skeleton)
    placed = skeleton.placed(turns)
    arm, forearm, hand = posture.arm.copy(), posture.forearm.copy(), posture.hand.copy()
    for column, pose in enumerate(arms):
        sign = SIDE_SIGN[column]
        if pose == "trolley":
            back = about_y(np.full(len(arm), -sign * 8.0)) @ about_x(np.full(len(arm), 36.0))
            arm[:, column] = posture.chest @ back @ about_z(np.full(len(arm), sign * 30.0))
            forearm[:, column] = hand[:, column] = arm[:, column] @ about_x(np.full(len(arm), -6.0))
        elif pose in HOLDS:
            hold, side = HOLDS[pose], SIDES[column]
            bone, wrist = _wrist(hold, column, skeleton, shape)
            carrier = turns[:, skeleton.bones.index(bone)]
            start = placed[:, skeleton.bones.index(f"upperarm01.{side}")]
            arm[:, column], forearm[:, column] = two_bone_ik(
                start,
                skeleton.carried(turns, placed, bone, wrist),
                skeleton.length(f"upperarm01.{side}", f"lowerarm01.{side}"),
                skeleton.length(f"lowerarm01.{side}", f"wrist.{side}"),
                carrier @ _sideways(hold.elbow, sign),
                bends=-1,
            )
            hand[:, column] = forearm[:, column] @ about_z(np.full(len(arm), sign * hold.twist))
    return dataclasses.replace(posture, arm=arm, forearm=forearm, hand=hand, grip=_grips(arms))


def _grips(arms: tuple[ArmPose, ArmPose]) -> tuple[float, float]:
    """Factor on the bend of the fingers of each hand."""
    right, left = (HOLDS[pose].grip if pose in HOLDS else 1.0 if pose == "swing" else 4.0 for pose in arms)
    return right, left


def _wrist(hold: Hold, column: int, skeleton: Skeleton, shape: BodySurface) -> tuple[str, Floats]:
    """The bone that a held wrist moves with, and the position (3,) of the wrist in the reference pose."""
    sign, side = SIDE_SIGN[column], SIDES[column]
    size = (skeleton.length(f"upperarm01.{side}", f"lowerarm01.{side}") * 2) / 0.5
    bone, mark = {
        "ear": ("head", shape.ears[column]),
        "shoulder": ("spine02", skeleton.head(f"upperarm01.{side}")),
        "hip": ("root", skeleton.head(f"upperleg01.{side}")),
    }[hold.by]
    wrist = mark + size * _sideways(hold.wrist, sign)
    if hold.clear:
        axis, outwards = (0, sign) if hold.clear == "out" else (1, -1.0)
        others = [other for other in range(3) if other != axis]
        near = (np.abs(shape.trunk - wrist)[:, others] < 0.05).all(1)
        if near.any():
            skin = (outwards * shape.trunk[near, axis]).max()
            wrist[axis] = outwards * max(outwards * wrist[axis], skin + OFF_SKIN[hold.clear])
    return bone, wrist


def _sideways(direction: tuple[float, float, float], sign: float) -> Floats:
    """(3,) direction in body axes, from (outwards, forwards, up)."""
    out, forward, up = direction
    return np.array([sign * out, -forward, up])
