"""An identity: phenotype, gait and outfit of one person."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from synth.people.accessories import arms_of
from synth.people.gait_style import GaitStyle, gait_rand
from synth.people.outfit import Outfit, outfit_rand
from synth.people.phenotype import Phenotype, phenotype_rand, stature


@dataclass(frozen=True)
class Identity:
    """A person, the same in all clips."""

    person: int
    """Identity number from 1; 0 for every bystander."""
    phenotype: Phenotype
    gait: GaitStyle
    outfit: Outfit
    twin_of: int | None = None
    """Number of the person that this near-duplicate was copied from, lower than its own; None for most people."""
    differs_in: str | None = None
    """The one difference from that person: a name of `synth.people.near_duplicates.FACTORS`."""


def identity_rand(rng: np.random.Generator, person: int) -> Identity:
    """Draw a person who is not a near-duplicate."""
    phenotype = phenotype_rand(rng)
    gait = gait_rand(rng, stature(phenotype))
    outfit = outfit_rand(rng, phenotype.gender, phenotype.age)
    if outfit.top.hem < 0 or outfit.bottom.kind == "skirt":
        # Arms hang outside of wide clothes.
        gait = dataclasses.replace(gait, arm_spread=gait.arm_spread + 7.0)
    gait = dataclasses.replace(gait, arms=arms_of(outfit.carried, gait.arms))
    return Identity(person, phenotype, gait, outfit)
