"""Further outfits of a person: they differ clearly, and what belongs to the body stays."""

import itertools

import numpy as np
import pytest

from synth.cameras.colour import cielab, srgb_decode
from synth.people import wardrobe
from synth.people.headwear import Headwear
from synth.people.identity import WIDE_CLOTHES, identity_rand, is_wide, with_outfits
from synth.people.outfit import outfit_rand
from synth.people.wardrobe import (
    CLEAR_DIFFERENCE,
    OUTFIT_TRIES,
    another_outfit_rand,
    difference,
    is_headscarf,
    lab_distance,
    worn_by,
)

OF_THE_BODY = ("skin", "lips", "beard", "hair")


def dressed(seed, outfits=4):
    """A person and further outfits, drawn one after the other."""
    identity = identity_rand(np.random.default_rng([seed, 0]), 1)
    found = [identity.outfit]
    for number in range(1, outfits):
        found.append(another_outfit_rand(np.random.default_rng([seed, number]), identity.phenotype, found))
    return with_outfits(identity, tuple(found[1:]))


def lab_of(red, green, blue):
    return cielab(srgb_decode(np.array([red, green, blue]) / 255))


@pytest.mark.parametrize(
    ("srgb", "expected"),
    [((255, 255, 255), (100, 0, 0)), ((0, 0, 0), (0, 0, 0)), ((255, 0, 0), (53.24, 80.09, 67.2))],
)
def test_cielab_of_known_colours(srgb, expected):
    np.testing.assert_allclose(lab_of(*srgb), expected, atol=0.05)


def test_cielab_is_computed_for_each_of_several_colours():
    colours = np.random.default_rng(0).random((4, 5, 3))
    np.testing.assert_allclose(cielab(colours)[2, 3], cielab(colours[2, 3]))
    assert lab_distance((1.0, 1.0, 1.0), (0.0, 0.0, 0.0)) == pytest.approx(100, abs=0.01)


def test_outfits_of_a_person_differ_clearly_in_the_upper_or_the_lower_garment():
    for seed in range(60):
        for one, other in itertools.combinations(dressed(seed).outfits, 2):
            upper = lab_distance(one.top.fabric.colour, other.top.fabric.colour)
            lower = lab_distance(one.bottom.fabric.colour, other.bottom.fabric.colour)
            is_coat = "coat" in (one.top.kind, other.top.kind)
            assert upper >= CLEAR_DIFFERENCE or (lower >= CLEAR_DIFFERENCE and not is_coat), seed


def test_body_and_hair_stay_and_clothes_shoes_and_accessories_change():
    people = [dressed(seed) for seed in range(60)]
    for identity in people:
        for outfit in identity.outfits:
            for name in OF_THE_BODY:
                assert getattr(outfit, name) == getattr(identity.outfit, name)
    for name in ("top", "bottom", "shoes"):
        assert all(len({getattr(outfit, name) for outfit in identity.outfits}) == 4 for identity in people)
    for name in ("headwear", "carried", "scarf"):
        changes = [len({getattr(outfit, name) for outfit in identity.outfits}) > 1 for identity in people]
        assert 0.3 < np.mean(changes) <= 1, name


def test_a_headscarf_is_worn_in_all_outfits_or_in_none():
    people = [dressed(seed) for seed in range(150)]
    for identity in people:
        worn = [is_headscarf(outfit.headwear) for outfit in identity.outfits]
        assert len(set(worn)) == 1
        assert not any(outfit.headwear and outfit.top.hood == "up" for outfit in identity.outfits)
    assert sum(is_headscarf(identity.outfit.headwear) for identity in people) >= 2
    assert not is_headscarf(None)
    assert not is_headscarf(Headwear("cap", (0, 0, 0), (0, 0, 0), bobble=False))


def test_where_no_draw_differs_enough_the_most_different_one_is_taken(monkeypatch):
    identity = dressed(3)
    monkeypatch.setattr(wardrobe, "CLEAR_DIFFERENCE", 1000.0)
    found = another_outfit_rand(np.random.default_rng(4), identity.phenotype, identity.outfits)
    rng, size = np.random.default_rng(4), (identity.phenotype.gender, identity.phenotype.age)
    drawn = [worn_by(rng, outfit_rand(rng, *size), identity.outfit) for _ in range(OUTFIT_TRIES)]
    assert found == max(drawn, key=lambda one: min(difference(one, other) for other in identity.outfits))


def test_the_gait_stays_but_for_arms_that_carry_or_hang_outside_of_wide_clothes():
    wide, carrying = 0, 0
    for seed in range(60):
        identity = dressed(seed)
        for number, outfit in enumerate(identity.outfits):
            worn = identity.wearing(number)
            assert (worn.outfit, worn.phenotype, worn.person) == (outfit, identity.phenotype, identity.person)
            own = identity.gait.arm_spread - WIDE_CLOTHES * is_wide(identity.outfit)
            assert worn.gait.arm_spread == pytest.approx(own + WIDE_CLOTHES * is_wide(outfit))
            assert {item.arm for item in outfit.carried} - {"swing"} <= set(worn.gait.arms)
            if not outfit.carried:
                assert set(worn.gait.arms) <= {"swing", "pocket"}
            wide, carrying = wide + is_wide(outfit), carrying + bool(outfit.carried)
    assert wide > 20
    assert carrying > 50
    with pytest.raises(IndexError):
        identity.wearing(4)
