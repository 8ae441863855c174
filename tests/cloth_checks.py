"""Dresses people of extreme build and writes how much skin shows through their cloth: `cloth_checks.py OUT.json`.

A process of its own, for Blender's ray casting: Blender lives once a process.
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

from synth.body import BodyModel, Phenotype
from synth.gait import gait_rand
from synth.mesh import SURFACES, normals_of
from synth.tailor import dress
from synth.walk import steady
from synth.wardrobe import outfit_rand

PHASES = np.array([0.05, 0.6])
"""Moments of the stride: legs far apart, and a knee that bends."""
OUTFITS = 5
CLOTH = [SURFACES.index(name) for name in ("top", "bottom", "under", "worn")]
SKIN = SURFACES.index("skin")


def builds():
    """The corners of what phenotypes are drawn from: thin and heavy, slack and strong, young and old, of either sex."""
    for gender, weight, muscle, age in itertools.product((0.0, 1.0), (0.15, 0.95), (0.15, 0.9), (0.62, 0.95)):
        yield Phenotype(gender, age, muscle, weight, height=0.2 if muscle < 0.5 else 0.6, proportions=0.55)


def through(vertices, quads, surface):
    """Square metres of cloth that skin facing the same way stands out of, by up to 3 cm, with nothing over it."""
    cloth, skin = np.isin(surface, CLOTH), surface == SKIN
    bare = BVHTree.FromPolygons(vertices.tolist(), quads[skin].tolist())
    dressed = BVHTree.FromPolygons(vertices.tolist(), quads[~skin].tolist())
    corners = vertices[quads[cloth]]
    across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    area = np.linalg.norm(across, axis=1) / 2
    outwards = across / np.maximum(2 * area, 1e-12)[:, None]
    found = 0.0
    for place, direction, size in zip(corners.mean(1), outwards, area, strict=True):
        hit, normal, _, _ = bare.ray_cast(Vector(place + 1e-4 * direction), Vector(direction), 0.03)
        if hit is None or normal.dot(Vector(direction)) < 0.2:
            continue
        if dressed.ray_cast(hit + 1e-4 * normal, normal, 0.25)[0] is None:
            found += float(size)
    return found


def tightened(mesh):
    """(T, N, 3) vertices of a mesh whose cloth lies 2 cm further in than it should."""
    cloth = mesh.quads[np.isin(mesh.surface, CLOTH)]
    inwards = np.zeros_like(mesh.vertices)
    inwards[:, np.unique(cloth)] = -0.02 * normals_of(mesh.vertices, cloth)[:, np.unique(cloth)]
    return mesh.vertices + inwards


def main(out):
    """Every build in a few outfits at both moments."""
    model, rows = BodyModel(), []
    for number, phenotype in enumerate(builds()):
        # Arms that hang far out: a hand in front of a coat is no hole in it.
        style = dataclasses.replace(
            gait_rand(np.random.default_rng([30, number])), arms=("swing", "swing"), arm_spread=35.0, arm_swing=10.0
        )
        body = model.bake(phenotype, style, steady(PHASES, np.zeros(len(PHASES))))
        for turn in range(OUTFITS):
            outfit = outfit_rand(np.random.default_rng([31, number, turn]), phenotype.gender, 0.7)
            mesh = dress(model.anatomy, body, dataclasses.replace(outfit, carried=()))
            row = {
                "build": dataclasses.asdict(phenotype),
                "outfit": f"{outfit.top.kind}, {outfit.bottom.kind}",
                "through": max(through(vertices, mesh.quads, mesh.surface) for vertices in mesh.vertices),
            }
            if turn == 0:
                row["tight"] = through(tightened(mesh)[0], mesh.quads, mesh.surface)
            rows.append(row)
    Path(out).write_text(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1])
