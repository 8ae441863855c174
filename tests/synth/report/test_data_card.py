"""The data-set card: its figures are those of the plan and the manifest, and nobody's own text is lost."""

import dataclasses
import json

import pytest
import yaml

from alignnet_common.set_format import GENERATOR_VERSION
from filled_sets import PLAN, filled
from synth.dataset.layout import RenderedSet
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.report.data_card import data_card, numbers, shares, write_card
from synth_runs import rows

CONFIG = RenderConfig(ids=3, frames=2)


def manifest(plan, **fields):
    """Rows of a manifest for the clips of a plan."""
    return [
        {
            "clip": clip.name,
            "person": clip.identity.person,
            "frames": clip.frames,
            "visible_ratio": 0.9,
            "generator": GENERATOR_VERSION,
            "blender": "5.0.1",
        }
        | fields
        for clip in plan
    ]


def front_matter(card):
    _, block, _ = card.split("---\n", 2)
    return yaml.safe_load(block)


def table_value(card, name):
    """Second cell of the row of a table that begins with `name`."""
    (line,) = [line for line in card.splitlines() if line.startswith(f"| {name} |")]
    return line.split("|")[2].strip()


@pytest.fixture(scope="module")
def card():
    return data_card("demo", PLAN, manifest(PLAN), CONFIG)


def test_counts_are_those_of_the_plan(card):
    assert "| identities | 3 |" in card
    assert table_value(card, "clips") == "6"
    assert table_value(card, "frames") == "12"
    assert table_value(card, "sightings") == str(sum(len(clip.sightings) for clip in PLAN))
    assert table_value(card, "unlabelled bystanders") == str(
        sum(len(sighting.bystanders) for clip in PLAN for sighting in clip.sightings)
    )
    women = sum(clip.identity.phenotype.gender > 0.5 for clip in PLAN[::2])
    assert table_value(card, "women").startswith(f"{women} (")
    assert table_value(card, "clips with less than 95 % of the silhouette visible") == "6 (100.0 %)"
    distances = [clip.camera.distance for clip in PLAN]
    found = table_value(card, "distance, metres: smallest, median, largest").split(", ")
    assert (found[0], found[2]) == (f"{min(distances):.1f}", f"{max(distances):.1f}")


def test_scenes_and_lights_count_every_sighting(card):
    scene, light = (card.split(f"| {title} | sightings (share) |")[1] for title in ("scene", "light"))
    for block in (scene, light):
        lines = [line for line in block.split("\n\n")[0].splitlines() if "(" in line]
        assert sum(int(line.split("|")[2].split()[0]) for line in lines) == sum(len(clip.sightings) for clip in PLAN)


def test_the_front_matter_has_the_licence_and_the_gait_data_are_attributed(card):
    found = front_matter(card)
    assert (found["license"], found["size_categories"]) == ("cc-by-4.0", ["n<1K"])
    odd = data_card('a: "b" #1', PLAN, manifest(PLAN), CONFIG)
    assert front_matter(odd)["pretty_name"] == 'Synthetic pedestrians, a: "b" #1'
    assert "10.17605/OSF.IO/T72CW" in card
    assert f"generator version {GENERATOR_VERSION}" in card
    assert table_value(card, "Blender (`bpy`)") == "5.0.1"
    assert "mixes" not in card and "another generator version" not in card


def test_sets_of_several_generator_versions_say_so():
    old = manifest(PLAN[:2], generator="3.2")
    unknown = [{name: value for name, value in row.items() if name != "generator"} for row in manifest(PLAN[2:3])]
    found = data_card("demo", PLAN, [*old, *unknown, *manifest(PLAN[3:])], CONFIG)
    assert (
        table_value(found, "generator version")
        == f"{GENERATOR_VERSION} (3 clips), 3.2 (2 clips), not recorded (1 clips)"
    )
    assert "another generator version" in found


def test_recorded_motion_brings_its_own_licence():
    def recorded(sighting):
        return dataclasses.replace(sighting, walk=dataclasses.replace(sighting.walk, take=("walk.bvh", 0.0)))

    plan = [
        dataclasses.replace(clip, sightings=tuple(map(recorded, clip.sightings))) if number == 0 else clip
        for number, clip in enumerate(PLAN)
    ]
    found = data_card("demo", plan, manifest(plan), CONFIG)
    assert front_matter(found)["license"] == "other"
    assert "licence of those recordings applies" in found
    assert table_value(found, "recorded motion").startswith(f"{len(plan[0].sightings)} (")


def test_factors_left_out_are_named():
    found = data_card("demo", PLAN, manifest(PLAN), RenderConfig(ids=3, frames=2, without=("lights", "twins")))
    assert table_value(found, "factors of variation left out (`--without`)") == "lights, twins"


def test_an_earlier_card_is_replaced_and_own_text_is_kept(tmp_path):
    target = RenderedSet(tmp_path)
    write_card(target, PLAN[:2], manifest(PLAN[:2]), CONFIG)
    write_card(target, PLAN, manifest(PLAN), CONFIG)
    assert "| clips | 6 |" in target.card.read_text()
    target.card.write_text("# My set\n")
    write_card(target, PLAN, manifest(PLAN), CONFIG)
    assert target.card.read_text() == "# My set\n"


def test_a_rendered_set_has_the_card_of_its_plan(rendered):
    found = (rendered.out / "README.md").read_text()
    clips = rows(rendered.out / "manifest.jsonl")
    assert f"| clips | {len(clips)} |" in found
    result = json.loads((rendered.out / "result.json").read_text())
    assert result["generator"] == GENERATOR_VERSION
    assert result["clips_by_generator"] == {GENERATOR_VERSION: len(clips)}
    assert "alignnet-reid" in result["versions"]
    assert {row["generator"] for row in clips} == {GENERATOR_VERSION}
    assert {row["blender"] for row in clips} == {result["versions"]["bpy"]}
    assert {row["generator"] for row in rows(rendered.out / "plan.jsonl")} == {GENERATOR_VERSION}


def test_shares_are_sorted_by_frequency():
    assert shares({"b": 1, "a": 1, "c": 2}) == [("c", "2 (50.0 %)"), ("a", "1 (25.0 %)"), ("b", "1 (25.0 %)")]
    assert numbers([3]) == "3"


def test_filled_sets_name_the_generator(tmp_path):
    assert {row["generator"] for row in rows(filled(tmp_path / "set").manifest)} == {GENERATOR_VERSION}


@pytest.mark.parametrize(
    ("options", "row"),
    [
        ({}, "| samples per pixel | 4, denoised, with the noise of 16 samples |"),
        ({"noise_samples": 0}, "| samples per pixel | 4, denoised |"),
        ({"samples": 16}, "| samples per pixel | 16 |"),
    ],
)
def test_the_card_says_how_frames_are_denoised(options, row):
    plan = make_plan(RenderConfig(ids=2, frames=2, **options))
    assert row in data_card("demo", plan, manifest(plan), CONFIG).splitlines()
