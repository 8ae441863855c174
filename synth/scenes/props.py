"""Street furniture and other props. Each is a list of solids around its own origin, facing -Y; `put` places it.

The `_rand` functions draw a prop, or a surface of one. Sizes are in metres.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from alignnet_common.arrays import Rgb
from synth.scenes.colours import bright_rand, car_rand, green_rand, grey_rand, paint_rand, scaled
from synth.scenes.elements import Solid, Surface
from synth.scenes.footprints import blocks_walk

Prop = Callable[[np.random.Generator], list[Solid]]


def put(solids: Sequence[Solid], x: float, y: float, yaw: float = 0.0) -> list[Solid]:
    """The solids rotated about the vertical by `yaw` degrees, then moved to (x, y) metres."""
    cosine, sine = float(np.cos(np.radians(yaw))), float(np.sin(np.radians(yaw)))

    def turned(vector: tuple[float, float, float]) -> tuple[float, float, float]:
        return cosine * vector[0] - sine * vector[1], sine * vector[0] + cosine * vector[1], vector[2]

    moved = []
    for solid in solids:
        cx, cy, cz = turned(solid.centre)
        moved.append(
            dataclasses.replace(solid, centre=(cx + x, cy + y, cz), yaw=solid.yaw + yaw, step=turned(solid.step))
        )
    return moved


def row(solid: Solid, count: int, step: tuple[float, float, float]) -> Solid:
    """`count` copies of a solid, each moved by `step` metres from the one before."""
    return dataclasses.replace(solid, count=count, step=step)


def coat(colour: Rgb, roughness: float = 0.6, wear: float = 0.25, glow: float = 0.0) -> Surface:
    """A surface of one colour: paint, plastic or metal."""
    return Surface("plain", colour, colour, 1.0, roughness, wear=wear, glow=glow)


def painted_rand(rng: np.random.Generator) -> Surface:
    """Painted metal or wood in any colour."""
    return coat(paint_rand(rng), rng.uniform(0.3, 0.8))


def dark_rand(rng: np.random.Generator) -> Surface:
    """Dark iron, rubber or paint, as of frames and skirting boards."""
    return coat(grey_rand(rng, 0.015, 0.12), 0.6)


def metal_rand(rng: np.random.Generator) -> Surface:
    """Galvanised or brushed steel."""
    return coat(grey_rand(rng, 0.2, 0.5, 0.03), rng.uniform(0.25, 0.5))


def wood_rand(rng: np.random.Generator) -> Surface:
    """Weathered or varnished wood."""
    tone = scaled((0.32, 0.18, 0.09), rng.uniform(0.4, 1.4))
    return Surface("planks", tone, scaled(tone, 0.5), 0.1, 0.6)


def pole_rand(rng: np.random.Generator) -> list[Solid]:
    """A lamp post or sign pole, some with a sign or a wider foot."""
    width, surface = rng.uniform(0.07, 0.2), painted_rand(rng) if rng.random() < 0.4 else metal_rand(rng)
    parts = [Solid((0, 0, 2.5), (width, width, 5.0), 0, surface, "cylinder")]
    if rng.random() < 0.35:
        parts.append(Solid((0, 0, 0.25), (1.8 * width, 1.8 * width, 0.5), 0, surface, "cylinder"))
    if rng.random() < 0.35:
        parts += put(sign_plate_rand(rng), 0, -0.5 * width)
    return parts


def sign_plate_rand(rng: np.random.Generator) -> list[Solid]:
    """A traffic sign, round or rectangular, at head height."""
    height = rng.uniform(1.5, 2.3)
    colour = coat(((0.02, 0.08, 0.4), (0.5, 0.02, 0.02), (0.7, 0.7, 0.7), (0.6, 0.35, 0.02))[rng.integers(4)], 0.4)
    if rng.random() < 0.5:
        disc = Solid((0, -0.03, height), (0.6, 0.6, 0.03), 0, colour, "cylinder", pitch=90)
        face = Solid((0, -0.05, height), (0.42, 0.42, 0.03), 0, coat((0.75, 0.75, 0.75)), "cylinder", pitch=90)
        return [disc, face]
    return [Solid((0, -0.03, height), (rng.uniform(0.4, 0.8), 0.03, rng.uniform(0.3, 0.9)), 0, colour)]


def bollard_rand(rng: np.random.Generator) -> list[Solid]:
    """One to five bollards in a row."""
    surface, height = painted_rand(rng), rng.uniform(0.6, 1.1)
    width, step = rng.uniform(0.1, 0.3), (rng.uniform(1.1, 2.0), 0.0, 0.0)
    count = int(rng.integers(1, 6))
    parts = [Solid((0, 0, height / 2), (width, width, height), 0, surface, "cylinder", count=count, step=step)]
    if rng.random() < 0.5:
        band = coat((0.75, 0.75, 0.75), 0.4)
        ring = (1.06 * width, 1.06 * width, 0.1)
        parts.append(Solid((0, 0, 0.8 * height), ring, 0, band, "cylinder", count=count, step=step))
    return parts


def bin_rand(rng: np.random.Generator) -> list[Solid]:
    """A round litter bin, or a wheeled bin with a lid."""
    surface, height = painted_rand(rng), rng.uniform(0.7, 1.1)
    if rng.random() < 0.5:
        body = Solid((0, 0, height / 2), (0.45, 0.45, height), 0, surface, "cylinder", taper=rng.uniform(1.0, 1.2))
        slot = Solid((0, 0, height - 0.1), (0.47, 0.47, 0.08), 0, dark_rand(rng), "cylinder", taper=1.1)
        return [body, slot]
    lid = coat(bright_rand(rng)) if rng.random() < 0.5 else surface
    body = Solid((0, 0, height / 2), (0.5, 0.55, height), 0, surface, taper=1.15)
    return [body, Solid((0, 0, height + 0.03), (0.62, 0.7, 0.1), 0, lid, "rounded", pitch=6)]


def bench_rand(rng: np.random.Generator) -> list[Solid]:
    """A bench with or without a backrest."""
    slats, legs = wood_rand(rng) if rng.random() < 0.6 else painted_rand(rng), dark_rand(rng)
    length = rng.uniform(1.3, 2.2)
    seat = Solid((0, -0.18, 0.44), (length, 0.13, 0.04), 0, slats, count=3, step=(0, 0.16, 0))
    feet = Solid((-0.4 * length, 0, 0.21), (0.06, 0.42, 0.42), 0, legs, count=2, step=(0.8 * length, 0, 0))
    parts = [seat, feet]
    if rng.random() < 0.6:
        parts.append(Solid((0, 0.25, 0.62), (length, 0.03, 0.11), 0, slats, pitch=-10, count=2, step=(0, 0.03, 0.16)))
    return parts


def seats_rand(rng: np.random.Generator) -> list[Solid]:
    """A row of waiting-room seats on a beam."""
    shell = coat(bright_rand(rng) if rng.random() < 0.5 else grey_rand(rng, 0.03, 0.3), 0.4)
    legs, count = metal_rand(rng), int(rng.integers(2, 6))
    step, first = (0.56, 0.0, 0.0), -0.28 * (count - 1)
    return [
        Solid((first, 0, 0.43), (0.48, 0.46, 0.06), 0, shell, "rounded", count=count, step=step),
        Solid((first, 0.24, 0.68), (0.48, 0.05, 0.46), 0, shell, "rounded", pitch=-12, count=count, step=step),
        Solid((0, 0, 0.36), (0.56 * count, 0.08, 0.06), 0, legs),
        Solid((first, 0, 0.18), (0.06, 0.4, 0.36), 0, legs, count=2, step=(0.56 * max(1, count - 1), 0, 0)),
    ]


def chair_rand(rng: np.random.Generator) -> list[Solid]:
    """A café table with two chairs."""
    seat, legs = coat(bright_rand(rng)) if rng.random() < 0.5 else wood_rand(rng), dark_rand(rng)
    parts = [
        Solid((0, 0, 0.73), (0.7, 0.7, 0.04), 0, painted_rand(rng), "cylinder"),
        Solid((0, 0, 0.36), (0.06, 0.06, 0.72), 0, legs, "cylinder"),
    ]
    for side, turn in ((-0.65, 90.0), (0.65, -90.0)):
        chair = [
            Solid((0, 0, 0.45), (0.42, 0.42, 0.04), 0, seat),
            Solid((0, 0.2, 0.7), (0.42, 0.04, 0.4), 0, seat, pitch=-8),
            Solid((-0.18, -0.18, 0.22), (0.035, 0.035, 0.44), 0, legs, count=2, step=(0.36, 0, 0)),
            Solid((-0.18, 0.18, 0.22), (0.035, 0.035, 0.44), 0, legs, count=2, step=(0.36, 0, 0)),
        ]
        parts += put(chair, side, 0, turn)
    return parts


def foliage_rand(rng: np.random.Generator, leaf: float) -> Surface:
    """Foliage with leaves of `leaf` metres."""
    colour = green_rand(rng)
    if rng.random() < 0.12:
        colour = (rng.uniform(0.15, 0.35), rng.uniform(0.08, 0.16), 0.02)
    return Surface("foliage", scaled(colour, 0.5), scaled(colour, 1.7), leaf, 0.7, wear=0.3)


def bush_rand(rng: np.random.Generator) -> list[Solid]:
    """One to three intergrown bushes."""
    leaves = foliage_rand(rng, rng.uniform(0.07, 0.13))
    inside, parts = coat(scaled(leaves.colour, 0.35), 1.0), []
    for _ in range(int(rng.integers(1, 4))):
        width, height = rng.uniform(0.7, 1.6), rng.uniform(0.6, 1.6)
        x, y = rng.normal(0, 0.5, 2)
        parts.append(Solid((x, y, 0.5 * height), (width, width, height), rng.uniform(0, 360), leaves, "leaves"))
        parts.append(Solid((x, y, 0.42 * height), (0.75 * width, 0.75 * width, 0.8 * height), 0, inside, "ball"))
    return parts


def hedge_rand(rng: np.random.Generator) -> list[Solid]:
    """A clipped hedge."""
    leaves = foliage_rand(rng, rng.uniform(0.08, 0.12))
    length, height, depth = rng.uniform(3, 9), rng.uniform(0.6, 1.8), rng.uniform(0.5, 0.9)
    core = Surface("speckled", scaled(leaves.colour, 0.4), scaled(leaves.accent, 0.6), 0.09, 1.0)
    count = int(length / 0.6)
    clump = Solid(
        (-length / 2 + 0.3, 0, height / 2),
        (1.0, depth * 1.15, height * 1.08),
        0,
        leaves,
        "leaves",
        count=count,
        step=(0.6, 0, 0),
    )
    return [Solid((0, 0, 0.48 * height), (length, 0.8 * depth, 0.95 * height), 0, core), clump]


def tree_rand(rng: np.random.Generator) -> list[Solid]:
    """A tree: trunk, three boughs, and a crown of leaf ellipsoids."""
    bark = Surface("speckled", grey_rand(rng, 0.04, 0.16, 0.15), (0.02, 0.016, 0.012), 0.06, 1.0)
    leaves = foliage_rand(rng, rng.uniform(0.14, 0.24))
    height, width = rng.uniform(1.6, 3.2), rng.uniform(0.15, 0.45)
    trunk = Solid((0, 0, height / 2 + 0.3), (width, width, height + 0.6), 0, bark, "cylinder", taper=0.7)
    parts, turn = [trunk], rng.uniform(0, 120)
    for number in range(3):
        bough = Solid((0, 0.5, height + 0.5), (0.4 * width, 0.4 * width, 1.6), 0, bark, "cylinder", -40, taper=0.5)
        size = rng.uniform(1.8, 3.2)
        crown = Solid((0, 0.8, height + 0.9 + rng.uniform(0, 0.6)), (size, size, 0.75 * size), turn, leaves, "leaves")
        parts += put([bough, crown], 0, 0, turn + 120.0 * number)
    return parts


def planter_rand(rng: np.random.Generator) -> list[Solid]:
    """A plant in a tub."""
    tub, leaves = painted_rand(rng), foliage_rand(rng, rng.uniform(0.06, 0.12))
    width, height, plant = rng.uniform(0.4, 1.0), rng.uniform(0.35, 0.7), rng.uniform(0.6, 1.4)
    return [
        Solid((0, 0, height / 2), (width, width, height), 0, tub, "cylinder" if rng.random() < 0.5 else "box"),
        Solid((0, 0, height + 0.42 * plant), (1.2 * width, 1.2 * width, plant), 0, leaves, "leaves"),
        Solid(
            (0, 0, height + 0.3 * plant), (0.7 * width, 0.7 * width, 0.7 * plant), 0, coat((0.01, 0.02, 0.008)), "ball"
        ),
    ]


def car_body_rand(rng: np.random.Generator) -> list[Solid]:
    """A hatchback, saloon or van along X: body, glazed cabin, four wheels, lights, number plates."""
    paint = coat(car_rand(rng), 0.18, 0.12)
    glass, tyre = coat((0.012, 0.014, 0.016), 0.04, 0.0), coat((0.012, 0.012, 0.012), 0.9)
    length, width = rng.uniform(3.8, 4.8), rng.uniform(1.68, 1.85)
    van = rng.random() < 0.2
    deck, roof = (0.95, 2.0) if van else (rng.uniform(0.88, 1.0), rng.uniform(1.42, 1.7))
    cabin, back = (0.75 * length, 0.1 * length) if van else (0.56 * length, rng.uniform(0.0, 0.12) * length)
    middle, rise = (deck + 0.28) / 2, roof - deck
    body = [
        Solid((0, 0, middle), (length, width, deck - 0.28), 0, paint, "rounded"),
        Solid((0, 0, 0.38), (0.97 * length, 0.98 * width, 0.2), 0, tyre, "rounded"),
        Solid((back, 0, deck + 0.45 * rise), (cabin, 0.9 * width, 0.9 * rise + 0.1), 0, glass, taper=0.76),
        Solid((back, 0, roof - 0.03), (0.72 * cabin, 0.72 * width, 0.08), 0, paint, "rounded"),
        Solid((back - 0.02, 0, deck + 0.45 * rise), (0.09, 0.91 * width, 0.9 * rise + 0.1), 0, paint, taper=0.78),
    ]
    for side in (-0.5, 0.5):
        wheel = Solid((-0.31 * length, side * (width - 0.14), 0.31), (0.62, 0.62, 0.22), 0, tyre, "cylinder", 90)
        step = (0.6 * length, 0.0, 0.0)
        rim = Solid(
            (-0.31 * length, side * (width + 0.05), 0.31), (0.38, 0.38, 0.06), 0, metal_rand(rng), "cylinder", 90
        )
        body += [row(wheel, 2, step), row(rim, 2, step)]
    lights = (0, 0.64 * width, 0)
    front = Solid((-0.485 * length, -0.32 * width, 0.68), (0.1, 0.34, 0.14), 0, coat((0.8, 0.8, 0.78), 0.1), "rounded")
    rear = Solid((0.485 * length, -0.36 * width, 0.78), (0.1, 0.24, 0.2), 0, coat((0.35, 0.01, 0.01), 0.2), "rounded")
    plate = Solid(
        (-0.495 * length, 0, 0.5), (0.04, 0.5, 0.12), 0, coat((0.7, 0.7, 0.65)), count=2, step=(0.99 * length, 0, 0)
    )
    return [*body, row(front, 2, lights), row(rear, 2, lights), plate]


def bicycle_rand(rng: np.random.Generator) -> list[Solid]:
    """A parked bicycle along X: two wheels, tubular frame, saddle and handlebar, some with a basket."""
    tube, tyre = coat(paint_rand(rng), 0.3), coat((0.02, 0.02, 0.02), 0.8)
    # Spokes are too thin to be visible.
    wheel = Solid((-0.52, 0, 0.34), (0.68, 0.68, 0.04), 0, tyre, "ring", pitch=90)
    parts = [row(wheel, 2, (1.04, 0, 0))]
    for start, end in (
        ((-0.52, 0.34), (-0.1, 0.32)),
        ((-0.52, 0.34), (-0.2, 0.8)),
        ((-0.1, 0.32), (-0.22, 0.9)),
        ((-0.1, 0.32), (0.4, 0.78)),
        ((-0.2, 0.8), (0.38, 0.86)),
        ((0.52, 0.34), (0.36, 1.0)),
    ):
        parts.append(tube_between((start[0], 0.0, start[1]), (end[0], 0.0, end[1]), 0.04, tube))
    parts.append(Solid((-0.24, 0, 0.95), (0.26, 0.15, 0.07), 0, dark_rand(rng), "rounded"))
    parts.append(Solid((0.34, 0, 1.02), (0.05, 0.56, 0.04), 0, dark_rand(rng)))
    if rng.random() < 0.35:
        parts.append(Solid((0.62, 0, 0.86), (0.32, 0.4, 0.26), 0, wood_rand(rng), taper=1.2))
    return parts


def tube_between(
    start: tuple[float, float, float], end: tuple[float, float, float], width: float, surface: Surface
) -> Solid:
    """A cylinder between two points with the same y, `width` metres thick."""
    dx, dz = end[0] - start[0], end[2] - start[2]
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, (start[2] + end[2]) / 2)
    lean = float(np.degrees(np.arctan2(dx, dz)))
    return Solid(middle, (width, width, float(np.hypot(dx, dz))), 0, surface, "cylinder", roll=lean)


def bicycles_rand(rng: np.random.Generator) -> list[Solid]:
    """One to three bicycles side by side."""
    parts = []
    for number in range(int(rng.integers(1, 4))):
        parts += put(bicycle_rand(rng), rng.normal(0, 0.1), 0.55 * number, rng.normal(0, 5))
    return parts


def scooter_rand(rng: np.random.Generator) -> list[Solid]:
    """A motor scooter along X."""
    paint, dark = coat(car_rand(rng) if rng.random() < 0.5 else bright_rand(rng), 0.2), dark_rand(rng)
    return [
        Solid((-0.42, 0, 0.6), (0.8, 0.36, 0.42), 0, paint, "rounded"),
        Solid((0.02, 0, 0.3), (0.7, 0.3, 0.1), 0, paint, "rounded"),
        Solid((0.42, 0, 0.66), (0.12, 0.4, 0.8), 0, paint, "rounded", roll=-18),
        Solid((-0.36, 0, 0.82), (0.75, 0.3, 0.12), 0, dark, "rounded"),
        Solid((0.36, 0, 1.06), (0.06, 0.68, 0.06), 0, dark),
        Solid((-0.55, 0, 0.24), (0.46, 0.46, 0.13), 0, dark, "cylinder", 90, count=2, step=(1.15, 0, 0)),
    ]


def stall_rand(rng: np.random.Generator) -> list[Solid]:
    """A market stall: a table with goods behind a cloth, under a striped or plain awning on posts."""
    width = rng.uniform(1.8, 3.2)
    goods = goods_rand(rng, rng.uniform(0.08, 0.3))
    cloth = coat(bright_rand(rng) if rng.random() < 0.4 else grey_rand(rng, 0.05, 0.6), 0.9)
    awning = Surface("stripes" if rng.random() < 0.5 else "plain", bright_rand(rng), grey_rand(rng, 0.5, 0.8), 0.5, 0.8)
    post = Solid((-width / 2, -0.6, 1.2), (0.05, 0.05, 2.4), 0, metal_rand(rng), count=2, step=(width, 0, 0))
    return [
        Solid((0, 0, 0.42), (width, 1.0, 0.84), 0, cloth),
        Solid((0, -0.05, 0.92), (0.96 * width, 0.9, 0.2), 0, goods, pitch=12),
        Solid((0, 0.75, 1.1), (width, 0.1, 2.2), 0, goods_rand(rng, rng.uniform(0.15, 0.5))),
        post,
        Solid((0, 0, 2.45), (1.15 * width, 2.0, 0.06), 0, awning, pitch=8),
    ]


def goods_rand(rng: np.random.Generator, scale: float) -> Surface:
    """Goods or books on shelves: blocks of many colours of about `scale` metres."""
    colour = bright_rand(rng) if rng.random() < 0.5 else grey_rand(rng, 0.1, 0.6, 0.15)
    return Surface("blocks", colour, grey_rand(rng, 0.01, 0.15), scale, 0.6, wear=0.3)


def shelf_rand(rng: np.random.Generator) -> list[Solid]:
    """A shelf with goods or books, as in a shop or library."""
    width, height, depth = rng.uniform(0.8, 2.4), rng.uniform(1.2, 2.2), rng.uniform(0.3, 0.6)
    goods, board = goods_rand(rng, rng.uniform(0.06, 0.3)), coat(grey_rand(rng, 0.1, 0.7), 0.5)
    shelves = int(rng.integers(3, 6))
    return [
        Solid((0, 0, height / 2), (width, depth, height), 0, goods),
        Solid(
            (0, -0.03, 0.04), (width, depth, 0.04), 0, board, count=shelves, step=(0, 0, height / (shelves - 1) - 0.02)
        ),
        Solid((-width / 2, -0.02, height / 2), (0.04, depth, height), 0, board, count=2, step=(width, 0, 0)),
    ]


def sign_rand(rng: np.random.Generator) -> list[Solid]:
    """A free-standing sign: a poster or menu in front of a shop."""
    height, width = rng.uniform(0.9, 1.9), rng.uniform(0.5, 0.9)
    frame = metal_rand(rng) if rng.random() < 0.5 else dark_rand(rng)
    poster = poster_rand(rng)
    return [
        Solid((0, 0.02, height / 2 + 0.05), (width, 0.06, height), 0, frame, pitch=-6),
        Solid((0, -0.02, height / 2 + 0.07), (0.9 * width, 0.03, 0.9 * height), 0, poster, pitch=-6),
    ]


def poster_rand(rng: np.random.Generator) -> Surface:
    """A poster: large blocks of colour."""
    scale = rng.uniform(0.1, 0.45)
    ground = bright_rand(rng) if rng.random() < 0.5 else grey_rand(rng, 0.3, 0.8)
    return Surface("blocks", ground, scaled(ground, rng.uniform(0.5, 1.5)), scale, 0.4, wear=0.1)


def cone_rand(rng: np.random.Generator) -> list[Solid]:
    """Traffic cones, or a barrier of red and white boards."""
    orange, white = coat((0.65, 0.1, 0.02), 0.6), coat((0.75, 0.75, 0.75), 0.5)
    if rng.random() < 0.6:
        count, step = int(rng.integers(1, 4)), (rng.uniform(0.8, 1.5), 0.0, 0.0)
        parts = [
            Solid((0, 0, 0.02), (0.4, 0.4, 0.04), 0, orange),
            Solid((0, 0, 0.36), (0.3, 0.3, 0.68), 0, orange, "cylinder", taper=0.15),
            Solid((0, 0, 0.4), (0.215, 0.215, 0.16), 0, white, "cylinder", taper=0.72),
        ]
        return [row(part, count, step) for part in parts]
    boards = Surface("stripes", (0.6, 0.03, 0.02), (0.75, 0.75, 0.75), 0.5, 0.5)
    return [
        Solid((0, 0, 0.9), (2.0, 0.04, 0.22), 0, boards),
        Solid((0, 0, 0.5), (2.0, 0.04, 0.15), 0, boards),
        Solid((-0.9, 0, 0.5), (0.05, 0.4, 1.0), 0, metal_rand(rng), count=2, step=(1.8, 0, 0)),
    ]


def luggage_rand(rng: np.random.Generator) -> list[Solid]:
    """A suitcase with an extended handle, half of them with a soft bag beside it."""
    shell = coat(bright_rand(rng) if rng.random() < 0.4 else grey_rand(rng, 0.01, 0.15), 0.4)
    height, width = rng.uniform(0.5, 0.75), rng.uniform(0.35, 0.48)
    parts = [
        Solid((0, 0, height / 2 + 0.05), (width, 0.25, height), 0, shell, "rounded"),
        Solid((-0.1, 0.08, height + 0.2), (0.02, 0.02, 0.4), 0, metal_rand(rng), count=2, step=(0.2, 0, 0)),
        Solid((0, 0.08, height + 0.4), (0.24, 0.035, 0.03), 0, dark_rand(rng)),
    ]
    if rng.random() < 0.5:
        bag = coat(paint_rand(rng), 0.9)
        parts.append(Solid((width + 0.1, 0, 0.16), (0.55, 0.3, 0.32), rng.uniform(-30, 30), bag, "rounded"))
    return parts


def barrier_rand(rng: np.random.Generator) -> list[Solid]:
    """A belt barrier between posts, as in front of a counter."""
    post, tape = metal_rand(rng), coat(bright_rand(rng) if rng.random() < 0.5 else (0.02, 0.02, 0.06), 0.7)
    count = int(rng.integers(2, 4))
    first, step = -0.75 * (count - 1), (1.5, 0.0, 0.0)
    return [
        row(Solid((first, 0, 0.48), (0.06, 0.06, 0.96), 0, post, "cylinder"), count, step),
        row(Solid((first, 0, 0.02), (0.34, 0.34, 0.04), 0, post, "cylinder"), count, step),
        Solid((0, 0, 0.9), (1.5 * (count - 1), 0.01, 0.06), 0, tape),
    ]


def fence_rand(rng: np.random.Generator) -> list[Solid]:
    """A railing of bars, 6 m long."""
    iron, height = painted_rand(rng), rng.uniform(0.9, 1.8)
    gap = rng.uniform(0.11, 0.2)
    count = int(6 / gap)
    return [
        Solid((-3, 0, height / 2), (0.025, 0.025, height), 0, iron, count=count, step=(gap, 0, 0)),
        Solid((0, 0, 0.12), (6, 0.04, 0.05), 0, iron, count=2, step=(0, 0, height - 0.15)),
    ]


def counter_rand(rng: np.random.Generator) -> list[Solid]:
    """A desk or a ticket machine."""
    body = painted_rand(rng)
    if rng.random() < 0.5:
        screen = coat((0.1, 0.2, 0.35), 0.1, 0.0, glow=0.6)
        return [
            Solid((0, 0, 0.85), (0.7, 0.5, 1.7), 0, body),
            Solid((0, -0.24, 1.3), (0.45, 0.05, 0.35), 0, screen, pitch=-15),
        ]
    length = rng.uniform(1.4, 3.0)
    return [
        Solid((0, 0, 0.52), (length, 0.6, 1.04), 0, body),
        Solid((0, 0, 1.06), (1.04 * length, 0.7, 0.05), 0, wood_rand(rng)),
    ]


def scattered_rand(rng: np.random.Generator, props: Sequence[Prop], count: int, near: float, far: float) -> list[Solid]:
    """Solids of `count` of the `props`, drawn with replacement, `near` to `far` metres behind the person.

    Most are less than 2 m to the side, since the crop is about 1 m wide at the person and widens slowly with distance.
    A prop that would block the walk is moved back, or left out if there is no room.
    """
    solids: list[Solid] = []
    for _ in range(count if far > near else 0):
        prop = props[rng.integers(len(props))](rng)
        x, y, yaw = rng.normal(0, 1), rng.uniform(near, far), rng.choice([0, 90, 180]) + rng.normal(0, 12)
        while y < far:
            placed = put(prop, x * (0.6 + 0.25 * y), y, yaw)
            if not blocks_walk(placed):
                solids += placed
                break
            y += 0.8
    return solids
