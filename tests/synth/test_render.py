"""The command with Blender and Ray: layout and content of a set, correct annotations, resuming after interruptions."""

import hashlib
import json
import os
import re
import shutil
import signal
import time

import numpy as np
import pytest

from alignnet_common.coco18 import JOINTS
from alignnet_common.files import write_jsonl
from benchmarks.workers.sessions import session_of
from synth.planning.bystanders import MIN_GAP
from synth.planning.clip import plan_row
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth_runs import SMALL, frames_of, hashes, python, render, rows, snapshot, started, truth_of

CLIPS = [f"cam_{camera}/person_{person:04d}" for person in (1, 2, 3, 4) for camera in "ab"]
PLAN = make_plan(RenderConfig(ids=4, frames=3, fps=25, samples=2, denoise=False, seed=0, occlusion=0.5))

TRUTH = {
    "joints2d": ((3, 18, 2), np.float32),
    "joints3d": ((3, 18, 3), np.float32),
    "joints_visible": ((3, 18), np.bool_),
    "mask": ((3, 128, 64), np.bool_),
    "part_masks": ((3, 3, 128, 64), np.bool_),
    "visible_ratio": ((3,), np.float32),
    "box": ((3, 4), np.float32),
    "amodal_box": ((3, 4), np.float32),
    "intrinsics": ((3, 3, 3), np.float32),
    "rotation": ((3, 3), np.float32),
    "translation": ((3,), np.float32),
    "sighting": ((3,), np.int64),
}


@pytest.fixture(scope="module")
def truths(rendered):
    """Annotations of every clip."""
    return {clip: truth_of(rendered.out, clip) for clip in CLIPS}


def test_the_layout_is_that_of_prid2011_plus_annotations(rendered):
    expected = {"README.md", "config.yaml", "manifest.jsonl", "plan.jsonl", "result.json"}
    expected |= {f"annotations/{clip}.npz" for clip in CLIPS}
    expected |= {f"multi_shot/{clip}/{number:04d}.png" for clip in CLIPS for number in (1, 2, 3)}
    found = {str(path.relative_to(rendered.out)) for path in rendered.out.rglob("*") if path.is_file()}
    assert found == expected


def test_frames_are_images_of_128_by_64(rendered):
    for clip in CLIPS:
        frames = frames_of(rendered.out, clip)
        assert frames.shape == (3, 128, 64, 3)
        assert frames.dtype == np.uint8
        assert frames.std() > 8
        assert 20 < frames.mean() < 235


def test_annotations_have_the_documented_arrays(truths):
    for truth in truths.values():
        for name, (shape, kind) in TRUTH.items():
            assert getattr(truth, name).shape == shape, name
            assert getattr(truth, name).dtype == kind, name
        assert tuple(truth.joint_names) == JOINTS
        assert truth.part_names.tolist() == ["upper", "middle", "lower"]
        assert np.isfinite(truth.joints2d).all()
        assert (truth.visible_ratio >= 0).all()
        assert (truth.visible_ratio <= 1).all()


def test_the_manifest_has_one_row_a_clip_in_the_order_of_the_plan(rendered, truths):
    found = rows(rendered.out / "manifest.jsonl")
    assert [row["clip"] for row in found] == CLIPS
    for row in found:
        camera, person = row["clip"].split("/")
        assert (row["camera"], row["person"]) == (camera, int(person[-4:]))
        assert row["frames"] == 3
        assert row["visible_ratio"] == pytest.approx(truths[row["clip"]].visible_ratio.mean(), abs=1e-3)
    assert rows(rendered.out / "plan.jsonl") == [json.loads(json.dumps(plan_row(clip))) for clip in PLAN]


def test_pixel_hashes_are_those_of_the_decoded_frames(rendered):
    for clip, digest in hashes(rendered.out).items():
        assert hashlib.sha256(frames_of(rendered.out, clip).tobytes()).hexdigest() == digest
    assert len(set(hashes(rendered.out).values())) == len(CLIPS)


