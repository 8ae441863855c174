"""What a person wears and how their hair, skin and bag look: pure data, and how it is drawn.

Colours are linear RGB in 0..1 (what the renderer takes), drawn from `assets/palette.yaml`.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import yaml

PALETTE = Path(__file__).parents[1] / "assets" / "palette.yaml"

Rgb = tuple[float, float, float]
Pattern = Literal["plain", "hoops", "pinstripes", "plaid", "two-tone", "logo"]


@dataclass(frozen=True)
class Fabric:
    """A cloth's look. Lengths in metres on the cloth; patterns stick to it."""

    colour: Rgb
    accent: Rgb
    pattern: Pattern
    period: float
    """Distance from one stripe or check to the next."""
    roughness: float
    folds: float
    """Depth of the creases, 0 (stretched) to 1 (loose)."""


@dataclass(frozen=True)
class Top:
    """A garment of the trunk and the arms. Lengths are fractions of the body part."""

    kind: Literal["t-shirt", "shirt", "jumper", "hoodie", "jacket", "coat"]
    sleeve: float
    """0 shoulder, 0.5 elbow, 1 wrist."""
    hem: float
    """0 crotch, 1 neck; below 0 the coat hangs over the thighs."""
    neck: float
    """Where the collar ends, in the same measure."""
    ease: float
    """Distance between cloth and body, metres."""
    opening: float
    """Width of an open front in metres; 0 is closed. What shows below is the `under` colour."""
    fabric: Fabric
    under: Rgb


@dataclass(frozen=True)
class Bottom:
    """Trousers, shorts or a skirt."""

    kind: Literal["trousers", "shorts", "skirt"]
    length: float
    """0 hip, 0.5 knee, 1 ankle."""
    ease: float
    """Distance between cloth and body at the hip, metres."""
    flare: float
    """Further distance at the ankle, metres."""
    fabric: Fabric


@dataclass(frozen=True)
class Shoes:
    """Shoes or boots."""

    height: float
    """How far up the leg they reach, as a fraction of the leg above the ankle."""
    colour: Rgb
    sole: Rgb


@dataclass(frozen=True)
class Hair:
    """Hair. `length` is metres below the ears; `volume` metres off the scalp."""

    style: Literal["bald", "short", "bob", "long", "bun", "ponytail"]
    length: float
    volume: float
    colour: Rgb


@dataclass(frozen=True)
class Bag:
    """Something carried on the back."""

    height: float
    width: float
    depth: float
    colour: Rgb
    accent: Rgb


@dataclass(frozen=True)
class Outfit:
    """All that covers a body."""

    skin: Rgb
    lips: Rgb
    beard: float
    """0 shaved to 1 full."""
    hair: Hair
    top: Top
    bottom: Bottom
    shoes: Shoes
    backpack: Bag | None


@functools.cache
def palette() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each use: colours (N, 3) linear RGB and their probabilities (N,)."""
    uses = yaml.safe_load(PALETTE.read_text())
    drawn = {}
    for use, entries in uses.items():
        colours = linear_rgb(np.array([entry["rgb"] for entry in entries.values()]) / 255)
        shares = np.array([entry["share"] for entry in entries.values()], dtype=float)
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


def fabric_rand(rng: np.random.Generator, use: str, patterns: dict[Pattern, float], folds: float) -> Fabric:
    """Draw a cloth; `patterns` gives each pattern's probability."""
    names = list(patterns)
    pattern = names[rng.choice(len(names), p=np.array(list(patterns.values())))]
    return Fabric(
        colour=colour_rand(rng, use),
        accent=colour_rand(rng, use),
        pattern=pattern,
        period=rng.uniform(0.06, 0.16),
        roughness=rng.uniform(0.6, 0.95),
        folds=folds * rng.uniform(0.6, 1.3),
    )


TOP_PATTERNS: dict[Pattern, float] = {
    "plain": 0.5,
    "logo": 0.16,
    "hoops": 0.1,
    "two-tone": 0.1,
    "plaid": 0.08,
    "pinstripes": 0.06,
}
PLAIN: dict[Pattern, float] = {"plain": 1.0}


