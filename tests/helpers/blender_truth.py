"""Renders clips and, by brute force, each person alone: `blender_truth.py OUT.json` writes how the two agree.

A process of its own: Blender lives once a process. Of each clip's middle frame there are the stored truth, at the
clip's own few samples; the person alone in an empty place at many samples; and the silhouette that the person's faces
fill, drawn without Blender.
"""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from synth.body.garments import SOLE
from synth.body.model import BodyModel
from synth.cameras.camera import HEIGHT, WIDTH, project, to_camera
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.rendering.blender_scene import BlenderScene, RenderSettings
from synth.rendering.clip_renderer import Scene, render_clip

MARGIN, SAMPLES, FINE, AWAY = 64, 64, 6, 3
FRAMES = 3


def chosen():
    """Two clips: somebody behind a thing, and somebody in nobody's way."""
    config = RenderConfig(ids=30, frames=FRAMES, fps=8, samples=6, seed=3, occlusion=1.0)
    plan = make_plan(config)
    hidden = next(clip for clip in plan if clip.sightings[0].place.occluders)
    free, (seen,) = plan[-1], plan[-1].sightings
    seen = dataclasses.replace(seen, place=dataclasses.replace(seen.place, occluders=()), bystanders=())
    return [hidden, dataclasses.replace(free, sightings=(seen,))]


def alone(scene, frame, rotation, translation, intrinsics):
    """Coverage (HEIGHT, WIDTH) by the subject in an empty place, and their area in pixels, beyond the crop too."""
    place = scene.place
    empty = {field.name: () for field in dataclasses.fields(place) if isinstance(getattr(place, field.name), tuple)}
    farther = np.diag([1 / AWAY, 1 / AWAY, 1]) @ intrinsics
    farther[:2, 2] += (1 - 1 / AWAY) * np.array([WIDTH, HEIGHT]) / 2
    settings = RenderSettings(SAMPLES, seed=5)
    with BlenderScene(dataclasses.replace(place, **empty), scene.subject, settings) as blender_scene:
        crop, wide = (
            blender_scene.render(frame, rotation, translation, view).parts.sum(-1) for view in (intrinsics, farther)
        )
    return crop, wide.sum() * AWAY**2


def silhouette(mesh, frame, rotation, translation, intrinsics):
    """The same without Blender: every face filled on a grid FINE times as fine, then averaged."""
    size = np.array([WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN])
    points = to_camera(mesh.vertices[frame] + [0, 0, SOLE], rotation, translation)
    pixels = (project(points, intrinsics) + MARGIN) * FINE - 0.5
    picture = Image.new("1", tuple((size * FINE).tolist()))
    draw = ImageDraw.Draw(picture)
    for corners in pixels[mesh.quads]:
        draw.polygon([tuple(corner) for corner in corners.tolist()], fill=1)
    return np.asarray(picture, float).reshape(size[1], FINE, size[0], FINE).mean((1, 3))


def agreement(first, second):
    """Intersection over union of two masks."""
    return float((first & second).sum() / (first | second).sum())


def check(model, clip):
    """How the stored truth of one clip's middle frame agrees with the person alone."""
    found = render_clip(model, clip, "cpu")
    scene = Scene.from_clip(model, clip, clip.sightings[0], clip.frame_rng())
    frame = FRAMES // 2
    view = (found.rotation, found.translation, found.intrinsics[frame])
    truth, (brute, brute_area) = found.truth[frame], alone(scene, frame, *view)
    drawn = silhouette(scene.subject.mesh, frame, *view)
    inner = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    whole = brute >= 0.5
    return {
        "clip": clip.name,
        "visible_ratio": truth.visible_ratio,
        "covered": float(truth.mask.sum()),
        "whole": float(brute_area),
        "drawn": float(drawn.sum()),
        "mask_beyond_whole": float((truth.mask & ~whole).sum() / truth.mask.sum()),
        "mask_agreement": agreement(truth.mask, whole),
        "drawn_agreement": agreement(drawn[inner] >= 0.5, whole),
    }


def sightings(model):
    """What a clip of two sightings is like, and its second one alone."""
    (clip, *_) = make_plan(RenderConfig(ids=1, frames=3, sightings=2, samples=2, seed=4))
    both = render_clip(model, clip, "cpu")
    second = render_clip(model, dataclasses.replace(clip, sightings=clip.sightings[1:]), "cpu")
    return {
        "of": both.sighting.tolist(),
        "frames": list(both.frames.shape),
        "intrinsics": list(both.intrinsics.shape),
        "joints_apart": float(np.abs(both.truth[2].joints3d - second.truth[0].joints3d).max()),
        "background_apart": float(np.abs(both.frames[0, :, :8].astype(int) - both.frames[2, :, :8]).mean()),
    }


if __name__ == "__main__":
    model = BodyModel()
    found = {"checks": [check(model, clip) for clip in chosen()], "sightings": sightings(model)}
    Path(sys.argv[1]).write_text(json.dumps(found))
