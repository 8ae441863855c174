"""Renders one clip of the plan: meshes and camera as data, then Blender, then frames and ground truth as arrays."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from alignnet_common.arrays import Bools, Floats
from synth.animation.walk import Walk, timeline
from synth.body.garments import SOLE, dress
from synth.body.model import BakedBody, BodyModel
from synth.cameras import image_pipeline
from synth.cameras.camera import HEIGHT, WIDTH, extrinsics, to_camera
from synth.cameras.tracker import follow
from synth.dataset.annotations import FrameTruth, PersonGeometry, RenderedClip, frame_truth, joints_in_image
from synth.people.identity import Identity
from synth.planning.clearance import may_be_hidden, obstacles_of
from synth.planning.clip import Bystander, Clip, Sighting
from synth.rendering.blender_scene import BlenderScene, DressedPerson, Passes, RenderSettings
from synth.rendering.silhouette import silhouette_area
from synth.scenes.elements import Place

STEPS_PER_SECOND = 25.0
"""Lowest rate, per second, at which a walk is computed."""
SOLE_OFFSET = np.array([0, 0, SOLE])
"""Metres that shoes raise a body by."""


@dataclass(frozen=True)
class Scene:
    """One sighting as data: T frames of dressed people in motion at a place, and the camera's crop of the subject."""

    place: Place
    subject: DressedPerson
    bystanders: tuple[DressedPerson, ...]
    joints: Floats
    """(T, 18, 3) the subject's joints in metres, in the world, shoes included."""
    vertices_camera: Floats
    """(T, N, 3) the subject's vertices in metres, in the camera's frame."""
    rotation: Floats
    """(3, 3) world to camera."""
    translation: Floats
    """(3,) metres, world to camera."""
    intrinsics: Floats
    """(T, 3, 3) of the cropped and resized frame of 128 × 64 pixels."""
    may_be_hidden: Bools
    """(T,) whether something may stand between the camera and the subject."""

    @classmethod
    def from_clip(cls, model: BodyModel, clip: Clip, sighting: Sighting, rng: np.random.Generator) -> Self:
        """The scene of one sighting of `clip`; `rng` draws the jitter of the tracker's crop."""
        frames, fps = sighting.frames, sighting.fps
        identity = clip.identity.wearing(sighting.outfit)
        body = bake_walk(model, identity, sighting.walk, frames, fps)
        subject = DressedPerson(dress(model.anatomy, body, identity.outfit), identity.outfit)
        bystanders = tuple(dressed_bystander(model, bystander, frames, fps) for bystander in sighting.bystanders)
        rotation, translation = extrinsics(clip.camera)
        vertices, *others = (
            to_camera(person.mesh.vertices + SOLE_OFFSET, rotation, translation) for person in (subject, *bystanders)
        )
        mesh = subject.mesh
        middles = (mesh.vertices.max(1) + mesh.vertices.min(1))[:, :2] / 2
        hidden = may_be_hidden(clip.camera, middles, obstacles_of(sighting.place.solids))
        hidden |= bool(sighting.place.occluders)
        hidden |= [any(_may_hide(other[t], vertices[t]) for other in others) for t in range(frames)]
        intrinsics = follow(vertices, sighting.tracker, fps, rng)
        return cls(
            place=sighting.place,
            subject=subject,
            bystanders=bystanders,
            joints=body.joints + SOLE_OFFSET,
            vertices_camera=vertices,
            rotation=rotation,
            translation=translation,
            intrinsics=intrinsics,
            may_be_hidden=hidden,
        )

    def in_blender(self, settings: RenderSettings) -> BlenderScene:
        """The scene built in Blender."""
        return BlenderScene(self.place, self.subject, settings, self.bystanders)

    def view(self, t: int) -> tuple[Floats, Floats, Floats]:
        """Rotation, translation and intrinsics of the camera in frame `t`."""
        return self.rotation, self.translation, self.intrinsics[t]


@dataclass(frozen=True)
class RenderedSighting:
    """Rendered frames of one sighting, before the camera's image pipeline."""

    radiance: Floats
    """(T, 128, 64, 3) linear RGB."""
    gains: Floats
    """(3,) the camera's automatic gains in this light."""
    truth: list[FrameTruth]
    intrinsics: Floats
    """(T, 3, 3)."""


