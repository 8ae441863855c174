"""The stored truth against the person alone, rendered by brute force and drawn without Blender."""

import dataclasses
import json

import pytest

from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.rendering.clip_renderer import Scene
from synth.scenes.elements import Solid, Surface
from synth_runs import PROJECT_ROOT, python


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What `blender_truth.py` found."""
    pytest.importorskip("bpy")
    out = tmp_path_factory.mktemp("truth") / "out.json"
    finished = python(PROJECT_ROOT / "tests" / "helpers" / "blender_truth.py", out)
    assert finished.returncode == 0, finished.stderr
    return json.loads(out.read_text())


@pytest.fixture(scope="module")
def checks(found):
    """Of a clip with something in the way, and of one without."""
    return found["checks"]


def test_a_clip_of_several_sightings_shows_each_in_its_own_place(found):
    seen = found["sightings"]
    assert seen["of"] == [0, 0, 1]
    assert seen["frames"] == [3, 128, 64, 3]
    assert seen["intrinsics"] == [3, 3, 3]
    assert seen["joints_apart"] < 1e-9
    assert seen["background_apart"] > 10


def test_the_silhouette_alone_is_the_one_that_the_faces_fill(checks):
    for check in checks:
        assert check["drawn"] == pytest.approx(check["whole"], rel=0.02)
        assert check["drawn_agreement"] > 0.97


def test_the_visible_ratio_is_what_is_seen_of_the_person_alone(checks):
    for check in checks:
        assert check["visible_ratio"] == pytest.approx(check["covered"] / check["whole"], abs=0.02)
    hidden, _ = checks
    assert hidden["visible_ratio"] < 0.95


def test_the_mask_is_the_person_alone_but_for_what_is_hidden(checks):
    hidden, free = checks
    assert free["mask_agreement"] > 0.98
    for check in (hidden, free):
        assert check["mask_beyond_whole"] < 0.02


def test_a_thing_of_the_place_that_stands_before_the_person_is_reckoned_with(body_model):
    clip = make_plan(RenderConfig(ids=1, frames=2, sightings=1, occlusion=0.0, without=("company",)))[0]
    (sighting,) = clip.sightings
    pillar = Solid((0.0, -2.0, 1.0), (0.4, 0.4, 2.0), 0, Surface("plain", (0.3,) * 3, (0.3,) * 3, 1.0, 0.8))
    behind = dataclasses.replace(pillar, centre=(0.0, 4.0, 1.0))
    for solids, hidden in (((), False), ((behind,), False), ((pillar,), True)):
        place = dataclasses.replace(sighting.place, solids=solids)
        scene = Scene.from_clip(body_model, clip, dataclasses.replace(sighting, place=place), clip.frame_rng())
        assert scene.may_be_hidden.tolist() == [hidden] * 2
