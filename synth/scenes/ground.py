"""Ground surfaces, and marks, litter and lines on them. They are most of the background of a camera that looks down."""

import dataclasses

import numpy as np

from synth.scenes.colours import green_rand, grey_rand, scaled
from synth.scenes.elements import Shape, Solid, Surface, SurfaceKind


def yaw_rand(rng: np.random.Generator) -> float:
    """Draw the yaw of a ground pattern relative to the camera, degrees."""
    return rng.uniform(0, 180)


LINE = 0.0057
"""Height of a painted line, metres: different from zebra stripes, bay lines and marks, so that no two are level."""


def asphalt_rand(rng: np.random.Generator) -> Surface:
    """Asphalt from fresh black to bleached grey, with cracks."""
    colour = grey_rand(rng, 0.04, 0.2, 0.04)
    crack = scaled(colour, rng.uniform(0.3, 0.7) if rng.random() < 0.8 else 1.6)
    return Surface("asphalt", colour, crack, rng.uniform(1.0, 4.0), 0.9, yaw_rand(rng), rng.uniform(0.25, 0.7))


def paving_rand(rng: np.random.Generator) -> Surface:
    """Slabs, setts, bricks or cobbles of concrete or stone."""
    kind: SurfaceKind = ("tiles", "slabs", "bricks", "cobbles", "checks")[rng.choice(5, p=[0.3, 0.25, 0.2, 0.17, 0.08])]
    low, high = {"tiles": (0.2, 0.7), "slabs": (0.3, 1.0), "bricks": (0.2, 0.3), "cobbles": (0.1, 0.2)}.get(
        kind, (0.3, 0.6)
    )
    colour = grey_rand(rng, 0.12, 0.5, 0.09)
    if kind == "bricks" and rng.random() < 0.5:
        colour = (rng.uniform(0.2, 0.36), rng.uniform(0.09, 0.17), rng.uniform(0.06, 0.12))
    joint = scaled(colour, rng.uniform(0.3, 0.75))
    return Surface(kind, colour, joint, rng.uniform(low, high), 0.85, yaw_rand(rng), rng.uniform(0.2, 0.6))


def concrete_rand(rng: np.random.Generator) -> Surface:
    """Poured concrete, in slabs of 2 to 4 m or without joints."""
    colour = grey_rand(rng, 0.15, 0.45, 0.05)
    kind: SurfaceKind = "tiles" if rng.random() < 0.4 else "speckled"
    scale = rng.uniform(2.0, 4.0) if kind == "tiles" else rng.uniform(0.05, 0.4)
    return Surface(
        kind, colour, scaled(colour, rng.uniform(0.5, 0.85)), scale, 0.8, yaw_rand(rng), rng.uniform(0.3, 0.7)
    )


def grass_rand(rng: np.random.Generator) -> Surface:
    """Lawn, green or dry."""
    colour = green_rand(rng)
    return Surface("grass", scaled(colour, 0.45), scaled(colour, 1.6), rng.uniform(0.06, 0.25), 1.0, yaw_rand(rng), 0.5)


def gravel_rand(rng: np.random.Generator) -> Surface:
    """Gravel or trodden earth."""
    colour = grey_rand(rng, 0.15, 0.4, 0.16)
    return Surface("speckled", colour, scaled(colour, 0.55), rng.uniform(0.02, 0.06), 1.0, 0.0, rng.uniform(0.3, 0.6))


def floor_rand(rng: np.random.Generator) -> Surface:
    """An indoor floor: stone or vinyl tiles, terrazzo, parquet or carpet."""
    kind: SurfaceKind = ("tiles", "slabs", "checks", "speckled", "planks", "plain")[
        rng.choice(6, p=[0.35, 0.12, 0.08, 0.25, 0.1, 0.1])
    ]
    colour = grey_rand(rng, 0.12, 0.65, 0.09)
    if kind == "planks":
        colour = scaled((0.42, 0.24, 0.12), rng.uniform(0.4, 1.3))
    scale = {"tiles": rng.uniform(0.3, 1.2), "slabs": rng.uniform(0.5, 1.2), "checks": rng.uniform(0.3, 0.6)}.get(
        kind, rng.uniform(0.08, 0.16) if kind == "planks" else rng.uniform(0.01, 0.05)
    )
    accent = scaled(colour, rng.uniform(0.45, 0.9))
    floor = Surface(kind, colour, accent, scale, rng.uniform(0.12, 0.6), yaw_rand(rng), rng.uniform(0.05, 0.3))
    return floor if rng.random() < 0.8 else carpet_rand(rng)


def carpet_rand(rng: np.random.Generator) -> Surface:
    """Carpet, some with checks or stripes."""
    colour = grey_rand(rng, 0.05, 0.3, 0.2)
    kind: SurfaceKind = ("speckled", "checks", "stripes")[rng.choice(3, p=[0.6, 0.25, 0.15])]
    scale = rng.uniform(0.01, 0.06) if kind == "speckled" else rng.uniform(0.2, 0.8)
    return Surface(kind, colour, scaled(colour, rng.uniform(0.6, 1.4)), scale, 1.0, yaw_rand(rng), 0.15)


def wetted(surface: Surface, share: float) -> Surface:
    """The ground after rain, with a `share` of it under water."""
    return dataclasses.replace(surface, wet=share)


