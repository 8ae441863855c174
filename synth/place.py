"""Where a clip happens: ground, walls, clutter, occluders and light, as pure data.

Coordinates as in `synth.camera`: the person passes the origin, the camera stands at negative Y. A place is built
around that line of sight, so nothing hides the person but the occluders, which are put there on purpose.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from synth.camera import Camera

Rgb = tuple[float, float, float]
Vector = tuple[float, float, float]
Family = Literal["street", "plaza", "hall", "corridor"]


@dataclass(frozen=True)
class Surface:
    """A material of the place. Colours are linear RGB in 0..1."""

    kind: Literal["plain", "speckled", "tiles", "bricks", "windows"]
    colour: Rgb
    accent: Rgb
    scale: float
    """Size of a tile, brick, window or speckle, metres."""
    roughness: float


@dataclass(frozen=True)
class Box:
    """An upright box, the shape of walls, benches, bins and kerbs; `round` makes it a cylinder (poles, trunks)."""

    centre: Vector
    size: Vector
    yaw: float
    """Degrees about the vertical."""
    surface: Surface
    round: bool = False


@dataclass(frozen=True)
class Light:
    """Sun and sky outdoors, lamps indoors. Strengths are Blender's (W/m² for the sun, W for a lamp)."""

    sun: float
    sun_colour: Rgb
    sun_elevation: float
    """Degrees above the horizon."""
    sun_azimuth: float
    """Degrees about the vertical; 0 shines from behind the camera."""
    sun_size: float
    """Angular diameter in degrees: 0.5 is a clear sky, more is haze with softer shadows."""
    sky: float
    sky_colour: Rgb
    horizon_colour: Rgb
    lamps: tuple[tuple[Vector, float], ...]
    """(position, strength) of square ceiling lamps."""


@dataclass(frozen=True)
class Place:
    """Everything around the person."""

    family: Family
    ground: Surface
    boxes: tuple[Box, ...]
    occluders: tuple[Box, ...]
    light: Light


def grey_rand(rng: np.random.Generator, low: float, high: float, tint: float = 0.06) -> Rgb:
    """A nearly neutral colour of brightness `low` to `high`, a little warm or cold."""
    warmth = rng.normal(0, tint)
    red, green, blue = np.clip(
        rng.uniform(low, high) * np.array([1 + warmth, 1 + rng.normal(0, 0.02), 1 - warmth]), 0, 1
    )
    return float(red), float(green), float(blue)


def paint_rand(rng: np.random.Generator) -> Rgb:
    """A colour of doors, bins, awnings and cars: half of them grey, the rest muted."""
    if rng.random() < 0.5:
        return grey_rand(rng, 0.03, 0.6)
    red, green, blue = rng.uniform(0.02, 0.45, 3)
    return float(red), float(green), float(blue)


def place_rand(rng: np.random.Generator) -> Place:
    """Draw a place, without occluders."""
    return (street_rand, plaza_rand, hall_rand, corridor_rand)[rng.integers(4)](rng)


def street_rand(rng: np.random.Generator) -> Place:
    """A pavement along house fronts, with poles, bins and parked vans."""
    ground = Surface("tiles", grey_rand(rng, 0.14, 0.42), grey_rand(rng, 0.06, 0.2), rng.uniform(0.3, 0.8), 0.85)
    if rng.random() < 0.4:
        ground = Surface(
            "speckled", grey_rand(rng, 0.06, 0.26), grey_rand(rng, 0.04, 0.16), rng.uniform(0.03, 0.1), 0.95
        )
    boxes = []
    x, distance = -14.0, rng.uniform(2.0, 7.0)
    while x < 14:
        width = rng.uniform(3.5, 8)
        boxes.append(front_rand(rng, x + width / 2, distance + rng.uniform(0, 0.6), width))
        x += width
    kerb = Surface("speckled", grey_rand(rng, 0.2, 0.4), grey_rand(rng, 0.1, 0.3), 0.05, 0.9)
    if rng.random() < 0.5:
        boxes.append(Box((0, distance - 1.2, 0.05), (30, 0.25, 0.1), 0, kerb))
    boxes += clutter_rand(rng, near=1.5, far=distance - 0.3, count=int(rng.integers(1, 5)))
    return Place("street", ground, tuple(boxes), (), daylight_rand(rng))


def front_rand(rng: np.random.Generator, x: float, y: float, width: float) -> Box:
    """One house front."""
    height = rng.uniform(5, 12)
    kind: Literal["bricks", "plain", "windows", "speckled"]
    kind = ("bricks", "plain", "windows", "speckled")[rng.choice(4, p=[0.3, 0.2, 0.35, 0.15])]
    colour = grey_rand(rng, 0.12, 0.6, 0.14)
    if kind == "bricks" and rng.random() < 0.5:
        colour = (rng.uniform(0.18, 0.34), rng.uniform(0.07, 0.13), rng.uniform(0.04, 0.09))
    scale = {"bricks": 0.24, "plain": 1.0, "windows": rng.uniform(1.2, 2.6), "speckled": 0.3}[kind]
    surface = Surface(kind, colour, grey_rand(rng, 0.02, 0.2), scale, 0.8)
    return Box((x, y + 2, height / 2), (width, 4, height), 0, surface)


