"""Sets on disk, without rendering: clips of noise are written completely or not at all."""

import dataclasses
import hashlib
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from alignnet_common.checked.set_rows import read_manifest
from alignnet_common.errors import UserError
from alignnet_common.files import write_jsonl
from alignnet_common.set_format import GENERATOR_VERSION
from filled_sets import PLAN, filled, names, noise
from synth.dataset.hashes import pixels_sha256
from synth.dataset.integrity import clip_errors, planned_clips
from synth.dataset.layout import RenderedSet
from synth.dataset.manifest import append_row, begin_set, finish_set, mixture_note, open_set
from synth.dataset.reader import read_truth
from synth.dataset.writer import write_clip
from synth.planning.clip import plan_hash, plan_row, row_hash
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth_runs import frames_of, rows, snapshot, truth_of


def test_a_written_clip_is_read_back_unchanged(tmp_path):
    clip = PLAN[0]
    rendered = noise(clip)
    row = write_clip(RenderedSet(tmp_path), clip, rendered)
    np.testing.assert_array_equal(frames_of(tmp_path, clip.name), rendered.frames)
    truth = truth_of(tmp_path, clip.name)
    np.testing.assert_array_equal(truth.mask, [frame.mask for frame in rendered.truth])
    np.testing.assert_allclose(truth.joints2d, [frame.joints2d for frame in rendered.truth], rtol=1e-6)
    assert (row["clip"], row["person"], row["camera"], row["frames"]) == (clip.name, 1, "cam_a", 2)
    assert row["visible_ratio"] == 0.75


def test_the_hash_is_of_the_decoded_pixels_in_order(tmp_path):
    clip = PLAN[0]
    row = write_clip(RenderedSet(tmp_path), clip, noise(clip))
    folder = tmp_path / "multi_shot" / clip.name
    content = b"".join(iio.imread(folder / f"{number:04d}.png").tobytes() for number in (1, 2))
    assert row["pixels_sha256"] == hashlib.sha256(content).hexdigest()
    frames = noise(clip).frames
    assert pixels_sha256(frames) == row["pixels_sha256"]
    assert pixels_sha256(frames[::-1]) != row["pixels_sha256"]
    assert pixels_sha256(frames[..., ::-1]) != row["pixels_sha256"]


@pytest.mark.parametrize("where", ["second frame", "annotations"])
@pytest.mark.parametrize("there_before", [True, False])
def test_a_failure_while_writing_leaves_no_half_clip(tmp_path, monkeypatch, where, there_before):
    clip, target = PLAN[0], RenderedSet(tmp_path)
    if there_before:
        write_clip(target, clip, noise(clip))
    before = {path.name for path in tmp_path.rglob("*") if path.is_file()}

    written = Path.write_bytes

    def failing(path, content):
        if path.name == "0002.png" if where == "second frame" else ".npz" in path.name:
            written(path, content[:10])
            raise OSError("no more")
        return written(path, content)

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises(OSError, match="no more"):
        write_clip(target, clip, noise(clip))
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == before
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".partial")]
    assert target.frames(clip.name).exists() == there_before


def test_a_missing_or_empty_folder_is_a_new_set(tmp_path):
    assert open_set(RenderedSet(tmp_path / "absent"), PLAN) == ([], PLAN)
    assert open_set(RenderedSet(tmp_path), PLAN) == ([], PLAN)
    assert not (tmp_path / "absent").exists()


def test_finished_clips_are_not_rendered_again(tmp_path):
    target = filled(tmp_path / "set", clips=PLAN[1:3])
    finished, waiting = open_set(target, PLAN)
    assert [row["clip"] for row in finished] == names(PLAN[1:3])
    assert names(waiting) == names([PLAN[0], *PLAN[3:]])


def spoilt(target, how, clip):
    if how == "frames gone":
        for path in target.frames(clip).iterdir():
            path.unlink()
        target.frames(clip).rmdir()
    elif how == "one frame gone":
        (target.frames(clip) / "0002.png").unlink()
    elif how == "annotations gone":
        target.annotation(clip).unlink()
    elif how == "row gone":
        write_jsonl(target.manifest, [row for row in rows(target.manifest) if row["clip"] != clip])
    elif how == "row torn":
        kept = [row for row in rows(target.manifest) if row["clip"] != clip]
        write_jsonl(target.manifest, kept)
        with target.manifest.open("a") as stream:
            stream.write('{"clip": "' + clip)


@pytest.mark.parametrize("how", ["frames gone", "one frame gone", "annotations gone", "row gone", "row torn"])
def test_only_a_damaged_clip_is_rendered_again(tmp_path, how):
    target = filled(tmp_path / "set")
    spoilt(target, how, PLAN[2].name)
    finished, waiting = open_set(target, PLAN)
    assert names(waiting) == [PLAN[2].name]
    assert [row["clip"] for row in finished] == names([*PLAN[:2], *PLAN[3:]])


def test_partial_files_of_a_killed_run_are_removed(tmp_path):
    target = filled(tmp_path / "set", clips=PLAN[:2])
    half = target.frames(PLAN[2].name).with_name(".person_0002.99.partial")
    half.mkdir(parents=True)
    (half / "0001.png").write_bytes(b"half")
    (target.annotation(PLAN[0].name).parent / ".person_0009.npz.99.partial").write_bytes(b"half")
    target.failure.write_text("the last run failed")
    (target.out / ".manifest.3-of-8.jsonl.99.partial").write_bytes(b"half")
    finished, _ = open_set(target, PLAN)
    begin_set(target, PLAN, finished)
    left = [path.name for path in target.out.rglob("*") if "partial" in path.name or path.name == "failure.txt"]
    assert left == []
    assert [row["clip"] for row in rows(target.manifest)] == names(PLAN[:2])
    assert len(frames_of(target.out, PLAN[0].name)) == 2


