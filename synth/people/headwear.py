"""Headwear, as data."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from alignnet_common.arrays import Rgb
from synth.people.fabric import colour_rand

HeadwearKind = Literal["cap", "backwards cap", "woollen hat", "brimmed hat", "headscarf"]


@dataclass(frozen=True)
class Headwear:
    """Hat, cap or scarf on the head."""

    kind: HeadwearKind
    colour: Rgb
    accent: Rgb
    """Colour of the peak of a cap, the band of a hat or the bobble of a woollen hat."""
    bobble: bool


def headwear_rand(rng: np.random.Generator, female: bool, warmth: float) -> Headwear | None:
    """Draw headwear, None for four people in five. `warmth` of the outfit: 0 for summer to 1 for winter.

    The share is twice the 10 % of hats in PETA (see `synth.people.garment_kinds`).
    """
    shares: dict[HeadwearKind, float] = {
        "cap": 0.05 if female else 0.14 * (1 - 0.5 * warmth),
        "backwards cap": 0.0 if female else 0.02,
        "woollen hat": 0.3 * max(0.0, warmth - 0.45) / 0.55,
        "brimmed hat": 0.04 if female else 0.02,
        "headscarf": 0.06 if female else 0.0,
    }
    kinds = list(shares)
    number = int(np.searchsorted(np.cumsum(list(shares.values())), rng.random(), side="right"))
    colour = colour_rand(rng, "headwear")
    accent = colour if rng.random() < 0.7 else colour_rand(rng, "headwear")
    bobble = bool(rng.random() < 0.25)
    return Headwear(kinds[number], colour, accent, bobble) if number < len(kinds) else None


def headscarf_rand(rng: np.random.Generator) -> Headwear:
    """Draw a headscarf of one colour."""
    colour = colour_rand(rng, "headwear")
    return Headwear("headscarf", colour, colour, bobble=False)
