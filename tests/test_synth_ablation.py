"""A factor that is left out is plain in every clip, and nothing else of the plan changes."""

import dataclasses
from typing import get_args

import pytest

from synth.ablation import PLAIN_CAMERA, PLAIN_SENSOR, PLAIN_TRACKER, Factor
from synth.config import RenderConfig
from synth.plan import Clip, make_plan

WHOLE = make_plan(RenderConfig(ids=40, frames=2))
TOUCHES: dict[Factor, set[str]] = {
    "sensors": {"sensor"},
    "views": {"camera", "fps"},
    "crops": {"tracker"},
    "motions": {"walk", "fps"},
    "company": {"place", "bystanders"},
    "lights": {"place"},
    "places": {"place"},
    "garments": {"identity", "bystanders"},
    "patterns": {"identity", "bystanders"},
    "accessories": {"identity", "bystanders"},
    "twins": {"identity"},
}


def plan_without(*factors: Factor) -> list[Clip]:
    return make_plan(RenderConfig(ids=40, frames=2, without=factors))


@pytest.mark.parametrize("factor", get_args(Factor))
def test_a_factor_changes_what_it_names_and_nothing_else(factor: Factor) -> None:
    changed: set[str] = set()
    for clip, whole in zip(plan_without(factor), WHOLE, strict=True):
        changed |= {
            field.name for field in dataclasses.fields(Clip) if getattr(clip, field.name) != getattr(whole, field.name)
        }
    assert changed == TOUCHES[factor]


def test_without_everything_people_stand_in_one_empty_place_before_one_camera() -> None:
    clips = plan_without(*get_args(Factor))
    assert {clip.camera for clip in clips} == {PLAIN_CAMERA}
    assert {clip.sensor for clip in clips} == {PLAIN_SENSOR}
    assert {clip.tracker for clip in clips} == {PLAIN_TRACKER}
    assert len({dataclasses.replace(clip.place, family="street") for clip in clips}) == 1
    assert {len(clip.bystanders) for clip in clips} == {0}
    assert {clip.walk.kind for clip in clips} == {"straight"}
    outfits = [clip.identity.outfit for clip in clips]
    assert {outfit.top.fabric.pattern for outfit in outfits} == {"plain"}
    assert {outfit.bottom.kind for outfit in outfits} == {"trousers"}
    assert {outfit.carried for outfit in outfits} == {()}
    assert {outfit.headwear for outfit in outfits} == {None}
    assert {clip.identity.twin_of for clip in clips} == {None}


def test_a_room_keeps_its_lamps_without_its_walls_and_loses_its_walls_without_its_lamps() -> None:
    rooms = [number for number, clip in enumerate(WHOLE) if clip.place.family in ("corridor", "hall", "shops")]
    assert rooms
    dark, empty = plan_without("lights"), plan_without("places")
    for number in rooms:
        assert empty[number].place.light == WHOLE[number].place.light
        assert dark[number].place.solids == ()
