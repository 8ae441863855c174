"""Checked readers: forms of JSON, arrays, tables and names; what is damaged or enormous is refused in one line."""

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

from alignnet_common.checked.arrays_file import BrokenArraysError, MissingArrayError, map_npy, names_of_npz, read_npz
from alignnet_common.checked.csv_file import rows_of_csv
from alignnet_common.checked.forms import ANY, AtLeast, FormError, mismatch
from alignnet_common.checked.json_file import parsed, read_json, rows_of
from alignnet_common.checked.names import is_inside, is_plain
from alignnet_common.errors import JobError, UserError, one_line

FORM = {"a": [AtLeast(0, int)], "b?": (str, None), "c": {str: float}, "d": [int, bool], "e?": ANY}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"b": None, "more": 1, "e": [[]]}, None),
        ({"a": [1, -1]}, "a.1 must be a whole number from 0 on"),
        ({"a": [True]}, "a.0 must be a whole number from 0 on"),
        ({"a": {"x": 1}}, "a must be a list"),
        ({"b": 3}, "b must be text or null"),
        ({"b": "\ud800"}, "b must be text or null"),
        ({"c": {"x": "1"}}, "c.x must be a number"),
        ({"c": {"\0": 1}}, "c.a name must be text"),
        ({"c": {"x": 10**30}}, "c.x must be a number"),
        ({"d": [1]}, "d must be a list of 2"),
        ({"d": [1, 1]}, "d.1 must be true or false"),
    ],
)
def test_a_value_of_another_form_says_where(change, reason):
    assert mismatch({"a": [1], "c": {"x": 1.5}, "d": [1, True]} | change, FORM) == reason
    assert mismatch({"a": [1], "d": [1, True]}, FORM) == "c is missing"
    assert mismatch([1], FORM) == "the content must be an object"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a": NaN}', "NaN is no finite number"),
        ("[1e999]", "1e999 is no finite number"),
        ("[-Infinity]", "-Infinity is no finite number"),
        ("{", "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        ("9" * 5000, "digits"),
    ],
)
def test_what_is_no_json_is_a_line(tmp_path, content, reason):
    with pytest.raises(ValueError, match=reason) as failure:
        parsed(content)
    assert "\n" not in str(failure.value)
    (tmp_path / "a.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=r"a\.json: .*: make it again"):
        read_json(tmp_path / "a.json", {str: ANY}, "make it again")


def test_rows_of_json_lines_are_of_a_form_but_for_a_last_one_that_a_crash_cut_short(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 2}\n{"a"')
    assert list(rows_of(path, {"a": int}, strict=False)) == [{"a": 1}, {"a": 2}]
    with pytest.raises(ValueError, match=r"a\.jsonl, line 4: not JSON"):
        list(rows_of(path, {"a": int}))
    path.write_text('{"a": 1}\n{"b": 1}\n')
    with pytest.raises(FormError, match=r"a\.jsonl, line 2: a is missing"):
        list(rows_of(path, {"a": int}))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty, without the columns a, b"),
        (b"a\n1\n", "no column b"),
        (b"a,b,a\n", "two columns are named a"),
        (b"a,b\n1\n", "line 2: 1 cells under 2 columns"),
        (b"a,b\n1,2,3\n", "line 2: 3 cells under 2 columns"),
        (b"a,b\n\xff,2\n", "not CSV in UTF-8"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", "not CSV in UTF-8 .field larger"),
    ],
)
def test_a_damaged_table_is_a_line(tmp_path, content, reason):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UserError, match=reason):
        list(rows_of_csv(tmp_path / "a.csv", ("a", "b")))
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfa,b\n1,\n")
    assert [row for _, row in rows_of_csv(tmp_path / "a.csv", ("a", "b"))] == [{"a": "1", "b": ""}]


def npz(path, kind=zipfile.ZIP_DEFLATED, **members):
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy(array, **header):
    stream = io.BytesIO()
    known = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape} | header
    np.lib.format.write_array_header_1_0(stream, known)
    return stream.getvalue() + array.tobytes()


