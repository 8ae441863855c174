"""Recorded motion: BVH files, such as those made of CMU's motion capture (mocap.cs.cmu.edu, free for any use).

Names of joints are those of the cgspeed conversion or the plain ones that most tools write. Only directions of limbs
are taken, so that the recorded body's size does not matter; `synth.animation.foot_planting` finds the way over the
ground.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignnet_common.arrays import Floats
from alignnet_common.errors import UserError
from synth.animation.bvh import Bvh, _refuse, played, read_bvh, world
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
"""What files call the joints that are needed, the likeliest first; {} is Left or Right."""
TO_OURS = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""BVH: Y up, facing +Z; here: Z up, facing -Y. The person's left is +X in both."""


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

    def way(start: int, end: int) -> Floats:
        return places[:, end] - places[:, start]

    def across(what: str) -> Floats:
        return way(find(what, "Right"), find(what, "Left"))

    hips, neck = find("hips"), find("neck")
    pelvis, chest = axes(way(hips, neck), across("thigh")), axes(way(hips, neck), across("arm"))
    head = turns[:, find("head")]
    limbs: dict[str, list[Floats]] = {name: [] for name in ("thigh", "shin", "arm", "forearm", "yaw", "pitch")}
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


def _pointed(above: Floats, way: Floats) -> Floats:
    """(T, 3, 3): the turn of a limb along `way` (T, 3) that hangs from a part turned by `above`, not wrung."""
    turned: Floats = aligning(above @ DOWN, way) @ above
    return turned
