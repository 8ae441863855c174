"""Near-duplicates: their share, whom they copy, and the one visible difference."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from synth.people.fabric import colour_distance
from synth.people.near_duplicates import FACTORS, NEAR_DUPLICATES, Look, changed_look
from synth.planning.factors import plain_identity
from synth.planning.identities import make_identity

PEOPLE = [make_identity(0, person) for person in range(1, 601)]
ALLOWED = {
    "top colour": {"top", "bottom"},
    "top pattern": {"top", "bottom"},
    "top print": {"top", "bottom"},
    "bottom colour": {"bottom"},
    "shoes": {"shoes"},
    "hair": {"hair"},
    "headwear": {"headwear"},
    "carried": {"carried"},
    "skin": {"skin", "lips"},
    "build": {"weight"},
}


def differences(first, second):
    """Fields of outfit and phenotype in which two people differ."""
    return {
        field.name
        for of in ("outfit", "phenotype")
        for field in dataclasses.fields(getattr(first, of))
        if getattr(getattr(first, of), field.name) != getattr(getattr(second, of), field.name)
    }


def test_a_near_duplicate_differs_from_an_earlier_person_in_the_named_factor_only():
    copies = [person for person in PEOPLE if person.twin_of is not None]
    assert np.mean([person.twin_of is not None for person in PEOPLE]) == pytest.approx(NEAR_DUPLICATES, abs=0.05)
    for copy in copies:
        assert 1 <= copy.twin_of < copy.person
        first = PEOPLE[copy.twin_of - 1]
        found = differences(first, copy)
        assert found
        assert found <= ALLOWED[copy.differs_in]
        assert dataclasses.replace(first.gait, arms=copy.gait.arms) == copy.gait
        if copy.differs_in != "carried":
            assert first.gait.arms == copy.gait.arms
    assert {person.differs_in for person in PEOPLE if person.twin_of is None} == {None}


def test_no_two_people_look_the_same():
    """A regression: with seed 1, 548 copied a copy of 109 and differed from it in the factor that had been changed."""
    chain = [make_identity(1, person) for person in (109, 548)]
    assert differences(*chain)
    looks = {repr((person.phenotype, person.outfit)) for person in PEOPLE}
    assert len(looks) == len(PEOPLE)


def test_factors_are_about_equally_frequent():
    counts = Counter(person.differs_in for person in PEOPLE if person.differs_in)
    assert set(counts) == set(FACTORS) == set(ALLOWED)
    assert max(counts.values()) < 0.3 * counts.total()


def test_a_changed_colour_is_visible():
    rng = np.random.default_rng(0)
    for person in PEOPLE[:60]:
        look = Look(person.phenotype, person.outfit)
        changed = FACTORS["top colour"](rng, look)
        before, after = (np.cbrt(seen.outfit.top.fabric.colour) for seen in (look, changed))
        assert np.linalg.norm(after - before) > 0.3


def test_a_pattern_of_trousers_is_visible_on_the_changed_colour():
    rng = np.random.default_rng(0)
    looks = [Look(person.phenotype, person.outfit) for person in PEOPLE if person.outfit.top.kind != "dress"]
    patterned = [look for look in looks if look.outfit.bottom.fabric.pattern != "plain"]
    assert len(patterned) > 20
    for look in patterned * 5:
        fabric = FACTORS["bottom colour"](rng, look).outfit.bottom.fabric
        assert colour_distance(fabric.colour, fabric.accent) > 0.15


def test_a_hidden_print_is_no_difference():
    """A print under a backpack, or within the open front of a jacket."""
    printed = next(person for person in PEOPLE if person.outfit.top.fabric.print)
    bag = next(thing for person in PEOPLE for thing in person.outfit.carried if thing.kind == "backpack")
    top, rng = printed.outfit.top, np.random.default_rng(0)

    def changes(opening, carried, **changed):
        patch = dataclasses.replace(top.fabric.print, **changed)
        own = dataclasses.replace(top, opening=opening, fabric=dataclasses.replace(top.fabric, print=patch))
        look = Look(printed.phenotype, dataclasses.replace(printed.outfit, top=own, carried=carried))
        return FACTORS["top print"](rng, look) != look

    assert not changes(0.0, (bag,), side="back")
    assert changes(0.0, (bag,), side="front") and changes(0.0, (bag,), side="both") and changes(0.0, (), side="back")
    assert not changes(0.16, (), side="front", across=0.0, width=0.14)
    assert changes(0.16, (), side="front", across=0.05, width=0.14)


def test_a_changed_colour_of_a_top_is_distinct_from_accent_and_print():
    rng = np.random.default_rng(0)
    looks = [Look(person.phenotype, person.outfit) for person in PEOPLE[:200]]
    patterned = [look for look in looks if look.outfit.top.fabric.pattern not in ("plain", "quilted")]
    printed = [look for look in looks if look.outfit.top.fabric.print]
    assert len(patterned) > 20
    assert len(printed) > 10
    for look in patterned:
        fabric = FACTORS["top colour"](rng, look).outfit.top.fabric
        assert colour_distance(fabric.colour, fabric.accent) > 0.15
    for look in printed:
        fabric = FACTORS["top colour"](rng, look).outfit.top.fabric
        assert colour_distance(fabric.colour, fabric.print.colour) > 0.15


@pytest.mark.parametrize("factor", ["patterns", "accessories", "garments"])
def test_without_a_factor_no_two_people_look_the_same(factor):
    people = [make_identity(0, person, (factor,)) for person in range(1, 301)]
    looks = {
        repr((plain.phenotype, plain.outfit)) for plain in (plain_identity(person, (factor,)) for person in people)
    }
    assert len(looks) == len(people)
    # Other people are unchanged.
    assert np.mean([person == whole for person, whole in zip(people, PEOPLE, strict=False)]) > 0.9


def test_a_factor_without_visible_difference_is_skipped():
    hooded = next(person for person in PEOPLE if person.outfit.top.hood == "up")
    look = Look(hooded.phenotype, hooded.outfit)
    drawn = {changed_look(np.random.default_rng(seed), look)[1] for seed in range(60)}
    assert not drawn & {"hair", "headwear"}
    assert len(drawn) > 5


def test_identities_do_not_depend_on_the_order_of_calls():
    for person in (600, 17, 333):
        assert make_identity(0, person) == PEOPLE[person - 1]