def plaza_rand(rng: np.random.Generator) -> Place:
    """An open square: paving, far house fronts, planters, benches and trees."""
    tiled = rng.random() < 0.7
    ground = Surface(
        "tiles" if tiled else "speckled",
        grey_rand(rng, 0.16, 0.55, 0.1),
        grey_rand(rng, 0.08, 0.35),
        rng.uniform(0.4, 1.5) if tiled else rng.uniform(0.04, 0.2),
        0.85,
    )
    if rng.random() < 0.2:
        ground = Surface("speckled", (0.07, 0.14, 0.04), (0.12, 0.2, 0.06), 0.08, 1.0)
    boxes = [front_rand(rng, x, rng.uniform(9, 16), 9) for x in (-18.0, -9.0, 0.0, 9.0, 18.0) if rng.random() < 0.8]
    boxes += clutter_rand(rng, near=1.5, far=8, count=int(rng.integers(2, 7)))
    return Place("plaza", ground, tuple(boxes), (), daylight_rand(rng))


def hall_rand(rng: np.random.Generator) -> Place:
    """A lit hall: a shiny floor, a far wall with panels, pillars and counters."""
    ground = Surface(
        "tiles", grey_rand(rng, 0.2, 0.65, 0.1), grey_rand(rng, 0.1, 0.5), rng.uniform(0.4, 1.2), rng.uniform(0.25, 0.6)
    )
    wall = Surface(
        "windows" if rng.random() < 0.3 else "plain",
        grey_rand(rng, 0.25, 0.75, 0.1),
        paint_rand(rng),
        rng.uniform(1, 2.5),
        0.7,
    )
    distance = rng.uniform(3, 10)
    boxes = [
        Box((0, distance + 0.1, 2), (30, 0.2, 4), 0, wall),
        Box((0, distance, 0.06), (30, 0.06, 0.12), 0, dark(rng)),
    ]
    for _ in range(int(rng.integers(0, 4))):
        width = rng.uniform(0.9, 2.2)
        panel = Surface("plain", paint_rand(rng), grey_rand(rng, 0.1, 0.5), 1.0, 0.6)
        boxes.append(Box((rng.uniform(-6, 6), distance, 1.05), (width, 0.08, 2.1), 0, panel))
    boxes += clutter_rand(rng, near=1.5, far=distance - 0.2, count=int(rng.integers(0, 4)))
    return Place("hall", ground, tuple(boxes), (), lamplight_rand(rng))


def corridor_rand(rng: np.random.Generator) -> Place:
    """A corridor seen along its length: walls on both sides, doors, a far end."""
    width, length = rng.uniform(1.5, 3.0), rng.uniform(5, 14)
    floor = Surface(
        "tiles" if rng.random() < 0.6 else "speckled",
        grey_rand(rng, 0.15, 0.6, 0.1),
        grey_rand(rng, 0.1, 0.5),
        rng.uniform(0.3, 0.7),
        rng.uniform(0.25, 0.7),
    )
    wall = Surface(
        "bricks" if rng.random() < 0.15 else "plain",
        grey_rand(rng, 0.3, 0.8, 0.08),
        grey_rand(rng, 0.2, 0.6),
        0.24,
        0.8,
    )
    end = Surface("plain", grey_rand(rng, 0.1, 0.7, 0.1), grey_rand(rng, 0.1, 0.6), 1.0, 0.7)
    boxes = [Box((0, length, 1.5), (2 * width + 0.2, 0.1, 3), 0, end)]
    for side in (-1, 1):
        boxes.append(Box((side * (width + 0.05), length / 2 - 10, 1.5), (0.1, length + 20, 3), 0, wall))
        for y in np.arange(rng.uniform(-2, 0), length - 1, rng.uniform(2, 4)):
            if rng.random() < 0.6:
                door = Surface("plain", paint_rand(rng), grey_rand(rng, 0.1, 0.5), 1.0, 0.5)
                boxes.append(Box((side * width, float(y), 1.02), (0.06, 0.95, 2.04), 0, door))
    return Place("corridor", floor, tuple(boxes), (), lamplight_rand(rng))


def dark(rng: np.random.Generator) -> Surface:
    """Skirting boards, frames and the like."""
    return Surface("plain", grey_rand(rng, 0.02, 0.2), grey_rand(rng, 0.02, 0.2), 1.0, 0.6)


