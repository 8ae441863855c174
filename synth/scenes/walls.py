"""Backgrounds: house fronts, garden walls, rows of trees, walls of rooms and panels on them."""

import numpy as np

from synth.scenes import props
from synth.scenes.colours import bright_rand, grey_rand, paint_rand, scaled
from synth.scenes.elements import Solid, Surface, SurfaceKind


def wall_rand(rng: np.random.Generator) -> Surface:
    """Facade of a house: plaster, brick, stone, windows, glass or shutters."""
    kind: SurfaceKind = ("plain", "bricks", "slabs", "speckled", "windows", "glass", "shutter", "stripes")[
        rng.choice(8, p=[0.22, 0.2, 0.1, 0.1, 0.14, 0.12, 0.08, 0.04])
    ]
    colour = grey_rand(rng, 0.1, 0.6, 0.14)
    if kind == "bricks" and rng.random() < 0.6:
        colour = (rng.uniform(0.16, 0.36), rng.uniform(0.06, 0.15), rng.uniform(0.04, 0.1))
    scale = {
        "bricks": rng.uniform(0.2, 0.3),
        "slabs": rng.uniform(0.4, 1.2),
        "windows": rng.uniform(1.2, 2.6),
        "glass": rng.uniform(0.8, 1.8),
        "shutter": rng.uniform(0.08, 0.14),
        "stripes": rng.uniform(0.1, 0.3),
        "speckled": rng.uniform(0.05, 0.5),
    }.get(kind, 1.0)
    accent = scaled(colour, rng.uniform(0.4, 0.9))
    if kind in ("windows", "glass"):
        accent = grey_rand(rng, 0.01, 0.08, 0.2)
    return Surface(kind, colour, accent, scale, rng.uniform(0.6, 0.9), wear=rng.uniform(0.15, 0.6))


def front_rand(rng: np.random.Generator, x: float, y: float, width: float) -> list[Solid]:
    """One house front at `y`: wall, half of them with a plinth, and up to three doors, shop windows, shutters, posters
    or pipes at the height of people."""
    wall, height = wall_rand(rng), rng.uniform(5, 12)
    solids = [Solid((x, y + 2, height / 2), (width, 4, height), 0, wall)]
    if rng.random() < 0.5:
        plinth = Surface("plain", scaled(wall.colour, rng.uniform(0.3, 0.8)), wall.accent, 1.0, 0.8, wear=0.6)
        tall = rng.uniform(0.3, 1.0)
        solids.append(Solid((x, y, tall / 2), (width, 0.08, tall), 0, plinth))
    for _ in range(int(rng.integers(0, 4))):
        solids += opening_rand(rng, x + rng.uniform(-0.4, 0.4) * width, y)
    return solids


def opening_rand(rng: np.random.Generator, x: float, y: float) -> list[Solid]:
    """A door, shop window, roller shutter, poster or pipe on the wall at `y`."""
    kind, wide = rng.choice(["door", "window", "shutter", "poster", "pipe"], p=[0.28, 0.27, 0.15, 0.2, 0.1]), 1.0
    if kind == "pipe":
        return [Solid((x, y - 0.08, 3), (0.12, 0.12, 6), 0, props.metal_rand(rng), "cylinder")]
    if kind == "poster":
        width, height = rng.uniform(0.5, 1.4), rng.uniform(0.5, 1.4)
        return [Solid((x, y - 0.03, rng.uniform(1.1, 1.7)), (width, 0.04, height), 0, props.poster_rand(rng))]
    if kind == "door":
        wide, tall = rng.uniform(0.8, 1.6), rng.uniform(2.0, 2.5)
        leaf = props.painted_rand(rng) if rng.random() < 0.6 else props.wood_rand(rng)
    elif kind == "shutter":
        wide, tall = rng.uniform(1.5, 3.5), rng.uniform(2.2, 2.8)
        grey = grey_rand(rng, 0.15, 0.5)
        leaf = Surface("shutter", grey, scaled(grey, 0.5), rng.uniform(0.07, 0.12), 0.5, wear=0.4)
    else:
        wide, tall = rng.uniform(1.2, 3.5), rng.uniform(1.8, 2.6)
        leaf = Surface("glass", grey_rand(rng, 0.05, 0.5), grey_rand(rng, 0.01, 0.12, 0.2), wide / 2, 0.6)
    frame = props.painted_rand(rng)
    return [
        Solid((x, y - 0.02, tall / 2), (wide + 0.16, 0.1, tall + 0.08), 0, frame),
        Solid((x, y - 0.05, tall / 2), (wide, 0.1, tall - 0.04), 0, leaf),
    ]


def fronts_rand(rng: np.random.Generator, distance: float) -> list[Solid]:
    """A row of house fronts, `distance` metres behind the person."""
    solids, x = [], -14.0
    while x < 14:
        width = rng.uniform(3.5, 8)
        solids += front_rand(rng, x + width / 2, distance + rng.uniform(0, 0.6), width)
        x += width
    return solids


def backdrop_rand(rng: np.random.Generator, near: float, far: float) -> list[Solid]:
    """Background of an open view, `near` to `far` metres away: houses, or trees, some behind a garden wall."""
    distance = rng.uniform(near, far)
    if rng.random() < 0.5:
        return fronts_rand(rng, distance)
    solids = belt_rand(rng, distance)
    if rng.random() < 0.4:
        solids += garden_wall_rand(rng, distance - 1.5)
    return solids


