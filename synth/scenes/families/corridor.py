"""Corridors and underpasses."""

import dataclasses

import numpy as np

from synth.scenes import ground, lighting, props, walls
from synth.scenes.elements import Place, Solid

FURNITURE = (props.bin_rand, props.planter_rand, props.chair_rand, props.shelf_rand, props.luggage_rand)


def corridor_rand(rng: np.random.Generator) -> Place:
    """A corridor seen along its length: walls with doors and notice boards, and a far wall."""
    width, length = rng.uniform(2.2, 3.2), rng.uniform(4, 14)
    wall, floor = walls.room_wall_rand(rng), dataclasses.replace(ground.floor_rand(rng), yaw=rng.choice([0.0, 45.0]))
    solids = walls.room_end_rand(rng, length)
    skirting = props.dark_rand(rng)
    for side in (-1, 1):
        solids.append(Solid((side * (width + 0.05), length / 2 - 10, 2.0), (0.1, length + 20, 4), 0, wall))
        solids.append(Solid((side * (width - 0.01), length / 2 - 10, 0.06), (0.04, length + 20, 0.12), 0, skirting))
        for y in np.arange(rng.uniform(0, 2), length - 1, rng.uniform(1.6, 3.5)):
            solids += props.put(walls.panel_rand(rng, 0, 0), side * width, float(y), -90.0 * side)
    if rng.random() < 0.3:
        solids.append(ground.flat((0, 0), (rng.uniform(0.8, 1.8), 60), 0, ground.carpet_rand(rng), 0))
    if rng.random() < 0.5:
        solids += props.scattered_rand(rng, FURNITURE, 1, 2.2, length - 0.5)
    return Place("corridor", floor, tuple(solids), (), lighting.indoors_rand(rng, width, length))