def flat(
    centre: tuple[float, float],
    size: tuple[float, float],
    yaw: float,
    surface: Surface,
    layer: int,
    shape: Shape = "box",
) -> Solid:
    """A solid as thin as paint on the ground. A higher `layer` (from 0) covers a lower one."""
    x, y = centre
    height = 0.0013 * (layer + 1)  # never level with stripes and lines, which are 6 mm high
    return Solid((x, y, height / 2), (*size, height), yaw, surface, shape)


def road_paint_rand(rng: np.random.Generator) -> Surface:
    """Draw worn road paint, white (75 %) or yellow."""
    yellow = (rng.uniform(0.45, 0.65), rng.uniform(0.28, 0.4), 0.03)
    colour = grey_rand(rng, 0.45, 0.8, 0.03) if rng.random() < 0.75 else yellow
    return Surface("speckled", colour, scaled(colour, rng.uniform(0.3, 0.9)), rng.uniform(0.03, 0.2), 0.7, wear=0.5)


def marks_rand(rng: np.random.Generator, ground: Surface, count: int) -> list[Solid]:
    """`count` marks on or behind the path: patches, manholes, gratings, stains, puddles, filled trenches."""
    marks: list[Solid] = []
    for layer in range(count):
        x, y, yaw = rng.uniform(-2.0, 2.0), rng.uniform(-1.0, 6.0), yaw_rand(rng)
        kind = rng.choice(
            ["patch", "manhole", "grating", "stain", "puddle", "trench"], p=[0.3, 0.2, 0.1, 0.2, 0.1, 0.1]
        )
        if kind == "patch":
            tone = scaled(ground.colour, rng.choice([0.5, 0.65, 1.5]))
            patch = Surface("speckled", tone, scaled(tone, 0.6), 0.03, 0.95)
            marks.append(flat((x, y), (rng.uniform(0.4, 2.0), rng.uniform(0.4, 1.5)), yaw, patch, layer))
        elif kind == "manhole":
            iron = Surface("checks", grey_rand(rng, 0.03, 0.12), grey_rand(rng, 0.02, 0.08), 0.08, 0.5, yaw)
            rim = Surface("plain", grey_rand(rng, 0.15, 0.35), (0.1, 0.1, 0.1), 1.0, 0.8)
            marks += [
                flat((x, y), (0.85, 0.85), 0, rim, layer, "cylinder"),
                flat((x, y), (0.65, 0.65), 0, iron, layer + 1, "cylinder"),
            ]
        elif kind == "grating":
            iron = Surface("stripes", grey_rand(rng, 0.08, 0.2), (0.01, 0.01, 0.01), 0.07, 0.5)
            marks.append(flat((x, y), (0.5, rng.choice([0.35, 3.0])), yaw, iron, layer))
        elif kind == "trench":
            fill = Surface("speckled", scaled(ground.colour, 0.6), scaled(ground.colour, 0.4), 0.04, 0.95)
            marks.append(flat((x, y), (rng.uniform(6, 12), rng.uniform(0.3, 0.7)), yaw, fill, layer))
        else:
            film = scaled(ground.colour, rng.uniform(0.35, 0.7))
            roughness = 0.05 if kind == "puddle" else 0.7
            stain = Surface("plain", film, film, 1.0, roughness)
            marks.append(flat((x, y), (rng.uniform(0.3, 1.4), rng.uniform(0.2, 0.8)), yaw, stain, layer, "cylinder"))
    return marks


def litter_rand(rng: np.random.Generator) -> list[Solid]:
    """Fallen leaves or scraps of paper, scattered in short rows."""
    autumn = (rng.uniform(0.2, 0.45), rng.uniform(0.1, 0.25), 0.03)
    colour = autumn if rng.random() < 0.7 else grey_rand(rng, 0.5, 0.8)
    scrap = Surface("plain", colour, colour, 1.0, 0.9, wear=0.6)
    scraps = []
    for _ in range(int(rng.integers(4, 14))):
        size = rng.uniform(0.05, 0.13)
        scraps.append(
            Solid(
                (rng.uniform(-1.5, 0.5), rng.uniform(-1.0, 4.0), 0.012),
                (size, 0.7 * size, 0.006),
                rng.uniform(0, 180),
                scrap,
                count=int(rng.integers(1, 4)),
                step=(rng.uniform(0.3, 0.9), rng.normal(0, 0.5), 0.0),
            )
        )
    return scraps


def lines_rand(rng: np.random.Generator, yaw: float) -> list[Solid]:
    """One or two solid or broken road lines along `yaw` degrees, near the path."""
    lines = []
    white = road_paint_rand(rng)
    broken = rng.random() < 0.5
    along = np.array([np.cos(np.radians(yaw)), np.sin(np.radians(yaw))])
    across = np.array([-along[1], along[0]])
    width, aside = rng.uniform(0.1, 0.3), rng.uniform(-0.5, 3.0)
    for gap in ((0.0,), (0.0, 2 * width), (0.0, 2.8))[rng.integers(3)]:
        x, y = across * (aside + gap) - along * (12.0 if broken else 0.0)
        if broken:
            length, period = rng.uniform(1.0, 3.0), rng.uniform(3.5, 6.0)
            line = Solid(
                (x, y, LINE / 2),
                (length, width, LINE),
                yaw,
                white,
                count=6,
                step=(period * along[0], period * along[1], 0.0),
            )
        else:
            line = Solid((x, y, LINE / 2), (40.0, width, LINE), yaw, white)
        lines.append(line)
    return lines
