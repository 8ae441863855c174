"""Further outfits of a person: body, face and hair stay, clothes, shoes and accessories change."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from alignnet_common.arrays import Rgb
from synth.cameras.colour import cielab
from synth.people.headwear import Headwear, headscarf_rand
from synth.people.outfit import Outfit, outfit_rand
from synth.people.phenotype import Phenotype

CLEAR_DIFFERENCE = 30.0
"""Least `difference` of two outfits of a person. In the palette, black and charcoal are 17 apart, black and navy 20,
charcoal and grey 27."""
OUTFIT_TRIES = 100
"""Outfits drawn before the one that differs most from the earlier ones is taken."""


def lab_distance(one: Rgb, other: Rgb) -> float:
    """Distance between two linear RGB colours in CIELAB (CIE 1976): 100 between black and white."""
    return float(np.linalg.norm(cielab(np.array(one)) - cielab(np.array(other))))


def difference(one: Outfit, other: Outfit) -> float:
    """Distance in CIELAB between the main colours of the upper garments, or that of the lower garments if it is larger.

    Lower garments count if neither is under a coat over the thighs, which hides most of them.
    """
    upper = lab_distance(one.top.fabric.colour, other.top.fabric.colour)
    if min(one.top.hem, other.top.hem) < 0:
        return upper
    return max(upper, lab_distance(one.bottom.fabric.colour, other.bottom.fabric.colour))


def another_outfit_rand(rng: np.random.Generator, phenotype: Phenotype, earlier: Sequence[Outfit]) -> Outfit:
    """Draw another outfit for the person of the outfits `earlier`, of which the first is outfit 0.

    It differs from each by CLEAR_DIFFERENCE or more; after OUTFIT_TRIES draws, it is the one whose smallest difference
    is largest. The season is drawn again. Skin, lips, beard and hair stay, and so does whether a headscarf is worn.
    """
    best, largest = earlier[0], -1.0
    for _ in range(OUTFIT_TRIES):
        outfit = worn_by(rng, outfit_rand(rng, phenotype.gender, phenotype.age), earlier[0])
        least = min(difference(outfit, other) for other in earlier)
        if least > largest:
            best, largest = outfit, least
        if least >= CLEAR_DIFFERENCE:
            break
    return best


def worn_by(rng: np.random.Generator, outfit: Outfit, first: Outfit) -> Outfit:
    """`outfit` with skin, lips, beard and hair of the person whose outfit 0 is `first`.

    A person with a headscarf in outfit 0 wears one in every outfit, of a colour drawn from `rng`; others never do.
    """
    headwear, top = outfit.headwear, outfit.top
    if is_headscarf(first.headwear):
        headwear = outfit.headwear if is_headscarf(outfit.headwear) else headscarf_rand(rng)
        top = replace(top, hood="down" if top.hood == "up" else top.hood)
    elif is_headscarf(headwear):
        headwear = None
    return replace(
        outfit, skin=first.skin, lips=first.lips, beard=first.beard, hair=first.hair, headwear=headwear, top=top
    )


def is_headscarf(headwear: Headwear | None) -> bool:
    """Whether headwear is a headscarf."""
    return headwear is not None and headwear.kind == "headscarf"
