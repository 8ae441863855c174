"""Cloth and its colours: pure data, and how it is drawn.

Colours are linear RGB in 0..1 (what the renderer takes), drawn from `assets/palette.yaml`. Patterns and prints are
given in metres on the average body in the reference pose, so they stick to the moving surface.
"""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import yaml

from alignnet_common.arrays import Rgb
from alignnet_common.files import asset

EVENING = 0.6
"""Power on the shares of clothes' colours: 1 draws them as often as on streets, 0 all alike. Black and grey still lead,
but who only ever sees black trousers does not learn to look at them."""
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
"""How colour and accent share a cloth: `band` is one hoop over the chest, `stripes` are broad and upright, `raglan` has
sleeves of the accent, a `sash` runs from shoulder to hip, `ombre` fades from hem to neck, `side-stripes` run down the
outer seam of the legs, `specks` are flowers or camouflage, `quilted` has seams."""
Motif = Literal["plain", "lettering", "picture"]
"""What is on a print: one colour, lines of letters on the cloth, or blots of two colours."""


@dataclass(frozen=True)
class Print:
    """A patch on the trunk: a logo, a picture, a name. Metres."""

    motif: Motif
    shape: Literal["rectangle", "disc"]
    side: Literal["front", "back", "both"]
    across: float
    """Its middle, towards the wearer's left of the body's middle."""
    rise: float
    """Its middle, above the hip joints; 0.36 is the chest."""
    width: float
    height: float
    colour: Rgb
    second: Rgb
    """The other colour of a picture."""


@dataclass(frozen=True)
class Fabric:
    """A cloth's look. Lengths in metres on the cloth."""

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
    """For each use: colours (N, 3) linear RGB and their probabilities (N,)."""
    uses = yaml.safe_load(PALETTE.read_text())
    drawn = {}
    for use, entries in uses.items():
        colours = linear_rgb(np.array([entry["rgb"] for entry in entries.values()]) / 255)
        shares = np.array([entry["share"] for entry in entries.values()], dtype=float)
        shares **= 1.0 if use in ("skin", "hair") else EVENING
        drawn[use] = (colours, shares / shares.sum())
    return drawn


def linear_rgb(srgb: np.ndarray) -> np.ndarray:
    """sRGB in 0..1 to linear light (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def colour_rand(rng: np.random.Generator, use: str, spread: float = 0.16) -> Rgb:
    """Draw a colour for `use`, varied in lightness (log-normal, `spread`) and a little in each channel."""
    colours, shares = palette()[use]
    colour = colours[rng.choice(len(colours), p=shares)]
    varied = colour * np.exp(rng.normal(0, spread) + rng.normal(0, 0.05, 3))
    red, green, blue = np.clip(varied, 0.002, 0.85)
    return float(red), float(green), float(blue)


def apart(one: Rgb, other: Rgb) -> float:
    """Euclidean distance of the cube roots of linear RGB, roughly how far apart colours look: black and white are 1.4
    apart, black and charcoal 0.2."""
    return float(np.linalg.norm(np.cbrt(one) - np.cbrt(other)))


def contrasting_rand(rng: np.random.Generator, use: str, than: Rgb, least: float = 0.15) -> Rgb:
    """Draw a colour for `use` that is told from `than`, `least` `apart`; the last of 30 draws where none is."""
    for _ in range(30):
        colour = colour_rand(rng, use)
        if apart(colour, than) > least:
            break
    return colour


def print_rand(rng: np.random.Generator, ground: Rgb) -> Print:
    """Draw a print that shows on cloth of the colour `ground`: mostly one on the chest, else one on the back or both;
    one in four is a small badge over the heart."""
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
    """Draw a cloth; `patterns` gives each pattern's weight, `prints` the share of plain cloths with a print."""
    names = list(patterns)
    weights = np.array(list(patterns.values()))
    pattern = names[rng.choice(len(names), p=weights / weights.sum())]
    colour = colour_rand(rng, use)
    accent = contrasting_rand(rng, use, colour, 0.2)
    if pattern == "quilted":
        # Seams are the same cloth in shade.
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
