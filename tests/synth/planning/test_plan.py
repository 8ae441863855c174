"""The plan: data from one seed, with separate generators for identities, views and sightings."""

import ast
import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import synth
from alignnet_common.files import read_jsonl, write_jsonl
from alignnet_common.set_format import CAMERAS
from synth.cameras.camera import camera_rand
from synth.cameras.sensor import sensor_rand
from synth.planning import plan
from synth.planning.clearance import longest_unobstructed_walk, obstacles_of
from synth.planning.clip import Purpose, clip_record, defaults_implied, generator, plan_hash, plan_row
from synth.planning.config import RenderConfig
from synth.planning.identities import make_identity
from synth.planning.plan import make_plan
from synth.planning.sightings import SightingSampler
from synth.scenes.families import place_rand


def planned(**options):
    return make_plan(RenderConfig(**options))


def fields_of(clip):
    """Fields of a clip with one sighting, and of that sighting, by name."""
    (only,) = clip.sightings
    both = {field.name: getattr(one, field.name) for one in (only, clip) for field in dataclasses.fields(one)}
    return {name: value for name, value in both.items() if name != "sightings"}


def seen(**options):
    """Every clip of a plan with one sighting a clip, with the fields of `fields_of` as attributes."""
    return [SimpleNamespace(**fields_of(clip)) for clip in planned(**options)]


def test_walks_of_long_clips_are_unobstructed():
    clips = make_plan(RenderConfig(ids=15, frames=50, fps=10.0, occlusion=0.5))
    for clip in clips:
        (sighting,) = clip.sightings
        things, occluders = obstacles_of(sighting.place.solids), obstacles_of(sighting.place.occluders)
        assert longest_unobstructed_walk(clip.camera, sighting.walk, things, occluders, longest=5.0) == 5.0


def test_clips_are_ordered_by_person_and_camera():
    names = [clip.name for clip in planned(ids=3)]
    assert names == [f"cam_{camera}/person_{person:04d}" for person in (1, 2, 3) for camera in "ab"]


def test_equal_seeds_give_equal_plans_and_other_seeds_others():
    assert planned(ids=3, seed=0) == planned(ids=3, seed=0)
    for first, second in zip(seen(ids=3, seed=0), seen(ids=3, seed=1), strict=True):
        for name in ("identity", "camera", "sensor", "place", "tracker", "walk"):
            assert getattr(first, name) != getattr(second, name)


def test_the_plan_is_the_same_in_another_process():
    line = "from synth.planning.clip import plan_hash; from synth.planning.plan import make_plan\n"
    line += "from synth.planning.config import RenderConfig\n"
    line += "print([plan_hash(clip) for clip in make_plan(RenderConfig(ids=2, camera_pairs=1))])"
    found = subprocess.run(
        [sys.executable, "-c", line], capture_output=True, text=True, check=True, cwd=Path(synth.__file__).parents[1]
    )
    assert found.stdout.strip() == str([plan_hash(clip) for clip in planned(ids=2, camera_pairs=1)])


def test_the_plan_is_the_same_for_any_number_of_processes(monkeypatch):
    monkeypatch.setattr(plan, "WORTH_PROCESSES", 0)
    config = RenderConfig(ids=12, frames=2, sightings=2, outfits=2)
    assert make_plan(config, processes=2) == make_plan(config)
    part = dataclasses.replace(config, shard="2/3")
    assert make_plan(part, processes=3) == [clip for clip in make_plan(config) if clip.identity.person % 3 == 2]


def test_a_row_is_what_the_dataclasses_of_the_clip_say():
    for clip in planned(ids=3, frames=4, outfits=2):
        wanted = {"clip": clip.name, **dataclasses.asdict(clip)}
        assert clip_record(clip) == defaults_implied(wanted)
        as_floats = json.loads(json.dumps(clip_record(clip)), parse_int=float)
        assert plan_hash(clip) == hashlib.sha256(json.dumps(as_floats, sort_keys=True).encode()).hexdigest()