def test_the_finished_manifest_is_in_the_plans_order(tmp_path):
    target = filled(tmp_path / "set", clips=[PLAN[number] for number in (4, 0, 5, 2, 1, 3)])
    assert [row["clip"] for row in finish_set(target, PLAN)] == names(PLAN)
    assert [row["clip"] for row in rows(target.manifest)] == names(PLAN)


def test_a_duplicate_row_counts_once(tmp_path):
    target = filled(tmp_path / "set")
    append_row(target, rows(target.manifest)[0])
    finished, waiting = open_set(target, PLAN)
    assert [row["clip"] for row in finished] == names(PLAN)
    assert waiting == []


def test_more_identities_extend_a_set(tmp_path):
    target = filled(tmp_path / "set")
    finished, waiting = open_set(target, make_plan(RenderConfig(ids=4, frames=2)))
    assert len(finished) == 6
    assert names(waiting) == ["cam_a/person_0004", "cam_b/person_0004"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"seed": 1}, "clips of other options"),
        ({"frames": 3}, "clips of other options"),
        ({"samples": 5}, "clips of other options"),
        ({"denoise": False}, "clips of other options"),
        ({"noise_samples": 64}, "clips of other options"),
        ({"fps": 10.0}, "clips of other options"),
        ({"camera_pairs": 1}, "clips of other options"),
        ({"ids": 2}, "clips that are not asked for"),
    ],
)
def test_a_set_of_other_options_is_refused_and_unchanged(tmp_path, options, complaint):
    target = filled(tmp_path / "set")
    before = snapshot(tmp_path)
    config = dataclasses.replace(RenderConfig(ids=3, frames=2), **options)
    with pytest.raises(UserError, match=complaint):
        open_set(target, make_plan(config))
    assert snapshot(tmp_path) == before


def test_files_of_a_run_killed_at_its_start_are_a_new_set(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".plan.jsonl.4711.partial").write_text('{"clip')
    target = RenderedSet(tmp_path)
    assert open_set(target, PLAN) == ([], PLAN)
    begin_set(target, PLAN, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "manifest.jsonl", "plan.jsonl"]


def test_annotations_with_a_flipped_bit_are_reported(tmp_path):
    target = filled(tmp_path / "set", clips=PLAN[:1])
    file = target.annotation(PLAN[0].name)
    whole, rng = file.read_bytes(), np.random.default_rng(0)
    complaints = 0
    for place in rng.integers(len(whole), size=800):
        broken = bytearray(whole)
        broken[place] ^= 1 << int(rng.integers(8))
        file.write_bytes(broken)
        try:
            read_truth(target, PLAN[0].name, ("joints2d", "mask"))
        except UserError as complaint:
            assert str(target.annotation(PLAN[0].name)) in str(complaint)
            complaints += 1
    assert complaints > 0


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "multi_shot"])
def test_a_folder_with_other_files_is_refused(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match="not a rendered set"):
        open_set(RenderedSet(tmp_path), PLAN)
    with pytest.raises(UserError, match="not a rendered set"):
        open_set(RenderedSet(tmp_path / name), PLAN)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"clip": \n{"clip": "cam_a/person_0001"}\n', "line 1: not JSON"),
        ('{"file": "somebody else\'s"}\n', "not a rendered set's"),
        ("[1, 2]\n", "not a rendered set's"),
    ],
)
def test_a_broken_manifest_is_refused(tmp_path, content, complaint):
    (tmp_path / "manifest.jsonl").write_text(content)
    with pytest.raises(UserError, match=complaint):
        open_set(RenderedSet(tmp_path), PLAN)


def without_generator(path):
    """Take the field "generator" out of the rows of a plan or manifest, as before it was named."""
    write_jsonl(path, [{key: value for key, value in row.items() if key != "generator"} for row in rows(path)])


def test_a_set_of_an_unnamed_generator_version_goes_on_with_a_note(tmp_path):
    target = filled(tmp_path / "set", clips=PLAN[:4])
    assert mixture_note(target, open_set(target, PLAN)[0]) is None
    for path in (target.manifest, target.plan):
        without_generator(path)
    finished, waiting = open_set(target, PLAN)
    assert (len(finished), len(waiting)) == (4, 2)
    note = mixture_note(target, finished)
    assert f"(not recorded: 4 clips; the remaining clips: {GENERATOR_VERSION})" in note
    begin_set(target, PLAN, finished)
    for clip in waiting:
        append_row(target, write_clip(target, clip, noise(clip)))
    found = [row.get("generator") for row in finish_set(target, PLAN)]
    assert found == [None] * 4 + [GENERATOR_VERSION] * 2
    assert clip_errors(target, planned_clips(target), read_manifest(target.manifest)) == {}


def test_other_options_of_another_generator_version_are_refused_by_its_name(tmp_path):
    target = filled(tmp_path / "set")
    write_jsonl(target.manifest, [row | {"generator": "3.2", "plan_sha256": "0"} for row in rows(target.manifest)])
    with pytest.raises(UserError, match=rf"another generator version \(3\.2; this is {GENERATOR_VERSION}"):
        open_set(target, PLAN)


def test_the_version_of_the_generator_is_no_part_of_a_plans_hash():
    row = plan_row(PLAN[0])
    assert row["generator"] == GENERATOR_VERSION
    older = {name: value for name, value in row.items() if name != "generator"}
    assert row_hash(row) == row_hash(older) == row_hash(row | {"generator": "3.2"}) == plan_hash(PLAN[0])
