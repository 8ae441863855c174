"""Halls: airports, lobbies, exhibition rooms."""

import numpy as np

from synth.scenes import ground, lighting, props, walls
from synth.scenes.elements import Place, Shape, Solid

FURNITURE = (
    props.seats_rand,
    props.luggage_rand,
    props.barrier_rand,
    props.counter_rand,
    props.bin_rand,
    props.planter_rand,
    props.sign_rand,
    props.luggage_rand,
)


def hall_rand(rng: np.random.Generator) -> Place:
    """A wide room with seats, counters and luggage, some with pillars, in front of a wall or a glass front."""
    floor, distance = ground.floor_rand(rng), rng.uniform(3, 13)
    solids = glass_front_rand(rng, distance) if rng.random() < 0.3 else walls.room_end_rand(rng, distance)
    if rng.random() < 0.4:
        solids += pillars_rand(rng)
    if rng.random() < 0.3:
        strip, yaw = ground.floor_rand(rng), ground.yaw_rand(rng)
        solids.append(ground.flat((rng.normal(0, 1), rng.uniform(-1, 3)), (40, rng.uniform(0.3, 2)), yaw, strip, 0))
    solids += props.scattered_rand(rng, FURNITURE, int(rng.integers(1, 6)), 2.0, distance - 0.5)
    return Place("hall", floor, tuple(solids), (), lighting.indoors_rand(rng, 7.0, distance))


def pillars_rand(rng: np.random.Generator) -> list[Solid]:
    """A row of pillars, round or square."""
    width, stone = rng.uniform(0.4, 1.0), walls.room_wall_rand(rng)
    shape: Shape = "cylinder" if rng.random() < 0.5 else "box"
    first = (rng.uniform(-6.5, -4.5), rng.uniform(2.8, 6), 2.5)
    return [Solid(first, (width, width, 5), 0, stone, shape, count=4, step=(rng.uniform(2.5, 4.5), 0, 0))]


def glass_front_rand(rng: np.random.Generator, distance: float) -> list[Solid]:
    """Bright windows down to the floor, against which the camera looks."""
    bright = rng.uniform(0.3, 1.4)
    pane = props.coat((0.7, 0.8, 0.95), 0.1, 0.1, glow=bright)
    frame, gap = props.dark_rand(rng), rng.uniform(0.9, 2.2)
    return [
        Solid((0, distance + 0.2, 2.5), (40, 0.1, 5), 0, pane),
        Solid((-20, distance + 0.1, 2.5), (0.1, 0.12, 5), 0, frame, count=int(40 / gap), step=(gap, 0, 0)),
        Solid((0, distance + 0.1, 0.15), (40, 0.14, 0.3), 0, frame),
        Solid((0, distance + 0.1, 2.3), (40, 0.1, 0.08), 0, frame),
    ]
