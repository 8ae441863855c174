"""BVH motion capture files: reading and forward kinematics."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats
from alignnet_common.errors import UserError
from synth.animation.rotations import about_x, about_y, about_z

CHANNELS = {axis + kind for axis in "XYZ" for kind in ("rotation", "position")}


@dataclass(frozen=True)
class Joint:
    """A joint of a BVH file, or an End Site."""

    name: str
    parent: int
    """Index of the parent joint; -1 for the root."""
    offset: tuple[float, float, float]
    """Offset from the parent without rotation, in the unit of the file."""
    channels: tuple[str, ...]
    """Names such as Zrotation, in the order of the columns, which is that of the rotations."""


@dataclass(frozen=True)
class Bvh:
    """A parsed BVH file."""

    joints: tuple[Joint, ...]
    values: NDArray[np.float64]
    """(frames, channels) degrees, and lengths in the unit of the file."""
    seconds: float
    """Frame time."""


SHORTEST, LONGEST = 1e-4, 10.0
"""Seconds between two frames of a recording, at least and at most."""


def read_bvh(path: Path) -> Bvh:
    """Read a BVH file. A first frame far from the second one, in which many files have the rest pose, is left out.

    Raises UserError if the file is missing or invalid.
    """
    try:
        text = path.read_text(errors="replace")
    except OSError as failure:
        raise UserError(f"{path}: {failure.strerror}: restore the file, or name another folder with --motion") from None
    head, _, body = text.partition("MOTION")
    joints = _joints(path, head)
    words = body.split()
    if words[:1] != ["Frames:"] or words[2:4] != ["Frame", "Time:"]:
        raise invalid(path, "it has no line MOTION followed by Frames: and Frame Time:")
    columns = sum(len(joint.channels) for joint in joints)
    try:
        frames, seconds = int(words[1]), float(words[4])
        values = np.array(words[5:], dtype=float)
    except (ValueError, IndexError):
        raise invalid(path, "a value is not a number") from None
    if not SHORTEST <= seconds <= LONGEST:
        raise invalid(path, f"Frame Time: {words[4][:20]} s is not the time of a frame, {SHORTEST:g} to {LONGEST:g} s")
    if frames < 1 or values.size != frames * columns or not np.isfinite(values).all():
        raise invalid(path, f"{values.size} values do not make {frames} frames of {columns} channels")
    values = values.reshape(frames, columns)
    rest_pose_first = frames > 2 and np.abs(values[1] - values[0]).max() > 10 * max(
        np.abs(values[2] - values[1]).max(), 1
    )
    return Bvh(joints, values[1:] if rest_pose_first else values, seconds)


def _joints(path: Path, head: str) -> tuple[Joint, ...]:
    """The joints of the HIERARCHY section; an End Site is named after its parent."""
    joints: list[Joint] = []
    open_joints: list[int] = []
    name = ""
    words = iter(head.split())
    try:
        for word in words:
            if word in ("ROOT", "JOINT"):
                name = next(words)
            elif word == "End":
                name = joints[open_joints[-1]].name + " end"
                next(words)
            elif word == "{":
                if next(words) != "OFFSET":
                    raise invalid(path, f"joint {name} does not begin with its OFFSET")
                x, y, z = (float(next(words)) for _ in range(3))
                joints.append(Joint(name, open_joints[-1] if open_joints else -1, (x, y, z), ()))
                open_joints.append(len(joints) - 1)
            elif word == "CHANNELS":
                channels = tuple(next(words) for _ in range(int(next(words))))
                if unknown := [channel for channel in channels if channel not in CHANNELS]:
                    raise invalid(path, f"joint {name} has an unknown channel {unknown[0]}")
                last = joints[open_joints[-1]]
                joints[open_joints[-1]] = Joint(last.name, last.parent, last.offset, channels)
            elif word == "}":
                open_joints.pop()
    except (ValueError, IndexError, StopIteration, RuntimeError):
        raise invalid(path, f"its HIERARCHY ends early or has a wrong number at joint {name}") from None
    if not joints or open_joints:
        raise invalid(path, "its HIERARCHY is incomplete")
    return tuple(joints)


def invalid(path: Path, reason: str) -> UserError:
    """The error for an invalid BVH file."""
    return UserError(f"{path} is not a usable BVH file: {reason}: correct it or remove it from the folder of --motion")


def joint_transforms(bvh: Bvh, values: Floats) -> tuple[Floats, Floats]:
    """World rotations (T, J, 3, 3) and positions (T, J, 3) of the joints for rows (T, channels) of values.

    Axes and unit are those of the file.
    """
    turns = np.empty((len(values), len(bvh.joints), 3, 3))
    places = np.empty((len(values), len(bvh.joints), 3))
    column = 0
    for number, joint in enumerate(bvh.joints):
        turn, place = np.eye(3), np.array(joint.offset)
        for channel in joint.channels:
            axis, kind = channel[0], channel[1:]
            if kind == "rotation":
                turn = turn @ {"X": about_x, "Y": about_y, "Z": about_z}[axis](values[:, column])
            else:
                place = place + values[:, column, None] * np.eye(3)["XYZ".index(axis)]
            column += 1
        if joint.parent < 0:
            turns[:, number], places[:, number] = turn, place
        else:
            parent = turns[:, joint.parent]
            turns[:, number] = parent @ turn
            places[:, number] = places[:, joint.parent] + (parent @ place[..., None])[..., 0]
    return turns, places


def sampled(bvh: Bvh, first: int, frames: int, fps: float) -> Floats:
    """(frames, channels) values from frame `first` on, interpolated at `fps`; at the end of the file the motion runs
    backwards."""
    where = first + np.arange(frames) / fps / bvh.seconds
    last = len(bvh.values) - 1
    where = last - np.abs(last - where % max(2 * last, 1))
    before = np.floor(where).astype(int)
    after, part = np.minimum(before + 1, last), (where - before)[:, None]
    # The shorter way round: 179 to -179 degrees is a step of 2.
    step = bvh.values[after] - bvh.values[before]
    angle = np.array([channel.endswith("rotation") for joint in bvh.joints for channel in joint.channels])
    step[:, angle] = (step[:, angle] + 180) % 360 - 180
    return bvh.values[before] + part * step
