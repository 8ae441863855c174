"""BVH motion capture files: reading and forward kinematics."""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats
from alignnet_common.errors import UserError
from synth.animation.rotations import about_x, about_y, about_z

CHANNELS = {axis + what for axis in "XYZ" for what in ("rotation", "position")}


BROKEN = "is not a BVH file that can be used"


@dataclass(frozen=True)
class Joint:
    """A joint of a BVH file, or the end of a limb."""

    name: str
    parent: int
    """-1 for the root."""
    offset: tuple[float, float, float]
    """From the parent, in the file's unit, when nothing is turned."""
    channels: tuple[str, ...]
    """Such as Zrotation, in the order of the file's columns and of the turns."""


@dataclass(frozen=True)
class Bvh:
    """A BVH file."""

    joints: tuple[Joint, ...]
    values: NDArray[np.float64]
    """(frames, channels) degrees and the file's unit."""
    seconds: float
    """Between two frames."""


def read_bvh(path: Path) -> Bvh:
    """Read a BVH file, without a first frame in the pose of the skeleton, which many begin with.

    Raises UserError where it is missing or broken.
    """
    try:
        text = path.read_text(errors="replace")
    except OSError as failure:
        raise UserError(f"{path}: {failure.strerror}: restore the file, or name another folder by --motion") from None
    head, _, body = text.partition("MOTION")
    joints = _joints(path, head)
    words = body.split()
    if words[:1] != ["Frames:"] or words[2:4] != ["Frame", "Time:"]:
        _refuse(path, "no line MOTION with Frames: and Frame Time: below")
    columns = sum(len(joint.channels) for joint in joints)
    try:
        frames, seconds = int(words[1]), float(words[4])
        values = np.array(words[5:], dtype=float)
    except (ValueError, IndexError):
        _refuse(path, "a value is not a number")
    if frames < 1 or seconds <= 0 or values.size != frames * columns or not np.isfinite(values).all():
        _refuse(path, f"{values.size} values where {frames} frames of {columns} channels are announced")
    values = values.reshape(frames, columns)
    begins_apart = frames > 2 and np.abs(values[1] - values[0]).max() > 10 * max(np.abs(values[2] - values[1]).max(), 1)
    return Bvh(joints, values[1:] if begins_apart else values, seconds)


def _joints(path: Path, head: str) -> tuple[Joint, ...]:
    """The joints that the HIERARCHY lays out; ends are called after their parent."""
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
                    _refuse(path, f"joint {name} does not begin with its OFFSET")
                x, y, z = (float(next(words)) for _ in range(3))
                joints.append(Joint(name, open_joints[-1] if open_joints else -1, (x, y, z), ()))
                open_joints.append(len(joints) - 1)
            elif word == "CHANNELS":
                channels = tuple(next(words) for _ in range(int(next(words))))
                if strange := [channel for channel in channels if channel not in CHANNELS]:
                    _refuse(path, f"joint {name} has a channel {strange[0]}")
                last = joints[open_joints[-1]]
                joints[open_joints[-1]] = Joint(last.name, last.parent, last.offset, channels)
            elif word == "}":
                open_joints.pop()
    except (ValueError, IndexError, StopIteration, RuntimeError):
        _refuse(path, f"its HIERARCHY breaks off at joint {name}")
    if not joints or open_joints:
        _refuse(path, "it has no whole HIERARCHY")
    return tuple(joints)


def _refuse(path: Path, why: str) -> NoReturn:
    raise UserError(f"{path} {BROKEN}: {why}: mend it or take it out of the folder of --motion")


def world(bvh: Bvh, values: Floats) -> tuple[Floats, Floats]:
    """Turns (T, J, 3, 3) and places (T, J, 3) of the joints, in the file's axes, for rows (T, channels) of values."""
    turns = np.empty((len(values), len(bvh.joints), 3, 3))
    places = np.empty((len(values), len(bvh.joints), 3))
    column = 0
    for number, joint in enumerate(bvh.joints):
        turn, place = np.eye(3), np.array(joint.offset)
        for channel in joint.channels:
            axis, what = channel[0], channel[1:]
            if what == "rotation":
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


def played(bvh: Bvh, first: int, frames: int, fps: float) -> Floats:
    """(frames, channels) values from frame `first` on, at `fps`; at the file's end the motion runs back."""
    where = first + np.arange(frames) / fps / bvh.seconds
    last = len(bvh.values) - 1
    where = last - np.abs(last - where % max(2 * last, 1))
    before = np.floor(where).astype(int)
    after, part = np.minimum(before + 1, last), (where - before)[:, None]
    # Angles go the short way round: 179 to -179 degrees is a step of 2.
    step = bvh.values[after] - bvh.values[before]
    angle = np.array([channel.endswith("rotation") for joint in bvh.joints for channel in joint.channels])
    step[:, angle] = (step[:, angle] + 180) % 360 - 180
    return bvh.values[before] + part * step
