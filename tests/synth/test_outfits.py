"""Rendered sets with several outfits a person, by the real commands."""

import json
import shutil

import numpy as np
import pytest

import synth_runs
from alignnet_common.checked.set_rows import read_manifest
from filled_sets import filled, verified
from synth.dataset.coco import annotations
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import finished_rows, read_truth
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.preview import PreviewConfig, preview
from synth.render import alike_note
from synth.report import contact_sheets
from synth_runs import frames_of, hashes, rows, truth_of

PLAN = make_plan(RenderConfig(ids=3, frames=4, sightings=2, outfits=3))


def render(out, *options):
    """`python -m synth.render` with the options of the shared set of outfits, then `options`."""
    return synth_runs.python("-m", "synth.render", *synth_runs.OUTFITS, "--out", out, *options)


@pytest.fixture
def changed(rendered_outfits):
    """The folder of the shared set of four people in two outfits each."""
    return rendered_outfits


def test_annotations_and_manifest_have_the_outfits_of_the_plan(changed):
    manifest = read_manifest(changed / "manifest.jsonl")
    for row in rows(changed / "plan.jsonl"):
        worn = [sighting["outfit"] for sighting in row["sightings"]]
        assert sorted(worn) == [0, 1]
        assert manifest[row["clip"]]["outfits"] == worn
        assert len(row["identity"]["changes"]) == 1
        found = truth_of(changed, row["clip"])
        assert found.outfit.dtype == np.int64
        assert found.outfit.tolist() == [worn[number] for number in found.sighting]


def test_clothes_change_and_the_frames_of_the_first_outfit_are_those_without_outfits(changed, tmp_path):
    """Frames in outfit 0 differ from the set of one outfit by the sensor's noise at most: it is drawn clip by clip."""
    plain = render(tmp_path / "plain", "--outfits", "1", "--workers", "1")
    assert plain.returncode == 0, plain.stderr
    same, other = [], []
    for row in rows(changed / "plan.jsonl"):
        first, second = (frames_of(folder, row["clip"]).astype(float) for folder in (changed, tmp_path / "plain"))
        truth = truth_of(changed, row["clip"])
        for number, outfit in enumerate(truth.outfit):
            mask = truth.mask[number]
            (other if outfit else same).append(np.abs(first[number] - second[number])[mask].mean())
    assert max(same) < 12
    assert np.mean(other) > 3 * np.mean(same)


def test_one_worker_gives_the_same_set_and_a_lost_clip_is_rendered_again(changed, tmp_path):
    shutil.copytree(changed, tmp_path / "set")
    clips = list(hashes(changed))
    shutil.rmtree(tmp_path / "set" / "multi_shot" / clips[0])
    kept = [row for row in rows(changed / "manifest.jsonl") if row["clip"] not in clips[2:4]]
    (tmp_path / "set" / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    again = render(tmp_path / "set", "--workers", "1")
    assert again.returncode == 0, again.stderr
    assert "5 there, 3 to render" in again.stdout
    assert hashes(tmp_path / "set") == hashes(changed)
    names = ("annotations_sha256", "outfits", "plan_sha256")
    found, expected = (read_manifest(folder / "manifest.jsonl") for folder in (tmp_path / "set", changed))
    assert [[found[clip][name] for name in names] for clip in clips] == [
        [expected[clip][name] for name in names] for clip in clips
    ]


def test_a_set_of_another_number_of_outfits_is_refused(changed, tmp_path):
    shutil.copytree(changed, tmp_path / "set")
    other = render(tmp_path / "set", "--outfits", "3")
    assert other.returncode == 2
    assert "holds clips of other options" in other.stderr


def test_pages_and_exports_name_the_outfits(changed, tmp_path):
    preview(PreviewConfig(changed, tmp_path))
    assert (tmp_path / "outfits.png").is_file()
    assert "people in each of their outfits" in (tmp_path / "index.html").read_text()
    numbers = json.loads((tmp_path / "statistics.json").read_text())
    tops = next(share for share in numbers["shares"] if share["title"] == "Tops")
    assert (tops["of"], sum(tops["counts"].values())) == ("outfits", 8)
    card = (changed / "README.md").read_text()
    assert "| outfits per identity | 2 |" in card
    assert "Identities have up to 2 outfits" in card
    source = RenderedSet(changed)
    found = list(annotations(source, finished_rows(source)))
    expected = [outfit for clip in hashes(changed) for outfit in truth_of(changed, clip).outfit]
    assert [each["outfit"] for each in found] == expected
    sheet = contact_sheets.outfits_sheet(source, read_manifest(source.manifest), [1, 2, 3], scale=1)
    assert sheet.shape[1] == 4 * 64 + 3 * 2  # two outfits, each by two cameras


def test_a_clip_without_the_array_is_of_outfit_0(tmp_path):
    target = filled(tmp_path, PLAN[:2])
    file = target.annotation(PLAN[0].name)
    with np.load(file) as arrays:
        older = {name: arrays[name] for name in arrays.files if name != "outfit"}
    np.savez_compressed(file, **older)
    found = read_truth(target, PLAN[0].name, ("outfit", "sighting"))
    assert found["outfit"].tolist() == [0] * PLAN[0].frames
    assert contact_sheets.changing({"cam_a/person_0001": {"person": 1}}) == []


@pytest.mark.parametrize("where", ["annotations", "manifest"])
def test_other_outfits_than_planned_are_found(tmp_path, monkeypatch, capsys, where):
    from synth.dataset.hashes import arrays_sha256

    target = filled(tmp_path, PLAN)
    assert verified(monkeypatch, capsys, tmp_path)[0] == 0
    listed = rows(target.manifest)
    if where == "manifest":
        listed[0]["outfits"] = [1, 1]
    else:
        file = target.annotation(PLAN[0].name)
        with np.load(file) as arrays:
            changed = {name: arrays[name] for name in arrays.files}
        changed["outfit"] = changed["outfit"] + 1
        np.savez_compressed(file, **changed)
        listed[0]["annotations_sha256"] = arrays_sha256(changed)
    target.manifest.write_text("".join(json.dumps(row) + "\n" for row in listed))
    code, lines, _ = verified(monkeypatch, capsys, tmp_path)
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"{PLAN[0].name}: ")
    assert "outfits" in lines[0]


def test_a_note_counts_people_whom_a_change_of_clothes_makes_equal():
    plan = make_plan(RenderConfig(ids=20, frames=2, sightings=2, outfits=2))
    people = {clip.identity.person: clip.identity.differs_in for clip in plan}
    alike = sum(factor not in (None, "hair", "skin", "build") for factor in people.values())
    assert alike > 0
    assert f"note: {alike} of 20 people" in alike_note(plan)
    assert alike_note(make_plan(RenderConfig(ids=20, frames=2))) is None
    assert alike_note(make_plan(RenderConfig(ids=20, frames=2, sightings=2, outfits=2, without=("twins",)))) is None
