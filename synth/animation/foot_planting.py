"""Foot planting: removes foot sliding by moving the root and solving the legs, so that a loaded foot stays in place.

A foot in contact rolls over heel, sole and toes without sliding or turning. The root follows the feet, weighted by the
load on each; inverse kinematics of the leg makes up for the sliding that remains.

Arrays are over T frames. Pairs are (right, left).
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats
from synth.animation.pose import SIDES, Posture, Skeleton, bone_turns, foot_turn, toe_bend
from synth.animation.rotations import FORWARD, about_z, two_bone_ik

FADE = 0.75
"""Factor a frame on the correction of a foot that has left the ground."""
IN_CONTACT = 0.95
"""Contact from which on a foot neither slides nor turns."""
SWING_CLEARANCE = 0.012
"""Smallest height of a swinging foot above the ground, metres."""
STRAIGHT = 0.999
"""Longest distance from hip to ankle, as a fraction of the straight leg."""
STEP_AHEAD = 0.3
"""Seconds by which a swinging foot turns ahead of the body: during contact it lags behind by as much."""


@dataclass(frozen=True)
class Support:
    """Load and contact of the feet, each (T, 2)."""

    load: Floats
    """Share of the weight; the two add up to 1."""
    contact: Floats
    """1 on the ground, 0 in the air."""


@dataclass(frozen=True)
class Sole:
    """Points of one foot that can touch the ground, in the reference pose."""

    points: Floats
    """(N, 3) metres."""
    toe: NDArray[np.bool_]
    """(N,) whether a point bends with the toes."""


@dataclass(frozen=True)
class Legs:
    """Hips and ankles of a posture before planting, its root at rest, turned to the heading of each frame."""

    facing: Floats
    """(T, 3, 3) rotation about the vertical from the body to the world."""
    hips: Floats
    """(T, 2, 3) metres."""
    ankles: Floats
    """(T, 2, 3) metres."""
    yaw: Floats
    """(T, 2) degrees that the feet point to the left of -Y."""


def support_by_height(height: Floats) -> Support:
    """Support of feet at `height` (T, 2), metres: the lower one is loaded, both are within 2 cm of each other."""
    apart = _smoothed(height - height[:, ::-1])
    load = 1 / (1 + np.exp(np.clip(apart / 0.006, -50, 50)))
    return Support(load, np.clip((0.03 - apart) / 0.01, 0, 1))


def plant_feet(
    posture: Posture,
    skeleton: Skeleton,
    soles: tuple[Sole, Sole],
    heading: Floats,
    turning: Floats,
    support: Support | None,
) -> tuple[Posture, Floats]:
    """Plant the feet of a posture on the ground z = 0.

    `heading`: (T,) radians about +Z, 0 along -Y. `turning`: (T,) degrees a second. `support`: None to take it from the
    height of the feet, as for motion capture.

    Returns the posture with solved legs and the rigid motion (T, 4, 4) of the root; in the middle frame the root is
    over the origin.
    """
    legs = legs_of(posture, skeleton, heading)
    if support is None:
        feet = _soles_at(legs.ankles, legs.yaw, posture.foot_pitch, skeleton, soles)
        support = support_by_height(np.stack([foot[..., 2].min(1) for foot in feet], axis=1))
    held = hold_turn(legs.yaw, support, STEP_AHEAD * turning)
    feet = _soles_at(legs.ankles, legs.yaw + held, posture.foot_pitch, skeleton, soles)
    root, shift = hold_place(feet, support)
    target = legs.ankles + shift
    lengths = leg_lengths(skeleton)
    drop = _drop(legs.hips, target, STRAIGHT * (lengths[:, 0] + lengths[:, 1]), support)
    target[..., 2] += drop[:, None]
    return _with_solved_legs(posture, legs, target, held, lengths), _root_motion(legs.facing, root, drop)


def legs_of(posture: Posture, skeleton: Skeleton, heading: Floats) -> Legs:
    """Hips, ankles and feet of `posture` at `heading` (T,) radians."""
    turns = bone_turns(posture, skeleton)
    placed = skeleton.placed(turns)
    facing = about_z(np.degrees(heading))
    ankles, hips = (
        np.stack([placed[:, skeleton.bones.index(f"{bone}.{side}")] for side in SIDES], axis=1) @ facing.swapaxes(1, 2)
        for bone in ("foot", "upperleg01")
    )
    return Legs(facing, hips, ankles, posture.foot_yaw + np.degrees(heading)[:, None])


def leg_lengths(skeleton: Skeleton) -> Floats:
    """(2, 2) metres: thigh and shin of the right and of the left leg."""
    bones = (("upperleg01", "lowerleg01"), ("lowerleg01", "foot"))
    return np.array([[skeleton.length(f"{start}.{side}", f"{end}.{side}") for start, end in bones] for side in SIDES])


def _with_solved_legs(posture: Posture, legs: Legs, target: Floats, held: Floats, lengths: Floats) -> Posture:
    """The posture with thighs and shins that bring the ankles to `target` (T, 2, 3), feet turned by `held` degrees."""
    thighs, shins = [], []
    back = legs.facing.swapaxes(1, 2)
    for column, (upper, lower) in enumerate(lengths.tolist()):
        pole = legs.facing @ about_z(0.6 * held[:, column]) @ posture.thigh[:, column] @ FORWARD
        thigh, shin = two_bone_ik(legs.hips[:, column], target[:, column], upper, lower, pole, bends=1)
        thighs.append(back @ thigh)
        shins.append(back @ shin)
    return dataclasses.replace(
        posture, thigh=np.stack(thighs, axis=1), shin=np.stack(shins, axis=1), foot_yaw=posture.foot_yaw + held
    )


def _root_motion(facing: Floats, root: Floats, drop: Floats) -> Floats:
    """(T, 4, 4) rigid motion of the root at `root` (T, 3), lowered by `drop` (T,); x = y = 0 in the middle frame."""
    motion = np.broadcast_to(np.eye(4), (len(facing), 4, 4)).copy()
    motion[:, :3, :3] = facing
    motion[:, :3, 3] = root
    motion[:, 2, 3] -= drop
    motion[:, :2, 3] -= root[len(root) // 2, :2]
    return motion


def _soles_at(ankles: Floats, yaw: Floats, pitch: Floats, skeleton: Skeleton, soles: tuple[Sole, Sole]) -> list[Floats]:
    """Points (T, N, 3) of the right and of the left sole for ankles (T, 2, 3), yaw and pitch (T, 2) degrees."""
    feet = []
    for column, (side, sole) in enumerate(zip(SIDES, soles, strict=True)):
        foot = foot_turn(yaw[:, column], pitch[:, column])
        toes = foot_turn(yaw[:, column], (pitch - toe_bend(pitch))[:, column])
        ankle, knuckle = skeleton.head(f"foot.{side}"), skeleton.head(f"toe2-1.{side}")
        rigid = np.einsum("tij,nj->tni", foot, sole.points - ankle)
        bent = np.einsum("tij,nj->tni", toes, sole.points - knuckle) + (foot @ (knuckle - ankle))[:, None]
        feet.append(ankles[:, column, None] + np.where(sole.toe[:, None], bent, rigid))
    return feet


def hold_turn(yaw: Floats, support: Support, ahead: Floats) -> Floats:
    """(T, 2) degrees to add to the `yaw` (T, 2) of the feet so that a foot in contact does not turn.

    A swinging foot approaches `ahead` (T,), degrees by which it precedes the body.
    """
    stands = support.contact > IN_CONTACT
    held = np.where(stands, 0.0, ahead[:, None])
    for frame in range(1, len(yaw)):
        stays = stands[frame] & stands[frame - 1]
        kept = held[frame - 1] - (yaw[frame] - yaw[frame - 1])
        held[frame] = np.where(stays, kept, ahead[frame] + FADE * (held[frame - 1] - ahead[frame]))
    return held


def hold_place(feet: list[Floats], support: Support) -> tuple[Floats, Floats]:
    """Root positions (T, 3) and ankle corrections (T, 2, 3), metres, with which no foot in contact slides.

    `feet`: points (T, N, 3) of the soles of a body whose root is at rest. Between two frames a foot rolls over the
    point whose summed height in both is lowest.
    """
    frames = len(support.load)
    lowest = np.stack([foot[..., 2].min(1) for foot in feet], axis=1)
    root, shift = np.zeros((frames, 3)), np.zeros((frames, 2, 3))
    root[:, 2] = -(support.load * lowest).sum(1)
    above = lowest + root[:, 2:]
    shift[..., 2] = np.maximum(-support.contact * above, SWING_CLEARANCE * np.sqrt(1 - support.contact) - above)
    stands = support.contact > IN_CONTACT
    for frame in range(1, frames):
        moved = np.zeros((2, 2))
        for column, foot in enumerate(feet):
            touching = int((foot[frame, :, 2] + foot[frame - 1, :, 2]).argmin())
            moved[column] = (foot[frame, touching] - foot[frame - 1, touching])[:2]
        stays = stands[frame] & stands[frame - 1]
        load = (support.load[frame] + support.load[frame - 1]) * (stays if stays.any() else 1)
        step = -(load / load.sum()) @ moved
        root[frame, :2] = root[frame - 1, :2] + step
        kept = shift[frame - 1, :, :2] - (step + moved)
        shift[frame, :, :2] = np.where(stays[:, None], kept, FADE * shift[frame - 1, :, :2])
    return root, shift


def _drop(hips: Floats, ankles: Floats, longest: Floats, support: Support) -> Floats:
    """(T,) metres to lower the body so that legs of length `longest` (2,) reach the ankles of the feet in contact."""
    level = np.linalg.norm((ankles - hips)[..., :2], axis=-1)
    height = (hips - ankles)[..., 2]
    short = height - np.sqrt(np.maximum(longest**2 - level**2, 0))
    return (support.contact * np.maximum(short, 0)).max(1)


def _smoothed(series: Floats) -> Floats:
    """(T, 2) mean of each frame of `series` and its neighbours."""
    padded = np.concatenate([series[:1], series, series[-1:]])
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3