@pytest.mark.parametrize("pairs", [0, 3])
def test_more_identities_do_not_change_the_first_ones(pairs):
    few, many = (planned(ids=ids, camera_pairs=pairs) for ids in (3, 8))
    assert many[:6] == few
    assert [plan_hash(clip) for clip in many[:6]] == [plan_hash(clip) for clip in few]


def test_identities_differ_and_are_the_same_in_both_cameras():
    clips = seen(ids=6)
    for first, second in zip(clips[::2], clips[1::2], strict=True):
        assert first.identity == second.identity
        assert first.camera != second.camera
        assert first.sensor != second.sensor
        assert first.place != second.place
        assert first.walk != second.walk
    assert len({repr((clip.identity.phenotype, clip.identity.outfit)) for clip in clips}) == 6


def test_camera_pairs_are_assigned_in_turn():
    clips = seen(ids=7, camera_pairs=3)
    views = [(clip.camera, clip.sensor, dataclasses.replace(clip.place, occluders=())) for clip in clips]
    for person in range(7):
        for camera in (0, 1):
            assert views[2 * person + camera] == views[2 * (person % 3) + camera]
    assert len({repr(view) for view in views}) == 6
    alone = planned(ids=7)
    assert len({repr((clip.camera, clip.sensor)) for clip in alone}) == 14


def test_people_and_walks_do_not_depend_on_the_cameras():
    for own, shared in zip(seen(ids=5), seen(ids=5, camera_pairs=2), strict=True):
        assert own.identity == shared.identity
        assert own.walk == shared.walk
        assert own.tracker == shared.tracker


def test_identity_view_and_sighting_have_generators_of_their_own():
    for clip in planned(ids=4, occlusion=0.5):
        (only,), person, number = clip.sightings, clip.identity.person, CAMERAS.index(clip.camera_name)
        assert clip.identity == make_identity(0, person)
        view_rng = generator(0, Purpose.VIEW, person, number)
        assert (clip.camera, clip.sensor) == (camera_rand(view_rng), sensor_rand(view_rng))
        scene = place_rand(view_rng)
        assert dataclasses.replace(only.place, occluders=()) == scene
        sampler = SightingSampler(
            RenderConfig(occlusion=0.5), clip.camera, (), only.frames, generator(0, Purpose.CLIP, person, number)
        )
        other = sampler.with_bystanders(scene, generator(7, Purpose.BYSTANDERS, person, number))
        assert (other.tracker, other.walk) == (only.tracker, only.walk)


def test_frame_rate_samples_and_frames_do_not_change_identity_camera_and_scene():
    changed = {"frames": 7, "samples": 3, "fps": 10.0}
    for first, second in zip(seen(ids=3), seen(ids=3, **changed), strict=True):
        assert (first.identity, first.camera, first.place) == (second.identity, second.camera, second.place)
        assert (second.frames, second.samples, second.fps) == (7, 3, 10.0)
    assert not {plan_hash(clip) for clip in planned(ids=3)} & {plan_hash(clip) for clip in planned(ids=3, **changed)}


@pytest.mark.parametrize("share", [0.0, 0.25, 0.6, 1.0])
def test_the_share_of_occluded_clips_is_that_of_the_option(share):
    drawn = 0 < share < 1
    clips = seen(ids=120 if drawn else 50, occlusion=share)
    passers = [[other for other in clip.bystanders if other.offset[1] < 0] for clip in clips]
    found = np.mean([bool(clip.place.occluders or who) for clip, who in zip(clips, passers, strict=True)])
    assert found == pytest.approx(share, abs=0.1 if drawn else 0)  # drawn: three standard errors
    for clip, who in zip(clips, passers, strict=True):
        assert not (clip.place.occluders and who)
        for y in [solid.centre[1] for solid in clip.place.occluders] + [other.offset[1] for other in who]:
            # Between the person at the origin and the camera at negative Y.
            ground_distance = clip.camera.distance * np.cos(np.radians(clip.camera.pitch))
            assert -ground_distance < y < -0.4


