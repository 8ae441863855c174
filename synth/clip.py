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
from synth.stage import Passes, Stage
from synth.tailor import SOLE, dress
from synth.walk import timeline
from synth.wardrobe import Outfit

Floats = NDArray[np.float64]
MARGIN = 32
"""Pixels beyond the crop in which a cut-off person is still measured."""
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


def render_clip(model: BodyModel, clip: Clip, device: str) -> RenderedClip:
    """Render `clip`. The result depends on the clip alone."""
    identity, rng = clip.identity, clip.frame_rng()
    body = baked(model, identity, clip.walk, clip.frames, clip.fps)
    person = dress(model.anatomy, body, identity.outfit)
    others = [placed_mesh(model, bystander, clip.frames, clip.fps) for bystander in clip.bystanders]
    standing = np.array([0, 0, SOLE])
    rotation, translation = extrinsics(clip.camera)
    outline = to_camera(person.vertices + standing, rotation, translation)
    joints = body.joints + standing
    joints_camera = to_camera(joints, rotation, translation)
    intrinsics = follow(outline, clip.tracker, clip.fps, rng)
    crowd = [to_camera(mesh.vertices + standing, rotation, translation) for mesh, _ in others]
    # Cycles takes one seed a scene; the clip's own keeps its noise apart from every other clip's.
    seed = int(rng.integers(2**31))
    stage = Stage(clip.place, person, identity.outfit, clip.samples, device, seed, others, clip.denoise)
    try:
        passes, wholes = [], []
        for frame in range(clip.frames):
            seen = stage.render(frame, rotation, translation, intrinsics[frame])
            passes.append(seen)
            hidden = bool(clip.place.occluders) or any(_may_hide(other[frame], outline[frame]) for other in crowd)
            wholes.append(_whole(stage, seen, hidden, outline[frame], rotation, translation, intrinsics[frame]))
    finally:
        stage.close()
    radiance = np.stack([seen.radiance for seen in passes])
    light = photometry.incident_light(radiance, np.stack([seen.albedo for seen in passes]))
    frames = photometry.develop(radiance, photometry.automatic_gains(light, clip.sensor), clip.sensor, rng)
    truth = [
        annotate.frame_truth(joints[t], joints_camera[t], outline[t], intrinsics[t], seen.depth, seen.parts, wholes[t])
        for t, seen in enumerate(passes)
    ]
    return RenderedClip(frames, truth, intrinsics, rotation, translation)


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


def _whole(
    stage: Stage, seen: Passes, hidden: bool, outline: Floats, rotation: Floats, translation: Floats, intrinsics: Floats
) -> float:
    """Coverage of the whole person in pixels; rendered apart only where something may hide a part of it."""
    extent = annotate.joints_in_image(outline, intrinsics)
    cut = (extent < -0.5).any() or (extent > np.array([WIDTH, HEIGHT]) - 0.5).any()
    if not cut and not hidden:
        return float(seen.parts.sum())
    return float(stage.render_alone(rotation, translation, intrinsics, MARGIN).sum())
