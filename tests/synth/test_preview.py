"""Contact sheets and the page of a set, and errors if there is no set."""

import json
import re
import shutil
import sys
from collections import Counter
from html.parser import HTMLParser

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image, ImageDraw

from alignnet_common import images
from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from alignnet_common.files import PROJECT_ROOT
from alignnet_common.images import beside, captioned, enlarged, grid, spread_over
from synth import preview
from synth.dataset.layout import RenderedSet
from synth.preview import PreviewConfig
from synth.report import contact_sheets
from synth.report.contact_sheets import grouped, occluded, twins_in


def outcome(monkeypatch, capsys, *argv):
    monkeypatch.setattr(sys, "argv", ["preview", *map(str, argv)])
    with pytest.raises(SystemExit) as stop:
        run_command(preview.preview, PreviewConfig, "preview")
    printed = capsys.readouterr()
    return stop.value.code, printed.out, printed.err


class Page(HTMLParser):
    """Counts the elements of a page, which must all be closed."""

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.text = Counter(), [], ""

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_sheets_have_the_expected_sizes_and_the_page_holds_them(rendered, tmp_path, monkeypatch, capsys):
    code, out, err = outcome(monkeypatch, capsys, "--data", rendered.out, "--out", tmp_path / "seen")
    assert (code, err) == (0, "")
    pictures = {path.name: iio.imread(path) for path in sorted((tmp_path / "seen").glob("*.png"))}
    assert f"{tmp_path / 'seen' / 'index.html'}: {len(pictures)} contact sheets" in out
    gap = images.GAP
    # 4 people in a row, both cameras each; 4 pairs of clips of 3 frames; 8 clips, 4 a row, three pictures each.
    expected = {
        "people.png": (128 + 2 * gap, 4 * (128 + gap) + gap, 3),
        "over-time.png": (128 + 2 * gap, 4 * (2 * 192 + 2 * gap) + gap, 3),
        "truth.png": (2 * (384 + gap) + gap, 4 * (576 + gap) + gap, 3),
        "cameras.png": (128 + images.CAPTION + 2 * gap, 4 * (128 + gap) + gap, 3),
    }
    assert {name: pictures[name].shape for name in expected} == expected
    assert {"places.png", "occlusions.png"} <= pictures.keys()
    first = iio.imread(rendered.out / "multi_shot" / "cam_b" / "person_0001" / "0002.png")
    np.testing.assert_array_equal(pictures["people.png"][gap : gap + 128, gap + 64 : gap + 128], first)
    second = 2 * gap + 192  # camera b's strip stands beside camera a's
    np.testing.assert_array_equal(pictures["over-time.png"][gap : gap + 128, second + 64 : second + 128], first)
    page = Page()
    source = (tmp_path / "seen" / "index.html").read_text()
    page.feed(source)
    assert not page.open
    numbers = json.loads((tmp_path / "seen" / "statistics.json").read_text())
    assert (numbers["people"], numbers["clips"], numbers["frames"]) == (4, 8, 24)
    assert page.tags["img"] == len(pictures)
    assert page.tags["svg"] == len(numbers["shares"]) + len(numbers["spreads"])
    assert not re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?https?:", source), "the page needs nothing from elsewhere"


def test_a_missing_clip_of_a_pair_is_dark(rendered):
    source = RenderedSet(rendered.out)
    row = {"cam_b/person_0001": {"frames": 3}}
    left, right = np.split(contact_sheets.pair(source, row, 1), 2, axis=1)
    assert (left == images.PAPER).all()
    np.testing.assert_array_equal(right, iio.imread(source.frames("cam_b/person_0001") / "0002.png"))


def test_fewer_people_and_clips_on_request(rendered, tmp_path, monkeypatch, capsys):
    options = ["--people", 2, "--clips", 1]
    assert outcome(monkeypatch, capsys, "--data", rendered.out, "--out", tmp_path, *options)[0] == 0
    assert iio.imread(tmp_path / "people.png").shape[1] == 2 * (128 + images.GAP) + images.GAP
    assert iio.imread(tmp_path / "over-time.png").shape[0] == 128 + 2 * images.GAP


def refused(monkeypatch, capsys, tmp_path, *argv):
    before = sorted(tmp_path.rglob("*"))
    code, out, err = outcome(monkeypatch, capsys, *argv)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before
    return err


def test_a_missing_set_is_an_error_that_names_the_command(tmp_path, monkeypatch, capsys):
    for data in (tmp_path, tmp_path / "absent"):
        line = refused(monkeypatch, capsys, tmp_path, "--data", data)
        assert str(data) in line and "manifest.jsonl" in line
        assert f"python -m synth.render --out {data}" in line


def test_a_set_without_a_finished_clip_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "manifest.jsonl").write_text("")
    assert "names no clip yet" in refused(monkeypatch, capsys, tmp_path, "--data", tmp_path)


def test_a_set_without_its_plan_is_refused(rendered, tmp_path, monkeypatch, capsys):
    shutil.copytree(rendered.out, tmp_path / "set")
    (tmp_path / "set" / "plan.jsonl").write_text('{"seed": 0}\n')
    assert "is no plan" in refused(monkeypatch, capsys, tmp_path, "--data", tmp_path / "set")
    (tmp_path / "set" / "plan.jsonl").unlink()
    assert "plan.jsonl is missing" in refused(monkeypatch, capsys, tmp_path, "--data", tmp_path / "set")


def test_zero_people_are_refused(tmp_path, monkeypatch, capsys):
    assert "at least 1" in refused(monkeypatch, capsys, tmp_path, "--data", tmp_path, "--people", 0)


