"""`reid data --torchreid` writes the files that torchreid's loader of PRID2011 asks for."""

import json
from pathlib import Path

import pytest

from alignnet_common.files import SAMPLE, asset
from reid.configs.groups.data import ProtocolConfig
from reid.data import load_splits
from reid_folders import command, flags, write_prid, write_splits

SYNTHETIC = {"root": SAMPLE, "dataset": "synthetic"}


def test_splits_and_frames_are_those_of_this_program(tmp_path):
    for _ in range(2):  # the second replaces the first
        assert command("data", flags(SYNTHETIC | {"torchreid": tmp_path})) == 0
    top = tmp_path / "prid2011"
    splits = json.loads((top / "splits_prid2011.json").read_text())
    ours = load_splits(ProtocolConfig(dataset="synthetic", root=Path(SAMPLE)), seed=0)
    assert len(splits) == len(ours) == 10
    for found, wanted in zip(splits, ours, strict=True):
        assert [int(name[-4:]) for name in found["test"]] == [tracklet.pid for tracklet in wanted.query]
        assert [int(name[-4:]) for name in found["train"]] == sorted({tracklet.pid for tracklet in wanted.train})
    frames = [path.resolve() for path in sorted((top / "prid_2011/multi_shot/cam_b/person_0007").glob("*.png"))]
    assert frames == sorted((asset(SAMPLE) / "multi_shot/cam_b/person_0007").resolve().glob("*.png"))


def test_this_program_reads_the_layout_as_the_same_data(tmp_path):
    assert command("data", flags(SYNTHETIC | {"torchreid": tmp_path})) == 0
    ours = load_splits(ProtocolConfig(dataset="synthetic", root=Path(SAMPLE)), seed=0)[3]
    again = load_splits(ProtocolConfig(dataset="prid", root=tmp_path / "prid2011"), seed=0)[3]
    assert again.name == "synthetic stand-in"
    assert [tracklet.pid for tracklet in again.query] == [tracklet.pid for tracklet in ours.query]


def test_prid2011_keeps_its_published_splits(tmp_path):
    root = write_prid(tmp_path / "prid", persons=6, frames=4)
    write_splits(root, persons=6)
    words = {"root": root, "dataset": "prid", "torchreid": tmp_path / "out"}
    assert command("data", flags(words)) == 0
    found, published = (
        json.loads((folder / "splits_prid2011.json").read_text()) for folder in (tmp_path / "out/prid2011", root)
    )
    assert found == [{half: sorted(names) for half, names in split.items()} for split in published]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"dataset": "market"}, "--torchreid: only for --dataset prid and synthetic, not market"),
        ({"torchreid": "real"}, "is a data set already; name another folder"),
    ],
)
def test_what_cannot_be_written_is_one_line(tmp_path, monkeypatch, capsys, change, complaint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real/prid2011/prid_2011").mkdir(parents=True)
    assert command("data", flags(SYNTHETIC | {"torchreid": "out"} | change)) == 2
    assert complaint in capsys.readouterr().err


def test_frames_that_its_loader_would_not_find_are_refused(tmp_path, capsys):
    root = write_prid(tmp_path / "prid", persons=6, frames=4)
    write_splits(root, persons=6)
    frame = root / "multi_shot/cam_a/person_0001/0004.png"
    frame.rename(frame.with_suffix(".jpg"))
    assert command("data", flags({"root": root, "dataset": "prid", "torchreid": tmp_path / "out"})) == 2
    assert (
        "0004.jpg: torchreid's loader of PRID2011 reads multi_shot/cam_a/person/*.png only" in capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()