def test_the_terminal_shows_two_lines_and_a_progress_bar_only(rendered):
    first, last = rendered.run.stdout.splitlines()
    assert first == f"{rendered.out}: 8 clips planned, 0 there, 8 to render (24 frames)"
    assert last.startswith(f"{rendered.out}: complete, 8 clips; ")
    bar = rendered.run.stderr.replace("\r", "\n").splitlines()
    assert all(re.fullmatch(r"((plan|check .*): .*|render on 2 × \w+: +\d+%.*frame.*)?", line) for line in bar), (
        rendered.run.stderr
    )
    assert "24/24" in bar[-1]
    assert re.search(r"\d(frame/s|s/frame)", bar[-1])


def test_visible_joints_lie_on_the_person(truths):
    # The pixel of the joint itself. The few that miss are noses and ears on the outline of the head.
    on = []
    for truth in truths.values():
        frame, joint = np.nonzero(truth.joints_visible)
        column, row = np.rint(truth.joints2d[frame, joint]).astype(int).T
        on.append(truth.mask[frame, row, column])
    on = np.concatenate(on)
    assert len(on) > 150
    assert on.mean() >= 0.98


def test_2d_joints_are_the_projections_of_the_3d_joints(truths):
    for truth in truths.values():
        camera = truth.joints3d.astype(float) @ truth.rotation.T + truth.translation
        image = np.einsum("tij,tnj->tni", truth.intrinsics, camera)
        np.testing.assert_allclose(image[..., :2] / image[..., 2:] - 0.5, truth.joints2d, rtol=0, atol=0.01)


def test_people_stand_upright_on_the_ground_and_walk(rendered, truths):
    walks = {row["clip"]: row["sightings"][0]["walk"] for row in rows(rendered.out / "plan.jsonl")}
    assert any(walk["kind"] in ("straight", "turning") for walk in walks.values())
    for clip, truth in truths.items():
        place = {name: truth.joints3d[:, number] for number, name in enumerate(JOINTS)}
        height = {name: path[:, 2] for name, path in place.items()}
        assert (height["nose"] > 1.1).all()
        assert (height["nose"] > height["neck"]).all()
        assert (height["neck"] > height["right_hip"] + 0.3).all()
        assert (np.minimum(height["right_ankle"], height["left_ankle"]) < 0.22).all()
        # 3 frames at 25 frames a second span 0.08 s.
        speed = np.linalg.norm(place["neck"][-1, :2] - place["neck"][0, :2]) / 0.08
        assert speed < 2.2
        if walks[clip]["kind"] in ("straight", "turning"):
            assert speed > 0.4
        if walks[clip]["pace"] == 0:
            assert speed < 0.3
        assert np.linalg.norm(place["neck"][1, :2]) < 0.5


def test_people_fill_the_crop(truths):
    for clip, truth in truths.items():
        tall = truth.amodal_box[:, 3] - truth.amodal_box[:, 1]
        assert (tall > 128 / 1.6).all(), clip
        assert (tall < 128 / 0.95).all(), clip
        assert np.abs((truth.amodal_box[:, 0] + truth.amodal_box[:, 2]) / 2 - 31.5).max() < 10


def test_boxes_and_parts_agree_with_the_mask(truths):
    for truth in truths.values():
        np.testing.assert_array_equal(truth.part_masks.sum(1), truth.mask)
        for mask, box, amodal in zip(truth.mask, truth.box, truth.amodal_box, strict=True):
            if not mask.any():
                continue
            row, column = np.nonzero(mask)
            np.testing.assert_array_equal(box, [column.min(), row.min(), column.max(), row.max()])
            # With two samples a pixel, one may be 0.75 pixel outside and count for half.
            assert (box[:2] > amodal[:2] - 1.5).all()
            assert (box[2:] < amodal[2:] + 1.5).all()


