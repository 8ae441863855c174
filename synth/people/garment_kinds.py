"""Kinds of garments: how often and in which season each is worn, and its dimensions.

A kind of garment is a row of TOPS or BOTTOMS. A kind of which `synth.body.garments` can already build the mesh needs a
row only.

Frequencies are based on PETA, a mixed set of street and station images with named attributes (Deng et al., «Pedestrian
attribute recognition at far distance», ACM MM 2014): backpack 20 %, shoulder bag 30 %, plastic bag 8 %, hat 10 %, scarf
8 %, short sleeves 14 %, shorts 4 %, short skirt 5 %, jeans 31 %, trousers 52 %. Rare attributes are drawn two to three
times as often, because a network cannot learn what a set lacks; patterns, prints and vivid colours more often still,
because they transfer best to real cameras (docs/experiments/synthetic-to-real.md).
"""

from dataclasses import dataclass
from typing import Literal

from synth.people.fabric import Pattern

TopKind = Literal[
    "t-shirt",
    "sleeveless",
    "polo",
    "shirt",
    "jumper",
    "cardigan",
    "hoodie",
    "jacket",
    "padded jacket",
    "vest",
    "coat",
    "dress",
]
BottomKind = Literal["trousers", "leggings", "shorts", "skirt"]


@dataclass(frozen=True)
class TopRow:
    """Parameters of one kind of top. Ranges are (smallest, largest)."""

    men: float
    """Relative frequency of the kind among men."""
    women: float
    """Relative frequency of the kind among women."""
    season: tuple[float, float]
    """Range of `warmth` in which it is worn; its frequency falls to nearly 0 within 0.15 outside."""
    sleeve: tuple[float, float]
    hem: tuple[float, float]
    neck: tuple[float, float]
    ease: tuple[float, float]
    opened: float
    """Share with an open front."""
    hooded: float
    """Share with a hood."""
    use: str
    """List of the palette that its colours are drawn from."""
    patterns: dict[Pattern, float]
    prints: float
    folds: float


SHIRTS: dict[Pattern, float] = {"plain": 0.45, "pinstripes": 0.14, "stripes": 0.06, "plaid": 0.25, "specks": 0.1}
JERSEYS: dict[Pattern, float] = {
    "plain": 0.5,
    "hoops": 0.13,
    "stripes": 0.04,
    "two-tone": 0.08,
    "raglan": 0.08,
    "band": 0.06,
    "sash": 0.02,
    "ombre": 0.03,
    "specks": 0.06,
}
KNITS: dict[Pattern, float] = {
    "plain": 0.55,
    "hoops": 0.16,
    "band": 0.08,
    "two-tone": 0.08,
    "plaid": 0.04,
    "ombre": 0.03,
    "specks": 0.06,
}
OUTER: dict[Pattern, float] = {"plain": 0.7, "two-tone": 0.1, "raglan": 0.07, "plaid": 0.07, "specks": 0.06}
QUILTS: dict[Pattern, float] = {"quilted": 0.8, "plain": 0.2}
DRESSES: dict[Pattern, float] = {
    "plain": 0.42,
    "specks": 0.28,
    "hoops": 0.08,
    "stripes": 0.04,
    "pinstripes": 0.03,
    "plaid": 0.09,
    "ombre": 0.06,
}
LEGWEAR: dict[Pattern, float] = {"plain": 0.74, "side-stripes": 0.1, "specks": 0.09, "plaid": 0.05, "pinstripes": 0.02}

