"""Car parks, outdoors and underground."""

import numpy as np

from synth.scenes import ground, lighting, props, walls
from synth.scenes.colours import grey_rand
from synth.scenes.elements import Place, Solid, Surface

BESIDE = (props.pole_rand, props.bollard_rand, props.cone_rand, props.bin_rand, props.scooter_rand)


def car_park_rand(rng: np.random.Generator) -> Place:
    """Parking bays, most of them occupied, behind the aisle in which the person walks."""
    below = rng.random() < 0.35
    floor = ground.concrete_rand(rng) if below or rng.random() < 0.3 else ground.asphalt_rand(rng)
    front = rng.uniform(2.1, 4.5)
    solids = bays_rand(rng, front)
    if rng.random() < 0.4:
        solids += ground.lines_rand(rng, rng.choice([0.0, 90.0]))
    solids += ground.marks_rand(rng, floor, int(rng.integers(1, 6)))
    if below:
        solids += garage_rand(rng, front)
        return Place("car park", floor, tuple(solids), (), lighting.indoors_rand(rng, 6.0, front + 6))
    solids += props.scattered_rand(rng, BESIDE, int(rng.integers(0, 3)), front + 5, front + 8)
    solids += walls.backdrop_rand(rng, front + 7, front + 14)
    if rng.random() < 0.2:
        floor = ground.wetted(floor, rng.uniform(0.2, 0.9))
    day = lighting.outdoors_rand(rng)
    return Place("car park", floor, tuple(solids), (), day, lighting.shades_rand(rng, day))


def bays_rand(rng: np.random.Generator, front: float) -> list[Solid]:
    """A row of bays 2.4 to 2.6 m wide across the view; two thirds are occupied."""
    bay, start = rng.uniform(2.4, 2.6), rng.uniform(-8.0, -6.5)
    line = Solid(
        (start, front + 2.4, 0.003), (0.1, 4.8, 0.006), 0, ground.road_paint_rand(rng), count=7, step=(bay, 0, 0)
    )
    solids = [line]
    for number in range(6):
        if rng.random() < 0.65:
            x = start + bay * (number + 0.5) + rng.normal(0, 0.1)
            away = front + 2.5 + rng.uniform(0, 0.4)
            solids += props.put(props.car_body_rand(rng), x, away, rng.choice([90.0, -90.0]) + rng.normal(0, 2))
    return solids


def garage_rand(rng: np.random.Generator, front: float) -> list[Solid]:
    """Concrete pillars with a coloured foot, and the far wall."""
    concrete = Surface("speckled", grey_rand(rng, 0.2, 0.5), grey_rand(rng, 0.15, 0.35), 0.4, 0.9, wear=0.5)
    warning = Surface("stripes", (0.5, 0.35, 0.02), (0.02, 0.02, 0.02), 0.3, 0.7, yaw=45.0)
    foot = warning if rng.random() < 0.5 else props.painted_rand(rng)
    x, gap = rng.uniform(-8, -5), rng.uniform(4.8, 5.4)
    return [
        props.row(Solid((x, front + 0.3, 2), (0.5, 0.5, 4), 0, concrete), 4, (gap, 0, 0)),
        props.row(Solid((x, front + 0.3, 0.6), (0.52, 0.52, 1.2), 0, foot), 4, (gap, 0, 0)),
        Solid((0, front + 6.5, 2.5), (60, 0.3, 5), 0, concrete),
        Solid((0, front + 6.3, rng.uniform(0.6, 1.2)), (60, 0.06, 0.3), 0, props.painted_rand(rng)),
    ]
