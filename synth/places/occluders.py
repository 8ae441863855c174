"""Things that stand between the person and the camera on purpose."""

import numpy as np

from synth.camera import Camera
from synth.place import Solid
from synth.places import things
from synth.places.colours import grey_rand
from synth.solids import footprint

REACH = 1.4
"""Metres to which the person walks from the origin: half of two seconds at 1.4 m/s."""
TRIES = 12


def occluders_rand(rng: np.random.Generator, camera: Camera, heading: float) -> tuple[Solid, ...]:
    """One thing between the person and the camera, not on the way of one who walks along `heading` (degrees), and
    high enough to hide a part of them from that camera. Where no try is both, the best."""
    drawn = [occluder_rand(rng, camera) for _ in range(TRIES)]
    way = REACH * np.linspace(-1, 1, 15)[:, None]
    path = way * np.array([np.sin(np.radians(heading)), -np.cos(np.radians(heading))])

    def merit(solids: tuple[Solid, ...]) -> float:
        ground = np.concatenate([footprint(solid) for solid in solids])
        room = np.linalg.norm(ground[:, None] - path[None], axis=-1).min()
        # The sight of the person's feet rises towards the camera.
        top = max(solid.centre[2] + solid.size[2] / 2 for solid in solids)
        hides = top + solids[0].centre[1] * np.tan(np.radians(camera.pitch)) > 0.2
        return float(min(room, 0.5) + 0.3 * hides)

    merits = [merit(solids) for solids in drawn]
    return drawn[int(np.argmax(merits))]


def occluder_rand(rng: np.random.Generator, camera: Camera) -> tuple[Solid, ...]:
    """One thing between the origin and the camera."""
    ground_distance = camera.distance * float(np.cos(np.radians(camera.pitch)))
    y = -rng.uniform(0.7, min(3.0, 0.55 * ground_distance))
    x = rng.uniform(-0.25, 0.25)
    names, shares = zip(*KINDS, strict=True)
    kind = names[rng.choice(len(names), p=shares)]
    return tuple(things.put(kind(rng), x, y, rng.choice([0.0, 180.0]) + rng.normal(0, 8)))


def low_wall_rand(rng: np.random.Generator) -> list[Solid]:
    """The end of a low wall or of a parapet, from one side."""
    height = rng.uniform(0.5, 0.95)
    side = float(rng.choice([-1, 1]))
    surface = things.coat(grey_rand(rng, 0.1, 0.6), 0.8, 0.5)
    return [Solid((0.85 * side, 0, height / 2), (1.8, 0.25, height), 0, surface)]


def hedge_rand(rng: np.random.Generator) -> list[Solid]:
    """The end of a low hedge."""
    leaves = things.foliage_rand(rng, 0.09)
    height, side = rng.uniform(0.5, 0.9), float(rng.choice([-1, 1]))
    clump = Solid(
        (0.4 * side, 0, height / 2), (1.0, 0.6, 1.1 * height), 0, leaves, "leaves", count=3, step=(0.6 * side, 0, 0)
    )
    core = things.coat(leaves.colour, 1.0)
    return [Solid((1.1 * side, 0, 0.48 * height), (1.7, 0.42, 0.9 * height), 0, core), clump]


KINDS: tuple[tuple[things.Thing, float], ...] = (
    (things.pole_rand, 0.2),
    (things.bin_rand, 0.12),
    (things.bench_rand, 0.1),
    (low_wall_rand, 0.1),
    (things.luggage_rand, 0.1),
    (things.sign_rand, 0.08),
    (things.bicycle_rand, 0.1),
    (hedge_rand, 0.06),
    (things.planter_rand, 0.06),
    (things.seats_rand, 0.04),
    (things.bollard_rand, 0.04),
)
"""What occludes, and its share."""
