"""Retargeting of recorded motion: BVH files to postures.

For recordings such as those of the CMU motion capture database (mocap.cs.cmu.edu, free for any use). Joints are found
by the names of the cgspeed conversion or by the plain names that most tools write. Only the directions of limbs are
used, so the size of the recorded body does not matter; `synth.animation.foot_planting` finds the path over the ground.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignnet_common.arrays import Floats
from alignnet_common.errors import UserError
from synth.animation.bvh import Bvh, invalid, joint_transforms, read_bvh, sampled
from synth.animation.pose import Posture
from synth.animation.rotations import DOWN, about_z, aligning, axes

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
"""Names of each required joint, most common first; {} is Left or Right."""
TO_OURS = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""(3, 3) from BVH axes (Y up, facing +Z) to those of this project (Z up, facing -Y). Left is +X in both."""


@dataclass(frozen=True)
class Recording:
    """A usable BVH file."""

    file: str
    frames: int
    seconds: float
    """Frame time."""


@dataclass(frozen=True)
class Take:
    """A part of a recording."""

    file: str
    """Path of the BVH file."""
    first: int
    """Index of the first frame. At the end of the file the motion runs backwards."""


def recordings(folder: Path) -> tuple[Recording, ...]:
    """The BVH files below `folder`, sorted. Raises UserError if there is none, or if one cannot be used."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".bvh") if folder.is_dir() else []
    if not files:
        what = "holds no .bvh file" if folder.is_dir() else "is not a folder"
        raise UserError(f"--motion {folder} {what}: name a folder of BVH files, such as those of CMU's motion capture")
    found = []
    for file in files:
        bvh = read_bvh(file)
        posture_of(bvh, file, 0, 1, 25.0)  # raises now, not while rendering, if a joint is missing
        found.append(Recording(str(file.resolve()), len(bvh.values), bvh.seconds))
    return tuple(found)


def take_rand(rng: np.random.Generator, among: tuple[Recording, ...], seconds: float) -> Take:
    """Draw a recording and a part of it that lasts `seconds`; a shorter recording is taken from its beginning."""
    recording = among[rng.integers(len(among))]
    spare = recording.frames - seconds / recording.seconds
    return Take(recording.file, int(rng.uniform() * max(spare, 0)))


@functools.lru_cache(maxsize=4)
def _bvh(file: str) -> Bvh:
    """The parsed file; cached because several clips may use it."""
    return read_bvh(Path(file))


def recorded_posture(take: Take, frames: int, fps: float) -> Posture:
    """The posture of a take in `frames` frames at `fps`, turned so that it faces -Y in the middle frame."""
    return posture_of(_bvh(take.file), Path(take.file), take.first, frames, fps)


@dataclass(frozen=True)
class Retargeter:
    """Joints of one BVH file in the axes of this project, over T frames."""

    bvh: Bvh
    path: Path
    """The file, for error messages."""
    turns: Floats
    """(T, J, 3, 3) world rotations."""
    places: Floats
    """(T, J, 3) world positions, in the unit of the file."""

    def find(self, part: str, side: str = "") -> int:
        """Index of the joint of a body part in NAMES; raises UserError if the file has none."""
        names = [name.format(side) for name in NAMES[part]]
        number = {joint.name: index for index, joint in enumerate(self.bvh.joints)}
        known = [number[name] for name in names if name in number]
        if not known:
            raise invalid(self.path, f"it has no joint called {' or '.join(names)}")
        return known[0]

    def toes(self, side: str) -> int:
        """Index of the first child of the foot."""
        foot = self.find("foot", side)
        children = [index for index, joint in enumerate(self.bvh.joints) if joint.parent == foot]
        if not children:
            raise invalid(self.path, f"joint {self.bvh.joints[foot].name} has no child")
        return children[0]

    def direction(self, start: int, end: int) -> Floats:
        """(T, 3) from one joint to another."""
        return self.places[:, end] - self.places[:, start]

    def across(self, part: str) -> Floats:
        """(T, 3) from the right joint of a body part to the left one."""
        return self.direction(self.find(part, "Right"), self.find(part, "Left"))

    def trunk(self) -> tuple[Floats, Floats]:
        """(T, 3, 3) rotations of pelvis and chest: up along the spine, across the hips or the shoulders."""
        up = self.direction(self.find("hips"), self.find("neck"))
        return axes(up, self.across("thigh")), axes(up, self.across("arm"))

    def limb(self, trunk: Floats, upper: str, lower: str, end: str) -> tuple[Floats, Floats]:
        """(T, 2, 3, 3) rotations of the upper and the lower bones of both legs, or of both arms."""
        uppers, lowers = [], []
        for side in ("Right", "Left"):
            first = _pointed(trunk, self.direction(self.find(upper, side), self.find(lower, side)))
            uppers.append(first)
            lowers.append(_pointed(first, self.direction(self.find(lower, side), self.find(end, side))))
        return np.stack(uppers, axis=1), np.stack(lowers, axis=1)

    def feet(self) -> tuple[Floats, Floats]:
        """(T, 2) yaw and pitch of the feet, degrees."""
        yaw, pitch = [], []
        for side in ("Right", "Left"):
            foot = self.direction(self.find("foot", side), self.toes(side))
            x, y, z = self.bvh.joints[self.toes(side)].offset
            level = np.degrees(np.arctan2(-y, np.hypot(x, z)))  # pitch of a flat foot
            yaw.append(np.degrees(np.unwrap(np.arctan2(foot[:, 0], -foot[:, 1]))))
            pitch.append(np.degrees(np.arctan2(-foot[:, 2], np.linalg.norm(foot[:, :2], axis=1))) - level)
        return np.stack(yaw, axis=-1), np.stack(pitch, axis=-1)


def posture_of(bvh: Bvh, path: Path, start: int, frames: int, fps: float) -> Posture:
    """As `recorded_posture`, for the frames of `bvh` (read from `path`) from number `start` on.

    Raises UserError if a joint is missing.
    """
    turns, places = joint_transforms(bvh, sampled(bvh, start, frames, fps))
    body = Retargeter(bvh, path, TO_OURS @ turns @ TO_OURS.T, places @ TO_OURS.T)
    pelvis, chest = body.trunk()
    head = body.turns[:, body.find("head")]
    thigh, shin = body.limb(pelvis, "thigh", "shin", "foot")
    arm, forearm = body.limb(chest, "arm", "forearm", "hand")
    yaw, pitch = body.feet()
    facing = np.degrees(np.arctan2(pelvis[:, 1, 0], pelvis[:, 0, 0]))[frames // 2]
    yaw = yaw - facing
    yaw -= 360 * np.round(yaw[:1] / 360)  # whole turns between foot and pelvis mean nothing
    back = about_z(np.array([-facing]))
    thigh, shin, arm, forearm = (back @ limb for limb in (thigh, shin, arm, forearm))
    pelvis, chest, head = back @ pelvis, back @ chest, back @ head
    return Posture(pelvis, chest, head, thigh, shin, yaw, pitch, arm, forearm, hand=forearm)


def _pointed(parent: Floats, direction: Floats) -> Floats:
    """(T, 3, 3) rotation of a limb along `direction` (T, 3), without twist against its parent, rotated by `parent`."""
    turned: Floats = aligning(parent @ DOWN, direction) @ parent
    return turned
