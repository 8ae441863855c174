"""The COCO export, as COCO's own tools read it."""

import contextlib
import io
import json
import shutil
import sys

import imageio.v3 as iio
import numpy as np
import pytest

from alignnet_common.cli import run_command
from alignnet_common.coco18 import JOINTS
from synth import export_coco
from synth.dataset.coco import KEYPOINTS, annotation, keypoints_of, run_lengths
from synth.export_coco import ExportConfig
from synth_runs import rows, truth_of


def outcome(monkeypatch, capsys, *argv):
    monkeypatch.setattr(sys, "argv", ["export_coco", *map(str, argv)])
    with pytest.raises(SystemExit) as stop:
        run_command(export_coco.export, ExportConfig, "export_coco")
    printed = capsys.readouterr()
    return stop.value.code, printed.out, printed.err


@pytest.fixture
def coco(rendered, tmp_path):
    """The export of the shared set, loaded by pycocotools."""
    library = pytest.importorskip("pycocotools.coco")
    export_coco.export(ExportConfig(rendered.out, tmp_path / "coco.json"))
    with contextlib.redirect_stdout(io.StringIO()):
        return library.COCO(str(tmp_path / "coco.json"))


def test_every_frame_is_an_image_of_the_set(coco, rendered):
    images = coco.loadImgs(sorted(coco.getImgIds()))
    expected = [path.relative_to(rendered.out) for path in sorted(rendered.out.glob("multi_shot/*/*/*.png"))]
    assert sorted(image["file_name"] for image in images) == sorted(map(str, expected))
    for image in images:
        height, width = iio.imread(rendered.out / image["file_name"]).shape[:2]
        assert (image["width"], image["height"]) == (width, height)
    (category,) = coco.loadCats(coco.getCatIds())
    assert category["name"] == "person"
    assert len(category["keypoints"]) == 17


def test_masks_boxes_and_joints_are_those_of_the_annotations(coco, rendered):
    mask_library = pytest.importorskip("pycocotools.mask")
    truths = {row["clip"]: truth_of(rendered.out, row["clip"]) for row in rows(rendered.out / "manifest.jsonl")}
    found = coco.loadAnns(coco.getAnnIds(iscrowd=False))
    assert len(found) == 24
    for one in found:
        clip, frame = f"{one['camera']}/person_{one['person_id']:04d}", one["frame"] - 1
        truth = truths[clip]
        (image,) = coco.loadImgs(one["image_id"])
        assert image["file_name"] == f"multi_shot/{clip}/{frame + 1:04d}.png"
        np.testing.assert_array_equal(coco.annToMask(one).astype(bool), truth.mask[frame])
        assert one["area"] == truth.mask[frame].sum() == mask_library.area(coco.annToRLE(one))
        np.testing.assert_allclose(one["bbox"], mask_library.toBbox(coco.annToRLE(one)))
        assert one["visible_ratio"] == pytest.approx(truth.visible_ratio[frame], abs=1e-4)
        x, y, width, height = one["amodal_bbox"]
        np.testing.assert_allclose(
            [x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5], truth.amodal_box[frame], atol=0.02
        )
        for name, (x, y, seen) in zip(KEYPOINTS, np.reshape(one["keypoints"], (17, 3)), strict=True):
            number = JOINTS.index(name)
            assert (seen == 2) == truth.joints_visible[frame, number]
            if seen:
                np.testing.assert_allclose([x, y], truth.joints2d[frame, number], atol=0.006)


def test_joints_are_in_cocos_order_with_cocos_visibility():
    joints = np.stack([np.arange(18.0), np.arange(18.0) + 50], axis=1)
    seen = np.ones(18, bool)
    seen[JOINTS.index("left_knee")] = False
    joints[JOINTS.index("right_wrist")] = 63.6, 20
    joints[JOINTS.index("nose")] = -0.4, 127.4
    found = np.reshape(keypoints_of(joints, seen), (17, 3))
    # The first, the two to come last, and the sides by turns: https://cocodataset.org/#format-data.
    np.testing.assert_allclose(found[0], [-0.4, 127.4, 2])
    np.testing.assert_allclose(found[1], [15, 65, 2])  # left eye
    np.testing.assert_allclose(found[2], [14, 64, 2])  # right eye
    np.testing.assert_allclose(found[10], [0, 0, 0])  # right wrist, beyond the crop
    np.testing.assert_allclose(found[13], [12, 62, 1])  # left knee, hidden
    np.testing.assert_allclose(found[16], [10, 60, 2])  # right ankle


