"""Renders one clip of the plan: body, clothes, place, camera; frames and their truth come back as arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth import annotate, photometry
from synth.body import BodyModel
from synth.camera import HEIGHT, WIDTH, extrinsics, follow, to_camera
from synth.plan import Clip
from synth.stage import Passes, Stage
from synth.tailor import SOLE, dress
from synth.walk import timeline

Floats = NDArray[np.float64]
MARGIN = 32
"""Pixels beyond the crop in which a cut-off person is still measured."""


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
    moves = timeline(clip.walk, identity.gait, clip.frames, clip.fps)
    body = model.bake(identity.phenotype, identity.gait, moves)
    person = dress(model.anatomy, body, identity.outfit)
    standing = np.array([0, 0, SOLE])
    rotation, translation = extrinsics(clip.camera)
    outline = to_camera(person.vertices + standing, rotation, translation)
    joints = body.joints + standing
    joints_camera = to_camera(joints, rotation, translation)
    intrinsics = follow(outline, clip.tracker, clip.fps, rng)
    # Cycles takes one seed a scene; the clip's own keeps its noise apart from every other clip's.
    stage = Stage(clip.place, person, identity.outfit, clip.samples, device, seed=int(rng.integers(2**31)))
    try:
        passes, wholes = [], []
        for frame in range(clip.frames):
            seen = stage.render(frame, rotation, translation, intrinsics[frame])
            passes.append(seen)
            wholes.append(_whole(stage, seen, clip, outline[frame], rotation, translation, intrinsics[frame]))
    finally:
        stage.close()
    radiance = np.stack([seen.radiance for seen in passes])
    frames = photometry.develop(radiance, photometry.automatic_gain(radiance), clip.sensor, rng)
    truth = [
        annotate.frame_truth(joints[t], joints_camera[t], outline[t], intrinsics[t], seen.depth, seen.parts, wholes[t])
        for t, seen in enumerate(passes)
    ]
    return RenderedClip(frames, truth, intrinsics, rotation, translation)


def _whole(
    stage: Stage, seen: Passes, clip: Clip, outline: Floats, rotation: Floats, translation: Floats, intrinsics: Floats
) -> float:
    """Coverage of the whole person in pixels; rendered apart only where something may hide a part of it."""
    extent = annotate.joints_in_image(outline, intrinsics)
    cut = (extent < -0.5).any() or (extent > np.array([WIDTH, HEIGHT]) - 0.5).any()
    if not cut and not clip.place.occluders:
        return float(seen.parts.sum())
    return float(stage.render_alone(rotation, translation, intrinsics, MARGIN).sum())
