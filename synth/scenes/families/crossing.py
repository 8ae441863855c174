"""Crossings of a road."""

import numpy as np

from synth.scenes import ground, lighting, props, walls
from synth.scenes.colours import grey_rand
from synth.scenes.elements import Place, Solid

KERBSIDE = (props.pole_rand, props.bollard_rand, props.sign_rand, props.bin_rand, props.bicycles_rand)


def crossing_rand(rng: np.random.Generator) -> Place:
    """A zebra crossing or a plain road, with kerbs, lane markings and at most one car in the background."""
    road = ground.asphalt_rand(rng)
    yaw = rng.uniform(-90, 90)
    solids = zebra_rand(rng, yaw) if rng.random() < 0.75 else ground.lines_rand(rng, yaw)
    if rng.random() < 0.4:
        solids += ground.lines_rand(rng, yaw + 90)
    far = rng.uniform(3.0, 8.0)
    if rng.random() < 0.7:
        solids += kerb_rand(rng, far)
        solids += props.scattered_rand(rng, KERBSIDE, int(rng.integers(0, 4)), far + 0.3, far + 3)
    for _ in range(int(rng.integers(0, 3))):
        if far > 5.5:
            car = props.put(
                props.car_body_rand(rng),
                rng.uniform(-4, 4),
                far - rng.uniform(1.2, 1.6),
                rng.choice([0.0, 180.0]) + rng.normal(0, 8),
            )
            solids += car
            break
    solids += ground.marks_rand(rng, road, int(rng.integers(0, 6)))
    solids += walls.backdrop_rand(rng, far + 3, far + 12)
    if rng.random() < 0.2:
        road = ground.wetted(road, rng.uniform(0.2, 0.9))
    day = lighting.outdoors_rand(rng)
    return Place("crossing", road, tuple(solids), (), day, lighting.shades_rand(rng, day))


def zebra_rand(rng: np.random.Generator, yaw: float) -> list[Solid]:
    """Zebra stripes 0.4 to 0.6 m wide with gaps of the same width, under the person."""
    width, length = rng.uniform(0.4, 0.6), rng.uniform(2.5, 5.0)
    stripes = Solid(
        (-7 * width, rng.uniform(-1.5, 1.5), 0.003),
        (width, length, 0.006),
        0,
        ground.road_paint_rand(rng),
        count=8,
        step=(2 * width, 0, 0),
    )
    return props.put([stripes], 0, rng.uniform(-0.5, 1.5), yaw)


def kerb_rand(rng: np.random.Generator, y: float) -> list[Solid]:
    """A kerb and the pavement behind it."""
    stone = props.coat(grey_rand(rng, 0.2, 0.45), 0.9, 0.5)
    return [
        Solid((0, y + 2.5, 0.06), (60, 5.0, 0.12), 0, ground.paving_rand(rng)),
        Solid((0, y, 0.065), (60, 0.18, 0.13), 0, stone),
    ]
