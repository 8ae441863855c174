"""Street markets."""

import numpy as np

from synth.scenes import ground, lighting, props, walls
from synth.scenes.elements import Place

BETWEEN = (props.bicycles_rand, props.scooter_rand, props.luggage_rand, props.sign_rand, props.chair_rand)


def market_rand(rng: np.random.Generator) -> Place:
    """A row of stalls with goods in all colours, crates in front, bicycles and scooters between them."""
    floor = (ground.paving_rand, ground.asphalt_rand, ground.concrete_rand)[rng.integers(3)](rng)
    distance = rng.uniform(3.0, 5.0)
    solids, x = [], -6.0
    while x < 6:
        stall = props.stall_rand(rng)
        solids += props.put(stall, x, distance + rng.uniform(0, 0.5), rng.normal(0, 4))
        x += stall[0].size[0] + rng.uniform(0.2, 1.8)
    for _ in range(int(rng.integers(1, 6))):
        crate = props.goods_rand(rng, rng.uniform(0.06, 0.15))
        size = (rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.5), rng.uniform(0.2, 0.5))
        solids.append(
            props.Solid(
                (rng.normal(0, 1.5), distance - rng.uniform(0.55, 0.7), size[2] / 2), size, rng.normal(0, 8), crate
            )
        )
    solids += props.scattered_rand(rng, BETWEEN, int(rng.integers(0, 4)), 2.1, distance - 0.6)
    solids += walls.backdrop_rand(rng, distance + 2.5, distance + 7)
    solids += ground.marks_rand(rng, floor, int(rng.integers(0, 5)))
    if rng.random() < 0.4:
        solids += ground.litter_rand(rng)
    if rng.random() < 0.2:
        floor = ground.wetted(floor, rng.uniform(0.2, 0.9))
    day = lighting.outdoors_rand(rng)
    return Place("market", floor, tuple(solids), (), day, lighting.shades_rand(rng, day))
