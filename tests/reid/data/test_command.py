"""python -m reid.data: contents and errors of data sets."""

import json
import subprocess
import sys

from alignnet_common.files import PROJECT_ROOT
from reid_folders import command, flags, write_ilids, write_mars, write_own, write_own_csv, write_prid, write_splits


def looked_at(tmp_path, root, dataset, **options):
    argv = flags({"root": root, "dataset": dataset, "json": tmp_path / "out.json"} | options)
    assert command("data", argv) == 0
    return json.loads((tmp_path / "out.json").read_text())


def test_in_a_process_of_its_own(tmp_path):
    root = write_prid(tmp_path / "prid", persons=6, frames=4)
    write_splits(root, persons=6)
    (root / "multi_shot/cam_a/person_0001/0004.png").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "reid.data", str(root), "--dataset", "prid", "--json", str(tmp_path / "o.json")],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for line in (
        f"PRID2011 in {root}",
        "identities  6",
        "tracklets   12",
        "frames      47",
        "lengths     3 to 4 frames a tracklet, median 4",
        "cameras     2",
        "  camera 0: 6 identities, 6 tracklets, 23 frames",
        "  split 9 of splits_prid2011.json: 3 identities to train on, 3 queries, 3 in the gallery",
        "  persons in cam_a: 385 expected, 6 found",
    ):
        assert line in done.stdout.splitlines()
    found = json.loads((tmp_path / "o.json").read_text())
    assert found["lengths"] == {"min": 3, "median": 4, "max": 4}
    assert len(found["splits"]) == 10
    assert found["wrong"] == []
    assert "persons in splits_prid2011.json: 178 expected, 6 found" in found["warnings"]


def test_the_other_sets(tmp_path):
    mars = looked_at(tmp_path, write_mars(tmp_path / "mars"), "mars")
    assert (mars["identities"], mars["tracklets"], mars["distractors"], mars["junk"]) == (6, 14, 1, 1)
    assert [each["camera"] for each in mars["cameras"]] == [1, 2, 3]
    assert mars["splits"][0]["queries_without_positive"] == 0
    ilids = looked_at(tmp_path, write_ilids(tmp_path / "ilids"), "ilids")
    assert (ilids["identities"], len(ilids["splits"])) == (8, 10)
    own = looked_at(tmp_path, write_own(tmp_path / "own"), "folder")
    table = looked_at(tmp_path, write_own_csv(tmp_path / "table"), "folder")
    assert {name: own[name] for name in ("identities", "tracklets", "frames", "cameras")} == {
        name: table[name] for name in ("identities", "tracklets", "frames", "cameras")
    }


def test_a_missing_split_file_does_not_hide_the_rest(tmp_path, capsys):
    root = write_ilids(tmp_path / "ilids", splits=False)
    argv = flags({"root": root, "dataset": "ilids", "json": tmp_path / "o.json"})
    assert command("data", argv) == 2
    printed = capsys.readouterr()
    assert "identities  8" in printed.out
    assert len(printed.err.splitlines()) == 1
    assert "no train_test_splits_ilidsvid.mat in" in printed.err
    assert f"{root / 'train-test people splits'}, {root}" in printed.err
    assert "--split-source random" in printed.err
    written = json.loads((tmp_path / "o.json").read_text())
    assert written["identities"] == 8
    assert ["no train_test_splits_ilidsvid.mat in" in line for line in written["wrong"]] == [True]
    assert command("data", [*argv, "--split-source", "random"]) == 0


def test_frames_are_read_when_asked_for(tmp_path, capsys):
    root = write_own(tmp_path / "own")
    for name in ("anna/img_9.png", "bo/img_10.png"):
        (root / "yard" / name).write_bytes(b"hello")
    argv = flags({"root": root, "dataset": "folder"})
    assert command("data", argv) == 0
    assert command("data", [*argv, "--decode"]) == 2
    printed = capsys.readouterr()
    assert "unreadable image" in printed.err
    assert "(further errors: 1)" in printed.err
    for name in ("yard/anna/img_9.png", "yard/bo/img_10.png"):
        assert f"  {root / name}: unreadable image" in printed.out


def test_a_negative_seed_is_one_line(tmp_path, capsys):
    assert command("data", flags({"root": tmp_path, "seed": -1})) == 2
    error = capsys.readouterr().err
    assert "--seed must be at least 0" in error
    assert error.count("\n") == 1
