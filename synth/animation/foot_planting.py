"""Feet that stand stay where they stand: a posture is moved over the ground, and its legs are bent to fit.

A foot that carries weight rolls over its heel, sole and toes without sliding or turning. The body moves as its feet
let it, each according to the load on it; what the other foot would then slide by, its leg makes up for.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats
from synth.animation.pose import SIDES, Posture, Skeleton, bone_turns, foot_turn, toe_bend
from synth.animation.rotations import FORWARD, about_z, reach

FADE = 0.75
"""What is left, a frame on, of a correction to a foot that has left the ground."""
STANDS = 0.95
"""Contact from which on a foot neither slides nor turns."""
LIFT = 0.012
"""Metres that a foot in the air is clear of the ground, at least."""
STRAIGHT = 0.999
"""Longest distance from hip to ankle, as a fraction of the straight leg."""
STEP_AHEAD = 0.3
"""Seconds by which a foot in the air turns ahead of the body: it then stands as far ahead as it will lag behind."""


@dataclass(frozen=True)
class Support:
    """What the feet carry over T frames, each (T, 2) for (right, left)."""

    load: Floats
    """Share of the weight; the two add up to 1."""
    contact: Floats
    """1 stands, 0 is in the air."""


@dataclass(frozen=True)
class Sole:
    """Points of one foot that can touch the ground, in the reference pose."""

    points: Floats
    """(N, 3) metres."""
    toe: NDArray[np.bool_]
    """(N,) whether a point bends with the toes."""


def support_by_height(height: Floats) -> Support:
    """Support by feet at `height` (T, 2), metres: the lower one carries, both do within 2 cm of each other."""
    apart = _smoothed(height - height[:, ::-1])
    load = 1 / (1 + np.exp(np.clip(apart / 0.006, -50, 50)))
    return Support(load, np.clip((0.03 - apart) / 0.01, 0, 1))


def plant(
    posture: Posture,
    skeleton: Skeleton,
    soles: tuple[Sole, Sole],
    heading: Floats,
    turning: Floats,
    support: Support | None,
) -> tuple[Posture, Floats]:
    """Set a posture on the ground z = 0: the posture with its legs fitted, and rigid motions (T, 4, 4) for the body.

    `heading` (T,) radians, `turning` (T,) degrees a second; where `support` is None, the height of the feet tells it.
    The middle frame stands over the origin.
    """
    turns = bone_turns(posture, skeleton)
    placed = skeleton.placed(turns)
    facing = about_z(np.degrees(heading))
    ankles, hips = (
        np.stack([placed[:, skeleton.bones.index(f"{bone}.{side}")] for side in SIDES], axis=1) @ facing.swapaxes(1, 2)
        for bone in ("foot", "upperleg01")
    )
    yaw = posture.foot_yaw + np.degrees(heading)[:, None]
    if support is None:
        feet = _soles_at(ankles, yaw, posture.foot_pitch, skeleton, soles)
        support = support_by_height(np.stack([foot[..., 2].min(1) for foot in feet], axis=1))
    held = hold_turn(yaw, support, STEP_AHEAD * turning)
    feet = _soles_at(ankles, yaw + held, posture.foot_pitch, skeleton, soles)
    root, shift = hold_place(feet, support)
    target = ankles + shift
    lengths = [
        skeleton.length(f"{start}.{side}", f"{end}.{side}")
        for start, end in (("upperleg01", "lowerleg01"), ("lowerleg01", "foot"))
        for side in SIDES
    ]
    drop = _drop(hips, target, STRAIGHT * (np.array(lengths[:2]) + np.array(lengths[2:])), support)
    target[..., 2] += drop[:, None]
    legs = []
    for column in range(len(SIDES)):
        pole = facing @ about_z(0.6 * held[:, column]) @ posture.thigh[:, column] @ FORWARD
        legs.append(reach(hips[:, column], target[:, column], lengths[column], lengths[column + 2], pole, bends=1))
    back = facing.swapaxes(1, 2)
    fitted = dataclasses.replace(
        posture,
        thigh=np.stack([back @ thigh for thigh, _ in legs], axis=1),
        shin=np.stack([back @ shin for _, shin in legs], axis=1),
        foot_yaw=posture.foot_yaw + held,
    )
    motion = np.broadcast_to(np.eye(4), (len(heading), 4, 4)).copy()
    motion[:, :3, :3] = facing
    motion[:, :3, 3] = root
    motion[:, 2, 3] -= drop
    motion[:, :2, 3] -= root[len(root) // 2, :2]
    return fitted, motion


def _soles_at(ankles: Floats, yaw: Floats, pitch: Floats, skeleton: Skeleton, soles: tuple[Sole, Sole]) -> list[Floats]:
    """(T, N, 3) of the right and of the left sole, about ankles (T, 2, 3)."""
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
    """(T, 2) degrees to add to the feet's `yaw` (T, 2) so that a foot that stands does not turn.

    A foot in the air goes over to being `ahead` (T,) of the body.
    """
    stands = support.contact > STANDS
    held = np.where(stands, 0.0, ahead[:, None])
    for frame in range(1, len(yaw)):
        stays = stands[frame] & stands[frame - 1]
        kept = held[frame - 1] - (yaw[frame] - yaw[frame - 1])
        held[frame] = np.where(stays, kept, ahead[frame] + FADE * (held[frame - 1] - ahead[frame]))
    return held


def hold_place(feet: list[Floats], support: Support) -> tuple[Floats, Floats]:
    """Where the body goes, (T, 3), and what is to be added to each ankle, (T, 2, 3), so that no standing foot slides.

    `feet`: the soles (T, N, 3) of a body that is held in place. Between two frames a foot rolls over the point that is
    lowest in both together.
    """
    frames = len(support.load)
    lowest = np.stack([foot[..., 2].min(1) for foot in feet], axis=1)
    root, shift = np.zeros((frames, 3)), np.zeros((frames, 2, 3))
    root[:, 2] = -(support.load * lowest).sum(1)
    above = lowest + root[:, 2:]
    shift[..., 2] = np.maximum(-support.contact * above, LIFT * np.sqrt(1 - support.contact) - above)
    stands = support.contact > STANDS
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
    """(T,) metres by which the body sinks for its legs, `longest` (2,) long, to reach the ankles of standing feet."""
    level = np.linalg.norm((ankles - hips)[..., :2], axis=-1)
    height = (hips - ankles)[..., 2]
    short = height - np.sqrt(np.maximum(longest**2 - level**2, 0))
    return (support.contact * np.maximum(short, 0)).max(1)


def _smoothed(series: Floats) -> Floats:
    """(T, 2) series as the mean of each frame and its neighbours."""
    padded = np.concatenate([series[:1], series, series[-1:]])
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3