def belt_rand(rng: np.random.Generator, distance: float) -> list[Solid]:
    """A dense row of shrubs and trees without gaps."""
    leaves = props.foliage_rand(rng, 0.4)
    deep = Surface("speckled", scaled(leaves.colour, 0.3), leaves.colour, 0.5, 1.0)
    solids = [Solid((0, distance + 3.0, 4), (50, 1.0, 8), 0, deep)]
    for row in range(2):
        size = (rng.uniform(3.0, 4.5), rng.uniform(2.0, 3.0), rng.uniform(3.0, 5.0))
        start = (-12 + rng.uniform(-1, 1), distance + 1.5 + 0.5 * row, rng.uniform(1.2, 2.0) + 1.6 * row)
        step = (rng.uniform(2.0, 2.8), rng.normal(0, 0.05), 0.0)
        solids.append(Solid(start, size, 0, props.foliage_rand(rng, 0.4), "leaves", count=11, step=step))
    return solids


def garden_wall_rand(rng: np.random.Generator, distance: float) -> list[Solid]:
    """A garden wall, 0.5 to 2.2 m high; a low one with a railing."""
    height, surface = rng.uniform(0.5, 2.2), wall_rand(rng)
    cap = props.coat(grey_rand(rng, 0.15, 0.5), 0.8, 0.5)
    solids = [
        Solid((0, distance, height / 2), (40, 0.3, height), 0, surface),
        Solid((0, distance, height + 0.04), (40, 0.4, 0.08), 0, cap),
    ]
    if height < 1.0:
        for x in (-9.0, -3.0, 3.0, 9.0):
            solids += props.put(props.fence_rand(rng), x, distance + 0.3)
    return solids


def room_wall_rand(rng: np.random.Generator) -> Surface:
    """An indoor wall: plaster, tiles, wood, brick or concrete."""
    kind: SurfaceKind = ("plain", "tiles", "slabs", "planks", "bricks", "speckled")[
        rng.choice(6, p=[0.45, 0.18, 0.12, 0.07, 0.08, 0.1])
    ]
    colour = grey_rand(rng, 0.2, 0.75, 0.1)
    if rng.random() < 0.12:
        colour = scaled(bright_rand(rng), 0.8)
    scale = {"tiles": rng.uniform(0.1, 0.6), "slabs": rng.uniform(0.6, 1.5), "bricks": 0.24, "planks": 0.16}.get(
        kind, rng.uniform(0.02, 0.3)
    )
    return Surface(
        kind, colour, scaled(colour, rng.uniform(0.5, 0.9)), scale, rng.uniform(0.3, 0.8), wear=rng.uniform(0.05, 0.3)
    )


def room_end_rand(rng: np.random.Generator, distance: float) -> list[Solid]:
    """The far wall of a room with skirting, some with a dado, and one to five panels."""
    wall = room_wall_rand(rng)
    solids = [
        Solid((0, distance + 0.15, 2.5), (40, 0.3, 5), 0, wall),
        Solid((0, distance, 0.06), (40, 0.06, 0.12), 0, props.dark_rand(rng)),
    ]
    if rng.random() < 0.35:
        dado = rng.uniform(0.8, 1.3)
        tone = props.coat(scaled(wall.colour, rng.uniform(0.3, 0.7)) if rng.random() < 0.6 else paint_rand(rng), 0.5)
        solids.append(Solid((0, distance - 0.01, dado / 2), (40, 0.03, dado), 0, tone))
    for _ in range(int(rng.integers(1, 6))):
        solids += panel_rand(rng, rng.normal(0, 2.5), distance)
    return solids


def panel_rand(rng: np.random.Generator, x: float, y: float) -> list[Solid]:
    """A panel on an indoor wall: door, lit sign, notice board, fire hose, radiator or handrail."""
    kind = rng.choice(["door", "sign", "board", "hose", "radiator", "rail"], p=[0.35, 0.12, 0.23, 0.1, 0.1, 0.1])
    if kind == "door":
        leaf = props.wood_rand(rng) if rng.random() < 0.4 else props.painted_rand(rng)
        return [
            Solid((x, y - 0.02, 1.06), (1.15, 0.1, 2.12), 0, props.painted_rand(rng)),
            Solid((x, y - 0.05, 1.02), (0.95, 0.1, 2.04), 0, leaf),
            Solid((x + 0.4, y - 0.13, 1.03), (0.13, 0.05, 0.03), 0, props.metal_rand(rng)),
        ]
    if kind == "sign":
        lit = props.coat(bright_rand(rng), 0.3, 0.0, glow=rng.uniform(0.5, 2.0))
        return [
            Solid((x, y - 0.08, rng.uniform(1.6, 2.4)), (rng.uniform(0.5, 2), 0.12, rng.uniform(0.25, 0.6)), 0, lit)
        ]
    if kind == "board":
        return [
            Solid((x, y - 0.03, 1.5), (rng.uniform(0.6, 2), 0.05, rng.uniform(0.6, 1.4)), 0, props.poster_rand(rng))
        ]
    if kind == "hose":
        return [Solid((x, y - 0.1, 1.1), (0.65, 0.2, 0.75), 0, props.coat((0.5, 0.02, 0.02), 0.4))]
    if kind == "radiator":
        white = grey_rand(rng, 0.5, 0.75)
        ribs = Surface("stripes", white, scaled(white, 0.6), 0.08, 0.4)
        return [Solid((x, y - 0.08, 0.42), (rng.uniform(0.8, 1.8), 0.12, 0.6), 0, ribs)]
    return [Solid((x, y - 0.1, 0.95), (rng.uniform(2, 6), 0.05, 0.06), 0, props.metal_rand(rng))]