def test_occluded_clips_are_the_planned_ones(truths):
    ratio = {clip: truth.visible_ratio for clip, truth in truths.items()}
    cut = {
        clip: (truth.amodal_box[:, :2].min() < 0) or (truth.amodal_box[:, 2:] > [63, 127]).any()
        for clip, truth in truths.items()
    }
    seen = {clip.name: clip.sightings[0] for clip in PLAN}
    passed = [name for name, one in seen.items() if any(other.offset[1] < MIN_GAP for other in one.bystanders)]
    hidden = [name for name, one in seen.items() if one.place.occluders or name in passed]
    assert 1 <= len(hidden) < len(PLAN)
    for clip in PLAN:
        if clip.name not in hidden:
            assert (ratio[clip.name] > 0.9).all()
            assert cut[clip.name] or (ratio[clip.name] == 1).all()
    assert min(ratio[clip].min() for clip in hidden) < 0.95


def test_the_two_cameras_differ(rendered):
    for person in (1, 2, 3, 4):
        first, second = (frames_of(rendered.out, f"cam_{camera}/person_{person:04d}").mean(0) for camera in "ab")
        assert np.abs(first - second).mean() > 8


def test_the_same_command_again_renders_nothing(rendered):
    before = snapshot(rendered.out)
    again = render(rendered.out, "--workers", "1")
    assert again.returncode == 0
    assert "8 there, 0 to render (0 frames)" in again.stdout
    assert again.stderr == ""
    after = snapshot(rendered.out)
    for path, found in before.items():
        if path.parts[0] in ("multi_shot", "annotations"):
            assert after[path] == found
    for name in ("manifest.jsonl", "plan.jsonl"):
        assert (rendered.out / name).read_bytes() == next(v[0] for p, v in before.items() if str(p) == name)
    assert after.keys() == before.keys()


def test_an_interrupted_and_damaged_set_resumes_to_the_same_pixels(rendered, tmp_path):
    out = tmp_path / "set"
    command = ["-m", "synth.render", *SMALL, "--workers", "1", "--out", out]
    running = started(*command)
    try:
        deadline = time.monotonic() + 200
        while not (out / "manifest.jsonl").is_file() or len(rows(out / "manifest.jsonl")) < 3:
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.kill()
        running.communicate(timeout=60)
        assert running.returncode == -signal.SIGKILL
        # Ray ends the renderers when their driver is gone.
        while any("Renderer" in words for words in session_of(running.pid).values()):
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        for process in session_of(running.pid):
            os.kill(process, signal.SIGKILL)
    done = rows(out / "manifest.jsonl")
    assert 3 <= len(done) < 8
    # One finished clip loses its frames, another its row.
    shutil.rmtree(out / "multi_shot" / done[0]["clip"])
    write_jsonl(out / "manifest.jsonl", [done[0], *done[2:]])
    before = snapshot(out / "multi_shot")
    again = python(*command)
    assert again.returncode == 0, again.stderr
    assert f"{len(done) - 2} there, {10 - len(done)} to render" in again.stdout
    assert list(hashes(out).items()) == list(hashes(rendered.out).items())
    for clip in CLIPS:
        assert hashlib.sha256(frames_of(out, clip).tobytes()).hexdigest() == hashes(out)[clip]
        truth, same = truth_of(out, clip), truth_of(rendered.out, clip)
        for name in TRUTH:
            np.testing.assert_array_equal(getattr(truth, name), getattr(same, name))
    after = snapshot(out / "multi_shot")
    for row in done[2:]:
        kept = [path for path in before if str(path).startswith(f"{row['clip']}/")]
        assert len(kept) == 3
        assert all(after[path] == before[path] for path in kept)
    assert not [path for path in out.rglob("*") if "partial" in path.name]


def refused(typed, folder, *argv):
    """The one line of the error; nothing in `folder` has changed."""
    before = snapshot(folder)
    code, printed, complaint = typed(*argv)
    assert (code, printed) == (2, "")
    assert snapshot(folder) == before
    (line,) = complaint.splitlines()
    return line


