"""Measures the passes of balls at known positions and of boards of cloth: `blender_checks.py OUT.json`.

A separate process, since Blender's scene is global to the process.
"""

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import get_args

import numpy as np

from alignnet_common.coco18 import PARTS
from synth.body.garments import SOLE
from synth.body.mesh import SURFACES, Mesh
from synth.body.primitives import superellipsoid
from synth.cameras.camera import Camera, extrinsics, to_camera
from synth.cameras.tracker import Tracker, follow
from synth.people.fabric import Fabric, Motif, Pattern, Print
from synth.people.outfit import outfit_rand
from synth.rendering.blender_scene import BlenderScene, DressedPerson, RenderSettings
from synth.scenes import lighting as lights
from synth.scenes.elements import Light, Place, Solid, Surface

RADIUS = 0.1
PLACES = np.array([[0, 0, 0.9], [-0.35, -0.4, 0.3], [0.4, 0.9, 0.15], [-0.2, -0.6, 1.75]])
CAMERAS = [Camera(6, 0, 0, 0.9), Camera(4, 30, 3, 0.9)]
ASPECTS = [0.75, 0.5]
"""Width over height of each camera's box: the first one's pixels are broader than high."""
GREY = Surface("plain", (0.3, 0.3, 0.3), (0.2, 0.2, 0.2), 1.0, 0.8)
LIGHT = Light(2.0, (1, 1, 1), 50, 30, 1, 0.8, (0.6, 0.8, 1), (0.9, 0.9, 0.9), ())


def ball():
    """A ball at one of PLACES per frame; its upper half is the upper part, its lower half the lower part."""
    points, quads = superellipsoid(np.zeros(3), (RADIUS,) * 3, 1.0)
    high = points[quads].mean(1)[:, 2] > 0
    return Mesh(
        vertices=points + PLACES[:, None] - [0, 0, SOLE],
        rest=points,
        quads=quads,
        surface=np.full(len(quads), SURFACES.index("skin")),
        part=np.where(high, PARTS.index("upper"), PARTS.index("lower")),
        tint=np.ones_like(points),
    )


OUTFIT = outfit_rand(np.random.default_rng(0), 0.5, 0.7)


def ball_scene(seed=0, occluders=(), light=LIGHT, shades=(), others=(), samples=20, denoise=False, kept_noise=0.0):
    """A scene of the ball at an empty place, with further balls at the offsets `others`."""
    place = Place("plaza", GREY, (), tuple(occluders), light, tuple(shades))
    moved = [dataclasses.replace(ball(), vertices=ball().vertices + offset) for offset in others]
    balls = [DressedPerson(mesh, OUTFIT) for mesh in moved]
    settings = RenderSettings(samples, seed=seed, denoise=denoise, kept_noise=kept_noise)
    return BlenderScene(place, DressedPerson(ball(), OUTFIT), settings, balls)


def centroid(coverage):
    """Mean (column, row) of a coverage map, pixel centres at whole numbers."""
    rows, columns = np.indices(coverage.shape)
    return [float((coverage * axis).sum() / coverage.sum()) for axis in (columns, rows)]


def view(number):
    """Rotation, translation and intrinsics of a crop with a little off its middle that holds every ball."""
    rotation, translation = extrinsics(CAMERAS[number])
    reach = np.concatenate([PLACES + RADIUS, PLACES - RADIUS])
    tracker = Tracker(margin=1.35, aspect=ASPECTS[number], shift=(0.02, -0.01), drift=(0, 0), jitter=0.0)
    intrinsics = follow(to_camera(reach[None], rotation, translation), tracker, 25, np.random.default_rng(0))[0]
    return rotation, translation, intrinsics


