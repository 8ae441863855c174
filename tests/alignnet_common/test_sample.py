"""The sample set is whole, small, and installed with the package, and the word "sample" names it."""

import json
from collections import Counter
from pathlib import Path

import imageio.v3 as iio
import pytest

from alignnet_common.checked.set_rows import read_manifest
from alignnet_common.files import PROJECT_ROOT, SAMPLE, asset, set_folder
from alignnet_common.set_format import CARD
from filled_sets import verified
from reid.configs.groups.data import ProtocolConfig
from reid.data import load_splits
from reid.data.datasets.synthetic import load_pretraining
from reid_folders import command

FOLDER = asset(SAMPLE)
SMALL = 2_000_000
"""Bytes that the sample may take."""


def test_all_files_are_as_their_hashes_say(monkeypatch, capsys):
    code, lines, complaint = verified(monkeypatch, capsys, FOLDER)
    assert (code, complaint) == (0, "")
    assert lines == [f"{FOLDER}: all 48 clips are as they were rendered (192 frames)"]


def test_24_people_2_cameras_4_frames_of_128_by_64_in_less_than_2_megabytes():
    rows = read_manifest(FOLDER / "manifest.jsonl").values()
    assert Counter(row["camera"] for row in rows) == {"cam_a": 24, "cam_b": 24}
    assert {row["person"] for row in rows} == set(range(1, 25))
    assert {row["frames"] for row in rows} == {4}
    frames = sorted(FOLDER.glob("multi_shot/*/*/*.png"))
    assert len(frames) == 24 * 2 * 4
    assert {iio.imread(frame).shape for frame in frames} == {(128, 64, 3)}
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < SMALL


def test_the_card_names_generator_licence_and_reduction():
    (version,) = {row["generator"] for row in read_manifest(FOLDER / "manifest.jsonl").values()}
    card = (FOLDER / CARD).read_text()
    for named in (f"| generator version | {version} (48 clips) |", "CC BY 4.0", "at most 96 colors"):
        assert named in card


def test_no_file_of_assets_is_left_out_of_the_package(monkeypatch):
    """The files that setuptools would install, by the packages of setup.py and the patterns of pyproject.toml."""
    pytest.importorskip("setuptools")
    from distutils.core import run_setup

    monkeypatch.chdir(PROJECT_ROOT)
    monkeypatch.setattr("sys.argv", ["setup.py"])
    distribution = run_setup("setup.py", stop_after="init")
    distribution.parse_config_files()
    distribution.include_package_data = False  # which MANIFEST.in would decide, not the patterns
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    installed = {Path(folder, name) for _, folder, _, names in build.data_files for name in names}
    assets = {path.relative_to(PROJECT_ROOT) for path in (PROJECT_ROOT / "assets").rglob("*") if path.is_file()}
    assert len(assets) > 192
    assert assets - installed == set()


@pytest.mark.parametrize("dataset", ["synthetic", "prid"])
def test_the_word_sample_is_a_data_set(dataset):
    splits = load_splits(ProtocolConfig(dataset=dataset, root=Path("sample")), seed=0)
    assert len(splits) == 10
    assert [len(part) for part in (splits[0].train, splits[0].query, splits[0].gallery)] == [24, 12, 12]


def test_the_word_sample_is_a_set_for_pre_training():
    data = load_pretraining(Path(SAMPLE), held_out=4, seed=0)
    assert data.root == FOLDER
    assert [len(part) for part in (data.train, data.query, data.gallery)] == [40, 4, 4]


def test_reid_data_reads_every_frame_of_the_sample(tmp_path):
    assert command("data", ["sample", "--dataset", "synthetic", "--decode", "--json", str(tmp_path / "f.json")]) == 0
    found = json.loads((tmp_path / "f.json").read_text())
    assert (found["identities"], found["tracklets"], found["frames"]) == (24, 48, 192)


def test_a_folder_of_that_name_comes_before_the_word(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert set_folder("sample") == FOLDER
    assert set_folder(Path("other")) == Path("other")
    (tmp_path / "sample").mkdir()
    assert set_folder("sample") == Path("sample")
