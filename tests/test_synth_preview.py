"""Contact sheets of a set, and what the user reads when there is none."""

import sys

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image, ImageDraw

from kit.command import run
from synth import preview
from synth.preview import PreviewConfig, beside, enlarged, grid, spread


def outcome(monkeypatch, capsys, *argv):
    monkeypatch.setattr(sys, "argv", ["preview", *map(str, argv)])
    with pytest.raises(SystemExit) as stop:
        run(preview.preview, PreviewConfig, "preview")
    printed = capsys.readouterr()
    return stop.value.code, printed.out, printed.err


def test_three_sheets_of_the_expected_sizes(rendered, tmp_path, monkeypatch, capsys):
    code, out, err = outcome(monkeypatch, capsys, "--data", rendered.out, "--out", tmp_path / "sheets")
    assert (code, err) == (0, "")
    assert out == f"{tmp_path / 'sheets'}: people.png, over-time.png, truth.png\n"
    sheets = {path.name: iio.imread(path) for path in sorted((tmp_path / "sheets").iterdir())}
    gap = preview.GAP
    # 4 people in a row, both cameras each; 8 clips of 3 frames, 2 a row; 8 clips, 4 a row, three pictures each.
    assert {name: sheet.shape for name, sheet in sheets.items()} == {
        "people.png": (128 + 2 * gap, 4 * (128 + gap) + gap, 3),
        "over-time.png": (4 * (128 + gap) + gap, 2 * (192 + gap) + gap, 3),
        "truth.png": (2 * (384 + gap) + gap, 4 * (576 + gap) + gap, 3),
    }
    first = iio.imread(rendered.out / "multi_shot" / "cam_b" / "person_0001" / "0002.png")
    np.testing.assert_array_equal(sheets["people.png"][gap : gap + 128, gap + 64 : gap + 128], first)
    second = 2 * gap + 192  # camera b's strip stands beside camera a's
    np.testing.assert_array_equal(sheets["over-time.png"][gap : gap + 128, second + 64 : second + 128], first)


def test_fewer_people_and_clips_on_request(rendered, tmp_path, monkeypatch, capsys):
    options = ["--people", 2, "--clips", 1]
    assert outcome(monkeypatch, capsys, "--data", rendered.out, "--out", tmp_path, *options)[0] == 0
    assert iio.imread(tmp_path / "people.png").shape[1] == 2 * (128 + preview.GAP) + preview.GAP
    assert iio.imread(tmp_path / "over-time.png").shape[0] == 128 + 2 * preview.GAP


def refused(monkeypatch, capsys, tmp_path, *argv):
    before = sorted(tmp_path.rglob("*"))
    code, out, err = outcome(monkeypatch, capsys, *argv)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before
    return err


def test_no_set_is_one_line_that_says_how_to_make_one(tmp_path, monkeypatch, capsys):
    for data in (tmp_path, tmp_path / "absent"):
        line = refused(monkeypatch, capsys, tmp_path, "--data", data)
        assert f"{data} holds no manifest.jsonl" in line
        assert f"python -m synth.render --out {data}" in line


def test_a_set_without_a_finished_clip_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "manifest.jsonl").write_text("")
    assert "names no clip yet" in refused(monkeypatch, capsys, tmp_path, "--data", tmp_path)


def test_no_people_is_one_line(tmp_path, monkeypatch, capsys):
    assert "at least 1" in refused(monkeypatch, capsys, tmp_path, "--data", tmp_path, "--people", 0)


def test_a_folder_that_cannot_be_written_is_one_line(rendered, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("mine")
    line = refused(monkeypatch, capsys, tmp_path, "--data", rendered.out, "--out", tmp_path / "file" / "sheets")
    assert "cannot use" in line


def test_spread_is_even_and_holds_the_ends():
    assert spread(list(range(10)), 3) == [0, 4, 9]
    assert spread([5, 6], 9) == [5, 6]
    assert spread([5], 1) == [5]


def test_grid_beside_and_enlarged_keep_every_tile():
    tiles = [np.full((4, 2, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = grid(tiles, 2)
    assert sheet.shape == (2 * (4 + preview.GAP) + preview.GAP, 2 * (2 + preview.GAP) + preview.GAP, 3)
    assert [(sheet == value).all(-1).sum() for value in (10, 20, 30)] == [8, 8, 8]
    assert beside(tiles, 0).shape == (4, 6, 3)
    assert beside(tiles, 1).shape == (4, 8, 3)
    big = enlarged(tiles[0], 3)
    assert big.shape == (12, 6, 3)
    assert (big == 10).all()


def test_seen_and_hidden_joints_are_told_apart():
    picture = Image.new("RGB", (64, 64))
    joints = np.tile([[20.0, 20.0]], (18, 1))
    joints[0], joints[1] = [10, 40], [50, 40]
    seen = np.ones(18, bool)
    seen[1] = False
    preview.draw_skeleton(ImageDraw.Draw(picture), joints, seen)
    assert picture.getpixel((10, 40)) == preview.SEEN
    assert picture.getpixel((50, 40)) == preview.HIDDEN