def balls():
    """Measurements of each ball by each camera."""
    scene, found = ball_scene(), []
    for number in range(len(CAMERAS)):
        rotation, translation, intrinsics = view(number)
        for frame, point in enumerate(PLACES):
            seen = scene.render(frame, rotation, translation, intrinsics)
            whole = seen.parts.sum(-1)
            found.append(
                {
                    "point": point.tolist(),
                    "rotation": rotation.tolist(),
                    "translation": translation.tolist(),
                    "intrinsics": intrinsics.tolist(),
                    "centroid": centroid(whole),
                    "coverage": whole.sum(),
                    "nearest": seen.depth[whole > 0.99].min(),
                    "upper": centroid(seen.parts[..., 0]),
                    "lower": centroid(seen.parts[..., 2]),
                    "middle_coverage": seen.parts[..., 1].sum(),
                }
            )
    scene.close()
    return found


def half_hidden():
    """Coverage of the first ball behind a board to the right of the optical axis."""
    scene = ball_scene(occluders=[Solid((2.0, -3.0, 1.0), (4.0, 0.1, 4.0), 0, GREY)])
    rotation, translation, intrinsics = view(0)
    seen = scene.render(0, rotation, translation, intrinsics)
    scene.close()
    return {
        "seen": seen.parts.sum(),
        "centroid": centroid(seen.parts.sum(-1)),
        "ball_depth": seen.depth[seen.parts.sum(-1) > 0.99].min(),
        "board_depth": [seen.depth[:, -4:].min(), seen.depth[:, -4:].max()],
    }


def beside_others():
    """Coverage of the first ball with another ball behind it, and with one before it."""
    rotation, translation, intrinsics = view(0)
    found = {}
    for name, offset in (("behind", (0.05, 2.0, 0.0)), ("before", (0.06, -2.0, 0.0))):
        scene = ball_scene(others=[offset])
        seen = scene.render(0, rotation, translation, intrinsics)
        scene.close()
        found[name] = {"seen": seen.parts.sum(), "nearest": seen.depth.min()}
    return found


def brightness():
    """Mean light of a scene at noon, at night, and at noon under a roof off screen; and the depth under that roof."""
    rotation, translation, intrinsics = view(1)
    noon = dataclasses.replace(LIGHT, sun_elevation=60.0, sun_azimuth=0.0)
    roof = Solid((0, -1.0, 3.0), (4.0, 4.0, 0.1), 0, GREY)
    found = {}
    for name, light, shades in (
        ("noon", noon, ()),
        ("night", lights.night_rand(np.random.default_rng(0)), ()),
        ("shaded", noon, (roof,)),
    ):
        scene = ball_scene(light=light, shades=shades)
        seen = scene.render(0, rotation, translation, intrinsics)
        scene.close()
        found[name] = {"mean": float(seen.radiance.mean()), "nearest": seen.depth.min()}
    return found


def repeats():
    """Radiance of one frame: repeated, with another seed, and repeated after that."""
    rotation, translation, intrinsics = view(1)
    pictures = []
    started, used = time.perf_counter(), time.process_time()
    for seed in (1, 1, 2, 1):
        scene = ball_scene(seed)
        pictures.append(scene.render(0, rotation, translation, intrinsics).radiance)
        scene.close()
    return {
        "seconds": time.perf_counter() - started,
        "processor_seconds": time.process_time() - used,
        "again": bool((pictures[0] == pictures[1]).all()),
        "after_another": bool((pictures[0] == pictures[3]).all()),
        "another_seed": float((pictures[0] != pictures[2]).mean()),
        "mean": float(pictures[0].mean()),
    }


