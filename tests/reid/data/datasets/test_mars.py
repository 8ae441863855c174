"""MARS: a small folder in the real layout, and the real tables."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import io

from alignnet_common.errors import UserError
from alignnet_common.files import PROJECT_ROOT
from reid.data.datasets.mars import TABLES, check_tables, load_mars, read_queries, read_table, tracklets_of
from reid.evaluation.retrieval import gallery_rows, labels_of_tracklets
from reid.metrics.ranking import evaluate_protocol
from reid_folders import MARS_TEST, write_dots, write_mars

SHARED = Path(os.environ.get("REID_DATA", PROJECT_ROOT.parent / "shared" / "data"))
INFO = SHARED / "mars_info"


@pytest.mark.parametrize("inner", ["", "mars"])
def test_the_layout(tmp_path, inner):
    write_mars(tmp_path / inner)
    data = load_mars(tmp_path)
    assert data.name == "MARS"
    assert [(t.pid, t.camera, len(t.frames)) for t in data.gallery] == list(MARS_TEST)
    assert [(t.pid, t.camera) for t in data.query] == [(4, 1), (4, 2), (6, 2), (6, 3)]
    assert gallery_rows(data.query, data.gallery).tolist() == [2, 4, 5, 6]
    assert {t.pid for t in data.train} == {1, 2, 3}
    assert data.gallery[0].frames[1] == tmp_path / inner / "bbox_test/00-1/00-1C1T0001F002.jpg"
    assert "test tracklets: 12180 expected, 8 found" in data.warnings
    assert "junk tracklets (pid -1): 870 expected, 1 found" in data.warnings


def test_frames_come_in_numeric_order_whatever_the_file_says(tmp_path):
    write_mars(tmp_path)
    path = tmp_path / "info" / "test_name.txt"
    names = path.read_text().split()
    names[4], names[5] = names[5], names[4]
    path.write_text("\n".join(names))
    assert [frame.name[-8:-4] for frame in load_mars(tmp_path).gallery[2].frames] == ["F001", "F002"]


def change_table(root, change):
    path = root / "info" / TABLES["test"][0]
    table = io.loadmat(path)[TABLES["test"][1]]
    io.savemat(path, {TABLES["test"][1]: change(table)})


def put(row, column, value):
    def change(table):
        table[row, column] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (put(7, 1, 99), "row 8 ends with line 99, but 19 files are named"),
        (put(2, 1, 4), r"row 3 is an empty tracklet \(lines 5 to 4\)"),
        (put(2, 2, 6), "row 3 is of pid 6, camera 1, but its lines name 0004C1T0003F001.jpg"),
        (put(2, 3, 2), "row 3 is of pid 4, camera 2, but its lines name 0004C1"),
        (put(2, 2, -2), "row 3 has pid -2 and camera 1"),
        (lambda table: table[:, :3], "must have 4 columns"),
        (lambda table: table[:4], "names row 7 of a test table of 4"),
    ],
)
def test_tables_that_disagree(tmp_path, change, complaint):
    write_mars(tmp_path)
    change_table(tmp_path, change)
    with pytest.raises(UserError, match=complaint):
        load_mars(tmp_path)


def replaced(old, new):
    return lambda text: text.replace(old, new)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (replaced("0004C1T0003F002", "0004C1T0003F001"), "names 0004C1T0003F001.jpg twice"),
        (replaced("0004C1T0003F002.jpg", "0004C1T0003F01.jpg"), "are both frame 1"),
        (replaced("0004C1T0003F002", "0004C1T0003Fxyz"), "not named as in MARS"),
        (replaced("0008C1T0008F002", "0008C1T0008F009"), "1 of 19 files that are named are not there"),
        (lambda text: "\n".join(text.split()[:-2]), "but 17 files are named"),
    ],
)
def test_names_that_disagree(tmp_path, change, complaint):
    write_mars(tmp_path)
    path = tmp_path / "info" / "test_name.txt"
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=complaint):
        load_mars(tmp_path)


@pytest.mark.parametrize(
    ("queries", "complaint"),
    [((3, 3), "names a row twice"), ((2,), "pid 0"), ((1,), "pid -1"), ((0, 3), "names row")],
)
def test_queries_that_cannot_be(tmp_path, queries, complaint):
    write_mars(tmp_path, queries)
    with pytest.raises(UserError, match=complaint):
        load_mars(tmp_path)


@pytest.mark.parametrize("name", ["train_name.txt", "tracks_train_info.mat", "query_IDX.mat"])
def test_a_missing_file_is_named_with_its_place(tmp_path, name):
    write_mars(tmp_path)
    (tmp_path / "info" / name).unlink()
    with pytest.raises(UserError, match=f"no {name} in {tmp_path / 'info'}"):
        load_mars(tmp_path)


def test_other_layouts(tmp_path):
    with pytest.raises(UserError, match="put MARS there"):
        load_mars(tmp_path / "absent")
    write_dots(tmp_path / "bbox_train" / "0001", ["0001C1T0001F001.jpg"])
    with pytest.raises(UserError, match="no folder bbox_test"):
        load_mars(tmp_path)


# The real tables, with names made of them: the images are not here.
real = pytest.mark.skipif(
    not INFO.is_dir(), reason=f"MARS' tables are not in {INFO}: name their folder's parent, REID_DATA"
)


def names_of(table):
    names = []
    for row, (first, last, pid, camera) in enumerate(table.tolist(), start=1):
        person = "00-1" if pid == -1 else f"{pid:04d}"
        assert first == len(names) + 1
        names += [f"{person}C{camera}T{row:04d}F{frame:03d}.jpg" for frame in range(1, last - first + 2)]
    return names


@pytest.mark.shared
@real
def test_the_real_training_table(tmp_path):
    table = read_table(INFO, "train")
    tracklets = tracklets_of(table, names_of(table), tmp_path, "train")
    lengths = [len(tracklet.frames) for tracklet in tracklets]
    assert len(tracklets) == 8298
    assert len({tracklet.pid for tracklet in tracklets}) == 625
    assert (min(lengths), max(lengths), sum(lengths)) == (5, 900, 509_914)


@pytest.mark.shared
@real
def test_the_real_test_table_and_queries(tmp_path):
    table = read_table(INFO, "test")
    queries = read_queries(INFO / "query_IDX.mat", table)
    assert check_tables(read_table(INFO, "train"), table, queries) == ()
    tracklets = tracklets_of(table, names_of(table), tmp_path, "test")
    labels = labels_of_tracklets(tracklets)
    pids = labels.pids
    lengths = [len(tracklet.frames) for tracklet in tracklets]
    assert len(tracklets) == 12_180
    assert (int((pids == -1).sum()), int((pids == 0).sum())) == (870, 3248)
    assert len(np.unique(pids[pids > 0])) == 634
    assert (min(lengths), max(lengths), sum(lengths)) == (2, 920, 681_089)
    asked = [tracklets[row] for row in queries.tolist()]
    assert len(asked) == len({(t.pid, t.camera) for t in asked}) == 1980
    assert len({t.pid for t in asked}) == 626
    assert (gallery_rows(asked, tracklets) == queries).all()

    rest = np.setdiff1d(np.arange(len(tracklets)), queries)
    assert int((pids[rest] != -1).sum()) == 9330
    distances = np.random.default_rng(0).random((1980, len(rest)), dtype=np.float32)
    found = evaluate_protocol(distances, labels[queries], labels[rest])
    assert found.queries - found.valid_queries == 140
    everything = np.random.default_rng(0).random((1980, len(pids)), dtype=np.float32)
    assert evaluate_protocol(everything, labels[queries], labels).valid_queries == 1980


@pytest.mark.shared
@real
def test_the_tables_of_the_other_half_are_noticed(tmp_path):
    (tmp_path / TABLES["test"][0]).write_bytes((INFO / TABLES["train"][0]).read_bytes())
    with pytest.raises(UserError, match="track_train_info, not track_test_info"):
        read_table(tmp_path, "test")
