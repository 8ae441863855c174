"""Faulty data sets: exit code 2, one line of error, and no files but the report of errors."""

import json

import numpy as np
import pytest
from scipy import io

from reid.configs.groups.model import ModelConfig
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model
from reid_folders import (
    command,
    flags,
    write_dots,
    write_ilids,
    write_mars,
    write_own,
    write_own_csv,
    write_prid,
    write_splits,
    write_splits_mat,
)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "model.safetensors"
    config = ModelConfig(appearance="resnet18", appearance_weights="none", variant="baseline")
    save_model(AlignNet(config, 4), path, {"images": {"height": 32, "width": 32, "chunk": 2}})
    return path


def refused(capsys, folder, name, options, complaint, written=frozenset()):
    before = set(folder.rglob("*"))
    code = command(name, flags(options))
    printed = capsys.readouterr()
    assert code == 2, printed
    assert len(printed.err.splitlines()) == 1, printed.err
    assert complaint in printed.err
    assert set(folder.rglob("*")) == before | written


def prid(root, splits=None):
    write_prid(root, persons=4, frames=1)
    if splits is not None:
        (root / "splits_prid2011.json").write_text(json.dumps(splits))


def people(*numbers):
    return [f"person_{number:04d}" for number in numbers]


def prid_without_splits(root):
    prid(root)


def prid_of_absent_people(root):
    prid(root, [{"train": people(1, 2), "test": people(3, 9)}])


def prid_of_unequal_halves(root):
    prid(root, [{"train": people(1), "test": people(2, 3, 4)}])


def prid_of_other_people_in_split_1(root):
    prid(root, [{"train": people(1, 2), "test": people(3, 4)}, {"train": people(1), "test": people(2)}])


def prid_of_a_person_in_both_halves(root):
    prid(root, [{"train": people(1, 2), "test": people(2, 3)}])


def prid_with_the_mat_of_ilids(root):
    prid(root)
    write_splits_mat(root / "train_test_splits_prid.mat", 300)


def prid_with_an_empty_tracklet(root):
    prid(root)
    (root / "multi_shot/cam_b/person_0002/0001.png").unlink()


def prid_with_a_frame_twice(root):
    prid(root)
    write_dots(root / "multi_shot/cam_b/person_0002", ["1.png"])


def ilids_without_splits(root):
    write_ilids(root, splits=False)


def ilids_with_the_mat_of_prid(root):
    write_ilids(root, splits=False)
    write_splits_mat(root / "train_test_splits_ilidsvid.mat", 178)


def ilids_with_queries_for_splits(root):
    write_ilids(root, splits=False)
    write_splits_mat(root / "train_test_splits_ilidsvid.mat", 8, key="query_IDX")


def ilids_of_one_camera(root):
    write_dots(root / "i-LIDS-VID/sequences/cam1/person001", ["cam1_person001_00001.png"])


def ilids_with_a_person_removed(root):
    write_ilids(root)
    for camera in ("cam1", "cam2"):
        folder = root / "i-LIDS-VID/sequences" / camera / "person002"
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def mars_without_names(root):
    write_mars(root)
    (root / "info/test_name.txt").unlink()


def mars_with_the_names_of_the_other_half(root):
    write_mars(root)
    (root / "info/test_name.txt").write_text((root / "info/train_name.txt").read_text())


def mars_without_a_frame(root):
    write_mars(root)
    next((root / "bbox_test/0004").iterdir()).unlink()


def mars_with_another_query_table(root):
    write_mars(root)
    io.savemat(root / "info/query_IDX.mat", {"query_IDX": np.array([[4130, 4138]], np.uint16)})


def mars_that_asks_for_one_camera(root):
    write_mars(root, queries=(8,))


def own_csv_without_a_column(root):
    write_own_csv(root, header="path,person")


def own_csv_with_an_absent_image(root):
    write_own_csv(root, L2="nowhere.png,anna,yard,1")


def own_of_few_people(root):
    write_own(root, persons=("anna", "bo"))


def own_with_an_unreadable_frame(root):
    write_own(root)
    for camera in ("yard", "entrance"):
        for path in (root / camera).rglob("*.png"):
            path.write_bytes(b"\x89PNG and then nothing")