def top_rand(rng: np.random.Generator) -> Top:
    """Draw a top: a third with short sleeves, the rest shirts, jumpers, hooded tops, jackets and coats."""
    kinds: tuple[Literal["t-shirt", "shirt", "jumper", "hoodie", "jacket", "coat"], ...]
    kinds = ("t-shirt", "shirt", "jumper", "hoodie", "jacket", "coat")
    kind = kinds[rng.choice(6, p=[0.32, 0.16, 0.16, 0.12, 0.16, 0.08])]
    ease = {"t-shirt": 0.012, "shirt": 0.013, "jumper": 0.018, "hoodie": 0.024, "jacket": 0.026, "coat": 0.028}[kind]
    outer = kind in ("jacket", "coat")
    return Top(
        kind=kind,
        sleeve=rng.uniform(0.3, 0.48) if kind == "t-shirt" else rng.uniform(0.9, 1.0),
        hem=rng.uniform(-0.55, -0.25) if kind == "coat" else rng.uniform(0.04, 0.2),
        neck=rng.uniform(1.06, 1.12) if kind in ("hoodie", "coat") else rng.uniform(0.98, 1.05),
        ease=ease * rng.uniform(0.8, 1.4),
        opening=rng.uniform(0.06, 0.16) if outer and rng.random() < 0.5 else 0.0,
        fabric=fabric_rand(rng, "tops", PLAIN if outer else TOP_PATTERNS, 0.6 if outer else 0.9),
        under=colour_rand(rng, "tops"),
    )


def bottom_rand(rng: np.random.Generator, female: bool) -> Bottom:
    """Draw trousers, shorts or (for women) a skirt."""
    kinds: tuple[Literal["trousers", "shorts", "skirt"], ...] = ("trousers", "shorts", "skirt")
    kind = kinds[rng.choice(3, p=[0.72, 0.1, 0.18] if female else [0.85, 0.15, 0.0])]
    slim = female and rng.random() < 0.7
    length = {"trousers": rng.uniform(0.93, 1.0), "shorts": rng.uniform(0.34, 0.52), "skirt": rng.uniform(0.3, 0.75)}
    return Bottom(
        kind=kind,
        length=length[kind],
        ease=rng.uniform(0.006, 0.01) if slim else rng.uniform(0.01, 0.018),
        flare=rng.uniform(0.0, 0.008) if slim else rng.uniform(0.006, 0.035),
        fabric=fabric_rand(rng, "bottoms", PLAIN, 0.7),
    )


def shoes_rand(rng: np.random.Generator) -> Shoes:
    """Draw shoes; one pair in six are boots."""
    boots = rng.random() < 0.17
    light_sole = rng.random() < 0.4
    return Shoes(
        height=rng.uniform(0.2, 0.5) if boots else 0.03,
        colour=colour_rand(rng, "shoes"),
        sole=(0.6, 0.6, 0.58) if light_sole else (0.02, 0.02, 0.02),
    )


def hair_rand(rng: np.random.Generator, female: bool, age: float) -> Hair:
    """Draw hair; the old are often grey, older men often bald."""
    styles: tuple[Literal["bald", "short", "bob", "long", "bun", "ponytail"], ...]
    styles = ("bald", "short", "bob", "long", "bun", "ponytail")
    old = age > 0.85
    women, men = [0.0, 0.12, 0.22, 0.36, 0.12, 0.18], [0.3 if old else 0.08, 0.0, 0.04, 0.03, 0.01, 0.01]
    men[1] = 1 - sum(men)
    style = styles[rng.choice(6, p=women if female else men)]
    grey = palette()["hair"][0][-1]
    colour = colour_rand(rng, "hair", 0.12)
    if old and rng.random() < 0.7:
        colour = (float(grey[0]), float(grey[1]), float(grey[2]))
    lengths = {"bob": rng.uniform(0.06, 0.13), "long": rng.uniform(0.18, 0.34), "ponytail": rng.uniform(0.16, 0.3)}
    return Hair(style=style, length=lengths.get(style, 0.0), volume=rng.uniform(0.008, 0.022), colour=colour)


def outfit_rand(rng: np.random.Generator, gender: float, age: float) -> Outfit:
    """Draw everything that covers a body of this gender (0 male, 1 female) and age (anny's unit)."""
    female = gender > 0.5
    skin = np.array(colour_rand(rng, "skin", 0.07))
    lips = skin * np.array([0.82, 0.55, 0.55]) if female else skin * np.array([0.88, 0.7, 0.68])
    return Outfit(
        skin=(float(skin[0]), float(skin[1]), float(skin[2])),
        lips=(float(lips[0]), float(lips[1]), float(lips[2])),
        beard=0.0 if female else float(rng.choice([0.0, 0.35, 0.8], p=[0.5, 0.3, 0.2])),
        hair=hair_rand(rng, female, age),
        top=top_rand(rng),
        bottom=bottom_rand(rng, female),
        shoes=shoes_rand(rng),
        backpack=bag_rand(rng) if rng.random() < 0.2 else None,
    )


def bag_rand(rng: np.random.Generator) -> Bag:
    """Draw a backpack."""
    return Bag(
        height=rng.uniform(0.38, 0.5),
        width=rng.uniform(0.26, 0.34),
        depth=rng.uniform(0.1, 0.19),
        colour=colour_rand(rng, "bags"),
        accent=colour_rand(rng, "bags"),
    )
