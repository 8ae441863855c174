"""Open squares."""

import numpy as np

from synth.scenes import ground, lighting, props, walls
from synth.scenes.elements import Place

FURNITURE = (
    props.pole_rand,
    props.bollard_rand,
    props.bin_rand,
    props.bench_rand,
    props.planter_rand,
    props.tree_rand,
    props.chair_rand,
    props.bicycles_rand,
    props.sign_rand,
    props.bush_rand,
)


def plaza_rand(rng: np.random.Generator) -> Place:
    """Paving, some with bands of another stone, street furniture, houses or trees in the background."""
    floor = ground.paving_rand(rng) if rng.random() < 0.75 else ground.concrete_rand(rng)
    solids = walls.backdrop_rand(rng, 8, 20)
    if rng.random() < 0.4:
        band, yaw = ground.paving_rand(rng), ground.yaw_rand(rng)
        for _ in range(int(rng.integers(1, 4))):
            solids.append(
                ground.flat((rng.normal(0, 2), rng.uniform(-1, 5)), (40.0, rng.uniform(0.3, 1.5)), yaw, band, 0)
            )
    solids += props.scattered_rand(rng, FURNITURE, int(rng.integers(2, 8)), 2.0, 9.0)
    solids += ground.marks_rand(rng, floor, int(rng.integers(0, 4)))
    if rng.random() < 0.25:
        solids += ground.litter_rand(rng)
    if rng.random() < 0.15:
        floor = ground.wetted(floor, rng.uniform(0.2, 0.9))
    day = lighting.outdoors_rand(rng)
    return Place("plaza", floor, tuple(solids), (), day, lighting.shades_rand(rng, day))
