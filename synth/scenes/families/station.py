"""Platforms and station halls."""

import numpy as np

from synth.scenes import ground, lighting, props, walls
from synth.scenes.colours import bright_rand, grey_rand, scaled
from synth.scenes.elements import Light, Place, Solid, Surface

FURNITURE = (
    props.bench_rand,
    props.seats_rand,
    props.bin_rand,
    props.luggage_rand,
    props.counter_rand,
    props.sign_rand,
    props.pole_rand,
)


def station_rand(rng: np.random.Generator) -> Place:
    """A platform with its edge, a train or a wall with posters across the track, and benches."""
    edge = rng.uniform(2.2, 5.0)
    floor = ground.floor_rand(rng) if rng.random() < 0.5 else ground.concrete_rand(rng)
    solids = edge_rand(rng, edge)
    train = rng.random() < 0.5
    solids += train_rand(rng, edge + 0.2) if train else track_rand(rng, edge)
    solids += props.scattered_rand(rng, FURNITURE, int(rng.integers(0, 3)), 2.1, edge - 0.9)
    solids += ground.marks_rand(rng, floor, int(rng.integers(0, 3)))
    above: Light = (
        lighting.indoors_rand(rng, 6.0, edge + (0.0 if train else 3.0))
        if rng.random() < 0.6
        else lighting.outdoors_rand(rng)
    )
    return Place("station", floor, tuple(solids), (), above, lighting.shades_rand(rng, above))


def edge_rand(rng: np.random.Generator, y: float) -> list[Solid]:
    """Platform edge at `y`: coping, a yellow or white line, some with a strip of tactile paving."""
    yellow = (rng.uniform(0.45, 0.7), rng.uniform(0.3, 0.42), 0.02)
    line = props.coat(yellow if rng.random() < 0.75 else (0.75, 0.75, 0.75), 0.6, 0.4)
    studs = Surface("tiles", scaled(yellow, 0.9), scaled(yellow, 0.55), 0.1, 0.7)
    solids = [
        ground.flat((0, y - 0.25), (60, 0.5), 0, props.coat(grey_rand(rng, 0.25, 0.55), 0.8, 0.4), 0),
        ground.flat((0, y - 0.6), (60, rng.uniform(0.08, 0.2)), 0, line, 1),
    ]
    if rng.random() < 0.6:
        solids.append(ground.flat((0, y - 1.0), (60, 0.4), 0, studs, 1))
    return solids


def train_rand(rng: np.random.Generator, y: float) -> list[Solid]:
    """The side of a train at `y`: body, band of windows, doors, a coloured stripe."""
    body = grey_rand(rng, 0.3, 0.7) if rng.random() < 0.6 else bright_rand(rng)
    metal = props.coat(body, 0.3, 0.3)
    windows = Surface("glass", scaled(body, 0.7), grey_rand(rng, 0.01, 0.1), rng.uniform(1.0, 1.8), 0.4)
    if rng.random() < 0.4:
        windows = props.coat((0.8, 0.75, 0.6), 0.2, 0.1, glow=rng.uniform(0.2, 0.8))
    door = props.coat(bright_rand(rng) if rng.random() < 0.6 else scaled(body, 0.6), 0.4)
    glass = props.coat((0.02, 0.022, 0.025), 0.06, 0.0)
    gap, first = rng.uniform(3.5, 6), rng.uniform(-12, -8)
    return [
        Solid((0, y + 1.5, 1.75), (60, 3, 3.3), 0, metal),
        Solid((0, y - 0.005, 1.75), (60, 0.03, 0.85), 0, windows),
        Solid((0, y - 0.005, rng.uniform(0.3, 0.9)), (60, 0.03, rng.uniform(0.1, 0.4)), 0, door),
        props.row(Solid((first, y - 0.02, 1.15), (1.35, 0.06, 2.1), 0, door), 6, (gap, 0, 0)),
        props.row(Solid((first, y - 0.05, 1.55), (0.8, 0.04, 0.9), 0, glass), 6, (gap, 0, 0)),
        Solid((0, y + 0.1, 0.02), (60, 0.3, 0.04), 0, props.coat((0.01, 0.01, 0.01), 1.0)),
    ]


def track_rand(rng: np.random.Generator, y: float) -> list[Solid]:
    """The dark track bed beyond the edge at `y`, rails, and a wall with posters behind it."""
    bed = Surface("speckled", grey_rand(rng, 0.03, 0.1, 0.1), (0.015, 0.013, 0.01), 0.06, 1.0)
    wall, far = walls.room_wall_rand(rng), y + rng.uniform(3.5, 5)
    solids = [
        ground.flat((0, y + 2.5), (60, 5.0), 0, bed, 3),
        # The shadow under the coping, an obstacle: nobody walks onto the track.
        Solid((0, y + 0.03, 0.025), (60, 0.06, 0.05), 0, props.coat((0.01, 0.01, 0.01), 1.0)),
        Solid((0, y + 1.0, 0.03), (60, 0.07, 0.06), 0, props.metal_rand(rng), count=2, step=(0, 1.43, 0)),
        Solid((0, far, 2.5), (60, 0.2, 5), 0, wall),
    ]
    for x in np.arange(-8, 8, rng.uniform(1.8, 4)):
        width, height = rng.uniform(1.0, 2.2), rng.uniform(1.0, 1.8)
        solids.append(
            Solid((float(x), far - 0.12, rng.uniform(1.2, 1.8)), (width, 0.06, height), 0, props.poster_rand(rng))
        )
    return solids
