"""Names of persons as people write them: pandas' numbers, junk and distractors, Unicode forms."""

import json
import unicodedata

import numpy as np
import pytest

from alignnet_common.errors import UserError
from reid.data.datasets.folder import folder_splits
from reid.data.datasets.names import as_on_disk, pids_of
from reid.evaluation.extracted_features import query_and_gallery
from reid.inference.output import numbers_or_names
from reid_folders import command, write_dots, write_own

COMPOSED = ("Zoë", "Jürgen", "André", "Çem")
DECOMPOSED = tuple(unicodedata.normalize("NFD", name) for name in COMPOSED)


def test_numbers_are_kept_with_distractors_and_junk():
    assert pids_of(["0007", "12", "0", "-1"]) == {"0007": 7, "12": 12, "0": 0, "-1": -1}
    assert pids_of(["person_0007", "12"]) == {"12": 1, "person_0007": 2}
    with pytest.raises(UserError, match="07 and 7 are the same number"):
        pids_of(["7", "07", "1"])
    with pytest.raises(UserError, match="person -2"):
        pids_of(["-2", "1"])


@pytest.mark.parametrize("whole", ["{}.0", "{}", "{}.00", "{},0", " {} "])
def test_a_table_that_went_through_pandas(whole):
    names = [whole.format(number) for number in (-1, 0, 1, 2, 3, 4)]
    assert list(pids_of(names).values()) == [pids_of([name])[name] for name in names]
    assert sorted(pids_of(names).values()) == [-1, 0, 1, 2, 3, 4]


def test_junk_and_distractors_however_they_are_written():
    assert pids_of(["bo", "-1", "0", "anna", "00"]) == {"-1": -1, "0": 0, "00": 0, "anna": 1, "bo": 2}
    assert pids_of(["00-1", "0000", "0002", "0017"]) == {"00-1": -1, "0000": 0, "0002": 2, "0017": 17}
    assert pids_of(["-1.0", "0.0", "anna"]) == {"-1.0": -1, "0.0": 0, "anna": 1}


def test_a_name_is_a_number_only_if_it_is_nothing_but_digits():
    names = ["1_1", "1_11", "11_1", "2_1", "3_4", "4_3"]
    assert sorted(pids_of(names).values()) == [1, 2, 3, 4, 5, 6]
    assert sorted(pids_of(["1e3", "0x10", "٣", "1000", "+5"]).values()) == [1, 2, 3, 4, 5]
    assert numbers_or_names(["1_1", "1_2"]).tolist() == ["1_1", "1_2"]
    assert numbers_or_names(["0002", "-1"]).tolist() == [2, -1]
    barcodes = ["40123456789012345678", "40123456789012345679"]  # beyond 64 bits
    assert sorted(pids_of(barcodes).values()) == [1, 2]
    assert numbers_or_names(barcodes).tolist() == barcodes


@pytest.mark.parametrize("missing", ["nan", "None", "<NA>"])
def test_an_empty_cell_of_pandas_is_no_person(missing):
    with pytest.raises(UserError, match="is an empty cell"):
        pids_of(["1.0", "2.0", missing])
    assert sorted(pids_of(["Nan", "Bo"]).values()) == [1, 2]  # a name


def test_identities_of_folders_with_such_names(tmp_path, capsys):
    for names, identities in (
        (("-1.0", "0.0", "1.0", "2.0", "3.0", "4.0"), 4),
        (("1_1", "1_11", "11_1", "2_1", "3_4", "4_3"), 6),
    ):
        root = write_own(tmp_path / names[2], persons=names)
        assert command("data", ["--root", str(root), "--dataset", "folder", "--json", str(tmp_path / "o.json")]) == 0
        found = json.loads((tmp_path / "o.json").read_text())
        assert found["identities"] == identities
        assert (found["distractors"], found["junk"]) == ((2, 2) if identities == 4 else (0, 0))


@pytest.mark.parametrize(("on_disk", "named"), [(DECOMPOSED, COMPOSED), (COMPOSED, DECOMPOSED)])
def test_folders_and_split_files_in_two_unicode_forms(tmp_path, on_disk, named):
    root = write_own(tmp_path, persons=on_disk)
    rows = [{"train": named[:2], "test": named[2:]}]
    (root / "splits.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(rows, ensure_ascii=False).encode())
    (data,) = folder_splits(root, "json", 0)
    assert (len(data.train), len(data.gallery)) == (4, 4)
    table = root / "frames.csv"
    lines = [f"{camera}/{name},{name},{camera}" for camera in ("entrance", "yard") for name in named]
    table.write_text("path,person,camera\n" + "\n".join(lines) + "\n", encoding="utf-8")
    (again,) = folder_splits(table, "json", 0)
    assert again.train == data.train


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_split_file_with_a_byte_order_mark(tmp_path, encoding):
    write_own(tmp_path)
    (tmp_path / "splits.json").write_text('[{"train": ["anna", "bo"], "test": ["cem", "dora"]}]', encoding=encoding)
    assert len(folder_splits(tmp_path, "json", 0)) == 1


def test_numbers_in_a_split_file(tmp_path):
    write_own(tmp_path, persons=("1", "2", "3", "4"))
    (tmp_path / "splits.json").write_text('[{"train": [1, 2.0], "test": ["3", "4.0"]}]')
    (data,) = folder_splits(tmp_path, "json", 0)
    assert ({t.pid for t in data.train}, {t.pid for t in data.query}) == ({1, 2}, {3, 4})


def test_a_path_as_it_is_on_disk(tmp_path):
    write_dots(tmp_path / DECOMPOSED[0] / "a", ["1.png"])
    assert as_on_disk(tmp_path, f"{COMPOSED[0]}\\a\\1.png") == f"{DECOMPOSED[0]}/a/1.png"
    assert as_on_disk(tmp_path, "absent\\1.png") == "absent\\1.png"
    (tmp_path / "odd\\name.png").write_bytes(b"")
    assert as_on_disk(tmp_path, "odd\\name.png") == "odd\\name.png"


def test_two_files_of_features_that_write_one_person_in_two_ways(tmp_path):
    same = {"model_sha256": "0", "normalized": True, "height": 8, "width": 4, "flip_test": False}
    columns = {"query": (["1.0", "2.0"], ["1", "1"]), "gallery": ([1, 2], ["2.0", "2.0"])}
    for name, (persons, cameras) in columns.items():
        features = np.eye(2, dtype=np.float32)
        np.savez(tmp_path / f"{name}.npz", features=features, persons=persons, cameras=cameras, **same)
    found = query_and_gallery(tmp_path / "query.npz", tmp_path / "gallery.npz")
    assert found["query_pids"].tolist() == found["gallery_pids"].tolist() == [1, 2]
    assert found["query_cams"].tolist() != found["gallery_cams"].tolist()
