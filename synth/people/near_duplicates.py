"""Near-duplicates: people who look like another person of the set except for one named factor.

They are hard negatives: without them, any single cue distinguishes two people of a set.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from synth.people.accessories import carried_rand
from synth.people.fabric import Fabric, Print, colour_distance, contrasting_rand, print_rand
from synth.people.garment_kinds import TOPS
from synth.people.hair import hair_rand
from synth.people.headwear import headwear_rand
from synth.people.outfit import Outfit, lips_of, shoes_rand
from synth.people.phenotype import Phenotype
from synth.people.wardrobe import worn_by

NEAR_DUPLICATES = 0.15
"""Share of identities that are near-duplicates of another one."""
DISTINCT = 0.3
"""Least `colour_distance` of a changed colour from the old one."""
CHANGE_TRIES = 30
"""Draws of a factor before another factor is tried."""


@dataclass(frozen=True)
class Look:
    """Visible properties of a person."""

    phenotype: Phenotype
    outfit: Outfit

    @property
    def female(self) -> bool:
        """Whether clothes, hair and accessories are drawn with the frequencies of women."""
        return self.phenotype.gender > 0.5


Change = Callable[[np.random.Generator, Look], Look]
"""Draws one factor again; returns the same look if the draw gives no visible difference."""


def changed_look(rng: np.random.Generator, look: Look) -> tuple[Look, str]:
    """A look that differs from `look` in one factor, and the name of the factor in FACTORS."""
    for number in rng.permutation(len(FACTORS)):
        name = list(FACTORS)[number]
        for _ in range(CHANGE_TRIES):
            changed = FACTORS[name](rng, look)
            if changed != look:
                return changed, name
    raise AssertionError("the colour of a top can always be changed")


def changed_outfit(rng: np.random.Generator, look: Look, factor: str, first: Outfit) -> Outfit:
    """Another outfit of a near-duplicate: that of `look`, worn by the copied person, with a difference in `factor`.

    `first` is outfit 0 of the near-duplicate, whose skin and hair it has: a difference of the body is that of outfit 0.
    A difference that the outfit has no room for or would hide, such as a print on a coat or hair under a hood, becomes
    one in the colour of the top.
    """
    plain = worn_by(rng, look.outfit, first)
    if factor in OF_THE_BODY:
        hidden = factor == "hair" and (plain.top.hood == "up" or plain.headwear is not None)
        return top_colour(rng, replace(look, outfit=plain)).outfit if hidden else plain
    for _ in range(CHANGE_TRIES):
        outfit = worn_by(rng, FACTORS[factor](rng, look).outfit, first)
        if outfit != plain:
            return outfit
    return worn_by(rng, top_colour(rng, look).outfit, first)


def _with_top_fabric(look: Look, fabric: Fabric) -> Look:
    """The look with another fabric of the top; the skirt of a dress has the same fabric."""
    outfit = replace(look.outfit, top=replace(look.outfit.top, fabric=fabric))
    if outfit.top.kind == "dress":
        outfit = replace(outfit, bottom=replace(outfit.bottom, fabric=fabric))
    return replace(look, outfit=outfit)


def top_colour(rng: np.random.Generator, look: Look) -> Look:
    """Another colour of the top, distinct from the old one, from the accent and from the print."""
    top, fabric = look.outfit.top, look.outfit.top.fabric
    quilted = fabric.pattern == "quilted"
    beside = [] if fabric.pattern == "plain" or quilted else [fabric.accent]
    beside += [fabric.print.colour] if fabric.print else []
    for _ in range(CHANGE_TRIES):
        colour = contrasting_rand(rng, TOPS[top.kind].use, fabric.colour, DISTINCT)
        if all(colour_distance(colour, other) > 0.15 for other in beside):
            break
    accent = (0.45 * colour[0], 0.45 * colour[1], 0.45 * colour[2]) if quilted else fabric.accent
    return _with_top_fabric(look, replace(fabric, colour=colour, accent=accent))


def top_pattern(rng: np.random.Generator, look: Look) -> Look:
    """Another pattern of the top in the same colours."""
    top = look.outfit.top
    names = list(TOPS[top.kind].patterns)
    return _with_top_fabric(look, replace(top.fabric, pattern=names[rng.integers(len(names))]))


def top_print(rng: np.random.Generator, look: Look) -> Look:
    """A print added to a plain top or removed from it, for kinds of top with prints and if the print is visible."""
    top = look.outfit.top
    if TOPS[top.kind].prints == 0 or top.fabric.pattern not in ("plain", "raglan"):
        return look
    patch = None if top.fabric.print else print_rand(rng, top.fabric.colour)
    if _hidden(patch or top.fabric.print, look):
        return look
    return _with_top_fabric(look, replace(top.fabric, print=patch))


def _hidden(patch: Print | None, look: Look) -> bool:
    """Whether a print is covered by a backpack or lies within the open front of a jacket."""
    if patch is None or patch.side == "both":
        return False
    if patch.side == "back":
        return any(item.kind == "backpack" for item in look.outfit.carried)
    return abs(patch.across) + patch.width / 2 <= look.outfit.top.opening / 2


def bottom_colour(rng: np.random.Generator, look: Look) -> Look:
    """Another colour of trousers, shorts or skirt, distinct from its accent; not of a dress, whose top has the same
    fabric."""
    if look.outfit.top.kind == "dress":
        return look
    bottom, fabric = look.outfit.bottom, look.outfit.bottom.fabric
    for _ in range(CHANGE_TRIES):
        colour = contrasting_rand(rng, "bottoms", fabric.colour, DISTINCT)
        if fabric.pattern == "plain" or colour_distance(colour, fabric.accent) > 0.15:
            break
    return replace(look, outfit=replace(look.outfit, bottom=replace(bottom, fabric=replace(fabric, colour=colour))))


def shoes(rng: np.random.Generator, look: Look) -> Look:
    """Other shoes of another colour."""
    other = shoes_rand(rng, look.female, look.outfit.warmth)
    colour = contrasting_rand(rng, "shoes", look.outfit.shoes.colour, 0.3)
    return replace(look, outfit=replace(look.outfit, shoes=replace(other, colour=colour)))


def hair(rng: np.random.Generator, look: Look) -> Look:
    """Another hair style or colour; not under a hood or hat."""
    hat = look.outfit.headwear
    if look.outfit.top.hood == "up" or hat is not None:
        return look
    other = hair_rand(rng, look.female, look.phenotype.age)
    old = look.outfit.hair
    another = colour_distance(other.colour, old.colour) > 0.15 and other.style != "bald"
    return replace(look, outfit=replace(look.outfit, hair=other)) if other.style != old.style or another else look


def headwear(rng: np.random.Generator, look: Look) -> Look:
    """Headwear added, removed or of another kind; not under a hood."""
    other, old = headwear_rand(rng, look.female, look.outfit.warmth), look.outfit.headwear
    kinds = tuple(worn.kind if worn else None for worn in (other, old))
    if look.outfit.top.hood == "up" or kinds[0] == kinds[1]:
        return look
    return replace(look, outfit=replace(look.outfit, headwear=other))


def carried_thing(rng: np.random.Generator, look: Look) -> Look:
    """Other accessories, or none."""
    other, old = carried_rand(rng, look.female), look.outfit.carried
    if [item.kind for item in other] == [item.kind for item in old]:
        return look
    return replace(look, outfit=replace(look.outfit, carried=other))


def skin(rng: np.random.Generator, look: Look) -> Look:
    """Another skin tone, with matching lips."""
    tone = contrasting_rand(rng, "skin", look.outfit.skin, 0.2)
    return replace(look, outfit=replace(look.outfit, skin=tone, lips=lips_of(tone, look.female)))


def build(rng: np.random.Generator, look: Look) -> Look:
    """A clearly higher or lower weight."""
    weight = look.phenotype.weight + rng.choice([-1, 1]) * rng.uniform(0.25, 0.4)
    return replace(look, phenotype=replace(look.phenotype, weight=float(weight))) if 0.15 <= weight <= 0.95 else look


FACTORS: dict[str, Change] = {
    "top colour": top_colour,
    "top pattern": top_pattern,
    "top print": top_print,
    "bottom colour": bottom_colour,
    "shoes": shoes,
    "hair": hair,
    "headwear": headwear,
    "carried": carried_thing,
    "skin": skin,
    "build": build,
}
"""Factors that near-duplicates may differ in, each with the function that changes it alone. Stature is not one of them:
crops are scaled to the person, so that 12 cm move the head by half a pixel."""

OF_THE_BODY = ("hair", "skin", "build")
"""Those of FACTORS that stay when clothes change. After a change of clothes, near-duplicates with another difference
cannot be told apart."""