def test_a_folder_that_cannot_be_written_is_an_error_of_one_line(rendered, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("mine")
    line = refused(monkeypatch, capsys, tmp_path, "--data", rendered.out, "--out", tmp_path / "file" / "sheets")
    assert "cannot use" in line


def test_a_spread_is_even_and_holds_the_ends():
    assert spread_over(list(range(10)), 3) == [0, 4, 9]
    assert spread_over([5, 6], 9) == [5, 6]
    assert spread_over([5], 1) == [5]


def test_grid_beside_and_enlarged_keep_every_tile():
    tiles = [np.full((4, 2, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = grid(tiles, 2)
    assert sheet.shape == (
        2 * (4 + images.GAP) + images.GAP,
        2 * (2 + images.GAP) + images.GAP,
        3,
    )
    assert [(sheet == value).all(-1).sum() for value in (10, 20, 30)] == [8, 8, 8]
    assert beside(tiles, 0).shape == (4, 6, 3)
    assert beside(tiles, 1).shape == (4, 8, 3)
    big = enlarged(tiles[0], 3)
    assert big.shape == (12, 6, 3)
    assert (big == 10).all()


def test_a_set_of_sightings_has_a_sheet_of_places_and_none_of_motions(rendered, tmp_path, monkeypatch, capsys):
    seen = shutil.copytree(rendered.out, tmp_path / "set")
    rows = [json.loads(line) for line in (seen / "plan.jsonl").read_text().splitlines()]
    for row in rows:
        (walk,) = row["sightings"]
        row["sightings"] = [walk | {"frames": 1}, walk | {"frames": 2, "place": walk["place"] | {"family": "hall"}}]
    (seen / "plan.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert outcome(monkeypatch, capsys, "--data", seen)[0] == 0
    made = {path.stem for path in (seen / "preview").glob("*.png")}
    assert {"people", "places", "arms", "truth"} <= made
    assert "motion" not in made
    numbers = json.loads((seen / "preview" / "statistics.json").read_text())
    shares = {each["title"]: each["counts"] for each in numbers["shares"]}
    assert shares["Places"] == {"hall": 8}


def test_visible_and_hidden_joints_have_different_colours():
    picture = Image.new("RGB", (64, 64))
    joints = np.tile([[20.0, 20.0]], (18, 1))
    joints[0], joints[1] = [10, 40], [50, 40]
    seen = np.ones(18, bool)
    seen[1] = False
    images.draw_skeleton(ImageDraw.Draw(picture), joints, seen)
    assert picture.getpixel((10, 40)) == images.SEEN
    assert picture.getpixel((50, 40)) == images.HIDDEN


def test_clips_are_grouped_by_a_field_of_the_plan():
    plan = {
        "cam_a/person_0001": {"walk": {"kind": "standing"}, "place": {"occluders": []}, "bystanders": [{}]},
        "cam_b/person_0001": {"walk": {"kind": "straight"}, "place": {"occluders": [{}]}},
        "cam_a/person_0002": {"walk": {"kind": "straight"}, "place": {"occluders": []}},
        "cam_a/person_0003": {"walk": {"kind": "straight"}, "bystanders": [{}]},
    }
    seen = {"cam_a/person_0001": 0.9, "cam_b/person_0001": 0.5, "cam_a/person_0002": 0.7, "cam_a/person_0003": 1.0}
    rows = {clip: {"visible_ratio": share} for clip, share in seen.items()} | {"cam_b/person_0002": {}}
    assert grouped(plan, rows, "walk.kind") == {
        "straight": ["cam_b/person_0001", "cam_a/person_0002", "cam_a/person_0003"],
        "standing": ["cam_a/person_0001"],
    }
    assert grouped(plan, rows, "walk.pace") == {}
    # Cut off by the crop's edge is not in the way, and somebody in the background hides nobody.
    assert occluded(plan, rows) == ["cam_a/person_0001", "cam_b/person_0001"]


def test_near_duplicates_are_shown_if_both_are_finished():
    twin_of = {1: None, 2: 1, 3: 1, 4: 9}
    rows = {f"cam_a/person_{person:04d}": {"camera": "cam_a", "person": person} for person in twin_of}
    plan = {f"cam_a/person_{n:04d}": {"identity": {"person": n, "twin_of": of}} for n, of in twin_of.items()}
    assert twins_in(plan, rows) == [2, 3]
    assert twins_in({clip: {"identity": {"person": 1}} for clip in plan}, rows) == []


def test_a_caption_is_written_above_the_picture():
    picture = np.full((20, 60, 3), 99, np.uint8)
    found = captioned(picture, "0.83")
    np.testing.assert_array_equal(found[images.CAPTION :], picture)
    assert found[: images.CAPTION].max() > 150


@pytest.mark.parametrize("kind", ["animated", "damaged", "grey"])
def test_a_frame_that_was_replaced_is_its_first_picture_or_one_line(tmp_path, kind):
    shutil.copytree(PROJECT_ROOT / "tests" / "fixtures" / "set", tmp_path / "set")
    source, clip = RenderedSet(tmp_path / "set"), "cam_a/person_0001"
    path = source.frames(clip) / "0001.png"
    before = contact_sheets.frame_of(source, clip, 0)
    whole = Image.fromarray(before)
    if kind == "animated":
        whole.save(path, save_all=True, append_images=[Image.fromarray(255 - before)])
        np.testing.assert_array_equal(contact_sheets.frame_of(source, clip, 0), before)
        return
    if kind == "damaged":
        path.write_bytes(path.read_bytes()[:60])
    else:
        whole.convert("L").save(path)
    with pytest.raises(UserError, match="repeat the command that rendered the set"):
        contact_sheets.frame_of(source, clip, 0)