CASES = [
    ("prid", prid_without_splits, "no splits_prid2011.json or train_test_splits_prid.mat in"),
    ("prid", prid_of_absent_people, "person_0009"),
    ("prid", prid_of_unequal_halves, "not two halves"),
    ("prid", prid_of_other_people_in_split_1, "split 1"),
    ("prid", prid_of_a_person_in_both_halves, "a person is named twice"),
    ("prid", prid_with_the_mat_of_ilids, "iLIDS-VID"),
    ("prid", prid_with_an_empty_tracklet, "person_0002: an empty tracklet"),
    ("prid", prid_with_a_frame_twice, "0001.png and 1.png are both frame 1"),
    ("ilids", ilids_without_splits, "no train_test_splits_ilidsvid.mat in"),
    ("ilids", ilids_with_the_mat_of_prid, "PRID2011"),
    ("ilids", ilids_with_queries_for_splits, "query_IDX, not ls_set"),
    ("ilids", ilids_of_one_camera, "not iLIDS-VID's layout"),
    ("ilids", ilids_with_a_person_removed, "splits of 8 persons but there are 7"),
    ("mars", mars_without_names, "no test_name.txt in"),
    ("mars", mars_with_the_names_of_the_other_half, "0001C1T0001F001.jpg"),
    ("mars", mars_without_a_frame, "1 of 19 files"),
    ("mars", mars_with_another_query_table, "names row 4138 of a test table of 8"),
    ("folder", own_csv_without_a_column, "no column camera"),
    ("folder", own_csv_with_an_absent_image, "line 2: no such image or folder"),
    ("folder", own_of_few_people, "halves need 4"),
]

SPLITS_AT_FAULT = {
    prid_without_splits,
    prid_of_absent_people,
    prid_of_unequal_halves,
    prid_of_other_people_in_split_1,
    prid_of_a_person_in_both_halves,
    prid_with_the_mat_of_ilids,
    ilids_without_splits,
    ilids_with_the_mat_of_prid,
    ilids_with_queries_for_splits,
    ilids_with_a_person_removed,
}
"""Sets whose frames can be read: `reid.data` reports on the rest, and `--json` names the fault."""


@pytest.mark.parametrize(("dataset", "spoil", "complaint"), CASES, ids=[case[1].__name__ for case in CASES])
def test_faulty_sets(dataset, spoil, complaint, network, tmp_path, capsys):
    spoil(tmp_path / "set")
    root = tmp_path / "set"
    root = root / "frames.csv" if (root / "frames.csv").is_file() else root
    options = {"dataset": dataset, "root": root, "split_source": "published"}
    report = tmp_path / "data.json"
    written = {report} if spoil in SPLITS_AT_FAULT else set()
    refused(capsys, tmp_path, "data", options | {"json": report}, complaint, written)
    if written:
        assert [complaint in line for line in json.loads(report.read_text())["wrong"]] == [True]
    refused(capsys, tmp_path, "evaluate", options | {"weights": network, "out": tmp_path / "out"}, complaint)


def test_faults_that_only_the_evaluation_detects(network, tmp_path, capsys):
    mars_that_asks_for_one_camera(tmp_path / "mars")
    own_with_an_unreadable_frame(tmp_path / "own")
    prid(tmp_path / "prid", [{"train": people(1, 2), "test": people(3, 4)}])
    for options, complaint in (
        ({"dataset": "mars", "root": tmp_path / "mars"}, "none of the 1 queries has a positive (its pid"),
        ({"dataset": "folder", "root": tmp_path / "own"}, "unreadable image"),
        ({"dataset": "prid", "root": tmp_path / "prid", "split": 1}, "has splits 0-0, not 1"),
        ({"dataset": "mars", "root": tmp_path / "mars", "split_source": "random"}, "--split-source random"),
        ({"dataset": "mars", "root": tmp_path / "mars", "split": 7}, "--split 7: mars"),
        ({"dataset": "market", "root": tmp_path, "split": 1}, "--split 1: market"),
        ({"dataset": "synthetic", "root": tmp_path, "split_source": "json"}, "--split-source json"),
        ({"dataset": "folder", "root": tmp_path / "own", "split_source": "mat"}, "splits.json"),
        ({"dataset": "prid", "root": tmp_path / "absent"}, "put PRID2011 there"),
    ):
        options = {"weights": network, "out": tmp_path / "out", "device": "cpu"} | options
        refused(capsys, tmp_path, "evaluate", options, complaint)
    (tmp_path / "file").write_text("")
    argv = {"weights": network, "root": tmp_path / "prid", "out": tmp_path / "file"}
    refused(capsys, tmp_path, "evaluate", argv, "--out")
    argv = {"weights": tmp_path / "nothing.pt", "root": tmp_path / "prid", "split_source": "published"}
    refused(capsys, tmp_path, "evaluate", argv, "no such file of weights")


def test_fine_tuning_prints_only_the_unreadable_image(tmp_path, capsys):

    write_prid(tmp_path / "prid", persons=4, frames=2)
    write_splits(tmp_path / "prid", persons=4)
    (tmp_path / "prid/multi_shot/cam_a/person_0001/0001.png").write_bytes(b"hello")
    tiny = {"appearance": "resnet18", "appearance_weights": "none", "variant": "baseline", "ids_per_batch": 2}
    options = {"root": tmp_path / "prid", "run": tmp_path / "run", "init": "none", "device": "cpu"} | tiny
    assert command("finetune", flags(options)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "unreadable image" in printed.err
