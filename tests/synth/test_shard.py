"""Shards of a set rendered on several machines and merged; estimates of time and disk space."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from alignnet_common.errors import JobError, UserError
from filled_sets import PLAN, filled, names, noise
from synth.dataset.hashes import pixels_sha256
from synth.dataset.layout import RenderedSet
from synth.dataset.manifest import append_row, begin_set, open_set
from synth.dataset.writer import write_clip
from synth.planning.clip import plan_row
from synth.planning.config import RenderConfig, Shard, shard_of
from synth.planning.estimate import FRAME_BYTES, check_space, core_seconds, cost, disk_bytes
from synth.planning.plan import make_plan
from synth_runs import PROJECT_ROOT, environment, hashes, lines_without_bars, python, rows

STUB = PROJECT_ROOT / "tests" / "helpers" / "stub_workers.py"

BUSY = r"another command \(synth\.render or synth\.unpack\) is writing"


def test_shards_divide_the_people_and_keep_both_clips_of_a_person_together():
    whole = make_plan(RenderConfig(ids=7, frames=2))
    parts = [make_plan(RenderConfig(ids=7, frames=2, shard=f"{number}/3")) for number in (1, 2, 3)]
    assert [len(part) for part in parts] == [6, 4, 4]
    assert sorted(names(clip for part in parts for clip in part)) == sorted(names(whole))
    assert parts[1] == [clip for clip in whole if clip.identity.person in (2, 5)]


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/", "/2", "a/b", "-1/2", "1/2/3", "1.5/2"])
def test_an_invalid_shard_is_refused(text):
    with pytest.raises(ValueError, match="--shard"):
        RenderConfig(shard=text)


def test_shard_of_parses_part_and_count():
    assert shard_of("2/8") == Shard(2, 8)


def test_parts_rendered_on_two_machines_merge_into_one_set(tmp_path):
    out = tmp_path / "set"
    options = ("--ids", 5, "--frames", 2, "--workers", 1)
    for number in (2, 1):
        # Each machine has a disk of its own; the parts are copied into one folder.
        finished = python(STUB, "well", *options, "--out", tmp_path / f"machine{number}", "--shard", f"{number}/2")
        assert finished.returncode == 0, finished.stderr
        assert f"part {number}/2 complete, {6 if number == 1 else 4} clips; " in finished.stdout
        shutil.copytree(tmp_path / f"machine{number}", out, dirs_exist_ok=True)
    assert not (out / "README.md").exists()  # the card is of the whole set
    assert "all 10 clips are as they were rendered" in python("-m", "synth.verify", out).stdout
    whole = python(STUB, "well", *options, "--out", out)
    assert whole.returncode == 0, whole.stderr
    assert "10 clips planned, 10 there, 0 to render" in whole.stdout
    plan = make_plan(RenderConfig(ids=5, frames=2))
    noise = {clip.name: clip.frame_rng().integers(0, 256, (2, 128, 64, 3), dtype=np.uint8) for clip in plan}
    assert list(hashes(out).items()) == [(name, pixels_sha256(frames)) for name, frames in noise.items()]
    assert rows(out / "plan.jsonl") == [json.loads(json.dumps(plan_row(clip))) for clip in plan]
    kept = ["README.md", "annotations", "config.yaml", "manifest.jsonl", "multi_shot", "plan.jsonl", "result.json"]
    assert sorted(path.name for path in out.iterdir()) == kept
    assert python("-m", "synth.verify", out).returncode == 0


def test_the_slurm_script_renders_the_part_of_its_array_task(tmp_path):
    script = PROJECT_ROOT / "jobs" / "cluster" / "render.slurm"
    task = environment(SLURM_ARRAY_TASK_ID="2", PARTS="3", PYTHON=sys.executable)
    words = ["bash", str(script), "--ids", "7", "--frames", "2", "--out", str(tmp_path / "set"), "--dry-run"]
    finished = subprocess.run(words, cwd=PROJECT_ROOT, env=task, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith(f"{tmp_path / 'set'}: 4 clips planned, 0 there, 4 to render (8 frames)\n")


def test_a_shard_of_a_complete_set_has_nothing_left_to_render(tmp_path):
    out = filled(tmp_path / "set").out
    part = make_plan(RenderConfig(ids=3, frames=2, shard="2/3"))
    finished, waiting = open_set(RenderedSet(out, Shard(2, 3)), part)
    assert [row["clip"] for row in finished] == names(part)
    assert waiting == []


def half_filled(out):
    """The first of two parts of a set of three people, complete."""
    half, plan = RenderedSet(out, Shard(1, 2)), make_plan(RenderConfig(ids=3, frames=2, shard="1/2"))
    begin_set(half, plan, [])
    for clip in plan:
        append_row(half, write_clip(half, clip, noise(clip)))
    return half


def test_a_shard_reuses_clips_of_shards_of_another_count(tmp_path):
    half = half_filled(tmp_path / "set")
    finished, waiting = open_set(
        RenderedSet(half.out, Shard(1, 3)), make_plan(RenderConfig(ids=3, frames=2, shard="1/3"))
    )
    assert [row["clip"] for row in finished] == ["cam_a/person_0001", "cam_b/person_0001"]
    assert waiting == []


def test_a_shard_for_fewer_people_is_refused_and_deletes_nothing(tmp_path):
    half = half_filled(tmp_path / "set")
    with pytest.raises(UserError, match=r"not asked for \(cam_b/person_0003\)"):
        open_set(half, make_plan(RenderConfig(ids=2, frames=2, shard="1/2")))
    # The other part has no rows of its own.
    assert open_set(RenderedSet(half.out, Shard(2, 2)), make_plan(RenderConfig(ids=2, frames=2, shard="2/2")))[0] == []


def test_locks_of_shards_exclude_only_the_whole_set(tmp_path):
    whole, first, second = RenderedSet(tmp_path), RenderedSet(tmp_path, Shard(1, 2)), RenderedSet(tmp_path, Shard(2, 2))
    with first.held():
        with second.held(), pytest.raises(UserError, match=BUSY), first.held():
            pass
        with pytest.raises(UserError, match=BUSY), whole.held():
            pass
    with (
        whole.held(),
        pytest.raises(UserError, match=BUSY),
        second.held(),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_estimates_grow_with_the_set():
    one, two = PLAN[:1], PLAN[:2]
    assert core_seconds(two) == 2 * core_seconds(one)
    assert disk_bytes(two) == 2 * disk_bytes(one)
    assert disk_bytes(one) > 2 * FRAME_BYTES
    dressed, same = (make_plan(RenderConfig(ids=1, frames=4, sightings=2, outfits=number)) for number in (3, 1))
    longer = sum(len(json.dumps(plan_row(clip))) for clip in dressed) - sum(len(json.dumps(plan_row(c))) for c in same)
    assert disk_bytes(dressed) - disk_bytes(same) == pytest.approx(longer, rel=0.4)
    often, once = (make_plan(RenderConfig(ids=1, frames=4, sightings=times)) for times in (4, 1))
    assert core_seconds(often) > core_seconds(once)
    # A row of the plan holds all solids of the scene, and the plan is written before the first frame.
    rows_of_plan = sum(len(json.dumps(plan_row(clip))) for clip in often)
    assert disk_bytes(often) - disk_bytes(once) > rows_of_plan / 3
    thousand = make_plan(RenderConfig(ids=20))
    assert "hours" in cost(50 * thousand, 2)
    assert "minutes" in cost(one, 2)


def test_too_small_a_disk_is_an_error_before_anything_is_written(tmp_path):
    many = PLAN[:1] * (shutil.disk_usage(tmp_path).free // disk_bytes(PLAN[:1]) + 2)
    with pytest.raises(JobError, match="free disk space"):
        check_space(tmp_path, many)
    check_space(tmp_path, PLAN)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounts a small disk: needs root")
def test_a_full_disk_is_a_one_line_error_and_the_same_command_resumes_once_there_is_space(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mount is not allowed here")
    try:
        filler = disk / "filler"
        command = (STUB, "brisk", "--ids", 20, "--frames", 10, "--sightings", 1, "--workers", 2, "--out", disk / "set")
        # Enough for the estimate but not for the set, whose noise compresses worse than real frames.
        filler.write_bytes(bytes(20_000_000 - 8_500_000))
        full = python(*command)
        assert full.returncode == 1
        lines = lines_without_bars(full.stderr)
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: the disk is full (")
        there = len(hashes(disk / "set"))
        assert 0 < there < 40
        filler.unlink()
        again = python(*command)
        assert again.returncode == 0, again.stderr
        assert f"40 clips planned, {there} there" in again.stdout
        assert python("-m", "synth.verify", disk / "set").returncode == 0
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
