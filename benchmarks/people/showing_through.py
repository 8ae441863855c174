"""Count the pixels in which skin or an inner garment shows through the garment over it, and measure soles and ground.

    python -m benchmarks.people.showing_through --ids 1000

A ray goes from the camera through the centre of each pixel of a person. It shows a fault if it meets the inner surface
first, and within three centimetres behind it the outer one, from outside, at the same place of the reference pose. So
an arm in front of the trunk or a leg below a hem is none.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.arrays import Floats, Ints
from alignnet_common.cli import as_plain, run_command
from alignnet_common.cli.progress import progress
from alignnet_common.files import write_json
from alignnet_common.options import bounded, check_ranges
from alignnet_common.set_format import GENERATOR_VERSION
from synth.body.garments import OVER_LEGS
from synth.body.mesh import SURFACES
from synth.body.model import BodyModel
from synth.cameras.camera import HEIGHT, WIDTH
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.rendering.clip_renderer import SOLE_OFFSET, Scene
from synth.rendering.devices import import_bpy

BEHIND = 0.03
"""Metres behind the inner surface within which the outer one must be."""

NEAR = 0.06
"""Metres between the places of both in the reference pose, at most."""

THROUGH = {
    "skin": ("top", "under", "bottom", "shoes", "worn", "hair"),
    "worn": ("bottom", "shoes"),
    "bottom": ("top",),
    "top": ("carried",),
}
"""Outer surfaces of each inner one: "worn" below others are tights, "carried" over a top are straps."""

BOOTS, TROUSERS = {"bottom": ("top", "shoes")}, {"shoes": ("bottom",)}
"""The same of shoes: boots are over leggings, and trousers over shoes."""


@dataclass(frozen=True)
class ShowingThroughConfig:
    """Count the pixels of people in which skin or an inner garment shows through the garment over it."""

    ids: int = bounded(100, at_least=1)
    """Identities, each in one frame of both cameras."""

    seed: int = bounded(0, at_least=0)
    """Seed of the plan."""

    json: Path = Path("runs/showing-through.json")
    """File for the result."""

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Surface:
    """A dressed person in one frame, as faces that rays meet."""

    vertices: Floats
    """(N, 3) metres, in the camera's frame."""
    rest: Floats
    """(N, 3) metres, reference pose."""
    quads: Ints
    """(F, 4)."""
    surface: Ints
    """(F,) index into SURFACES."""
    through: Mapping[str, tuple[str, ...]]
    """Outer surfaces of each inner one."""

    @cached_property
    def tree(self) -> Any:
        """Blender's search tree of the faces."""
        import_bpy()
        from mathutils.bvhtree import BVHTree

        return BVHTree.FromPolygons(self.vertices.tolist(), self.quads.tolist())

    @cached_property
    def places(self) -> Floats:
        """(F, 3) middles of the faces in the reference pose."""
        found: Floats = self.rest[self.quads].mean(1)
        return found

    def hits(self, ray: Floats) -> Iterator[tuple[int, bool]]:
        """Faces that a ray (3,) from the camera meets up to BEHIND metres after the first, and if from outside."""
        start, left = 0.0, math.inf
        while left > 0:
            _, normal, face, distance = self.tree.ray_cast((start * ray).tolist(), ray.tolist(), min(left, 1000.0))
            if face is None:
                return
            yield face, float(np.dot(normal, ray)) < 0
            left = BEHIND if math.isinf(left) else left - distance - 1e-5
            start += distance + 1e-5

    def seen(self, ray: Floats) -> tuple[str, str] | None:
        """The surface that a ray meets, and the one that it shows through, or ""; None where it misses the person."""
        hits = self.hits(ray)
        first = next(hits, None)
        if first is None:
            return None
        front = SURFACES[self.surface[first[0]]]
        for face, is_outside in hits:
            over = SURFACES[self.surface[face]]
            apart = np.linalg.norm(self.places[face] - self.places[first[0]])
            if is_outside and over in self.through.get(front, ()) and apart < NEAR:
                return front, over
        return front, ""


def showing_through(config: ShowingThroughConfig) -> None:
    """Count, print and write."""
    model = BodyModel()
    found: Counter[str] = Counter()
    people: Counter[str] = Counter()
    pixels = 0
    gaps: list[float] = []
    for clip in progress(
        make_plan(RenderConfig(ids=config.ids, frames=1, seed=config.seed)), desc="clips", unit="clip"
    ):
        scene = Scene.from_clip(model, clip, clip.sightings[0], clip.frame_rng())
        gaps.append(float((scene.subject.mesh.vertices[0] + SOLE_OFFSET)[:, 2].min()))
        faults, count = faults_of(scene)
        found += faults
        people[clip.name] = sum(faults.values())
        pixels += count
    shares = {kind: count / pixels for kind, count in found.most_common()}
    result = {
        "config": as_plain(config),
        "generator": GENERATOR_VERSION,
        "pixels": pixels,
        "share": sum(shares.values()),
        "shares": shares,
        "most": dict(people.most_common(20)),
        "soles": {"highest": max(gaps), "lowest": min(gaps), "beyond 1 cm": float((np.abs(gaps) > 0.01).mean())},
    }
    write_json(config.json, result)
    print("| shows through | pixels | share |", "|---|---|---|", sep="\n")
    for kind, share in shares.items():
        print(f"| {kind} | {found[kind]} | {share:.3%} |")
    print(f"| all | {sum(found.values())} of {pixels} | {sum(shares.values()):.3%} |")
    print(f"Lowest point of a person: {100 * min(gaps):.1f} to {100 * max(gaps):.1f} cm above the ground")


def faults_of(scene: Scene) -> tuple[Counter[str], int]:
    """Pixels of the first frame by kind of fault, and all pixels of the person, as if nothing hid them."""
    mesh = scene.subject.mesh
    through = THROUGH | (BOOTS if scene.subject.outfit.bottom.kind in OVER_LEGS else TROUSERS)
    surface = Surface(scene.vertices_camera[0], mesh.rest, mesh.quads, mesh.surface, through)
    back = np.linalg.inv(scene.intrinsics[0])
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    rays = np.stack([columns.ravel(), rows.ravel(), np.ones(WIDTH * HEIGHT)], axis=1) @ back.T
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    seen = [pair for ray in rays if (pair := surface.seen(ray)) is not None]
    faults = Counter(f"{inner} through {outer}" for inner, outer in seen if outer)
    return faults, len(seen)


if __name__ == "__main__":
    run_command(showing_through, ShowingThroughConfig, "python -m benchmarks.people.showing_through")
