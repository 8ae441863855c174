"""Split files as .mat: which half is which, whose positions they are, and files that do not fit."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import io

from alignnet_common.errors import UserError
from alignnet_common.files import PROJECT_ROOT
from reid.data.datasets.ilids import ilids_splits
from reid.data.datasets.mat_files import read_mat
from reid.data.datasets.prid import EXCLUDED, KEPT, prid_splits
from reid.data.datasets.splits import read_mat_splits
from reid_folders import write_dots, write_ilids, write_prid, write_splits, write_splits_mat

SHARED = Path(os.environ.get("REID_DATA", PROJECT_ROOT.parent / "shared" / "data"))
NAMES = [f"p{number}" for number in range(1, 9)]


def test_the_first_half_of_the_columns_is_for_testing(tmp_path):
    table = write_splits_mat(tmp_path / "s.mat", 8)
    for split, row in zip(read_mat_splits(tmp_path / "s.mat", NAMES, "persons"), table, strict=True):
        assert split.test == tuple(sorted(f"p{position}" for position in row[:4]))
        assert split.train == tuple(sorted(f"p{position}" for position in row[4:]))


def test_narrow_numbers_are_widened(tmp_path):
    io.savemat(tmp_path / "s.mat", {"x": np.array([[65535, 1]], np.uint16)})
    found = read_mat(tmp_path / "s.mat", "x")
    assert found.dtype == np.int64
    assert (found + 1).tolist() == [[65536, 2]]


def spoil(table, kind):
    if kind == "zero":
        table[3, 0] = 0
    if kind == "twice":
        table[3, 0] = table[3, 1]
    return table[:, :6] if kind == "narrow" else table


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("zero", "split 3 does not name each of the persons 1-8 once"),
        ("twice", "split 3 does not name each of the persons 1-8 once"),
        ("narrow", "splits of 6 persons but there are 8 persons"),
    ],
)
def test_tables_that_do_not_fit(tmp_path, kind, complaint):
    table = spoil(write_splits_mat(tmp_path / "s.mat", 8), kind)
    io.savemat(tmp_path / "s.mat", {"ls_set": table})
    with pytest.raises(UserError, match=complaint):
        read_mat_splits(tmp_path / "s.mat", NAMES, "persons")


def test_files_that_are_no_tables(tmp_path):
    path = tmp_path / "s.mat"
    with pytest.raises(UserError, match=r"no s.mat in"):
        read_mat(path, "ls_set")
    for content in (b"", b"hello", b"MATLAB 5.0 MAT-file" + bytes(200)):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"\.mat file"):
            read_mat(path, "ls_set")
    io.savemat(path, {"query_IDX": np.ones((1, 3))})
    with pytest.raises(UserError, match="query_IDX, not ls_set"):
        read_mat(path, "ls_set")
    for values in (np.array([[0.5]]), np.array([["a"]]), np.array([[np.nan]])):
        io.savemat(path, {"ls_set": values})
        with pytest.raises(UserError, match="whole numbers"):
            read_mat(path, "ls_set")


@pytest.fixture(scope="module")
def prid200(tmp_path_factory):
    """The 200 shared persons of PRID2011, one frame each."""
    root = tmp_path_factory.mktemp("prid200")
    for camera in ("cam_a", "cam_b"):
        for number in range(1, 201):
            write_dots(root / "multi_shot" / camera / f"person_{number:04d}", ["0001.png"])
    return root


@pytest.mark.parametrize("place", ["", "train-test people splits"])
def test_prid_from_the_file_that_ilids_ships(prid200, place):
    path = prid200 / place / "train_test_splits_prid.mat"
    table = write_splits_mat(path, 178)
    try:
        found = prid_splits(prid200, "all", seed=0)
    finally:
        path.unlink()
    assert len(found) == 10
    for data, row in zip(found, table, strict=True):
        assert {t.pid for t in data.query} == {KEPT[position - 1] for position in row[:89]}
        assert {t.pid for t in data.train} == {KEPT[position - 1] for position in row[89:]}
        assert len(data.query) == len(data.gallery) == 89
        assert not EXCLUDED & {t.pid for t in data.tracklets}
    assert found[7].split == "split 7 of train_test_splits_prid.mat"
    assert "persons with at least 27 frames in both cameras: 178 expected, 0 found" in found[0].warnings
    assert not any("persons 1-200" in warning for warning in found[0].warnings)


def test_ilids_file_in_prids_place(prid200):
    path = prid200 / "train_test_splits_prid.mat"
    write_splits_mat(path, 300)
    try:
        with pytest.raises(UserError, match="300 persons, as iLIDS-VID has, but there are 178 persons in PRID2011's"):
            prid_splits(prid200, "mat", seed=0)
    finally:
        path.unlink()


def test_json_is_preferred_and_mat_can_be_demanded(tmp_path):
    write_prid(tmp_path, persons=4, frames=1)
    write_splits(tmp_path, persons=4)
    write_splits_mat(tmp_path / "train_test_splits_prid.mat", 178)
    assert "json" in prid_splits(tmp_path, "published", seed=0)[0].split
    with pytest.raises(UserError, match="names 174 persons who are not in both cameras"):
        prid_splits(tmp_path, "mat", seed=0)


def test_known_exclusions_are_a_warning(tmp_path):
    write_prid(tmp_path, persons=8, frames=1)
    write_splits(tmp_path, persons=8)
    warnings = prid_splits(tmp_path, "json", seed=0)[0].warnings
    assert "splits_prid2011.json names person_0006, whom the published splits leave out" in warnings
    assert "persons in splits_prid2011.json: 178 expected, 8 found" in warnings
    assert "persons in cam_a: 385 expected, 8 found" in warnings


def test_published_means_that_the_file_must_be_there(tmp_path):
    write_prid(tmp_path, persons=4, frames=1)
    with pytest.raises(UserError, match=rf"no splits_prid2011.json or train_test_splits_prid.mat in {tmp_path}"):
        prid_splits(tmp_path, "published", seed=0)
    assert len(prid_splits(tmp_path, "random", seed=0, min_frames=1)) == 10


@pytest.mark.parametrize("inner", ["i-LIDS-VID", "."])
def test_ilids_counts_in_the_sorted_list_of_folders(tmp_path, inner):
    write_ilids(tmp_path, persons=8, inner=inner)
    pids = [number + number // 4 for number in range(1, 9)]  # with gaps: 1 2 3 5 6 7 8 10
    table = io.loadmat(tmp_path / "train-test people splits" / "train_test_splits_ilidsvid.mat")["ls_set"]
    found = ilids_splits(tmp_path, "auto", seed=0)
    assert len(found) == 10
    for data, row in zip(found, table, strict=True):
        assert {t.pid for t in data.query} == {t.pid for t in data.gallery} == {pids[n - 1] for n in row[:4]}
        assert {t.pid for t in data.train} == {pids[n - 1] for n in row[4:]}
        assert {t.camera for t in data.query} == {0}
        assert {t.camera for t in data.gallery} == {1}
    assert found[0].query[0].frames[0].name.endswith("_00317.png")
    assert "persons in both cameras: 300 expected, 8 found" in found[0].warnings
    assert ilids_splits(tmp_path, "random", seed=1)[3].split == "seeded random half 3 of 10 (seed 1)"


def test_the_order_does_not_come_from_the_file_system(tmp_path, monkeypatch):
    write_ilids(tmp_path, persons=8)
    expected = ilids_splits(tmp_path, "auto", seed=0)
    forwards = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(sorted(forwards(self), reverse=True)))
    assert ilids_splits(tmp_path, "auto", seed=0) == expected


def test_ilids_frames_in_numeric_order(tmp_path):
    write_ilids(tmp_path, persons=4, frames=1)
    folder = tmp_path / "i-LIDS-VID/sequences/cam1/person001"
    write_dots(folder, ["cam1_person001_99999.png", "cam1_person001_00009.png"])
    tracklet = next(t for t in ilids_splits(tmp_path, "auto", 0)[0].tracklets if (t.pid, t.camera) == (1, 0))
    assert [path.stem[-5:] for path in tracklet.frames] == ["00009", "00317", "99999"]


def test_a_person_of_one_camera_would_shift_all_positions(tmp_path):
    write_ilids(tmp_path, persons=4)
    write_dots(tmp_path / "i-LIDS-VID/sequences/cam2/person002", ["cam2_person002_00001.png"])
    write_dots(tmp_path / "i-LIDS-VID/sequences/cam2/person099", ["cam2_person099_00001.png"])
    with pytest.raises(UserError, match="1 persons are in one camera alone, the first is person099 in cam2"):
        ilids_splits(tmp_path, "auto", 0)


@pytest.mark.shared
@pytest.mark.skipif(not (SHARED / "splits_prid2011.json").is_file(), reason="the published splits are not here")
def test_the_published_splits_fit_the_200_persons_and_the_22_exclusions(prid200):
    path = prid200 / "splits_prid2011.json"
    path.write_bytes((SHARED / "splits_prid2011.json").read_bytes())
    try:
        found = prid_splits(prid200, "all", seed=0)
    finally:
        path.unlink()
    assert [(len(data.train), len(data.query), len(data.gallery)) for data in found] == [(178, 89, 89)] * 10
    assert {t.pid for t in found[0].tracklets} == set(KEPT)
    assert len(EXCLUDED) == 22
    assert not [warning for warning in found[0].warnings if path.name in warning]