TOPS: dict[TopKind, TopRow] = {
    "t-shirt": TopRow(
        men=20,
        women=15,
        season=(0.0, 0.4),
        sleeve=(0.3, 0.48),
        hem=(0.04, 0.14),
        neck=(0.97, 1.03),
        ease=(0.01, 0.017),
        opened=0,
        hooded=0,
        use="tops",
        patterns=JERSEYS,
        prints=0.6,
        folds=0.9,
    ),
    "sleeveless": TopRow(
        men=1,
        women=5,
        season=(0.0, 0.25),
        sleeve=(0.0, 0.08),
        hem=(0.05, 0.16),
        neck=(0.9, 0.97),
        ease=(0.007, 0.013),
        opened=0,
        hooded=0,
        use="tops",
        patterns=JERSEYS,
        prints=0.3,
        folds=0.7,
    ),
    "polo": TopRow(
        men=7,
        women=3,
        season=(0.0, 0.4),
        sleeve=(0.3, 0.46),
        hem=(0.04, 0.12),
        neck=(1.02, 1.07),
        ease=(0.011, 0.017),
        opened=0,
        hooded=0,
        use="tops",
        patterns=JERSEYS,
        prints=0.15,
        folds=0.8,
    ),
    "shirt": TopRow(
        men=13,
        women=11,
        season=(0.1, 0.65),
        sleeve=(0.85, 1.0),
        hem=(0.02, 0.16),
        neck=(1.0, 1.06),
        ease=(0.011, 0.018),
        opened=0.08,
        hooded=0,
        use="tops",
        patterns=SHIRTS,
        prints=0.02,
        folds=0.9,
    ),
    "jumper": TopRow(
        men=11,
        women=13,
        season=(0.35, 0.85),
        sleeve=(0.92, 1.0),
        hem=(0.06, 0.18),
        neck=(0.98, 1.06),
        ease=(0.015, 0.024),
        opened=0,
        hooded=0,
        use="tops",
        patterns=KNITS,
        prints=0.25,
        folds=0.8,
    ),
    "cardigan": TopRow(
        men=2,
        women=7,
        season=(0.3, 0.75),
        sleeve=(0.85, 1.0),
        hem=(0.02, 0.14),
        neck=(0.97, 1.02),
        ease=(0.016, 0.024),
        opened=0.8,
        hooded=0,
        use="tops",
        patterns=KNITS,
        prints=0,
        folds=0.8,
    ),
    "hoodie": TopRow(
        men=12,
        women=8,
        season=(0.3, 0.85),
        sleeve=(0.92, 1.0),
        hem=(0.06, 0.16),
        neck=(1.03, 1.09),
        ease=(0.02, 0.03),
        opened=0.25,
        hooded=1.0,
        use="tops",
        patterns=JERSEYS,
        prints=0.5,
        folds=0.9,
    ),
    "jacket": TopRow(
        men=15,
        women=12,
        season=(0.35, 0.9),
        sleeve=(0.92, 1.0),
        hem=(0.06, 0.2),
        neck=(1.0, 1.08),
        ease=(0.02, 0.032),
        opened=0.5,
        hooded=0.2,
        use="outer",
        patterns=OUTER,
        prints=0.2,
        folds=0.7,
    ),
    "padded jacket": TopRow(
        men=7,
        women=7,
        season=(0.65, 1.0),
        sleeve=(0.93, 1.0),
        hem=(0.03, 0.16),
        neck=(1.05, 1.12),
        ease=(0.034, 0.048),
        opened=0.25,
        hooded=0.45,
        use="outer",
        patterns=QUILTS,
        prints=0.06,
        folds=0.3,
    ),
    "vest": TopRow(
        men=3,
        women=2,
        season=(0.35, 0.75),
        sleeve=(0.9, 1.0),
        hem=(0.06, 0.18),
        neck=(1.0, 1.08),
        ease=(0.022, 0.034),
        opened=0.4,
        hooded=0.1,
        use="outer",
        patterns=QUILTS,
        prints=0,
        folds=0.4,
    ),
    "coat": TopRow(
        men=6,
        women=11,
        season=(0.6, 1.0),
        sleeve=(0.93, 1.0),
        hem=(-0.6, -0.18),
        neck=(1.03, 1.1),
        ease=(0.022, 0.034),
        opened=0.35,
        hooded=0.25,
        use="outer",
        patterns=OUTER,
        prints=0,
        folds=0.6,
    ),
    "dress": TopRow(
        men=0,
        women=13,
        season=(0.0, 0.55),
        sleeve=(0.0, 1.0),
        hem=(0.0, 0.05),
        neck=(0.92, 1.02),
        ease=(0.008, 0.014),
        opened=0,
        hooded=0,
        use="dresses",
        patterns=DRESSES,
        prints=0,
        folds=0.7,
    ),
}


@dataclass(frozen=True)
class BottomRow:
    """Parameters of one kind of bottom. Ranges are (smallest, largest)."""

    men: float
    women: float
    season: tuple[float, float]
    length: tuple[float, float]
    ease: tuple[float, float]
    flare: tuple[float, float]
    patterns: dict[Pattern, float]


BOTTOMS: dict[BottomKind, BottomRow] = {
    "trousers": BottomRow(80, 54, (0.15, 1.0), (0.92, 1.0), (0.008, 0.018), (0.0, 0.035), LEGWEAR),
    "leggings": BottomRow(1, 14, (0.2, 0.9), (0.85, 0.99), (0.004, 0.006), (0.0, 0.002), LEGWEAR),
    "shorts": BottomRow(34, 20, (0.0, 0.35), (0.3, 0.52), (0.01, 0.02), (0.01, 0.05), LEGWEAR),
    "skirt": BottomRow(0, 16, (0.0, 0.7), (0.28, 0.9), (0.008, 0.014), (0.0, 0.05), DRESSES),
}


def in_season(warmth: float, season: tuple[float, float]) -> float:
    """Factor on the frequency of a garment: 1 for `warmth` within its season, falling to 0.01 at 0.15 outside."""
    beyond = max(season[0] - warmth, warmth - season[1], 0.0)
    return max(0.01, 1.0 - beyond / 0.15)