@pytest.mark.parametrize("fill", [0, 1, None])
def test_run_lengths_count_down_the_columns(fill):
    mask = np.random.default_rng(0).random((5, 4)) < 0.5 if fill is None else np.full((5, 4), bool(fill))
    runs = run_lengths(mask)
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    np.testing.assert_array_equal(values.reshape(4, 5).T, mask)
    assert all(length > 0 for length in runs[1:])


def test_a_person_who_is_not_seen_has_an_empty_box():
    nowhere = {
        "joints2d": np.full((18, 2), -9.0),
        "joints_visible": np.zeros(18, bool),
        "mask": np.zeros((128, 64), bool),
        "visible_ratio": np.float32(0),
        "box": np.zeros(4),
        "amodal_box": np.array([-30.0, 2, -10, 120]),
    }
    found = annotation(nowhere)
    assert (found["bbox"], found["area"], found["num_keypoints"]) == ([0, 0, 0, 0], 0, 0)
    assert found["amodal_bbox"] == [-29.5, 2.5, 20.0, 118.0]
    assert found["segmentation"]["counts"] == [128 * 64]


def test_the_file_is_by_default_in_the_set_and_the_same_each_time(rendered, tmp_path, monkeypatch, capsys):
    out = tmp_path / "set"
    shutil.copytree(rendered.out, out)
    code, printed, err = outcome(monkeypatch, capsys, "--data", out)
    assert (code, err) == (0, "")
    assert printed == f"{out / 'coco.json'}: 24 frames of 8 clips; file names are below {out}\n"
    first = (out / "coco.json").read_bytes()
    assert len(json.loads(first)["annotations"]) == 24
    assert outcome(monkeypatch, capsys, "--data", out)[0] == 0
    assert (out / "coco.json").read_bytes() == first


def refused(monkeypatch, capsys, folder, *argv):
    """The one line that the user sees; nothing in `folder` has changed."""
    before = sorted(folder.rglob("*"))
    code, printed, err = outcome(monkeypatch, capsys, *argv)
    assert (code, printed) == (2, "")
    assert sorted(folder.rglob("*")) == before
    (line,) = err.splitlines()
    return line


def test_what_is_no_set_is_one_line(tmp_path, monkeypatch, capsys):
    for data in (tmp_path, tmp_path / "absent"):
        line = refused(monkeypatch, capsys, tmp_path, "--data", data)
        assert f"{data} holds no manifest.jsonl" in line
    (tmp_path / "manifest.jsonl").write_text('{"clip": "cam_a/person_0001"}\n')
    assert "not a rendered set's" in refused(monkeypatch, capsys, tmp_path, "--data", tmp_path)
    (tmp_path / "manifest.jsonl").write_text("[1\n{}\n")
    assert "not JSON" in refused(monkeypatch, capsys, tmp_path, "--data", tmp_path)


def test_lost_and_broken_files_are_one_line(rendered, tmp_path, monkeypatch, capsys):
    out = tmp_path / "set"
    shutil.copytree(rendered.out, out)
    spoilt = out / "annotations" / "cam_b" / "person_0002.npz"
    spoilt.write_bytes(spoilt.read_bytes()[:100])
    line = refused(monkeypatch, capsys, tmp_path, "--data", out)
    assert f"{spoilt} is broken: delete it" in line
    spoilt.unlink()
    assert "has lost files of cam_b/person_0002" in refused(monkeypatch, capsys, tmp_path, "--data", out)


def test_a_file_that_cannot_be_written_is_one_line(rendered, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("mine")
    line = refused(monkeypatch, capsys, tmp_path, "--data", rendered.out, "--out", tmp_path / "file" / "coco.json")
    assert "cannot use" in line
