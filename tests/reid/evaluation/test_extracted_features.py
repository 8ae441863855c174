"""Files of reid extract as queries and gallery: against rankings of the same arrays, and faulty files."""

import json
import subprocess
import sys

import numpy as np
import pytest

from alignnet_common.files import PROJECT_ROOT
from reid.metrics import rank_features
from reid_folders import command, flags

FACTS = {"model_sha256": "a" * 64, "normalized": False, "height": 128, "width": 64, "flip_test": False}


def rows(seed, count=30):
    rng = np.random.default_rng(seed)
    return {
        "features": rng.normal(size=(count, 6)).astype(np.float32),
        "persons": rng.integers(-1, 8, count),
        "cameras": rng.integers(0, 3, count),
    }


def write(path, arrays, **facts):
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None}, **(FACTS | facts))
    return path


def evaluated(tmp_path, **options):
    assert command("evaluate", flags(options | {"json": tmp_path / "o.json"})) == 0
    return json.loads((tmp_path / "o.json").read_text())


@pytest.mark.parametrize("protocol", ["step", "official"])
def test_each_row_of_a_person_against_all_other_rows(tmp_path, protocol):
    arrays = rows(0)
    found = evaluated(tmp_path, features=write(tmp_path / "F.npz", arrays), protocol=protocol)
    queries = np.flatnonzero(arrays["persons"] > 0)
    expected = rank_features(
        arrays["features"][queries],
        arrays["features"],
        arrays["persons"][queries],
        arrays["persons"],
        arrays["cameras"][queries],
        arrays["cameras"],
        protocol=protocol,
    )
    assert found["mAP"] == pytest.approx(100 * expected.mAP, abs=1e-9)
    assert found["queries"] == len(queries)
    assert found["features"]["file"] == str(tmp_path / "F.npz")


def named(arrays):
    """The same rows with names; of two files in one order of names."""
    persons = np.array([str(person) if person <= 0 else f"person {person}" for person in arrays["persons"]])
    return arrays | {"persons": persons, "cameras": np.array([f"cam {camera}" for camera in arrays["cameras"]])}


@pytest.mark.parametrize("names", [False, True])
def test_queries_and_gallery_in_two_files(tmp_path, names):
    query, gallery = rows(0, 12), rows(1)
    for name, arrays in (("Q", query), ("G", gallery)):
        write(tmp_path / f"{name}.npz", named(arrays) if names else arrays)
    found = evaluated(tmp_path, features=tmp_path / "Q.npz", gallery_features=tmp_path / "G.npz")
    columns = ("features", "persons", "cameras")
    expected = rank_features(*(side[column] for column in columns for side in (query, gallery)))
    assert found["mAP"] == pytest.approx(100 * expected.mAP, abs=1e-9)
    assert found["cmc"] == pytest.approx((100 * expected.cmc[:20]).tolist(), abs=1e-9)
    assert found["gallery_features"]["file"] == str(tmp_path / "G.npz")


def test_whole_numbers_and_names_meet(tmp_path):
    query, gallery = rows(0, 12), rows(1)
    write(tmp_path / "Q.npz", query)
    write(tmp_path / "G.npz", gallery | {"persons": gallery["persons"].astype(str)})
    found = evaluated(tmp_path, features=tmp_path / "Q.npz", gallery_features=tmp_path / "G.npz")
    write(tmp_path / "G.npz", gallery)
    assert evaluated(tmp_path, features=tmp_path / "Q.npz", gallery_features=tmp_path / "G.npz")["cmc"] == found["cmc"]


def refused(capsys, words, *messages):
    assert command("evaluate", flags(words)) == 2
    printed = capsys.readouterr().err
    assert len(printed.splitlines()) == 1, printed
    assert all(message in printed for message in messages), printed


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"model_sha256": "b" * 64}, ("differ in model_sha256: aaaaaaaaaaaa and bbbbbbbbbbbb",)),
        ({"normalized": True}, ("differ in normalized: False and True",)),
        ({"height": 256}, ("differ in height",)),
        ({"flip_test": True}, ("differ in flip_test",)),
    ],
)
def test_files_of_different_networks_or_scales_are_refused(tmp_path, capsys, changes, messages):
    write(tmp_path / "Q.npz", rows(0))
    write(tmp_path / "G.npz", rows(1), **changes)
    refused(capsys, {"features": tmp_path / "Q.npz", "gallery_features": tmp_path / "G.npz"}, *messages)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"persons": None}, "persons of 30 of 30 rows are not known"),
        ({"cameras": None}, "cameras of 30 of 30 rows are not known"),
        ({"persons": np.array(["1", ""] * 15)}, "persons of 15 of 30 rows are not known"),
        ({"persons": np.arange(29)}, "a person and a camera for each row"),
        ({"features": np.zeros(30)}, "features must be numbers (rows, size)"),
        ({"features": np.full((30, 4), np.nan, np.float32)}, "NaN"),
    ],
)
def test_faulty_files(tmp_path, capsys, changes, message):
    path = write(tmp_path / "F.npz", rows(0) | changes)
    refused(capsys, {"features": path}, str(path), message)


def test_files_that_are_none_of_reid_extract(tmp_path, capsys):
    np.savez(tmp_path / "plain.npz", **rows(0))
    refused(capsys, {"features": tmp_path / "plain.npz"}, "not a file of reid extract: model_sha256 is missing")
    write(tmp_path / "F.npz", rows(0))
    (tmp_path / "text.npz").write_text("hello")
    for gallery, message in (("text.npz", "or damaged"), ("absent.npz", "no such file of features")):
        words = {"features": tmp_path / "F.npz", "gallery_features": tmp_path / gallery}
        refused(capsys, words, message)
    refused(capsys, {"weights": "small", "gallery_features": tmp_path / "F.npz"}, "name both")
    (tmp_path / "F.parquet").write_text("hello")
    refused(capsys, {"features": tmp_path / "F.parquet"}, "F.parquet")


def test_no_torch_is_imported(tmp_path):
    write(tmp_path / "F.npz", named(rows(0)))
    code = f"""
import runpy, sys
sys.argv = ["evaluate", "--features", {str(tmp_path / "F.npz")!r}]
try:
    runpy.run_module("reid.evaluate", run_name="__main__")
except SystemExit as end:
    assert end.code == 0, end.code
assert not {{"torch", "torchvision", "pyarrow"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=True)
