"""Outfits, as data and random draws. `synth.people.garment_kinds` has the kinds of garments and how often each is worn,
`synth.body.garments` builds the meshes.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from alignnet_common.arrays import Rgb
from synth.people.accessories import Carried, carried_rand
from synth.people.fabric import Fabric, colour_rand, fabric_rand
from synth.people.garment_kinds import BOTTOMS, TOPS, BottomKind, TopKind, in_season
from synth.people.hair import Hair, hair_rand
from synth.people.headwear import Headwear, headwear_rand

Hood = Literal["none", "down", "up"]


@dataclass(frozen=True)
class Top:
    """Garment of trunk and arms. Lengths are fractions of the body part unless noted."""

    kind: TopKind
    sleeve: float
    """0 shoulder, 0.5 elbow, 1 wrist. For a vest: sleeve of the garment under it."""
    hem: float
    """0 crotch, 1 neck; negative for a coat over the thighs. The skirt of a dress is the `bottom` of the outfit."""
    neck: float
    """Upper end of the collar, in the units of `hem`."""
    ease: float
    """Distance from the body, metres."""
    opening: float
    """Width of an open front, metres; 0 if closed. The garment under it is visible there, in colour `under`."""
    fabric: Fabric
    under: Rgb
    hood: Hood


@dataclass(frozen=True)
class Bottom:
    """Trousers, leggings, shorts or a skirt."""

    kind: BottomKind
    length: float
    """0 hip, 0.5 knee, 1 ankle."""
    ease: float
    """Distance from the body at the hip, metres."""
    flare: float
    """Additional distance from the body at the ankle, metres."""
    fabric: Fabric


@dataclass(frozen=True)
class Shoes:
    """Shoes or boots."""

    height: float
    """Height of the shaft above the ankle, as a fraction of the leg."""
    colour: Rgb
    sole: Rgb


@dataclass(frozen=True)
class Outfit:
    """Clothes, hair, skin and accessories of a person."""

    warmth: float
    """Season: 0 for high summer to 1 for deep winter."""
    skin: Rgb
    lips: Rgb
    beard: float
    """0 shaved to 1 full."""
    hair: Hair
    top: Top
    bottom: Bottom
    tights: Rgb | None
    """Colour of tights under a skirt, a dress or shorts; None for bare legs."""
    shoes: Shoes
    headwear: Headwear | None
    scarf: Rgb | None
    carried: tuple[Carried, ...]


def top_rand(rng: np.random.Generator, female: bool, warmth: float) -> Top:
    """Draw a top for the season."""
    weights = np.array([(row.women if female else row.men) * in_season(warmth, row.season) for row in TOPS.values()])
    kind = list(TOPS)[rng.choice(len(TOPS), p=weights / weights.sum())]
    row = TOPS[kind]
    hood: Hood = "none"
    if rng.random() < row.hooded:
        hood = "up" if rng.random() < 0.06 + 0.14 * warmth else "down"
    return Top(
        kind=kind,
        sleeve=rng.uniform(*row.sleeve),
        hem=rng.uniform(*row.hem),
        neck=rng.uniform(*row.neck),
        ease=rng.uniform(*row.ease),
        opening=rng.uniform(0.06, 0.17) if hood != "up" and rng.random() < row.opened else 0.0,
        fabric=fabric_rand(rng, row.use, row.patterns, row.folds, row.prints),
        under=colour_rand(rng, "tops"),
        hood=hood,
    )


def bottom_rand(rng: np.random.Generator, female: bool, warmth: float) -> Bottom:
    """Draw trousers, leggings, shorts or (for women) a skirt for the season."""
    rows = BOTTOMS.values()
    weights = np.array([(row.women if female else row.men) * in_season(warmth, row.season) for row in rows])
    kind = list(BOTTOMS)[rng.choice(len(BOTTOMS), p=weights / weights.sum())]
    row = BOTTOMS[kind]
    # One draw for hip and ankle: legs are slim or wide at both.
    width = rng.beta(1.1, 2.0) if female else rng.beta(1.6, 1.6)
    return Bottom(
        kind=kind,
        length=rng.uniform(*row.length),
        ease=float(np.interp(width, (0, 1), row.ease)),
        flare=float(np.interp(width, (0, 1), row.flare)),
        fabric=fabric_rand(rng, "bottoms", row.patterns, 0.7),
    )


def skirt_of_dress(rng: np.random.Generator, fabric: Fabric) -> Bottom:
    """Draw the lower half of a dress: a skirt of its fabric that ends between mid-thigh and ankle."""
    length = float(np.clip(rng.normal(0.52, 0.16), 0.3, 0.95))
    return Bottom("skirt", length, rng.uniform(0.008, 0.016), rng.uniform(0.0, 0.06), fabric)


def tights_rand(rng: np.random.Generator, kind: BottomKind, female: bool, warmth: float) -> Rgb | None:
    """Draw the colour of tights under a skirt or shorts: mostly None in summer, mostly black in winter."""
    share = {"skirt": np.clip(2.2 * (warmth - 0.2), 0.02, 0.97), "shorts": 0.3 if female else 0.06}.get(kind, 0.0)
    if rng.random() >= share:
        return None
    return (0.012, 0.012, 0.013) if rng.random() < 0.75 else colour_rand(rng, "bottoms")


def shoes_rand(rng: np.random.Generator, female: bool, warmth: float) -> Shoes:
    """Draw shoes; boots are more frequent in winter."""
    boots = rng.random() < (0.06 + 0.3 * warmth) * (1.4 if female else 0.7)
    light_sole = rng.random() < 0.4
    return Shoes(
        height=rng.uniform(0.12, 0.5) if boots else rng.uniform(0.0, 0.06),
        colour=colour_rand(rng, "shoes"),
        sole=(0.6, 0.6, 0.58) if light_sole else (0.02, 0.02, 0.02),
    )


def lips_of(skin: Rgb, female: bool) -> Rgb:
    """Colour of the lips: that of the skin, darker and redder."""
    red, green, blue = np.array(skin) * (np.array([0.82, 0.55, 0.55]) if female else np.array([0.88, 0.7, 0.68]))
    return float(red), float(green), float(blue)


def outfit_rand(rng: np.random.Generator, gender: float, age: float) -> Outfit:
    """Draw an outfit for a person of `gender` (0 male, 1 female) and `age`, in units of `Phenotype`."""
    female = gender > 0.5
    warmth = rng.uniform()
    skin = colour_rand(rng, "skin", 0.07)
    hair = hair_rand(rng, female, age)
    top = top_rand(rng, female, warmth)
    bottom = bottom_rand(rng, female, warmth)
    if top.kind == "dress":
        bottom = skirt_of_dress(rng, top.fabric)
    headwear = headwear_rand(rng, female, warmth)
    if headwear and top.hood == "up":
        headwear = None
    scarf = rng.random() < 0.3 * max(0.0, warmth - 0.35) / 0.65
    return Outfit(
        warmth=warmth,
        skin=skin,
        lips=lips_of(skin, female),
        beard=0.0 if female else float(rng.choice([0.0, 0.35, 0.8], p=[0.5, 0.3, 0.2])),
        hair=hair,
        top=top,
        bottom=bottom,
        tights=tights_rand(rng, bottom.kind, female, warmth),
        shoes=shoes_rand(rng, female, warmth),
        headwear=headwear,
        scarf=colour_rand(rng, "tops") if scarf else None,
        carried=carried_rand(rng, female),
    )
