"""Postures: rotations of body parts, independent of the size of the body, and the bone rotations that follow from them.

Rotations are relative to standing upright, facing -Y, with straight limbs that hang down. Arrays are over T frames.
Pairs are (right, left).
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from alignnet_common.arrays import Floats
from synth.animation.rotations import DOWN, about, about_x, about_z, aligning, halfway

SIDES = ("R", "L")
SIDE_SIGN = np.array([-1.0, 1.0])
"""Sign of X on the right and on the left side."""
FINGER_BEND = (14.0, 20.0, 14.0)
"""Degrees that each joint of a relaxed finger bends, from the knuckle to the tip."""


@dataclass(frozen=True)
class Posture:
    """World rotations of body parts."""

    pelvis: Floats
    """(T, 3, 3), as are chest and head."""
    chest: Floats
    head: Floats
    thigh: Floats
    """(T, 2, 3, 3), as are shin, arm, forearm and hand."""
    shin: Floats
    foot_yaw: Floats
    """(T, 2) degrees that a foot points to the left of -Y."""
    foot_pitch: Floats
    """(T, 2) degrees that the heel is above the toes."""
    arm: Floats
    forearm: Floats
    hand: Floats
    shoulders: float = 0.0
    """Degrees that the shoulders are rounded forward."""
    grip: tuple[float, float] = (1.0, 1.0)
    """Factor on FINGER_BEND of each hand: 1 relaxed, 4 a fist."""

    def thinned(self, every: int) -> "Posture":
        """Every `every`th frame, from the first on."""
        kept: dict[str, Any] = {
            field.name: value[::every]
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)
        }
        return dataclasses.replace(self, **kept)


@dataclass(frozen=True)
class Skeleton:
    """B bones of one person, in the reference pose."""

    bones: tuple[str, ...]
    parents: tuple[int, ...]
    """Index of the parent of each bone, lower than its own; -1 for the first bone."""
    heads: Floats
    """(B, 3) head of each bone, metres."""

    def head(self, bone: str) -> Floats:
        """(3,) head of a bone, metres."""
        where: Floats = self.heads[self.bones.index(bone)]
        return where

    def direction(self, start: str, end: str) -> Floats:
        """(3,) from the head of one bone to the head of another, metres."""
        way: Floats = self.head(end) - self.head(start)
        return way

    def length(self, start: str, end: str) -> float:
        """Distance between the heads of two bones, metres."""
        return float(np.linalg.norm(self.direction(start, end)))

    def placed(self, turns: Floats) -> Floats:
        """(T, B, 3) heads of the bones under world rotations (T, B, 3, 3); the head of the first bone stays."""
        where = np.broadcast_to(self.heads, (len(turns), *self.heads.shape)).copy()
        for bone, parent in enumerate(self.parents):
            if parent >= 0:
                where[:, bone] = where[:, parent] + turns[:, parent] @ (self.heads[bone] - self.heads[parent])
        return where

    def carried(self, turns: Floats, placed: Floats, bone: str, point: Floats) -> Floats:
        """(T, 3) position of `point` (3,), given in the reference pose and rigidly attached to a bone."""
        number = self.bones.index(bone)
        moved: Floats = placed[:, number] + turns[:, number] @ (point - self.heads[number])
        return moved


def bone_turns(posture: Posture, skeleton: Skeleton) -> Floats:
    """(T, B, 3, 3) world rotations of the bones. A bone that the posture does not rotate follows its parent."""
    frames, count = len(posture.pelvis), len(skeleton.bones)
    named: dict[str, Floats] = {
        "root": posture.pelvis,
        "spine05": halfway(posture.pelvis, posture.chest),
        "spine03": posture.chest,
        "spine01": posture.chest @ about_x(np.full(frames, 0.5 * posture.shoulders)),
        "head": posture.head,
    }
    named["neck01"] = halfway(named["spine01"], posture.head)
    for column, side in enumerate(SIDES):
        rounded = about_z(np.full(frames, -SIDE_SIGN[column] * posture.shoulders))
        named[f"clavicle.{side}"] = named["spine01"] @ rounded
        named |= _leg_turns(posture, skeleton, column) | _arm_turns(posture, skeleton, column)
    world = np.empty((frames, count, 3, 3))
    for bone, (name, parent) in enumerate(zip(skeleton.bones, skeleton.parents, strict=True)):
        world[:, bone] = named[name] if name in named else world[:, max(parent, 0)] if bone else np.eye(3)
    return world


def local_turns(world: Floats, skeleton: Skeleton) -> Floats:
    """(T, B, 3, 3) rotation of each bone relative to its parent, from world rotations of the same shape."""
    parents = np.maximum(skeleton.parents, 0)
    local: Floats = np.swapaxes(world[:, parents], -1, -2) @ world
    local[:, 0] = world[:, 0]
    return local


def toe_bend(foot_pitch: Floats) -> Floats:
    """Degrees that the toes bend up against the foot, for a heel raised by `foot_pitch` degrees."""
    return 0.75 * np.clip(foot_pitch, 0, 40)


def foot_turn(yaw: Floats, pitch: Floats) -> Floats:
    """(..., 3, 3) rotation of a foot by yaw and pitch, in degrees, without roll."""
    turned: Floats = about_z(yaw) @ about_x(pitch)
    return turned


def _leg_turns(posture: Posture, skeleton: Skeleton, column: int) -> dict[str, Floats]:
    side = SIDES[column]
    thigh = aligning(skeleton.direction(f"upperleg01.{side}", f"lowerleg01.{side}"), DOWN)
    shin = aligning(skeleton.direction(f"lowerleg01.{side}", f"foot.{side}"), DOWN)
    yaw, pitch = posture.foot_yaw[:, column], posture.foot_pitch[:, column]
    named = {
        f"upperleg01.{side}": posture.thigh[:, column] @ thigh,
        f"lowerleg01.{side}": posture.shin[:, column] @ shin,
        f"foot.{side}": foot_turn(yaw, pitch),
    }
    toes = foot_turn(yaw, pitch - toe_bend(pitch))
    return named | {f"toe{number}-1.{side}": toes for number in range(1, 6)}


def _arm_turns(posture: Posture, skeleton: Skeleton, column: int) -> dict[str, Floats]:
    """Rotations by bone name. Twist is spread over the bones of a limb, so that no joint collapses the skin."""
    side = SIDES[column]
    arm = aligning(skeleton.direction(f"upperarm01.{side}", f"lowerarm01.{side}"), DOWN)
    forearm = aligning(skeleton.direction(f"lowerarm01.{side}", f"wrist.{side}"), DOWN)
    upper, lower, hand = (part[:, column] for part in (posture.arm, posture.forearm, posture.hand))
    # The arm rotated without twist: the rest of its rotation is about its own length.
    least = aligning(posture.chest @ DOWN, upper @ DOWN) @ posture.chest
    named = {
        f"upperarm01.{side}": halfway(least, upper) @ arm,
        f"upperarm02.{side}": upper @ arm,
        f"lowerarm01.{side}": lower @ forearm,
        f"lowerarm02.{side}": halfway(lower, aligning(hand @ DOWN, lower @ DOWN) @ hand) @ forearm,
        f"wrist.{side}": hand @ forearm,
    }
    return named | _finger_turns(posture, skeleton, column, named[f"wrist.{side}"])


def _finger_turns(posture: Posture, skeleton: Skeleton, column: int, hand: Floats) -> dict[str, Floats]:
    side, sign = SIDES[column], SIDE_SIGN[column]
    across = skeleton.direction(f"finger2-1.{side}", f"finger5-1.{side}")
    along = skeleton.direction(f"finger3-1.{side}", f"finger3-3.{side}")
    hinge = np.cross(along, sign * np.cross(across, along))  # towards the palm
    named = {}
    for finger in range(2, 6):
        bent = np.cumsum(FINGER_BEND) * posture.grip[column]
        for joint, angle in enumerate(bent, start=1):
            named[f"finger{finger}-{joint}.{side}"] = hand @ about(hinge, angle)
    return named