def grain():
    """Error of a frame at 4 samples against 600 samples, denoised and not, and whether the part pass is equal."""
    rotation, translation, intrinsics = view(1)
    pictures, night = {}, lights.night_rand(np.random.default_rng(0))
    for name, seed, samples, denoise, kept_noise in (
        ("wanted", 1, 600, False, 0.0),
        ("noisy", 2, 4, False, 0.0),
        ("clean", 2, 4, True, 0.0),
        ("again", 2, 4, True, 0.0),
        ("mixed", 2, 4, True, 0.5),
    ):
        scene = ball_scene(seed, light=night, samples=samples, denoise=denoise, kept_noise=kept_noise)
        pictures[name] = scene.render(0, rotation, translation, intrinsics)
        scene.close()
    wanted = pictures["wanted"].radiance
    noisy, clean = pictures["noisy"].radiance, pictures["clean"].radiance
    return {
        "mixed_differs": float(np.abs(pictures["mixed"].radiance - (noisy + clean) / 2).max()),
        **{
            name: float(np.sqrt(np.mean((pictures[name].radiance - wanted) ** 2)) / wanted.mean())
            for name in ("noisy", "clean", "mixed")
        },
        "brightness": float(pictures["clean"].radiance.mean() / wanted.mean()),
        "again": bool((pictures["clean"].radiance == pictures["again"].radiance).all()),
        "same_truth": bool((pictures["clean"].parts == pictures["noisy"].parts).all()),
    }


INK, SECOND = (0.1, 0.6, 0.1), (0.1, 0.1, 0.7)
"""Colours of prints, on cloth of COLOUR and ACCENT."""
COLOUR, ACCENT = (0.1, 0.1, 0.1), (0.7, 0.1, 0.1)


def board_of(fabric):
    """Shares of the accent, of INK and of SECOND in each pixel (H, W, 3) of the albedo of an upright board of a top's
    cloth, 0.6 m by 0.9 m, at the height of the hip."""
    corners = np.array([[-0.3, 0, -0.3], [0.3, 0, -0.3], [0.3, 0, 0.6], [-0.3, 0, 0.6]])
    mesh = Mesh(
        vertices=corners[None] + np.array([0, 0, 0.9 - SOLE]),
        rest=corners - np.array([0, 0.1, 0]),
        quads=np.array([[0, 1, 2, 3]]),
        surface=np.array([SURFACES.index("top")]),
        part=np.array([PARTS.index("middle")]),
        tint=np.ones_like(corners),
    )
    outfit = dataclasses.replace(OUTFIT, top=dataclasses.replace(OUTFIT.top, fabric=fabric))
    scene = BlenderScene(Place("plaza", GREY, (), (), LIGHT, ()), DressedPerson(mesh, outfit), RenderSettings(4))
    rotation, translation = extrinsics(Camera(6, 0, 0, 1.05))
    tracker = Tracker(margin=1.0, aspect=0.5, shift=(0, 0), drift=(0, 0), jitter=0.0)
    intrinsics = follow(to_camera(mesh.vertices, rotation, translation), tracker, 25, np.random.default_rng(0))[0]
    albedo = scene.render(0, rotation, translation, intrinsics).albedo
    scene.close()
    inside = albedo[8:-8, 8:-8]
    return (inside - 0.1) / [0.6, 0.5, 0.6]


def cloths():
    """Shares of the accent by row (from the top) and by column, of each pattern."""
    found = {}
    for pattern in get_args(Pattern):
        fabric = Fabric(COLOUR, ACCENT, pattern, 0.12, None, 0.8, 0.0)
        accent = board_of(fabric)[..., 0]
        found[pattern] = {"rows": accent.mean(1).tolist(), "columns": accent.mean(0).tolist()}
    return found


def prints():
    """Shares of a board that INK and SECOND cover, of each kind of print."""
    found = {}
    for motif in get_args(Motif):
        for side in ("front", "back"):
            patch = Print(motif, "rectangle", side, 0.0, 0.2, 0.3, 0.45, INK, SECOND)
            seen = board_of(Fabric(COLOUR, ACCENT, "plain", 0.12, patch, 0.8, 0.0))
            found[f"{motif} {side}"] = seen[..., 1:].mean((0, 1)).tolist()
    return found


CHECKS = {
    "cloths": cloths(),
    "prints": prints(),
    "grain": grain(),
    "balls": balls(),
    "half_hidden": half_hidden(),
    "others": beside_others(),
    "brightness": brightness(),
    "repeats": repeats(),
}
Path(sys.argv[1]).write_text(json.dumps(CHECKS))
