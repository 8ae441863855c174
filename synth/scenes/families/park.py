"""Paths over grass: parks and campuses."""

import numpy as np

from synth.scenes import ground, lighting, props, walls
from synth.scenes.colours import grey_rand
from synth.scenes.elements import Place, Solid

GREENERY = (
    props.tree_rand,
    props.bush_rand,
    props.bench_rand,
    props.pole_rand,
    props.bin_rand,
    props.hedge_rand,
    props.bicycles_rand,
    props.bush_rand,
)


def park_rand(rng: np.random.Generator) -> Place:
    """A lawn with a path, trees, bushes and hedges, some with houses in the background."""
    lawn, path = ground.grass_rand(rng), path_rand(rng)
    yaw = rng.uniform(0, 180)
    solids = path_solids_rand(rng, path, yaw)
    if rng.random() < 0.4:
        # The person walks on the paving; the grass is behind.
        lawn, path = path, lawn
        solids = [ground.flat((0, rng.uniform(9, 11.5)), (60, rng.uniform(14, 18)), rng.normal(0, 12), path, 0)]
    solids += walls.backdrop_rand(rng, 7, 18)
    solids += props.scattered_rand(rng, GREENERY, int(rng.integers(2, 7)), 2.0, 8.0)
    if rng.random() < 0.4:
        solids += ground.litter_rand(rng)
    day = lighting.outdoors_rand(rng)
    return Place("park", lawn, tuple(solids), (), day, lighting.shades_rand(rng, day))


def path_rand(rng: np.random.Generator) -> ground.Surface:
    """Surface of a path."""
    return (ground.asphalt_rand, ground.gravel_rand, ground.paving_rand, ground.concrete_rand)[rng.integers(4)](rng)


def path_solids_rand(rng: np.random.Generator, path: ground.Surface, yaw: float) -> list[Solid]:
    """A straight path through the origin, with or without kerbs."""
    width, aside = rng.uniform(1.6, 4.5), rng.uniform(-0.8, 0.8)
    strip = [Solid((0, aside, 0.004), (60, width, 0.008), 0, path)]
    if rng.random() < 0.5:
        kerb = props.coat(grey_rand(rng, 0.15, 0.45), 0.9, 0.5)
        edge = Solid((0, aside - width / 2, 0.015), (60, 0.1, 0.03), 0, kerb, count=2, step=(0, width, 0))
        strip.append(edge)
    return props.put(strip, 0, 0, yaw)