def render_clip(model: BodyModel, clip: Clip, device: str) -> RenderedClip:
    """Render `clip` on a Cycles device. The result depends on the clip alone."""
    rng = clip.frame_rng()
    rendered = [render_sighting(model, clip, sighting, device, rng) for sighting in clip.sightings]
    sighting = np.repeat(np.arange(len(rendered)), [one.frames for one in clip.sightings])
    radiance = np.concatenate([one.radiance for one in rendered])
    gains = np.stack([one.gains for one in rendered])[sighting]
    frames = image_pipeline.develop(radiance, gains, clip.sensor, rng)
    truth = [frame for one in rendered for frame in one.truth]
    intrinsics = np.concatenate([one.intrinsics for one in rendered])
    return RenderedClip(frames, truth, intrinsics, *extrinsics(clip.camera), sighting)


def render_sighting(
    model: BodyModel, clip: Clip, sighting: Sighting, device: str, rng: np.random.Generator
) -> RenderedSighting:
    """Render one sighting of `clip`; `rng` draws the crop's jitter and the seed of the sampling noise."""
    scene = Scene.from_clip(model, clip, sighting, rng)
    # Cycles takes one seed per scene; a seed of the clip's own makes its noise differ from that of other clips.
    settings = RenderSettings(clip.samples, device, int(rng.integers(2**31)), clip.denoise, clip.kept_noise)
    with scene.in_blender(settings) as blender_scene:
        passes = [blender_scene.render(t, *scene.view(t)) for t in range(sighting.frames)]
    truth = [annotate(scene, t, frame) for t, frame in enumerate(passes)]
    radiance = np.stack([frame.radiance for frame in passes])
    light = image_pipeline.incident_light(radiance, np.stack([frame.albedo for frame in passes]))
    return RenderedSighting(radiance, image_pipeline.automatic_gains(light, clip.sensor), truth, scene.intrinsics)


def annotate(scene: Scene, t: int, passes: Passes) -> FrameTruth:
    """Ground truth of frame `t`, rendered as `passes`."""
    intrinsics, vertices = scene.intrinsics[t], scene.vertices_camera[t]
    pixels = joints_in_image(vertices, intrinsics)
    is_cut_off = (pixels < -0.5).any() or (pixels > np.array([WIDTH, HEIGHT]) - 0.5).any()
    if is_cut_off or scene.may_be_hidden[t]:
        whole = silhouette_area(pixels, scene.subject.mesh.quads)
    else:
        whole = float(passes.parts.sum())
    joints_camera = to_camera(scene.joints[t], scene.rotation, scene.translation)
    geometry = PersonGeometry(scene.joints[t], joints_camera, vertices, intrinsics)
    return frame_truth(geometry, passes.depth, passes.parts, whole)


def bake_walk(model: BodyModel, identity: Identity, walk: Walk, frames: int, fps: float) -> BakedBody:
    """The body of a walking person over `frames` frames at `fps`.

    Foot planting goes from step to step, so at low frame rates steps in between are computed and dropped.
    """
    every = max(1, math.ceil(STEPS_PER_SECOND / fps))
    moves = timeline(walk, identity.gait, (frames - 1) * every + 1, fps * every)
    return model.bake(identity.phenotype, identity.gait, moves, every)


def dressed_bystander(model: BodyModel, bystander: Bystander, frames: int, fps: float) -> DressedPerson:
    """A bystander, dressed and moved to their place."""
    outfit = bystander.identity.outfit
    mesh = dress(model.anatomy, bake_walk(model, bystander.identity, bystander.walk, frames, fps), outfit)
    vertices = mesh.vertices + np.array([*bystander.offset, 0.0])
    return DressedPerson(dataclasses.replace(mesh, vertices=vertices), outfit)


def _may_hide(other: Floats, person: Floats) -> bool:
    """Whether one person may hide part of another; both as points (N, 3) in metres, in the camera's frame.

    True if the bounding boxes of their projections overlap and `other` is not entirely behind `person`.
    """
    if other[:, 2].min() > person[:, 2].max():
        return False
    if other[:, 2].min() <= 0:
        return True
    (low, high), (person_low, person_high) = (
        (flat.min(0), flat.max(0)) for flat in (other[:, :2] / other[:, 2:], person[:, :2] / person[:, 2:])
    )
    return bool(((low < person_high) & (person_low < high)).all())
