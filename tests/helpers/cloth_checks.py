"""Measure how much skin shows through the clothes of people of extreme build: `cloth_checks.py OUT.json`.

Runs in a process of its own, since Blender (here its ray casting) can be loaded once per process.
"""

import dataclasses
import itertools
import json
import sys
from pathlib import Path

import bpy  # noqa: F401  mathutils comes with it
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from synth.animation.walk import steady
from synth.body.garments import covered, dress, under_cloth
from synth.body.mesh import SURFACES, normals_of
from synth.body.model import BodyModel
from synth.people.gait_style import gait_rand
from synth.people.outfit import outfit_rand
from synth.people.phenotype import Phenotype

PHASES = np.array([0.05, 0.6])
"""Phases of the stride: legs far apart, and one knee bent."""
OUTFITS = 5
CLOTH = [SURFACES.index(name) for name in ("top", "bottom", "under", "worn", "shoes")]
SKIN = SURFACES.index("skin")
PIXEL = 1.75 / 125
"""Width of a pixel in metres, for a person of 1.75 m who fills 125 rows of a 128x64 frame."""
VIEWS, ABOVE = 8, 10.0
"""Number of view directions around the person, and the downward pitch of the camera in degrees."""
WITHIN = 0.03
"""Largest distance of skin above cloth, in metres, that counts as skin through cloth. Skin farther off, such as a neck
above a collar, is beyond the edge of the cloth."""
PLACES = np.array(
    [[1, 1, 1, 1], [2.8, 0.4, 0.4, 0.4], [0.4, 2.8, 0.4, 0.4], [0.4, 0.4, 2.8, 0.4], [0.4, 0.4, 0.4, 2.8]]
)
"""Barycentric weights, times 4, of the points of a face that are tested for visibility."""


def builds():
    """Extreme phenotypes: all combinations of sex, low and high weight, muscle and age."""
    for gender, weight, muscle, age in itertools.product((0.0, 1.0), (0.15, 0.95), (0.15, 0.9), (0.62, 0.95)):
        yield Phenotype(gender, age, muscle, weight, height=0.2 if muscle < 0.5 else 0.6, proportions=0.55)


def inside_cloth(anatomy, outfit, mesh):
    """(N,) distance in metres of skin vertices from the edge of the cloth above them; -1 for all other vertices."""
    quads = anatomy.quads["body"]
    kept = np.unique(quads[~covered(anatomy, outfit)[quads].all(1)])  # the skin comes first in the mesh
    inside = np.full(mesh.vertices.shape[1], -1.0)
    inside[: len(kept)] = under_cloth(anatomy, outfit)[kept]
    return inside


def through(vertices, mesh, inside):
    """Area of skin through cloth, in pixels, more than one pixel inside the edge: the maximum over all views."""
    skin = mesh.quads[(mesh.surface == SKIN) & (inside[mesh.quads].min(1) > PIXEL)]
    cloth = BVHTree.FromPolygons(vertices.tolist(), mesh.quads[np.isin(mesh.surface, CLOTH)].tolist())
    everything = BVHTree.FromPolygons(vertices.tolist(), mesh.quads.tolist())
    corners = vertices[skin]
    across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]) / 2
    normals = across / np.maximum(np.linalg.norm(across, axis=1), 1e-12)[:, None]
    out = np.array([lies_on(cloth, place, normal) for place, normal in zip(corners.mean(1), normals, strict=True)])
    seen = []
    for turn in np.arange(VIEWS) / VIEWS * 2 * np.pi:
        level, up = np.cos(np.radians(ABOVE)), np.sin(np.radians(ABOVE))
        towards = np.array([level * np.cos(turn), level * np.sin(turn), up])
        area = across @ towards
        places = {face: PLACES / 4 @ corners[face] for face in np.flatnonzero(out & (area > 0))}
        seen.append(
            sum(
                area[face] * np.mean([clear(everything, place, towards) for place in at]) for face, at in places.items()
            )
        )
    return max(seen) / PIXEL**2


def lies_on(cloth, place, normal):
    """Whether cloth that faces the same way lies below a point of the skin."""
    hit, facing, _, _ = cloth.ray_cast(Vector(place), Vector(-normal), WITHIN)
    return hit is not None and facing.dot(Vector(normal)) > 0.2


def clear(everything, place, towards):
    """Whether the line from a point to the camera is free."""
    return everything.ray_cast(Vector(place + 1e-4 * towards), Vector(towards))[0] is None


def tightened(mesh):
    """(T, N, 3) vertices of the mesh with its cloth moved 4 cm inwards."""
    cloth = mesh.quads[np.isin(mesh.surface, CLOTH)]
    inwards = np.zeros_like(mesh.vertices)
    inwards[:, np.unique(cloth)] = -0.04 * normals_of(mesh.vertices, cloth)[:, np.unique(cloth)]
    return mesh.vertices + inwards


def main(out):
    """Measure every build in OUTFITS outfits at both phases."""
    model, rows = BodyModel(), []
    for number, phenotype in enumerate(builds()):
        # Arms far from the trunk: a hand in front of a coat must not count as skin through the coat.
        style = dataclasses.replace(
            gait_rand(np.random.default_rng([30, number])), arms=("swing", "swing"), arm_spread=35.0, arm_swing=10.0
        )
        body = model.bake(phenotype, style, steady(PHASES, np.zeros(len(PHASES))))
        for turn in range(OUTFITS):
            outfit = outfit_rand(np.random.default_rng([31, number, turn]), phenotype.gender, 0.7)
            mesh = dress(model.anatomy, body, dataclasses.replace(outfit, carried=()))
            inside = inside_cloth(model.anatomy, outfit, mesh)
            row = {
                "build": dataclasses.asdict(phenotype),
                "top": outfit.top.kind,
                "bottom": outfit.bottom.kind,
                "through": max(through(vertices, mesh, inside) for vertices in mesh.vertices),
            }
            if turn == 0:
                row["tight"] = through(tightened(mesh)[0], mesh, inside)
            rows.append(row)
    Path(out).write_text(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1])