def test_headings_are_uniform():
    headings = np.array([clip.walk.heading for clip in seen(ids=100)])
    counts, _ = np.histogram(headings, bins=8, range=(-180, 180))
    assert counts.sum() == 200
    assert counts.min() >= 10


def test_a_row_of_the_plan_survives_json_and_has_every_field_of_the_clip(tmp_path):
    clips = planned(ids=6, occlusion=0.9)
    write_jsonl(tmp_path / "plan.jsonl", [plan_row(clip) for clip in clips])
    rows = read_jsonl(tmp_path / "plan.jsonl")
    assert rows == json.loads(json.dumps([plan_row(clip) for clip in clips]))
    for row, clip in zip(rows, clips, strict=True):
        assert next(iter(row)) == "clip"
        assert row["clip"] == clip.name
        assert set(row) == {"clip", "generator", *(field.name for field in dataclasses.fields(clip))}
        assert row["identity"]["gait"]["cadence"] == clip.identity.gait.cadence
        assert row["sightings"][0]["place"]["light"]["sun"] == clip.sightings[0].place.light.sun


def test_the_hash_depends_on_every_field_of_a_clip():
    clips = planned(ids=20)
    assert len({plan_hash(clip) for clip in clips}) == 40
    clip, (only,) = clips[0], clips[0].sightings
    other = next(one for one in clips if one.camera_name != clip.camera_name and one.identity != clip.identity)
    changes = {field.name: getattr(other, field.name) for field in dataclasses.fields(clip)}
    changes |= {"samples": clip.samples + 1, "denoise": not clip.denoise, "seed": clip.seed + 1, "noise_samples": 40}
    changed = {name: dataclasses.replace(clip, **{name: value}) for name, value in changes.items()}
    seen = {field.name: getattr(other.sightings[0], field.name) for field in dataclasses.fields(only)}
    seen |= {"frames": only.frames + 1, "fps": only.fps + 1, "outfit": 1}
    seen |= {"walk": dataclasses.replace(only.walk, turn=only.walk.turn + 1e-9)}
    for name, value in seen.items():
        changed[f"sighting's {name}"] = dataclasses.replace(
            clip, sightings=(dataclasses.replace(only, **{name: value}),)
        )
    unfelt = [name for name, one in changed.items() if one != clip and plan_hash(one) == plan_hash(clip)]
    same = [name for name, one in changed.items() if one == clip]
    assert (unfelt, same) == ([], [])


def test_noise_that_is_kept_is_that_of_more_samples_and_left_out_of_a_row_without_any():
    clean, mixed = (planned(ids=1, noise_samples=noise)[0] for noise in (0, 16))
    assert (clean.kept_noise, mixed.kept_noise) == (0.0, pytest.approx(0.406, abs=1e-3))
    assert "noise_samples" not in clip_record(clean)
    assert clip_record(mixed) == clip_record(clean) | {"noise_samples": 16}
    assert planned(ids=1)[0] == mixed


@pytest.mark.parametrize(
    ("options", "denoised", "noise_samples"),
    [
        ({}, True, 16),
        ({"samples": 15}, True, 16),
        ({"samples": 16}, False, 0),
        ({"samples": 64}, False, 0),
        ({"samples": 64, "noise_samples": 0}, True, 0),
        ({"denoise": False}, False, 0),
        ({"samples": 8, "denoise": False, "noise_samples": 0}, False, 0),
    ],
)
def test_frames_are_denoised_that_have_more_noise_than_they_keep(options, denoised, noise_samples):
    clip = planned(ids=1, **options)[0]
    assert (clip.denoise, clip.noise_samples) == (denoised, noise_samples)


def test_generators_differ_between_keys_and_repeat_for_one_key():
    keys = [(0, 0), (0, 1), (1, 0), (0, 0, 0), (1,), (0,)]
    draws = [generator(0, *key).random() for key in keys] + [generator(1, 0, 0).random()]
    assert len(set(draws)) == len(draws)
    assert generator(0, 1, 2).random() == generator(0, 1, 2).random()
    clips = planned(ids=2)
    assert len({clip.frame_rng().random() for clip in clips}) == 4


