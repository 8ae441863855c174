"""Malls, supermarkets and libraries."""

import numpy as np

from synth.scenes import ground, lighting, props, walls
from synth.scenes.colours import bright_rand, grey_rand
from synth.scenes.elements import Place, Solid, Surface

FURNITURE = (props.shelf_rand, props.sign_rand, props.planter_rand, props.bench_rand, props.bin_rand)


def shops_rand(rng: np.random.Generator) -> Place:
    """A row of shops in a mall, or an aisle between shelves."""
    floor, distance = ground.floor_rand(rng), rng.uniform(2.6, 7)
    aisle = rng.random() < 0.35
    solids = aisle_rand(rng) if aisle else shop_row_rand(rng, distance)
    solids += walls.room_end_rand(rng, distance + 4)
    solids += props.scattered_rand(rng, FURNITURE, int(rng.integers(0, 4)), 2.1, distance - 0.4)
    # Window light comes from this side of shelves and shop fronts.
    half_width, reach = (2.1, 5.2) if aisle else (6.0, distance)
    return Place("shops", floor, tuple(solids), (), lighting.indoors_rand(rng, half_width, reach))


def aisle_rand(rng: np.random.Generator) -> list[Solid]:
    """Shelves along both sides and at the end of the view."""
    half, solids = rng.uniform(2.1, 2.6), []
    for side in (-1, 1):
        for y in np.arange(-2.0, 6.0, 2.4):
            solids += props.put(props.shelf_rand(rng), side * (half + 0.3), float(y), -90.0 * side)
    for x in (-2.4, 0.0, 2.4):
        solids += props.put(props.shelf_rand(rng), x, rng.uniform(5.5, 6.2))
    return solids


def shop_row_rand(rng: np.random.Generator, distance: float) -> list[Solid]:
    """Shop fronts (goods, glass, shutter or wall) under lit signs, with pillars between them."""
    solids, x = [], -10.0
    pillar = walls.room_wall_rand(rng)
    while x < 10:
        width = rng.uniform(2.5, 5)
        middle = x + width / 2
        kind = rng.choice(["goods", "glass", "shutter", "wall"], p=[0.4, 0.25, 0.15, 0.2])
        if kind == "goods":
            front = props.goods_rand(rng, rng.uniform(0.2, 0.7))
        elif kind == "glass":
            front = Surface("glass", grey_rand(rng, 0.2, 0.6), grey_rand(rng, 0.03, 0.3, 0.2), width / 3, 0.5)
        elif kind == "shutter":
            front = Surface("shutter", grey_rand(rng, 0.3, 0.6), grey_rand(rng, 0.1, 0.2), 0.1, 0.5)
        else:
            front = walls.room_wall_rand(rng)
        sign = props.coat(bright_rand(rng), 0.4, 0.0, glow=rng.uniform(0.2, 1.5))
        solids += [
            Solid((middle, distance + 0.2, 1.4), (width, 0.1, 2.8), 0, front),
            Solid((middle, distance, 2.9), (0.9 * width, 0.2, 0.5), 0, sign),
            Solid((x, distance + 0.05, 2), (rng.uniform(0.15, 0.5), 0.3, 4), 0, pillar),
        ]
        x += width
    return solids
