"""Edited plans: they are read back unchanged, and errors name the line and the field."""

import dataclasses
import json

import pytest

from alignnet_common.errors import UserError
from alignnet_common.files import write_jsonl
from synth.planning.clip import plan_hash, plan_row
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.planning.plan_file import read_plan


@pytest.fixture(scope="module")
def plan():
    """Six clips, half of them with an occluder."""
    return make_plan(RenderConfig(ids=3, frames=2, occlusion=0.5, seed=1))


@pytest.fixture
def edited(tmp_path, plan):
    """A function that applies `edit` to the rows of the plan, writes them and returns the file."""

    def write(edit):
        rows = json.loads(json.dumps([plan_row(clip) for clip in plan]))
        edit(rows)
        write_jsonl(tmp_path / "plan.jsonl", rows)
        return tmp_path / "plan.jsonl"

    return write


def test_an_unedited_plan_is_read_back_unchanged(edited, plan):
    found = read_plan(edited(lambda rows: None))
    assert [plan_row(clip) for clip in found] == [plan_row(clip) for clip in plan]
    assert [plan_hash(clip) for clip in found] == [plan_hash(clip) for clip in plan]


@pytest.mark.parametrize("version", [None, "3.2"])
def test_a_plan_of_any_generator_version_is_read(edited, plan, version):
    def edit(rows):
        for row in rows:
            row["generator"] = version
            if version is None:
                del row["generator"]

    assert read_plan(edited(edit)) == plan


def test_edits_are_read_and_rows_may_be_removed_or_reordered(edited, plan):
    def edit(rows):
        rows[1]["identity"]["phenotype"]["height"] = 0.5
        rows[1]["samples"] = 8
        del rows[0]
        rows.reverse()

    found = read_plan(edited(edit))
    assert [clip.name for clip in found] == [clip.name for clip in plan[1:]]
    changed = dataclasses.replace(plan[1].identity.phenotype, height=0.5)
    assert found[0].identity.phenotype == changed
    assert found[0].samples == 8
    assert plan_hash(found[0]) != plan_hash(plan[1])
    assert [plan_hash(clip) for clip in found[1:]] == [plan_hash(clip) for clip in plan[2:]]


MISTAKES = {
    "a word for a number": (lambda row: row["camera"].update(pitch="steep"), r"line 2: camera\.pitch: .*number"),
    "an unknown kind": (
        lambda row: row["sightings"][0]["walk"].update(kind="hopping"),
        r"sightings\.0\.walk\.kind: .*'straight'",
    ),
    "a misspelt field": (lambda row: row["sensor"].update(exposur=1.0), r"sensor\.exposur: no clip has such a field"),
    "a field that is gone": (lambda row: row["sensor"].pop("gamma"), r"sensor\.gamma: field required"),
    "another name": (lambda row: row.update(clip="cam_a/person_0007"), r"clip: 'cam_a/person_0007' should be 'cam_b"),
    "no frames": (lambda row: row["sightings"][0].update(frames=0), "sighting must have 1 frame or more"),
    "a seed below 0": (lambda row: row.update(seed=-1), "line 2: seed must be 0 or more"),
    "noise of nothing": (lambda row: row.update(denoise=False), "noise_samples must be 0, or more than samples"),
    "in the camera": (lambda row: row["camera"].update(distance=0.0), "camera.distance must be above 0"),
    "no crop": (lambda row: row["sightings"][0]["tracker"].update(margin=0.0), "tracker.margin must be above 0"),
    "no width": (lambda row: row["sightings"][0]["tracker"].update(aspect=-0.5), "tracker.aspect must be above 0"),
    "a negative jitter": (
        lambda row: row["sightings"][0]["tracker"].update(jitter=-0.01),
        "tracker.jitter must be 0 or more",
    ),
    "backwards": (lambda row: row["sightings"][0]["walk"].update(pace=-0.5), "walk.pace must be 0 or more"),
    "no step": (lambda row: row["identity"]["gait"].update(cadence=0.0), "identity.gait.cadence must be above 0"),
    "no size of a tile": (
        lambda row: row["sightings"][0]["place"]["ground"].update(scale=0.0),
        "surfaces whose scale is above 0",
    ),
    "a giant": (lambda row: row["identity"]["phenotype"].update(height=5.0), "identity.phenotype must be 0 to 1"),
    "no codec loses so": (lambda row: row["sensor"].update(loss=99), "sensor.loss must be 0 to 51"),
    "a pause of days": (lambda row: row["sightings"][0].update(fps=1e-6), "fps of 0.1 or more"),
    "never seen": (lambda row: row.update(sightings=[]), "sightings not empty"),
    "person 0": (lambda row: row["identity"].update(person=0) or row.update(clip="cam_b/person_0000"), "1 to 9999"),
    "too much in a colour": (lambda row: row["identity"]["outfit"]["skin"].append(0.5), "identity.outfit.skin"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_invalid_value_is_reported_with_line_and_field(edited, mistake):
    change, complaint = MISTAKES[mistake]
    with pytest.raises(UserError, match=complaint) as raised:
        read_plan(edited(lambda rows: change(rows[1])))
    assert "\n" not in str(raised.value)


def test_nan_is_refused(edited):
    file = edited(lambda rows: rows[1]["sightings"][0].update(fps="here"))
    file.write_text(file.read_text().replace('"here"', "NaN"))
    with pytest.raises(UserError, match="line 2: NaN is no finite number"):
        read_plan(file)


def test_duplicate_clips_and_empty_broken_or_missing_files_are_refused(edited, tmp_path):
    with pytest.raises(UserError, match="cam_a/person_0001"):
        read_plan(edited(lambda rows: rows.append(rows[0])))
    file = edited(lambda rows: None)
    file.write_text(file.read_text().rstrip()[:-1] + "x")  # the last line, without an end
    with pytest.raises(UserError, match="line 6: not JSON"):
        read_plan(file)
    with pytest.raises(UserError, match="is empty"):
        read_plan(edited(lambda rows: rows.clear()))
    with pytest.raises(UserError, match="no such file"):
        read_plan(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="line 1: is not a clip"):
        read_plan(edited(lambda rows: rows.insert(0, [1])))


def test_the_command_renders_the_clips_of_the_file(edited, typed, tmp_path):
    file, out = edited(lambda rows: rows.pop()), tmp_path / "set"
    code, printed, _ = typed("--plan", file, "--out", out, "--dry-run")
    assert code == 0
    assert "5 clips planned, 0 there, 5 to render (10 frames)" in printed
    _, part, _ = typed("--plan", file, "--out", out, "--dry-run", "--shard", "2/3")
    assert "2 clips planned" in part
    wrong = edited(lambda rows: rows[0]["sightings"][0].update(fps="fast"))
    code, _, complaint = typed("--plan", wrong, "--out", out)
    assert code == 2
    assert "line 1: sightings.0.fps: " in complaint
    assert complaint.count("\n") == 1
