"""The identity of each person number in a set: a new person, or a near-duplicate of one with a lower number."""

import dataclasses
import functools
from collections.abc import Collection

import numpy as np

from synth.people.accessories import arms_of
from synth.people.identity import Identity, identity_rand
from synth.people.near_duplicates import NEAR_DUPLICATES, Look, changed_look
from synth.planning.clip import Purpose, generator
from synth.planning.factors import HIDDEN_BY, Factor


def make_identity(seed: int, person: int, without: Collection[Factor] = ()) -> Identity:
    """The identity of `person` (from 1) in the set of `seed`.

    A share of NEAR_DUPLICATES of the people copy one of lower number and differ from it in one factor. They are new
    people instead if `without` holds "twins", or a factor that would hide the difference.
    """
    return _identity(seed, person, frozenset(without))


@functools.lru_cache(maxsize=10_000)
def _identity(seed: int, person: int, without: frozenset[Factor]) -> Identity:
    identity_rng = generator(seed, Purpose.IDENTITY, person)
    copied, rng = copied_rand(seed, person)
    if copied is None or "twins" in without:
        return identity_rand(identity_rng, person)
    first = _identity(seed, copied, without)
    taken = _looks_of_group(seed, person, without)
    look, factor = changed_look(rng, Look(first.phenotype, first.outfit))
    while look in taken:  # two near-duplicates of one person may both lose its hat
        look, factor = changed_look(rng, Look(first.phenotype, first.outfit))
    if HIDDEN_BY.get(factor) in without:
        return identity_rand(identity_rng, person)
    gait = dataclasses.replace(first.gait, arms=arms_of(look.outfit.carried, first.gait.arms))
    return Identity(person, look.phenotype, gait, look.outfit, twin_of=first.person, differs_in=factor)


def copied_rand(seed: int, person: int) -> tuple[int | None, np.random.Generator]:
    """Draw the person of lower number that `person` is copied from, None for most.

    Returns it with the generator for the difference between the two.
    """
    rng = generator(seed, Purpose.NEAR_DUPLICATE, person)
    is_copy = person > 1 and rng.random() < NEAR_DUPLICATES
    return int(rng.integers(1, person)) if is_copy else None, rng


@functools.cache
def original(seed: int, person: int) -> int:
    """The person that `person` was copied from, following chains of near-duplicates; itself if it is no copy."""
    copied, _ = copied_rand(seed, person)
    return person if copied is None else original(seed, copied)


def group_of(seed: int, person: int) -> list[int]:
    """The people of lower number that share an original with `person`."""
    return [other for other in range(1, person) if original(seed, other) == original(seed, person)]


def _looks_of_group(seed: int, person: int, without: frozenset[Factor]) -> list[Look]:
    """Looks of the people of lower number that share an original with `person`."""
    identities = [_identity(seed, other, without) for other in group_of(seed, person)]
    return [Look(identity.phenotype, identity.outfit) for identity in identities]
