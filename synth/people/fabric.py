"""Fabrics: colours, patterns and prints, as data and random draws.

Colours are linear RGB in 0..1, drawn from `assets/palette.yaml`. Patterns and prints are given in metres on the average
body in the reference pose, so that they move with the surface.
"""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import yaml

from alignnet_common.arrays import Rgb
from alignnet_common.files import asset
from synth.cameras.colour import srgb_decode

FREQUENCY_EXPONENT = 0.6
"""Exponent on the frequencies of clothing colours: 1 draws them as often as on streets, 0 uniformly. Black and grey
stay the most frequent, but not so much that a network learns to ignore trousers."""
PALETTE = asset("palette.yaml")

Pattern = Literal[
    "plain",
    "hoops",
    "band",
    "pinstripes",
    "stripes",
    "plaid",
    "two-tone",
    "raglan",
    "sash",
    "ombre",
    "side-stripes",
    "specks",
    "quilted",
]
"""Layout of colour and accent: `hoops` are horizontal stripes, `band` is one hoop over the chest, `stripes` are broad
and vertical, `raglan` has sleeves in the accent, `sash` runs from shoulder to hip, `ombre` fades from hem to neck,
`side-stripes` run down the outer seam of the legs, `specks` are flowers or camouflage, `quilted` has seams."""
Motif = Literal["plain", "lettering", "picture"]
"""Content of a print: one colour, lines of letters, or blots of two colours."""


@dataclass(frozen=True)
class Print:
    """A print on the trunk: a logo, a picture or a name. Lengths in metres."""

    motif: Motif
    shape: Literal["rectangle", "disc"]
    side: Literal["front", "back", "both"]
    across: float
    """Offset of its centre from the middle of the body to the wearer's left."""
    rise: float
    """Height of its centre above the hip joints; 0.36 is the chest."""
    width: float
    height: float
    colour: Rgb
    second: Rgb
    """Second colour of a picture."""


@dataclass(frozen=True)
class Fabric:
    """Appearance of a fabric. Lengths in metres on the fabric."""

    colour: Rgb
    accent: Rgb
    pattern: Pattern
    period: float
    """Distance from one stripe, check or seam to the next."""
    print: Print | None
    roughness: float
    folds: float
    """Depth of the creases, 0 (stretched) to 1 (loose)."""


@functools.cache
def palette() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Colours (N, 3), linear RGB, and their probabilities (N,), by use."""
    uses = yaml.safe_load(PALETTE.read_text())
    drawn = {}
    for use, entries in uses.items():
        colours = srgb_decode(np.array([entry["rgb"] for entry in entries.values()]) / 255)
        shares = np.array([entry["share"] for entry in entries.values()], dtype=float)
        shares **= 1.0 if use in ("skin", "hair") else FREQUENCY_EXPONENT
        drawn[use] = (colours, shares / shares.sum())
    return drawn


def colour_rand(rng: np.random.Generator, use: str, spread: float = 0.16) -> Rgb:
    """Draw a linear RGB colour for `use`, a list of the palette.

    Lightness is varied log-normally with standard deviation `spread`, each channel with 0.05.
    """
    colours, shares = palette()[use]
    colour = colours[rng.choice(len(colours), p=shares)]
    varied = colour * np.exp(rng.normal(0, spread) + rng.normal(0, 0.05, 3))
    red, green, blue = np.clip(varied, 0.002, 0.85)
    return float(red), float(green), float(blue)


def colour_distance(one: Rgb, other: Rgb) -> float:
    """Euclidean distance between the cube roots of two linear RGB colours, roughly perceptual: 1.4 between black and
    white, 0.2 between black and charcoal."""
    return float(np.linalg.norm(np.cbrt(one) - np.cbrt(other)))


def contrasting_rand(rng: np.random.Generator, use: str, than: Rgb, least: float = 0.15) -> Rgb:
    """Draw a colour for `use` at a `colour_distance` above `least` from `than`; after 30 draws, the last."""
    for _ in range(30):
        colour = colour_rand(rng, use)
        if colour_distance(colour, than) > least:
            break
    return colour


def print_rand(rng: np.random.Generator, ground: Rgb) -> Print:
    """Draw a print visible on a fabric of colour `ground`: a quarter are small badges on the left chest, the others are
    on the chest (55 %), the back (20 %) or both."""
    badge = rng.random() < 0.25
    width = rng.uniform(0.05, 0.08) if badge else rng.uniform(0.12, 0.3)
    side: Literal["front", "back", "both"] = "front"
    if not badge:
        sides: tuple[Literal["front", "back", "both"], ...] = ("front", "back", "both")
        side = sides[rng.choice(3, p=[0.55, 0.2, 0.25])]
    motifs: tuple[Motif, ...] = ("plain", "lettering", "picture")
    colour = contrasting_rand(rng, "prints", ground, 0.3)
    return Print(
        motif="plain" if badge else motifs[rng.choice(3, p=[0.4, 0.3, 0.3])],
        shape="disc" if rng.random() < 0.3 else "rectangle",
        side=side,
        across=0.08 if badge else 0.0,
        rise=rng.uniform(0.37, 0.42) if badge else rng.uniform(0.27, 0.38),
        width=width,
        height=width * rng.uniform(0.3, 1.2),
        colour=colour,
        second=contrasting_rand(rng, "prints", colour, 0.3),
    )


def fabric_rand(
    rng: np.random.Generator, use: str, patterns: dict[Pattern, float], folds: float, prints: float = 0.0
) -> Fabric:
    """Draw a fabric in colours for `use`.

    `patterns`: weight of each pattern. `folds`: mean depth of the creases. `prints`: share of plain and raglan fabrics
    with a print.
    """
    names = list(patterns)
    weights = np.array(list(patterns.values()))
    pattern = names[rng.choice(len(names), p=weights / weights.sum())]
    colour = colour_rand(rng, use)
    accent = contrasting_rand(rng, use, colour, 0.2)
    if pattern == "quilted":
        # Seams are a darker shade of the fabric.
        accent = (0.45 * colour[0], 0.45 * colour[1], 0.45 * colour[2])
    return Fabric(
        colour=colour,
        accent=accent,
        pattern=pattern,
        period=float(np.exp(rng.uniform(np.log(0.045), np.log(0.18)))),
        print=print_rand(rng, colour) if pattern in ("plain", "raglan") and rng.random() < prints else None,
        roughness=rng.uniform(0.55, 0.95),
        folds=folds * rng.uniform(0.6, 1.3),
    )
