"""Renders one clip of the plan: body, clothes, place, camera; frames and their truth come back as arrays."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth import annotate, photometry
from synth.body import BakedBody, BodyModel
from synth.camera import HEIGHT, WIDTH, extrinsics, follow, to_camera
from synth.mesh import Mesh
from synth.plan import Bystander, Clip, Identity, Walk
from synth.silhouette import silhouette_area
from synth.stage import Passes, Stage
from synth.tailor import SOLE, dress
from synth.walk import timeline
from synth.wardrobe import Outfit

Floats = NDArray[np.float64]
STEPS_A_SECOND = 25.0
"""How often a second, at least, a walk is worked out."""


@dataclass(frozen=True)
class RenderedClip:
    """T frames and their truth."""

    frames: NDArray[np.uint8]
    """(T, 128, 64, 3) sRGB."""
    truth: list[annotate.FrameTruth]
    intrinsics: Floats
    """(T, 3, 3), continuous pixels: subtract half a pixel for stored ones."""
    rotation: Floats
    """(3, 3) world to camera."""
    translation: Floats
    """(3,) metres."""


@dataclass(frozen=True)
class Scene:
    """What stands before a clip's camera, and how the camera follows it, over T frames."""

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


def render_clip(model: BodyModel, clip: Clip, device: str) -> RenderedClip:
    """Render `clip`. The result depends on the clip alone."""
    rng = clip.frame_rng()
    scene = composed(model, clip, rng)
    stage = staged(scene, clip, device, rng)
    try:
        view = scene.rotation, scene.translation
        passes = [stage.render(t, *view, scene.intrinsics[t]) for t in range(clip.frames)]
    finally:
        stage.close()
    radiance = np.stack([seen.radiance for seen in passes])
    light = photometry.incident_light(radiance, np.stack([seen.albedo for seen in passes]))
    frames = photometry.develop(radiance, photometry.automatic_gains(light, clip.sensor), clip.sensor, rng)
    truth = [frame_truth(scene, t, seen) for t, seen in enumerate(passes)]
    return RenderedClip(frames, truth, scene.intrinsics, scene.rotation, scene.translation)


def composed(model: BodyModel, clip: Clip, rng: np.random.Generator) -> Scene:
    """Everybody dressed and in motion, and the camera's tracker on the person."""
    body = baked(model, clip.identity, clip.walk, clip.frames, clip.fps)
    person = dress(model.anatomy, body, clip.identity.outfit)
    others = [placed_mesh(model, bystander, clip.frames, clip.fps) for bystander in clip.bystanders]
    standing = np.array([0, 0, SOLE])
    rotation, translation = extrinsics(clip.camera)
    outline = to_camera(person.vertices + standing, rotation, translation)
    crowd = [to_camera(mesh.vertices + standing, rotation, translation) for mesh, _ in others]
    between = [
        bool(clip.place.occluders) or any(_may_hide(other[t], outline[t]) for other in crowd)
        for t in range(clip.frames)
    ]
    intrinsics = follow(outline, clip.tracker, clip.fps, rng)
    joints = body.joints + standing
    return Scene(person, others, joints, outline, rotation, translation, intrinsics, np.array(between))


def staged(scene: Scene, clip: Clip, device: str, rng: np.random.Generator) -> Stage:
    """The scene in its place, before Blender's camera."""
    # Cycles takes one seed a scene; the clip's own keeps its noise apart from every other clip's.
    seed = int(rng.integers(2**31))
    outfit = clip.identity.outfit
    return Stage(clip.place, scene.person, outfit, clip.samples, device, seed, scene.others, clip.denoise)


def frame_truth(scene: Scene, t: int, seen: Passes) -> annotate.FrameTruth:
    """What is true of frame `t`, which was `seen` so."""
    intrinsics, outline = scene.intrinsics[t], scene.outline[t]
    points = annotate.joints_in_image(outline, intrinsics)
    cut_off = (points < -0.5).any() or (points > np.array([WIDTH, HEIGHT]) - 0.5).any()
    whole = silhouette_area(points, scene.person.quads) if cut_off or scene.between[t] else float(seen.parts.sum())
    joints_camera = to_camera(scene.joints[t], scene.rotation, scene.translation)
    return annotate.frame_truth(scene.joints[t], joints_camera, outline, intrinsics, seen.depth, seen.parts, whole)


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
