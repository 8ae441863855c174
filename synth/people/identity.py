"""An identity: phenotype, gait and outfits of one person."""

import dataclasses
from dataclasses import dataclass
from typing import Self

import numpy as np

from synth.people.accessories import arms_of
from synth.people.gait_style import ArmPose, GaitStyle, gait_rand
from synth.people.outfit import Outfit, outfit_rand
from synth.people.phenotype import Phenotype, phenotype_rand, stature

WIDE_CLOTHES = 7.0
"""Degrees by which arms hang further outside of wide clothes."""


@dataclass(frozen=True)
class Change:
    """Another outfit of a person, and the arms of their gait in it."""

    outfit: Outfit
    """Its skin, lips, beard and hair are those of the person's first outfit."""
    arms: tuple[ArmPose, ArmPose]
    """Poses of the right and the left arm, as in `GaitStyle`."""
    arm_spread: float
    """Degrees, as in `GaitStyle`."""


@dataclass(frozen=True)
class Identity:
    """A person, the same in all clips."""

    person: int
    """Identity number from 1; 0 for every bystander."""
    phenotype: Phenotype
    gait: GaitStyle
    outfit: Outfit
    """Outfit number 0."""
    twin_of: int | None = None
    """Number of the person that this near-duplicate was copied from, lower than its own; None for most people."""
    differs_in: str | None = None
    """The one difference from that person: a name of `synth.people.near_duplicates.FACTORS`."""
    changes: tuple[Change, ...] = ()
    """Outfits number 1, 2, …; empty for people with one outfit."""

    @property
    def outfits(self) -> tuple[Outfit, ...]:
        """All outfits of the person, by number."""
        return (self.outfit, *(change.outfit for change in self.changes))

    def wearing(self, number: int) -> Self:
        """The person in outfit `number` of `outfits`. Raises IndexError if there is none of this number."""
        if number == 0:
            return self
        change = self.changes[number - 1]
        gait = dataclasses.replace(self.gait, arms=change.arms, arm_spread=change.arm_spread)
        return dataclasses.replace(self, gait=gait, outfit=change.outfit)


def identity_rand(rng: np.random.Generator, person: int) -> Identity:
    """Draw a person who is not a near-duplicate, with one outfit."""
    phenotype = phenotype_rand(rng)
    gait = gait_rand(rng, stature(phenotype))
    outfit = outfit_rand(rng, phenotype.gender, phenotype.age)
    if is_wide(outfit):
        gait = dataclasses.replace(gait, arm_spread=gait.arm_spread + WIDE_CLOTHES)
    gait = dataclasses.replace(gait, arms=arms_of(outfit.carried, gait.arms))
    return Identity(person, phenotype, gait, outfit)


def is_wide(outfit: Outfit) -> bool:
    """Whether arms hang outside of a long coat, a skirt or a dress."""
    return outfit.top.hem < 0 or outfit.bottom.kind == "skirt"


def with_outfits(identity: Identity, others: tuple[Outfit, ...]) -> Identity:
    """The person with `others` as outfits number 1, 2, …

    The gait stays the person's. Its arms hold what is carried in each outfit, and hang outside of wide clothes.
    """
    own_spread = identity.gait.arm_spread - WIDE_CLOTHES * is_wide(identity.outfit)
    changes = tuple(
        Change(
            outfit=outfit,
            arms=arms_of(outfit.carried, identity.gait.arms),
            arm_spread=own_spread + WIDE_CLOTHES * is_wide(outfit),
        )
        for outfit in others
    )
    return dataclasses.replace(identity, changes=changes)
