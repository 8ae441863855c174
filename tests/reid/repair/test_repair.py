"""reid repair: mixed and broken tracks of made crops are mended; tables, links, resuming, refusals."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from alignnet_common.errors import UserError
from alignnet_common.locks import file_lock
from reid.configs.groups.model import ModelConfig
from reid.configs.video.repair import RepairConfig
from reid.inference.sources import find_source
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model
from reid.repair import folder
from reid.repair.run import repair
from reid.tracks.crops import COLUMNS

PERSONS, LENGTH = 16, 12
MIXED = ((0, 1), (6, 7))
"""Tracks, from 0, that have exchanged their second halves."""

BROKEN = (3, 10)
"""Tracks that are broken in two, with a second between."""


def picture(person, rng):
    """A person: two colours, with noise."""
    colours = np.random.default_rng(person).integers(0, 256, (2, 1, 1, 3))
    image = np.concatenate([np.broadcast_to(colour, (24, 24, 3)) for colour in colours])
    return Image.fromarray(np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    torch.manual_seed(0)
    config = ModelConfig(
        variant="baseline", appearance="resnet18", appearance_weights="none", pose_stages=1, pose_width=0.125
    )
    run_folder = tmp_path_factory.mktemp("run")
    save_model(AlignNet(config, 3), run_folder / "model.pt", {"images": {"height": 48, "width": 24, "chunk": 3}})
    return run_folder


def write_tracks(root):
    """Persons who stand beside each other, all at the same time, in tracks of a crop every 0.2 s."""
    rng = np.random.default_rng(0)
    partner = {one: other for pair in MIXED for one, other in (pair, pair[::-1])}
    rows = []
    for person in range(PERSONS):
        for step in range(LENGTH):
            late = step >= LENGTH // 2
            track = partner[person] if late and person in partner else person
            broken = late and person in BROKEN
            name = f"{(PERSONS + BROKEN.index(person) if broken else track) + 1:04d}"
            frame = 1 + 2 * step + (10 if broken else 0)
            path = root / "yard" / name / f"{frame:06d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(person, rng).save(path, quality=95)
            box = (30 * (track if late else person), 10, 24, 48)
            rows.append(("yard", name, frame, f"{(frame - 1) / 10:.3f}", *box, "0.900", f"yard/{name}/{path.name}"))
    rows.sort(key=lambda row: (row[1], row[2]))
    with (root / "tracks.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerows([COLUMNS, *rows])
    record = {"video": "yard.mp4", "duration": 3.4, "size": [640, 480], "tracks": PERSONS + len(BROKEN), "crops": 192}
    (root / "result.json").write_text(json.dumps({"cameras": {"yard": record}}))
    return root


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    return write_tracks(tmp_path_factory.mktemp("tracks"))


@pytest.fixture
def config(tracks, network, tmp_path):
    # 18 tracks tell little of a share of mixed ones: a quarter may be split, which the four mixed ones are less than
    return RepairConfig(tracks, tmp_path / "repaired", str(network), guard=0, false_splits=0.25, workers=0)


def table(out):
    with (out / "tracks.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def contents(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.jpg"))}


def test_mixed_tracks_are_split_and_broken_ones_joined(config, tracks, capsys):
    before = contents(tracks)
    repair(config)
    printed = capsys.readouterr().out
    report = json.loads((config.out / "tracks-report.json").read_text())
    assert sorted((each["track"], each["frame"]) for each in report["splits"]) == [
        (f"{track + 1:04d}", LENGTH + 1) for pair in MIXED for track in pair
    ]
    joined = {(each["track"], each["taken_in"]) for each in report["joins"]}
    assert {(f"{person + 1:04d}", f"{PERSONS + n + 1:04d}") for n, person in enumerate(BROKEN)} <= joined
    assert f"4 splits in 4 of 18 tracks, {len(joined)} joins: {report['tracks']} tracks" in printed
    assert all(0 < each["gap"] <= config.gap for each in report["joins"])
    assert contents(tracks) == before


def test_folder_table_and_records_are_those_of_reid_tracks(config, tracks):
    repair(config)
    rows = table(config.out)
    assert list(rows[0]) == list(COLUMNS) and len(rows) == PERSONS * LENGTH
    for row in rows:
        assert row["path"] == f"{row['camera']}/{row['track']}/{int(row['frame']):06d}.jpg"
        assert (config.out / row["path"]).is_file()
    assert len(contents(config.out)) == len(rows)
    found = find_source(str(config.out), tracklets=True)
    assert {row.track for row in found.rows} == {row["track"] for row in rows}
    record = json.loads((config.out / "result.json").read_text())["cameras"]["yard"]
    assert record["video"] == "yard.mp4" and record["tracks"] == len(found.rows) and record["crops"] == len(rows)
    one = config.out / rows[0]["path"]
    assert one.stat().st_nlink == 2  # links, no copies
    assert not list(config.out.glob(".descriptors*")) and not list(config.out.glob(".*.partial"))


def test_crops_of_a_track_are_of_one_person_afterwards(config):
    repair(config)
    of_track = {}
    for row in table(config.out):
        with Image.open(config.out / row["path"]) as image:
            of_track.setdefault(row["track"], []).append(np.asarray(image, float).reshape(2, 24, 24, 3).mean((1, 2)))
    for colours in of_track.values():
        assert np.ptp(np.stack(colours), axis=0).max() < 40


def test_the_same_command_again_changes_nothing(config):
    repair(config)
    before = {path: path.stat().st_mtime_ns for path in (config.out / "yard").rglob("*")}
    rows, report = table(config.out), (config.out / "tracks-report.json").read_bytes()
    repair(config)
    assert {path: path.stat().st_mtime_ns for path in (config.out / "yard").rglob("*")} == before
    assert table(config.out) == rows and (config.out / "tracks-report.json").read_bytes() == report


def test_other_options_write_the_camera_again(config, tracks, network):
    repair(config)
    none = RepairConfig(tracks, config.out, str(network), false_splits=0.0, false_joins=0.0, workers=0)
    repair(none)
    assert contents(config.out) == contents(tracks)
    assert (config.out / "tracks.csv").read_bytes() == (tracks / "tracks.csv").read_bytes()


def test_a_killed_run_is_continued(config, monkeypatch, capsys):
    whole = config.out.with_name("whole")
    repair(RepairConfig(**{**vars(config), "out": whole}))
    linked = 0

    def killed(file, place):
        nonlocal linked
        linked += 1
        if linked == 50:
            raise KeyboardInterrupt
        os.link(file, place)

    monkeypatch.setattr(folder, "link", killed)
    with pytest.raises(KeyboardInterrupt):
        repair(config)
    assert not (config.out / "yard").exists() and not (config.out / "tracks.csv").exists()
    monkeypatch.undo()
    capsys.readouterr()
    repair(config)
    assert f"continued after {PERSONS * LENGTH} of {PERSONS * LENGTH} rows" in capsys.readouterr().out
    assert contents(config.out) == contents(whole) and table(config.out) == table(whole)


def test_a_camera_that_is_gone_is_removed(config, tracks, tmp_path):
    more = tmp_path / "more"
    shutil.copytree(tracks, more)
    shutil.copytree(more / "yard" / "0001", more / "gate" / "0001")
    extra = [
        line.replace("yard", "gate") for line in (more / "tracks.csv").read_text().splitlines() if "/0001/" in line
    ]
    with (more / "tracks.csv").open("a") as file:
        file.write("".join(f"{line}\n" for line in extra))
    repair(RepairConfig(**{**vars(config), "tracks": more}))
    assert (config.out / "gate").is_dir() and {row["camera"] for row in table(config.out)} == {"gate", "yard"}
    repair(config)
    assert not (config.out / "gate").exists() and {row["camera"] for row in table(config.out)} == {"yard"}


def test_too_few_pairs_at_the_same_time_change_nothing_and_the_line_says_so(tracks, network, tmp_path, capsys):
    few = tmp_path / "few"
    few.mkdir()
    lines = (tracks / "tracks.csv").read_text().splitlines()
    kept = [line for line in lines[1:] if line.split(",")[1] in ("0001", "0002", "0003")]
    (few / "tracks.csv").write_text("\n".join([lines[0], *kept]) + "\n")
    (few / "yard").symlink_to(tracks / "yard")
    repair(RepairConfig(few, tmp_path / "out", str(network), workers=0))
    assert "note: 3 pairs of tracks are seen at the same time, 30 are needed: nothing is split or joined" in (
        capsys.readouterr().out
    )
    assert len(table(tmp_path / "out")) == len(kept)


def test_two_writers_and_folders_of_others_are_refused(config, tracks):
    config.out.mkdir()
    with file_lock(config.out / ".lock"), pytest.raises(UserError, match="another process writes tracks there"):
        repair(config)
    (config.out / ".yard.json").write_text('{"video": "other.mp4"}')
    with pytest.raises(UserError, match="has tracks of yard that reid repair did not write"):
        repair(config)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"has no tracks\.csv: name a folder of reid tracks"),
        ("camera,track,frame,time,x,y,w,path\n", "no column h"),
        ("camera,track,frame,time,x,y,w,h,path\n", "no track in it"),
        ("camera,track,frame,time,x,y,w,h,path\na,1,1,now,1,1,1,1,a/1/1.jpg\n", "line 2: frame, time, x, y, w and h"),
        ("camera,track,frame,time,x,y,w,h,path\na,1,1,0,1,1,1,1,a/1/1.jpg\n", "No such file"),
    ],
)
def test_a_folder_that_is_none_of_tracks_is_one_line(network, tmp_path, text, message):
    if text is not None:
        (tmp_path / "tracks.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        repair(RepairConfig(tmp_path, tmp_path / "out", str(network), workers=0))


def test_options_that_do_not_fit_are_one_line(tmp_path):
    with pytest.raises(ValueError, match="name the folder of tracks"):
        RepairConfig()
    with pytest.raises(ValueError, match="name another folder than the tracks"):
        RepairConfig(tmp_path, tmp_path)
    with pytest.raises(ValueError, match="false-splits"):
        RepairConfig(tmp_path, false_splits=0.9)
