"""Things that stand between the person and the camera on purpose."""

import numpy as np

from synth.camera import Camera
from synth.place import Solid
from synth.places import things
from synth.places.colours import grey_rand


def occluders_rand(rng: np.random.Generator, camera: Camera) -> tuple[Solid, ...]:
    """One thing between the person and the camera, near enough to the person to be in the crop."""
    ground_distance = camera.distance * float(np.cos(np.radians(camera.pitch)))
    y = -rng.uniform(0.7, min(2.0, 0.5 * ground_distance))
    x = rng.uniform(-0.35, 0.35)
    kind = rng.choice(
        ["pole", "bin", "bench", "wall", "luggage", "sign", "bicycle", "hedge", "planter", "seats", "cone", "bollard"],
        p=[0.2, 0.1, 0.1, 0.1, 0.1, 0.08, 0.1, 0.06, 0.05, 0.04, 0.04, 0.03],
    )
    if kind == "wall":
        return low_wall_rand(rng, x, y)
    if kind == "hedge":
        return tuple(things.put(hedge_rand(rng), x, y, rng.normal(0, 8)))
    if kind == "bicycle":
        return tuple(things.put(things.bicycle_rand(rng), x, y, rng.normal(0, 12)))
    thing = {
        "pole": things.pole_rand,
        "bin": things.bin_rand,
        "bench": things.bench_rand,
        "luggage": things.luggage_rand,
        "sign": things.sign_rand,
        "planter": things.planter_rand,
        "seats": things.seats_rand,
        "cone": things.cone_rand,
        "bollard": things.bollard_rand,
    }[kind]
    return tuple(things.put(thing(rng), x, y, rng.choice([0.0, 180.0]) + rng.normal(0, 8)))


def low_wall_rand(rng: np.random.Generator, x: float, y: float) -> tuple[Solid, ...]:
    """The end of a low wall or of a parapet, from one side."""
    height = rng.uniform(0.5, 0.95)
    side = float(rng.choice([-1, 1]))
    surface = things.coat(grey_rand(rng, 0.1, 0.6), 0.8, 0.5)
    return (Solid((x + 0.9 * side, y, height / 2), (1.8, 0.25, height), 0, surface),)


def hedge_rand(rng: np.random.Generator) -> list[Solid]:
    """The end of a low hedge."""
    leaves = things.foliage_rand(rng, 0.09)
    height, side = rng.uniform(0.5, 0.9), float(rng.choice([-1, 1]))
    clump = Solid(
        (0.4 * side, 0, height / 2), (1.0, 0.6, 1.1 * height), 0, leaves, "leaves", count=3, step=(0.6 * side, 0, 0)
    )
    core = things.coat(leaves.colour, 1.0)
    return [Solid((1.1 * side, 0, 0.48 * height), (1.7, 0.42, 0.9 * height), 0, core), clump]
