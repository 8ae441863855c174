"""`python -m synth.verify` finds all damage to a set; a second render repairs only that."""

import json

import imageio.v3 as iio
import numpy as np
import pytest

from alignnet_common.files import write_jsonl
from filled_sets import PLAN, filled, flip, noise, verified
from synth.dataset.layout import RenderedSet
from synth.dataset.manifest import append_row, begin_set, finish_set, open_set
from synth.dataset.writer import write_clip
from synth_runs import rows, snapshot

CLIP = PLAN[2].name


def repaint(path):
    """Replace a frame by another valid one."""
    frame = iio.imread(path).copy()
    frame[0, 0, 0] ^= 1
    iio.imwrite(path, frame)


def other_truth(path):
    """Replace annotations by other valid ones."""
    with np.load(path) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    found["joints2d"] += 1
    np.savez_compressed(path, **found)


def without_row(target):
    write_jsonl(target.manifest, [row for row in rows(target.manifest) if row["clip"] != CLIP])


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = {
    "a frame is gone": (lambda t: (t.frames(CLIP) / "0002.png").unlink(), "is missing"),
    "a frame is cut short": (lambda t: truncated(t.frames(CLIP) / "0002.png"), "0002.png is broken"),
    "a bit of a frame is flipped": (lambda t: flip(t.frames(CLIP) / "0001.png", -5000), "0001.png"),
    "a frame is another picture": (lambda t: repaint(t.frames(CLIP) / "0001.png"), "other pixels"),
    "a frame too many": (lambda t: (t.frames(CLIP) / "0003.png").write_bytes(b""), "unexpected"),
    "no annotations": (lambda t: t.annotation(CLIP).unlink(), "is missing"),
    "annotations cut short": (lambda t: truncated(t.annotation(CLIP)), ".npz is broken"),
    "other annotations": (lambda t: other_truth(t.annotation(CLIP)), "other arrays"),
    "no row": (without_row, "files, but no row in the manifest"),
}


def test_an_undamaged_set_passes(tmp_path, monkeypatch, capsys):
    out = filled(tmp_path / "set").out
    (out / "README.md").write_text("the card is no unexpected file")
    before = snapshot(out)
    code, lines, complaint = verified(monkeypatch, capsys, out, "--json", tmp_path / "found.json")
    assert (code, complaint) == (0, "")
    assert lines == [f"{out}: all 6 clips are as they were rendered (12 frames)"]
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["clips"], found["sound"], found["faults"], found["surplus"]) == (6, 6, {}, [])
    assert snapshot(out) == before


@pytest.mark.parametrize("how", DAMAGE)
def test_damage_is_reported_and_a_second_render_repairs_only_that_clip(tmp_path, monkeypatch, capsys, how):
    target = filled(tmp_path / "set")
    target.config.touch()
    damage, wanted = DAMAGE[how]
    damage(target)
    before = snapshot(target.out)
    code, lines, complaint = verified(monkeypatch, capsys, target.out)
    assert code == 1
    (line,) = lines
    assert line.startswith(f"{CLIP}: ") or how == "a bit of a frame is flipped"
    assert wanted in line
    assert complaint.startswith(f"error: {target.out}: 1 of 6 clips are missing or damaged, 0 files are unexpected: ")
    assert f"python -m synth.render --config {target.config} --out {target.out}" in complaint
    assert snapshot(target.out) == before
    # As synth.render does when the command is repeated:
    finished, waiting = open_set(target, PLAN)
    assert [clip.name for clip in waiting] == [CLIP]
    begin_set(target, PLAN, finished)
    append_row(target, write_clip(target, waiting[0], noise(waiting[0])))
    finish_set(target, PLAN)
    assert verified(monkeypatch, capsys, target.out)[0] == 0


def test_unexpected_files_are_reported_and_not_deleted(tmp_path, monkeypatch, capsys):
    target = filled(tmp_path / "set")
    stranger = target.frames("cam_a/person_0099")
    stranger.mkdir()
    half = target.annotation(CLIP).with_name(".person_0001.npz.7.partial")
    half.write_bytes(b"half")
    before = snapshot(target.out)
    code, lines, complaint = verified(monkeypatch, capsys, target.out)
    assert code == 1
    assert lines == [f"{path}: unexpected file" for path in sorted((half, stranger))]
    assert complaint.endswith(
        "0 of 6 clips are missing or damaged, 2 files are unexpected: delete the unexpected files"
    )
    assert snapshot(target.out) == before


def test_clips_that_are_not_rendered_yet_are_reported(tmp_path, monkeypatch, capsys):
    target = filled(tmp_path / "set", clips=PLAN[:4])
    code, lines, _ = verified(monkeypatch, capsys, target.out)
    assert code == 1
    assert lines == [f"{clip.name}: not rendered" for clip in PLAN[4:]]


def test_a_clip_of_another_plan_is_reported(tmp_path, monkeypatch, capsys):
    target = filled(tmp_path / "set")
    plan = rows(target.plan)
    plan[2]["fps"] = 7.0
    write_jsonl(target.plan, plan)
    assert verified(monkeypatch, capsys, target.out)[1] == [f"{CLIP}: rendered by another plan"]


def test_at_most_20_errors_are_printed(tmp_path, monkeypatch, capsys):
    target = filled(tmp_path / "set")
    for number in range(30):
        target.frames(f"cam_a/person_1{number:03d}").mkdir()
    _, lines, _ = verified(monkeypatch, capsys, target.out, "--json", tmp_path / "found.json")
    assert len(lines) == 21
    assert lines[-1] == "and 10 more"
    assert len(json.loads((tmp_path / "found.json").read_text())["surplus"]) == 30


@pytest.mark.parametrize("content", [None, "[1]\n", "{not JSON}\n{}\n"])
def test_a_folder_without_a_plan_is_refused(tmp_path, monkeypatch, capsys, content):
    if content is not None:
        (tmp_path / "plan.jsonl").write_text(content)
    code, lines, complaint = verified(monkeypatch, capsys, tmp_path)
    assert (code, lines) == (2, [])
    assert str(tmp_path) in complaint


def test_a_set_without_annotation_hashes_passes(tmp_path, monkeypatch, capsys):
    target = filled(tmp_path / "set")
    old = [
        {name: value for name, value in row.items() if name != "annotations_sha256"} for row in rows(target.manifest)
    ]
    write_jsonl(target.manifest, old)
    assert verified(monkeypatch, capsys, target.out)[0] == 0
    assert RenderedSet(target.out) == target
