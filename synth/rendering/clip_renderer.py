"""Renders one clip of the plan: body, clothes, place, camera; frames and their truth come back as arrays."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats
from synth.animation.walk import Walk, timeline
from synth.body.garments import SOLE, dress
from synth.body.mesh import Mesh
from synth.body.model import BakedBody, BodyModel
from synth.cameras import image_pipeline
from synth.cameras.camera import HEIGHT, WIDTH, extrinsics, to_camera
from synth.cameras.tracker import follow
from synth.dataset import annotations
from synth.dataset.annotations import RenderedClip
from synth.people.identity import Identity
from synth.people.outfit import Outfit
from synth.planning.clearance import may_be_hidden, obstacles_of
from synth.planning.clip import Bystander, Clip, Sighting
from synth.rendering.blender_scene import Passes, Stage
from synth.rendering.silhouette import silhouette_area

STEPS_A_SECOND = 25.0
"""How often a second, at least, a walk is worked out."""


@dataclass(frozen=True)
class Scene:
    """What stands before a clip's camera in one sighting, and how the camera follows it, over T frames."""

    person: Mesh
    others: list[tuple[Mesh, Outfit]]
    joints: Floats
    """(T, 18, 3) metres, as the person stands in their shoes."""
    outline: Floats
    """(T, N, 3) the person's vertices in the camera's frame."""
    rotation: Floats
    translation: Floats
    intrinsics: Floats
    """(T, 3, 3)."""
    between: NDArray[np.bool_]
    """(T,) whether something may stand between the camera and the person."""


@dataclass(frozen=True)
class Seen:
    """One sighting as Blender sees it, over T frames."""

    radiance: Floats
    """(T, 128, 64, 3) linear light."""
    gains: Floats
    """(3,) of the camera, set to this light."""
    truth: list[annotations.FrameTruth]
    intrinsics: Floats
    """(T, 3, 3)."""


def render_clip(model: BodyModel, clip: Clip, device: str) -> RenderedClip:
    """Render `clip`. The result depends on the clip alone."""
    rng = clip.frame_rng()
    seen = [render_sighting(model, clip, sighting, device, rng) for sighting in clip.sightings]
    sighting = np.repeat(np.arange(len(seen)), [one.frames for one in clip.sightings])
    radiance = np.concatenate([one.radiance for one in seen])
    gains = np.stack([one.gains for one in seen])[sighting]
    frames = image_pipeline.develop(radiance, gains, clip.sensor, rng)
    truth = [frame for one in seen for frame in one.truth]
    intrinsics = np.concatenate([one.intrinsics for one in seen])
    return RenderedClip(frames, truth, intrinsics, *extrinsics(clip.camera), sighting)


def render_sighting(model: BodyModel, clip: Clip, sighting: Sighting, device: str, rng: np.random.Generator) -> Seen:
    """Render one sighting of `clip`."""
    scene = composed(model, clip, sighting, rng)
    stage = staged(scene, clip, sighting, device, rng)
    try:
        view = scene.rotation, scene.translation
        passes = [stage.render(t, *view, scene.intrinsics[t]) for t in range(sighting.frames)]
    finally:
        stage.close()
    radiance = np.stack([seen.radiance for seen in passes])
    light = image_pipeline.incident_light(radiance, np.stack([seen.albedo for seen in passes]))
    truth = [frame_truth(scene, t, seen) for t, seen in enumerate(passes)]
    return Seen(radiance, image_pipeline.automatic_gains(light, clip.sensor), truth, scene.intrinsics)


def composed(model: BodyModel, clip: Clip, sighting: Sighting, rng: np.random.Generator) -> Scene:
    """Everybody dressed and in motion, and the camera's tracker on the person."""
    frames, fps = sighting.frames, sighting.fps
    body = baked(model, clip.identity, sighting.walk, frames, fps)
    person = dress(model.anatomy, body, clip.identity.outfit)
    others = [placed_mesh(model, bystander, frames, fps) for bystander in sighting.bystanders]
    standing = np.array([0, 0, SOLE])
    rotation, translation = extrinsics(clip.camera)
    outline = to_camera(person.vertices + standing, rotation, translation)
    crowd = [to_camera(mesh.vertices + standing, rotation, translation) for mesh, _ in others]
    middles = (person.vertices.max(1) + person.vertices.min(1))[:, :2] / 2
    between = may_be_hidden(clip.camera, middles, obstacles_of(sighting.place.solids))
    between |= bool(sighting.place.occluders)
    between |= [any(_may_hide(other[t], outline[t]) for other in crowd) for t in range(frames)]
    intrinsics = follow(outline, sighting.tracker, fps, rng)
    joints = body.joints + standing
    return Scene(person, others, joints, outline, rotation, translation, intrinsics, between)


def staged(scene: Scene, clip: Clip, sighting: Sighting, device: str, rng: np.random.Generator) -> Stage:
    """The scene in its place, before Blender's camera."""
    # Cycles takes one seed a scene; the clip's own keeps its noise apart from every other clip's.
    seed = int(rng.integers(2**31))
    outfit = clip.identity.outfit
    return Stage(sighting.place, scene.person, outfit, clip.samples, device, seed, scene.others, clip.denoise)


def frame_truth(scene: Scene, t: int, seen: Passes) -> annotations.FrameTruth:
    """What is true of frame `t`, which was `seen` so."""
    intrinsics, outline = scene.intrinsics[t], scene.outline[t]
    points = annotations.joints_in_image(outline, intrinsics)
    cut_off = (points < -0.5).any() or (points > np.array([WIDTH, HEIGHT]) - 0.5).any()
    whole = silhouette_area(points, scene.person.quads) if cut_off or scene.between[t] else float(seen.parts.sum())
    joints_camera = to_camera(scene.joints[t], scene.rotation, scene.translation)
    return annotations.frame_truth(scene.joints[t], joints_camera, outline, intrinsics, seen.depth, seen.parts, whole)


def baked(model: BodyModel, identity: Identity, walk: Walk, frames: int, fps: float) -> BakedBody:
    """The body of somebody who walks.

    Feet are planted step by step, so between far frames there are more that nobody sees.
    """
    every = max(1, math.ceil(STEPS_A_SECOND / fps))
    moves = timeline(walk, identity.gait, (frames - 1) * every + 1, fps * every)
    return model.bake(identity.phenotype, identity.gait, moves, every)


def placed_mesh(model: BodyModel, bystander: Bystander, frames: int, fps: float) -> tuple[Mesh, Outfit]:
    """Somebody else, dressed and where they are."""
    outfit = bystander.identity.outfit
    mesh = dress(model.anatomy, baked(model, bystander.identity, bystander.walk, frames, fps), outfit)
    return dataclasses.replace(mesh, vertices=mesh.vertices + np.array([*bystander.offset, 0.0])), outfit


def _may_hide(other: Floats, person: Floats) -> bool:
    """Whether somebody, as points (N, 3) in the camera's frame, may stand before a part of the person."""
    if other[:, 2].min() > person[:, 2].max():
        return False
    if other[:, 2].min() <= 0:
        return True
    (low, high), (person_low, person_high) = (
        (flat.min(0), flat.max(0)) for flat in (other[:, :2] / other[:, 2:], person[:, :2] / person[:, 2:])
    )
    return bool(((low < person_high) & (person_low < high)).all())
