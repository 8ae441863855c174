"""Formats of images, what is passed over, and the folders that systems leave beside the data."""

import json
import shutil

import pytest
from PIL import Image

from reid.data.tracklets.frames import IMAGE_SUFFIXES, read_frame
from reid.exporting.int8 import chosen_images
from reid.inference.sources import find_source
from reid_folders import command, write_dots, write_ilids, write_own, write_prid

SYSTEM = ("__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", ".AppleDouble")


def looked_at(root, dataset, capsys):
    assert command("data", ["--root", str(root), "--dataset", dataset, "--json", str(root / "o.json")]) == 0
    return json.loads((root / "o.json").read_text()), capsys.readouterr().out


def test_every_format_of_images_is_read(tmp_path, capsys):
    root = write_own(tmp_path, frames=25 // 4)
    picture = Image.new("RGB", (4, 8), (200, 10, 60))
    for number, suffix in enumerate(IMAGE_SUFFIXES, start=100):
        path = root / "yard" / "bo" / f"{number}{suffix.upper() if number % 2 else suffix}"
        grey = suffix == ".pgm"
        (picture.convert("L") if grey else picture).save(path)
        assert read_frame(path).shape == (8, 4, 3)
    found, out = looked_at(root, "folder", capsys)
    assert found["frames"] == 4 * 2 * 6 + len(IMAGE_SUFFIXES)
    assert found["passed_over"] == {}
    assert "passed over" not in out


def test_what_is_no_image_is_counted(tmp_path, capsys):
    root = write_own(tmp_path)
    for place in ("yard/bo/7.heic", "yard/anna/7.HEIC", "yard/anna/readme", "yard/bo/Thumbs.db", "yard/bo/._1.png"):
        (root / place).write_bytes(b"")
    found, out = looked_at(root, "folder", capsys)
    assert (found["frames"], found["passed_over"]) == (16, {".heic": 2, "without a suffix": 1})
    assert "passed over 3 files (2 .heic, 1 without a suffix); images are .png .jpg" in out


def test_folders_of_systems_are_left_out_and_counted(tmp_path, capsys):
    for name in SYSTEM:
        write_dots(tmp_path / "own" / name / "anna", ["1.png"])
        write_dots(tmp_path / "own" / "yard" / name, ["1.png"])
    root = write_own(tmp_path / "own")
    found, out = looked_at(root, "folder", capsys)
    assert (found["identities"], len(found["cameras"]), found["frames"]) == (4, 2, 16)
    assert len(found["left_out_folders"]) == 2 * 4
    assert "left out    8 folders that systems make" in out
    assert {row.camera for row in find_source(str(root), tracklets=True).rows} == {"entrance", "yard"}
    assert len(find_source(str(root), tracklets=False).rows) == 16
    assert len(chosen_images(root, 99)[0]) == 16


@pytest.mark.parametrize("dataset", ["prid", "ilids"])
def test_folders_of_systems_in_published_layouts(tmp_path, capsys, dataset):
    root = write_prid(tmp_path, frames=27) if dataset == "prid" else write_ilids(tmp_path)
    before, _ = looked_at(root, dataset, capsys)
    for name in SYSTEM:
        for camera in root.rglob("cam?") if dataset == "ilids" else root.rglob("cam_?"):
            (camera / name).mkdir()
    after, _ = looked_at(root, dataset, capsys)
    assert len(after.pop("left_out_folders")) == 2 * 4
    before.pop("left_out_folders")
    assert after == before


def test_a_folder_of_another_formats_images_says_which_are_read(tmp_path, capsys):
    root = write_own(tmp_path)
    shutil.rmtree(root / "yard" / "bo")
    (root / "yard" / "bo").mkdir()
    (root / "yard" / "bo" / "1.heic").write_bytes(b"")
    assert command("data", ["--root", str(root), "--dataset", "folder"]) == 2
    assert "1 .heic" in capsys.readouterr().err