def test_arms_are_spread_over_wide_clothes():
    clips = planned(ids=60)[::2]
    spread = {True: [], False: []}
    for clip in clips:
        wide = clip.identity.outfit.top.hem < 0 or clip.identity.outfit.bottom.kind == "skirt"
        spread[wide].append(clip.identity.gait.arm_spread)
    assert min(spread[True]) > np.mean(spread[False])


@pytest.mark.parametrize("path", sorted(Path(synth.__file__).parent.rglob("*.py")), ids=lambda path: path.name)
def test_no_module_draws_from_global_state_or_the_clock(path):
    allowed = {"default_rng", "Generator", "SeedSequence"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not {name.name.split(".")[0] for name in node.names} & {"random", "uuid", "secrets"}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in {"random", "uuid", "secrets"}
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
            assert node.attr in allowed, f"{path.name}, line {node.lineno}"
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "time":
            # Only the duration of a run is measured.
            assert path.name == "render.py"
            assert node.attr == "monotonic"


def test_frames_are_spread_over_the_unobstructed_seconds_without_fps():
    few, many = seen(ids=12, frames=8, sightings=1), seen(ids=12, frames=50)
    seconds = np.array([clip.frames / clip.fps for clip in few])
    assert seconds.min() >= 2 - 1e-9
    assert seconds.max() <= 6 + 1e-9
    assert len(set(seconds.round(3))) > 5
    assert {clip.fps for clip in many} == {25.0}
    half = np.array([25 / clip.fps for clip in seen(ids=12, frames=25)])
    np.testing.assert_allclose(half, np.minimum(seconds, 4.0))
    assert {clip.fps for clip in seen(ids=2, frames=8, fps=12.5)} == {12.5}


def frames_of(**options):
    return RenderConfig(**options).frames_of_sightings


def test_few_frames_come_from_several_sightings_and_video_from_one():
    assert frames_of(frames=4) == (1, 1, 1, 1)
    assert frames_of(frames=10) == (2, 2, 1, 1, 1, 1, 1, 1)
    assert frames_of(frames=3) == (1, 1, 1)
    assert frames_of(frames=15) == (15,)
    assert frames_of() == (50,)
    assert frames_of(frames=8, fps=12.5) == frames_of(frames=8, camera_pairs=1) == (8,)
    assert frames_of(frames=50, sightings=3) == (17, 17, 16)
    assert frames_of(frames=8, without=("sightings",)) == (8,)
    with pytest.raises(ValueError, match="--sightings 5"):
        RenderConfig(frames=4, sightings=5)


def test_sightings_of_a_clip_differ_in_scene_walk_and_tracker():
    for clip in planned(ids=4, frames=8, sightings=4):
        assert [sighting.frames for sighting in clip.sightings] == [2, 2, 2, 2]
        for what in ("place", "walk", "tracker"):
            assert len({repr(getattr(sighting, what)) for sighting in clip.sightings}) == 4


def test_more_sightings_do_not_change_the_first_ones():
    for two, four in zip(planned(ids=4, frames=4, sightings=2), planned(ids=4, frames=8, sightings=4), strict=True):
        assert four.sightings[:2] == two.sightings
        assert (four.identity, four.camera, four.sensor) == (two.identity, two.camera, two.sensor)


def test_only_the_first_sighting_has_an_occluder():
    clips = planned(ids=30, frames=4, occlusion=1.0)
    hidden = np.array([[bool(one.place.occluders) for one in clip.sightings] for clip in clips])
    assert hidden.shape == (60, 4)
    assert 0.5 < hidden[:, 0].mean() < 0.9  # the others are occluded by a bystander
    assert not hidden[:, 1:].any()


def test_fixed_cameras_share_the_scene_of_each_sighting():
    clips = planned(ids=3, frames=4, camera_pairs=1, sightings=2, occlusion=0)
    for name in ("cam_a", "cam_b"):
        mine = [[one.place for one in clip.sightings] for clip in clips if clip.camera_name == name]
        assert mine[0] == mine[1] == mine[2]
