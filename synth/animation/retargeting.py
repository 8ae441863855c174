"""Recorded motion: BVH files, such as those made of CMU's motion capture (mocap.cs.cmu.edu, free for any use).

Names of joints are those of the cgspeed conversion or the plain ones that most tools write. Only directions of limbs
are taken, so that the recorded body's size does not matter; `synth.animation.foot_planting` finds the way over the
ground.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from alignnet_common.cli import UserError
from synth.animation.pose import Posture
from synth.animation.rotations import DOWN, Array, about_x, about_y, about_z, aligning, axes

NAMES = {
    "hips": ("Hips", "Hip", "hip", "root", "Root"),
    "thigh": ("{}UpLeg", "{}UpperLeg", "{}Thigh", "{}Hip"),
    "shin": ("{}Leg", "{}LowLeg", "{}LowerLeg", "{}Shin", "{}Knee"),
    "foot": ("{}Foot", "{}Ankle"),
    "arm": ("{}Arm", "{}UpArm", "{}UpperArm", "{}Shoulder"),
    "forearm": ("{}ForeArm", "{}LowArm", "{}LowerArm", "{}Elbow"),
    "hand": ("{}Hand", "{}Wrist"),
    "neck": ("Neck", "Neck1", "neck"),
    "head": ("Head", "head"),
}
"""What files call the joints that are needed, the likeliest first; {} is Left or Right."""
TO_OURS = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""BVH: Y up, facing +Z; here: Z up, facing -Y. The person's left is +X in both."""
CHANNELS = {axis + what for axis in "XYZ" for what in ("rotation", "position")}
BROKEN = "is not a BVH file that can be used"


@dataclass(frozen=True)
class Recording:
    """A file that motion can be taken from."""

    file: str
    frames: int
    seconds: float
    """Between two frames."""


@dataclass(frozen=True)
class Take:
    """A stretch of a recording."""

    file: str
    """Path of the BVH file."""
    first: int
    """Number of its first frame, from 0. At the end of the file the motion runs back."""


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


def recordings(folder: Path) -> tuple[Recording, ...]:
    """The BVH files below `folder`, sorted. Raises UserError where there is none, or one cannot be used."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".bvh") if folder.is_dir() else []
    if not files:
        what = "holds no .bvh file" if folder.is_dir() else "is not a folder"
        raise UserError(f"--motion {folder} {what}: name a folder of BVH files, such as those of CMU's motion capture")
    found = []
    for file in files:
        bvh = read_bvh(file)
        posture_of(bvh, file, 0, 1, 25.0)  # it has the joints that are needed: said before anything is rendered
        found.append(Recording(str(file.resolve()), len(bvh.values), bvh.seconds))
    return tuple(found)


def take_rand(rng: np.random.Generator, among: tuple[Recording, ...], seconds: float) -> Take:
    """Draw a recording and a stretch of `seconds` of it; one that is shorter is taken from its beginning."""
    recording = among[rng.integers(len(among))]
    spare = recording.frames - seconds / recording.seconds
    return Take(recording.file, int(rng.uniform() * max(spare, 0)))


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


def world(bvh: Bvh, values: Array) -> tuple[Array, Array]:
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


def played(bvh: Bvh, first: int, frames: int, fps: float) -> Array:
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


@functools.lru_cache(maxsize=4)
def _bvh(file: str) -> Bvh:
    """A file that two clips may share."""
    return read_bvh(Path(file))


def recorded_posture(take: Take, frames: int, fps: float) -> Posture:
    """The posture of `frames` frames at `fps` from a take, turned so that it faces -Y in the middle frame."""
    return posture_of(_bvh(take.file), Path(take.file), take.first, frames, fps)


def posture_of(bvh: Bvh, path: Path, start: int, frames: int, fps: float) -> Posture:
    """As `recorded_posture`, from frame `start` on of the file that was read from `path`.

    Raises UserError where a joint is missing.
    """
    turns, places = world(bvh, played(bvh, start, frames, fps))
    turns, places = TO_OURS @ turns @ TO_OURS.T, places @ TO_OURS.T
    number = {joint.name: index for index, joint in enumerate(bvh.joints)}

    def find(what: str, side: str = "") -> int:
        names = [name.format(side) for name in NAMES[what]]
        known = [number[name] for name in names if name in number]
        if not known:
            _refuse(path, f"it has no joint called {' or '.join(names)}")
        return known[0]

    def toes(side: str) -> int:
        foot = find("foot", side)
        children = [index for index, joint in enumerate(bvh.joints) if joint.parent == foot]
        if not children:
            _refuse(path, f"nothing hangs from {bvh.joints[foot].name}")
        return children[0]

    def way(start: int, end: int) -> Array:
        return places[:, end] - places[:, start]

    def across(what: str) -> Array:
        return way(find(what, "Right"), find(what, "Left"))

    hips, neck = find("hips"), find("neck")
    pelvis, chest = axes(way(hips, neck), across("thigh")), axes(way(hips, neck), across("arm"))
    head = turns[:, find("head")]
    limbs: dict[str, list[Array]] = {name: [] for name in ("thigh", "shin", "arm", "forearm", "yaw", "pitch")}
    for side in ("Right", "Left"):
        for trunk, upper, lower, end in ((pelvis, "thigh", "shin", "foot"), (chest, "arm", "forearm", "hand")):
            first = _pointed(trunk, way(find(upper, side), find(lower, side)))
            limbs[upper].append(first)
            limbs[lower].append(_pointed(first, way(find(lower, side), find(end, side))))
        foot = way(find("foot", side), toes(side))
        x, y, z = bvh.joints[toes(side)].offset
        level = np.degrees(np.arctan2(-y, np.hypot(x, z)))  # of a foot that lies flat
        limbs["yaw"].append(np.degrees(np.unwrap(np.arctan2(foot[:, 0], -foot[:, 1]))))
        limbs["pitch"].append(np.degrees(np.arctan2(-foot[:, 2], np.linalg.norm(foot[:, :2], axis=1))) - level)
    facing = np.degrees(np.arctan2(pelvis[:, 1, 0], pelvis[:, 0, 0]))[frames // 2]
    back = about_z(np.array([-facing]))
    thigh, shin, arm, forearm = (back @ np.stack(limbs[name], axis=1) for name in ("thigh", "shin", "arm", "forearm"))
    yaw = np.stack(limbs["yaw"], axis=-1) - facing
    # Whole turns between a foot and the pelvis mean nothing.
    yaw -= 360 * np.round(yaw[:1] / 360)
    pitch = np.stack(limbs["pitch"], axis=-1)
    pelvis, chest, head = back @ pelvis, back @ chest, back @ head
    return Posture(pelvis, chest, head, thigh, shin, yaw, pitch, arm, forearm, hand=forearm)


def _pointed(above: Array, way: Array) -> Array:
    """(T, 3, 3): the turn of a limb along `way` (T, 3) that hangs from a part turned by `above`, not wrung."""
    turned: Array = aligning(above @ DOWN, way) @ above
    return turned