def test_a_set_with_other_options_is_refused_and_unchanged(rendered, typed):
    for option in (("--seed", "1"), ("--frames", "4"), ("--ids", "3")):
        line = refused(typed, rendered.out, *SMALL, "--out", rendered.out, *option)
        assert line.startswith(f"error: {rendered.out} holds ")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--ids", 0], "--ids 0"),
        (["--ids", 10000], "at most 9999"),
        (["--frames", 0], "--frames 0"),
        (["--samples", 0], "--samples 0"),
        (["--noise-samples", -1], "--noise-samples -1: must not be negative"),
        (["--noise-samples", -1], "--noise-samples -1"),
        (["--fps", 0], "--fps 0.0"),
        (["--fps", ".nan"], "--fps nan"),
        (["--fps", ".inf"], "--fps inf"),
        (["--seed", -1], "--seed -1"),
        (["--workers", -1], "--workers -1"),
        (["--camera-pairs", -1], "--camera-pairs -1"),
        (["--occlusion", 1.5], "--occlusion 1.5"),
        (["--device", "abacus"], "--device"),
        (["--ids", "many"], "--ids"),
        (["--people", 3], "--people"),
    ],
)
def test_invalid_options_are_a_one_line_error(typed, tmp_path, options, complaint):
    assert complaint in refused(typed, tmp_path, "--out", tmp_path / "set", *options)


def test_a_folder_with_other_files_is_a_one_line_error(typed, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    line = refused(typed, tmp_path, "--out", tmp_path, "--ids", 1)
    assert line.startswith(f"error: {tmp_path} is not empty")


def test_an_out_that_cannot_be_a_folder_is_a_one_line_error(typed, tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "set"):
        assert str(tmp_path / "file") in refused(typed, tmp_path, *SMALL, "--out", out)


def test_a_missing_device_is_a_one_line_error(tmp_path):
    found = render(tmp_path / "set", "--device", "metal")
    assert (found.returncode, found.stdout) == (2, "")
    assert re.fullmatch(r"error: --device metal: Cycles finds no such device here \(it finds: cpu.*\)\n", found.stderr)
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_prints_an_estimate_and_writes_nothing(typed, tmp_path):
    def cost_on(*where):
        code, printed, complaint = typed(*SMALL, "--out", tmp_path / "set", "--dry-run", *where)
        assert (code, complaint) == (0, "")
        first, second = printed.splitlines()
        assert first == f"{tmp_path / 'set'}: 8 clips planned, 0 there, 8 to render (24 frames)"
        return second.removesuffix(" of the kind measured, 0.00 GB of disk")

    assert " on 8 cores " in cost_on("--workers", 64)  # at most one core a clip
    assert re.fullmatch(r"about \d+ minutes on 7 cores \(\d+ minutes on one core\)", cost_on("--workers", 7))
    # The number of cores of a cluster is unknown until it is joined.
    assert re.fullmatch(r"about \d+ minutes on one core", cost_on("--workers", 0, "--address", "ray.example:6379"))
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_imports_no_meshes_and_no_renderer(tmp_path):
    code = f"""
import sys
from pathlib import Path
from synth.planning.config import RenderConfig
from synth.render import render
render(RenderConfig(ids=2, frames=2, occlusion=1.0, out=Path({str(tmp_path / "set")!r}), dry_run=True))
print(*sys.modules)
"""
    found = python("-c", code)
    assert found.returncode == 0, found.stderr
    loaded = found.stdout.splitlines()[-1].split()
    heavy = {"bpy", "mathutils", "anny", "torch", "ray", "av", "synth.rendering.blender_scene"}
    assert "synth.planning.plan" in loaded
    assert not [name for name in loaded if name in heavy or name.startswith("synth.body")]


def test_help_has_options_and_defaults():
    found = python("-m", "synth.render", "--help")
    assert found.returncode == 0
    for wanted in (
        "--ids",
        "--seed",
        "--frames",
        "--workers",
        "--out",
        "--samples",
        "--device",
        "data/synthetic",
        "1000",
    ):
        assert wanted in found.stdout


def test_result_and_config_reproduce_the_run(rendered, typed):
    result = json.loads((rendered.out / "result.json").read_text())
    assert (result["identities"], result["clips"], result["frames"], result["seed"]) == (4, 8, 24, 0)
    assert hashlib.sha256((rendered.out / "manifest.jsonl").read_bytes()).hexdigest() == result["manifest_sha256"]
    code, printed, _ = typed("--config", rendered.out / "config.yaml", "--dry-run")
    assert code == 0
    assert printed.startswith(f"{rendered.out}: 8 clips planned, 8 there, 0 to render")
