"""The outfits of each person number in a set, and which of them is worn in which sighting.

Outfit 0 is that of `synth.planning.identities`. Outfit n has a random generator of its own, and depends on the outfits
of lower number alone: the outfits of a person are the same for any --outfits.
"""

import functools
from collections.abc import Collection

import numpy as np

from alignnet_common.set_format import CAMERAS
from synth.people.identity import Identity, with_outfits
from synth.people.near_duplicates import CHANGE_TRIES, Look, changed_outfit
from synth.people.outfit import Outfit
from synth.people.wardrobe import CLEAR_DIFFERENCE, another_outfit_rand, difference
from synth.planning.clip import Purpose, generator
from synth.planning.factors import Factor
from synth.planning.identities import group_of, make_identity


def make_dressed_identity(seed: int, person: int, outfits: int, without: Collection[Factor] = ()) -> Identity:
    """The identity of `person` (from 1) in the set of `seed`, with `outfits` outfits, 1 or more."""
    identity = make_identity(seed, person, without)
    if outfits == 1:
        return identity
    others = tuple(_outfit(seed, person, number, frozenset(without)) for number in range(1, outfits))
    return with_outfits(identity, others)


@functools.lru_cache(maxsize=100_000)
def _outfit(seed: int, person: int, number: int, without: frozenset[Factor]) -> Outfit:
    """Outfit `number` of a person: drawn, or for a near-duplicate that of the same number of the copied person."""
    identity = make_identity(seed, person, without)
    if number == 0:
        return identity.outfit
    rng = generator(seed, Purpose.OUTFIT, person, number)
    earlier = [_outfit(seed, person, lower, without) for lower in range(number)]
    if identity.twin_of is None or identity.differs_in is None:
        return another_outfit_rand(rng, identity.phenotype, earlier)
    copied = Look(
        make_identity(seed, identity.twin_of, without).phenotype, _outfit(seed, identity.twin_of, number, without)
    )
    # Two near-duplicates of one person may both lose its hat in this outfit.
    taken = [
        _outfit(seed, other, number, without)
        for other in group_of(seed, person)
        if make_identity(seed, other, without).phenotype == identity.phenotype
    ]
    for _ in range(CHANGE_TRIES):
        outfit = changed_outfit(rng, copied, identity.differs_in, identity.outfit)
        if outfit not in taken and min(difference(outfit, other) for other in earlier) >= CLEAR_DIFFERENCE:
            return outfit
    # Its colour is free: another outfit than that of the copied person, but one that differs from the earlier ones.
    return another_outfit_rand(rng, identity.phenotype, earlier)


def worn_outfits(seed: int, person: int, outfits: int, sightings: int) -> tuple[tuple[int, ...], ...]:
    """Numbers of the outfits worn in the `sightings` of each camera: (cameras, sightings), from 0.

    The outfits, in an order drawn for the person, are dealt to the sightings of camera a and then of camera b, again
    from the first when all are dealt. So each is worn equally often, or once more than others, and a camera sees as
    many different ones as it can. Within a camera they are then shuffled.
    """
    if outfits == 1:
        return ((0,) * sightings,) * len(CAMERAS)
    rng = generator(seed, Purpose.WORN, person)
    dealt = rng.permutation(outfits)[np.arange(len(CAMERAS) * sightings) % outfits].reshape(len(CAMERAS), sightings)
    return tuple(tuple(map(int, rng.permutation(camera))) for camera in dealt)
