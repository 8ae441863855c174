"""The outfits of the people of a plan: the same for any number, worn equally often, none twice among look-alikes."""

import dataclasses
import itertools
import json
from collections import Counter

import pytest

from alignnet_common.errors import UserError
from alignnet_common.files import write_jsonl
from synth.people.near_duplicates import OF_THE_BODY
from synth.people.wardrobe import CLEAR_DIFFERENCE, difference
from synth.planning.clip import plan_hash, plan_row
from synth.planning.config import RenderConfig
from synth.planning.identities import make_identity
from synth.planning.outfits import make_dressed_identity, worn_outfits
from synth.planning.plan import make_plan
from synth.planning.plan_file import read_plan


def planned(**options):
    return make_plan(RenderConfig(**{"frames": 4, "sightings": 2} | options))


def test_one_outfit_leaves_the_rows_of_a_plan_as_they_were():
    for clip in planned(ids=4, outfits=1):
        row = plan_row(clip)
        assert "changes" not in row["identity"]
        for sighting in row["sightings"]:
            assert "outfit" not in sighting
            assert not any("changes" in bystander["identity"] for bystander in sighting["bystanders"])
    assert planned(ids=4, outfits=1) == planned(ids=4)


@pytest.mark.parametrize("outfits", [2, 3, 4])
def test_everything_but_the_clothes_is_the_same_for_any_number_of_outfits(outfits):
    for one, several in zip(planned(ids=30), planned(ids=30, outfits=outfits), strict=True):
        assert dataclasses.replace(several.identity, changes=()) == one.identity
        undressed = [dataclasses.replace(sighting, outfit=0) for sighting in several.sightings]
        assert dataclasses.replace(several, identity=one.identity, sightings=tuple(undressed)) == one
        assert len(several.identity.outfits) == outfits
        assert plan_hash(several) != plan_hash(one)


def test_the_first_outfits_are_the_same_for_any_number():
    for person in range(1, 60):
        many = make_dressed_identity(0, person, 6)
        assert make_dressed_identity(0, person, 3).outfits == many.outfits[:3]
        assert many.outfit == make_identity(0, person).outfit


@pytest.mark.parametrize(("outfits", "sightings"), [(2, 1), (2, 2), (3, 2), (4, 2), (4, 4), (3, 8), (16, 8), (5, 40)])
def test_outfits_are_worn_equally_often_and_a_camera_sees_as_many_as_it_can(outfits, sightings):
    for person in range(1, 30):
        worn = worn_outfits(7, person, outfits, sightings)
        counts = Counter(number for camera in worn for number in camera)
        assert sorted(counts) == list(range(outfits))
        assert max(counts.values()) - min(counts.values()) <= 1
        assert [len(set(camera)) for camera in worn] == [min(outfits, sightings)] * 2


def test_two_outfits_in_two_sightings_by_each_camera_give_equal_and_changed_pairs():
    orders = set()
    for person in range(1, 40):
        first, second = worn_outfits(0, person, 2, 2)
        assert Counter(a == b for a, b in itertools.product(first, second)) == {True: 2, False: 2}
        orders.add((first, second))
    assert len(orders) == 4  # no outfit is tied to the first sighting, which alone has bystanders


def test_outfits_of_a_person_differ_and_those_of_near_duplicates_differ_in_one_thing():
    people = {person: make_dressed_identity(1, person, 4) for person in range(1, 200)}
    worn = [(identity.phenotype, outfit) for identity in people.values() for outfit in identity.outfits]
    assert len(set(worn)) == len(worn)
    for identity in people.values():
        pairs = itertools.combinations(identity.outfits, 2)
        assert min(difference(one, other) for one, other in pairs) >= CLEAR_DIFFERENCE
    kinds = Counter()
    for identity in people.values():
        if identity.twin_of is None:
            continue
        first = people[identity.twin_of]
        for own, others in zip(identity.outfits, first.outfits, strict=True):
            fields = [field.name for field in dataclasses.fields(own)]
            differing = {name for name in fields if getattr(own, name) != getattr(others, name)}
            assert differing or identity.phenotype != first.phenotype
            kinds[identity.differs_in in OF_THE_BODY, len(differing)] += 1
        for outfit in identity.outfits:
            assert (outfit.skin, outfit.hair) == (identity.outfit.skin, identity.outfit.hair)
    assert sum(count for (_, number), count in kinds.items() if number <= 2) > 0.9 * kinds.total()


def test_parts_pairs_of_cameras_and_left_out_factors_go_with_outfits():
    whole = planned(ids=6, outfits=3)
    parts = [planned(ids=6, outfits=3, shard=f"{number}/2") for number in (1, 2)]
    assert sorted((*parts[0], *parts[1]), key=lambda clip: (clip.identity.person, clip.name)) == whole
    assert [clip.outfits for clip in planned(ids=6, outfits=3, camera_pairs=2)] == [clip.outfits for clip in whole]
    plain = planned(ids=6, outfits=3, without=("accessories", "patterns", "garments", "twins"))
    for outfit in (outfit for clip in plain for outfit in clip.identity.outfits):
        assert (outfit.carried, outfit.headwear, outfit.top.kind, outfit.top.fabric.pattern) == (
            (),
            None,
            "jumper",
            "plain",
        )
    assert {change.arms for clip in plain for change in clip.identity.changes} == {("swing", "swing")}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"outfits": 5}, r"--outfits 5: must be at most 4, the sightings of a person \(2 cameras × 2\)"),
        ({"outfits": 3, "sightings": 0, "frames": 50}, r"must be at most 2, .*\(2 cameras × 1\)"),
        ({"outfits": 3, "sightings": 0, "frames": 8, "without": ("sightings",)}, "must be at most 2"),
        ({"outfits": 0}, "--outfits 0: must be at least 1"),
    ],
)
def test_more_outfits_than_sightings_are_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        RenderConfig(**{"frames": 4, "sightings": 2} | options)


def edited(tmp_path, edit):
    rows = json.loads(json.dumps([plan_row(clip) for clip in planned(ids=2, outfits=2)]))
    edit(rows)
    write_jsonl(tmp_path / "plan.jsonl", rows)
    return tmp_path / "plan.jsonl"


def test_a_plan_with_outfits_is_read_back(tmp_path):
    assert read_plan(edited(tmp_path, lambda rows: None)) == planned(ids=2, outfits=2)

    def one(rows):
        for row in rows:
            row["identity"]["changes"] = []
            for sighting in row["sightings"]:
                sighting["outfit"] = 0

    assert read_plan(edited(tmp_path, one)) == planned(ids=2)


@pytest.mark.parametrize(("number", "range_"), [(2, "0 to 1 in each sighting"), (-1, "0 to 1 in each sighting")])
def test_an_edited_plan_with_an_outfit_that_is_not_there_is_refused(tmp_path, number, range_):
    def edit(rows):
        rows[0]["sightings"][1]["outfit"] = number

    with pytest.raises(UserError, match=f"line 1: outfit must be {range_}"):
        read_plan(edited(tmp_path, edit))


def test_an_outfit_of_a_person_with_one_outfit_is_refused(tmp_path):
    def edit(rows):
        del rows[0]["identity"]["changes"]

    with pytest.raises(UserError, match=r"line 1: outfit must be 0 without identity\.changes"):
        read_plan(edited(tmp_path, edit))
