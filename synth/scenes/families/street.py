"""Pavements along houses."""

import numpy as np

from synth.scenes import ground, lighting, props, walls
from synth.scenes.colours import grey_rand
from synth.scenes.elements import Place, Solid

FURNITURE = (
    props.pole_rand,
    props.bollard_rand,
    props.bin_rand,
    props.bench_rand,
    props.planter_rand,
    props.bicycles_rand,
    props.scooter_rand,
    props.sign_rand,
    props.cone_rand,
    props.tree_rand,
)


def street_rand(rng: np.random.Generator) -> Place:
    """A pavement along house fronts with street furniture, or a road with parked cars in front of it."""
    distance = rng.uniform(2.3, 7.0)
    paved = rng.random() < 0.6
    floor = ground.paving_rand(rng) if paved else ground.asphalt_rand(rng)
    solids = walls.fronts_rand(rng, distance)
    if distance > 4 and rng.random() < 0.6:
        solids += road_rand(rng, distance)
    else:
        solids += props.scattered_rand(rng, FURNITURE, int(rng.integers(1, 5)), 2.0, distance - 0.4)
    solids += ground.marks_rand(rng, floor, int(rng.integers(0, 6)))
    if rng.random() < 0.25:
        solids += ground.litter_rand(rng)
    if not paved and rng.random() < 0.5:
        solids += ground.lines_rand(rng, rng.choice([0.0, 90.0]) + rng.normal(0, 4))
    if rng.random() < 0.15:
        floor = ground.wetted(floor, rng.uniform(0.2, 0.9))
    day = lighting.outdoors_rand(rng)
    return Place("street", floor, tuple(solids), (), day, lighting.shades_rand(rng, day))


def road_rand(rng: np.random.Generator, distance: float) -> list[Solid]:
    """A pavement with a kerb in front of the houses, and cars parked along it."""
    edge = distance - rng.uniform(0.8, 1.5)
    stone = props.coat(grey_rand(rng, 0.2, 0.45), 0.9, 0.5)
    pavement = ground.paving_rand(rng)
    depth = distance - edge + 1
    solids = [
        Solid((0, edge + depth / 2, 0.06), (40, depth, 0.12), 0, pavement),
        Solid((0, edge, 0.065), (40, 0.2, 0.13), 0, stone),
    ]
    x = rng.uniform(-4, 0)
    for _ in range(int(rng.integers(1, 3))):
        car = props.put(props.car_body_rand(rng), x, edge - 1.1, rng.choice([0.0, 180.0]) + rng.normal(0, 2))
        if edge > 3.9:
            solids += car
        x += rng.uniform(5, 6.5)
    return solids