ONE = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_arrays_are_those_of_numpy(tmp_path):
    arrays = {
        "f": np.asfortranarray(ONE),
        "b": ONE > 2,
        "u": np.array(["ä", "bc"]),
        "big": ONE.astype(">f4"),
        "no": ONE[:0],
    }
    np.savez_compressed(tmp_path / "a.npz", **arrays, one=np.array(3))
    found = read_npz(tmp_path / "a.npz")
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype.isnative
    assert found["one"].shape == ()
    np.save(tmp_path / "a.npy", arrays["f"])
    np.testing.assert_array_equal(map_npy(tmp_path / "a.npy"), ONE)
    with pytest.raises(MissingArrayError, match="x is missing"):
        read_npz(tmp_path / "a.npz", ["x"])
    with pytest.raises(BrokenArraysError, match=r"f \(2, 3\) float32 does not fit"):
        read_npz(tmp_path / "a.npz", ["f"], lambda name, shape, kind: shape == (3, 2))


class Ran:
    def __reduce__(self):
        return os.mkdir, ("ran",)


BROKEN = {
    "a shape beyond the file": {"a": npy(ONE, shape=(10**12, 3))},
    "a negative shape": {"a": npy(ONE, shape=(-1,))},
    "objects": {"a": npy(ONE, descr="|O")},
    "records": {"a": npy(ONE, descr=[("x", "<f4")])},
    "a cut": {"a": npy(ONE)[:-4]},
    "a header cut": {"a": npy(ONE)[:20]},
    "a nested header": {"a": b"\x93NUMPY\x01\x00\xe7\x03" + b"[" * 999},
    "no array": {"a": b"hello"},
    "no truth values": {"a": npy(np.array([0, 7], np.uint8), descr="|b1")},
    "no letters": {"a": npy(np.array([2**31], np.uint32), descr="<U1")},
    "a pickle": {"a": npy(ONE, descr="|O") + pickle.dumps(Ran())},
}


@pytest.mark.parametrize("what", BROKEN)
def test_arrays_that_are_damaged_or_lie_are_refused(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BrokenArraysError) as failure:
        read_npz(npz(tmp_path / "a.npz", **BROKEN[what]))
    assert "\n" not in str(failure.value) and not (tmp_path / "ran").exists()


def test_a_member_that_expands_a_thousandfold_is_not_inflated(tmp_path):
    bomb = npy(np.zeros(2**27, np.uint8))
    with pytest.raises(BrokenArraysError, match="would expand to 134217856"):
        read_npz(npz(tmp_path / "a.npz", a=bomb))
    with pytest.raises(BrokenArraysError, match="compressed in a way"):
        read_npz(npz(tmp_path / "a.npz", zipfile.ZIP_LZMA, a=npy(ONE)))


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/a", "a\\b", "a\nb", "a\0", "\ud800", 3, None])
def test_a_name_that_leads_elsewhere_is_not_plain(name):
    assert not is_plain(name)


@pytest.mark.parametrize("name", ["../a", "a/../b", "/a", "a\\..\\b", "", "a\0b", None])
def test_a_path_that_leads_elsewhere_is_not_inside(name):
    assert not is_inside(name)
    assert is_inside("yard/0001/1.jpg") and is_plain("Ärger 1@2.5") and is_plain("\udcff")


@pytest.mark.parametrize("kind", [UserError, JobError])
def test_a_message_is_one_line_whatever_is_in_it(kind):
    assert str(kind("a\nb\r\x1b[31m\u202e")) == "a b  [31m "
    assert len(str(kind("x" * 9999))) == 1000
    assert one_line(ValueError("a\n  b")) == "a b" and one_line(KeyError) and one_line(ValueError()) == "ValueError"
    assert json.dumps(one_line("x" * 300)).endswith(' \\u2026"')


def test_a_member_whose_name_is_no_utf8_is_damage(tmp_path):
    path = tmp_path / "arrays.npz"
    np.savez(path, ää=np.ones(2))
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xff\xff"))
    for reads in (read_npz, names_of_npz):
        with pytest.raises(BrokenArraysError, match="damaged"):
            reads(path)
