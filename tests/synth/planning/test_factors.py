"""A factor that is left out has its plain value in every clip, and the rest of the plan is unchanged."""

import dataclasses
from functools import cache
from typing import get_args

import numpy as np
import pytest

from synth.planning.clip import Clip, Sighting
from synth.planning.config import RenderConfig
from synth.planning.factors import PLAIN_CAMERA, PLAIN_SENSOR, PLAIN_TRACKER, Factor, plain_light
from synth.planning.plan import make_plan
from synth.scenes.families import place_rand

TOUCHES: dict[Factor, set[str]] = {
    "sensors": {"sensor"},
    "views": {"camera", "fps"},
    "sightings": {"sightings", "frames", "fps"},
    "crops": {"tracker"},
    "motions": {"walk", "fps", "bystanders"},
    "company": {"place", "bystanders"},
    "lights": {"place"},
    "places": {"place"},
    "garments": {"identity", "bystanders"},
    "patterns": {"identity", "bystanders"},
    "accessories": {"identity", "bystanders"},
    "twins": {"identity"},
}


@cache
def plan_without(*factors: Factor) -> list[Clip]:
    return make_plan(RenderConfig(ids=24, frames=2, without=factors))


@pytest.mark.parametrize("factor", get_args(Factor))
def test_leaving_out_a_factor_changes_only_its_fields(factor: Factor) -> None:
    changed: set[str] = set()
    for clip, whole in zip(plan_without(factor), plan_without(), strict=True):
        changed |= difference(clip, whole) - {"sightings"}
        if len(clip.sightings) < len(whole.sightings):
            changed.add("sightings")
        for one, other in zip(clip.sightings, whole.sightings, strict=factor != "sightings"):
            changed |= difference(one, other)
    assert changed == TOUCHES[factor]


def difference(one: Clip | Sighting, other: Clip | Sighting) -> set[str]:
    """Names of the fields in which two clips, or two sightings, differ."""
    return {field.name for field in dataclasses.fields(one) if getattr(one, field.name) != getattr(other, field.name)}


def test_without_all_factors_scene_camera_and_clothes_are_plain() -> None:
    clips = plan_without(*get_args(Factor))
    assert {clip.camera for clip in clips} == {PLAIN_CAMERA}
    assert {clip.sensor for clip in clips} == {PLAIN_SENSOR}
    seen = [only for (only,) in (clip.sightings for clip in clips)]
    assert {sighting.tracker for sighting in seen} == {PLAIN_TRACKER}
    assert len({dataclasses.replace(sighting.place, family="street") for sighting in seen}) == 1
    assert {len(sighting.bystanders) for sighting in seen} == {0}
    assert {sighting.walk.kind for sighting in seen} == {"straight"}
    outfits = [clip.identity.outfit for clip in clips]
    assert {outfit.top.fabric.pattern for outfit in outfits} == {"plain"}
    assert {outfit.bottom.kind for outfit in outfits} == {"trousers"}
    assert {outfit.carried for outfit in outfits} == {()}
    assert {outfit.headwear for outfit in outfits} == {None}
    assert {clip.identity.twin_of for clip in clips} == {None}


def test_without_places_a_room_keeps_its_light_and_without_lights_it_loses_its_walls() -> None:
    whole, dark, empty = (
        [sighting.place for clip in plan for sighting in clip.sightings]
        for plan in (plan_without(), plan_without("lights"), plan_without("places"))
    )
    rooms = [number for number, place in enumerate(whole) if place.family in ("corridor", "hall", "shops")]
    assert rooms
    for number in rooms:
        assert empty[number].light == whole[number].light
        assert dark[number].solids == ()


def test_without_lights_outdoor_scenes_keep_their_solids() -> None:
    rng = np.random.default_rng(0)
    places = [place_rand(rng) for _ in range(150)]
    outdoors = [place for place in places if place.family in ("street", "crossing", "plaza", "market", "park")]
    assert any(place.light.lamps and place.light.sun == 0 for place in outdoors)
    assert all(plain_light(place).solids == place.solids for place in outdoors)
    rooms = [place for place in places if place.family in ("corridor", "hall", "shops")]
    assert rooms
    assert all(plain_light(place).solids == () for place in rooms)