def clutter_rand(rng: np.random.Generator, near: float, far: float, count: int) -> list[Box]:
    """Poles, bins, benches, planters and parked vans behind or beside the person."""
    boxes = []
    for _ in range(count):
        if far <= near:
            break
        x = rng.choice([-1, 1]) * rng.uniform(0.9, 6)
        y = rng.uniform(near, far)
        paint = Surface("plain", paint_rand(rng), grey_rand(rng, 0.05, 0.4), 1.0, rng.uniform(0.3, 0.8))
        kind = rng.choice(["pole", "bin", "bench", "planter", "van"], p=[0.3, 0.25, 0.2, 0.15, 0.1])
        if kind == "pole":
            boxes.append(Box((x, y, 1.75), (0.12, 0.12, 3.5), 0, paint, round=True))
        elif kind == "bin":
            boxes.append(
                Box((x, y, 0.45), (0.45, 0.45, 0.9), rng.uniform(0, 90), paint, round=bool(rng.random() < 0.5))
            )
        elif kind == "bench":
            boxes.append(Box((x, y, 0.42), (1.6, 0.45, 0.08), rng.uniform(-30, 30), paint))
            boxes.append(Box((x, y, 0.19), (1.2, 0.1, 0.38), 0, dark(rng)))
        elif kind == "planter":
            green = Surface("speckled", (0.05, 0.12, 0.03), (0.1, 0.2, 0.05), 0.06, 1.0)
            boxes.append(Box((x, y, 0.3), (0.9, 0.9, 0.6), 0, paint))
            boxes.append(Box((x, y, 0.95), (0.8, 0.8, 0.8), 0, green, round=True))
        elif y > 3:
            boxes.append(Box((x, y + 1, 0.95), (4.2, 1.8, 1.5), rng.uniform(-8, 8), paint))
            boxes.append(Box((x, y + 1, 0.25), (3.6, 1.7, 0.5), 0, dark(rng)))
    return boxes


def occluders_rand(rng: np.random.Generator, camera: Camera) -> tuple[Box, ...]:
    """One thing between the person and the camera: a pole, a bin, a bench or a low wall."""
    ground_distance = camera.distance * np.cos(np.radians(camera.pitch))
    y = -rng.uniform(0.7, min(2.0, 0.5 * ground_distance))
    paint = Surface("plain", paint_rand(rng), grey_rand(rng, 0.05, 0.4), 1.0, rng.uniform(0.3, 0.8))
    x = rng.uniform(-0.3, 0.3)
    kind = rng.choice(["pole", "bin", "bench", "wall"], p=[0.35, 0.25, 0.2, 0.2])
    if kind == "pole":
        return (Box((x, y, 1.75), (rng.uniform(0.08, 0.2),) * 2 + (3.5,), 0, paint, round=True),)
    if kind == "bin":
        return (Box((x, y, 0.45), (0.5, 0.5, rng.uniform(0.7, 1.0)), rng.uniform(0, 90), paint),)
    if kind == "bench":
        legs = Box((x, y, 0.2), (1.3, 0.12, 0.4), 0, dark(rng))
        return Box((x, y, 0.44), (1.7, 0.45, 0.08), 0, paint), legs
    return (Box((x + rng.choice([-1, 1]) * 0.8, y, 0.4), (1.8, 0.25, rng.uniform(0.5, 0.9)), 0, paint),)


def daylight_rand(rng: np.random.Generator) -> Light:
    """Sun and sky, from a clear noon to an overcast evening."""
    overcast = rng.random() < 0.4
    elevation = rng.uniform(15, 65)
    warmth = np.interp(elevation, [15, 40, 65], [0.35, 0.1, 0.0])
    sky_blue = 0.1 if overcast else rng.uniform(0.25, 0.6)
    return Light(
        sun=rng.uniform(0.1, 0.8) if overcast else rng.uniform(2.0, 4.5),
        sun_colour=(1.0, float(1 - 0.5 * warmth), float(1 - warmth)),
        sun_elevation=elevation,
        sun_azimuth=rng.uniform(-180, 180),
        sun_size=rng.uniform(10, 40) if overcast else rng.uniform(0.5, 3),
        sky=rng.uniform(0.7, 1.2) if overcast else rng.uniform(0.5, 1.0),
        sky_colour=(1 - sky_blue, 1 - 0.5 * sky_blue, 1.0),
        horizon_colour=grey_rand(rng, 0.75, 1.0, 0.05),
        lamps=(),
    )


def lamplight_rand(rng: np.random.Generator) -> Light:
    """Ceiling lamps and a dim surround."""
    lamps = []
    for _ in range(int(rng.integers(2, 5))):
        position = (rng.uniform(-2.5, 2.5), rng.uniform(-4, 4), rng.uniform(2.7, 4.0))
        lamps.append((position, rng.uniform(60, 180)))
    return Light(
        sun=0.0,
        sun_colour=(1.0, 1.0, 1.0),
        sun_elevation=60.0,
        sun_azimuth=0.0,
        sun_size=10.0,
        sky=rng.uniform(0.35, 0.8),
        sky_colour=grey_rand(rng, 0.7, 1.0, 0.1),
        horizon_colour=grey_rand(rng, 0.7, 1.0, 0.1),
        lamps=tuple(lamps),
    )
