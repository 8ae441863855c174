"""Files are written atomically; JSON-lines files are read up to a line that a crash cut short."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import UnidentifiedImageError

from alignnet_common.files import (
    MACHINE,
    read_jsonl,
    replacing,
    sha256_of_file,
    write_atomically,
    write_json,
    write_jsonl,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_replacing_gives_the_new_content_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["file.txt"]


def test_the_old_content_stays_until_the_block_ends(tmp_path):
    path = tmp_path / "file.txt"
    write_atomically(path, b"old")
    with replacing(path) as partial:
        partial.write_bytes(b"half")
        assert path.read_bytes() == b"old"
        assert partial.parent == path.parent
        assert partial.name.startswith(".")
        assert partial.name.endswith(".partial")
    assert path.read_bytes() == b"half"


@pytest.mark.parametrize("there_before", [True, False])
def test_a_failure_leaves_the_old_content_and_no_other_file(tmp_path, there_before):
    path = tmp_path / "file.txt"
    if there_before:
        write_atomically(path, b"old")
    with pytest.raises(RuntimeError, match="midway"), replacing(path) as partial:
        partial.write_bytes(b"half")
        raise RuntimeError("midway")
    assert names(tmp_path) == (["file.txt"] if there_before else [])
    assert not there_before or path.read_bytes() == b"old"


def test_a_file_that_a_killed_process_left_is_removed_by_the_next_writer(tmp_path):
    path = tmp_path / "file[1].txt"
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    left = tmp_path / f".file[1].txt.{MACHINE}-{gone.stdout.strip()}.partial"
    of_others = [
        tmp_path / f".file[1].txt.{MACHINE}-{os.getppid()}.partial",  # alive
        tmp_path / ".file[1].txt.another-machine-1.partial",
        tmp_path / f".file2.txt.{MACHINE}-{gone.stdout.strip()}.partial",
    ]
    for each in (left, *of_others):
        each.write_bytes(b"half")
    write_atomically(path, b"whole")
    assert names(tmp_path) == sorted(each.name for each in (path, *of_others))


@pytest.mark.parametrize(
    ("failure", "number"),
    [
        (OSError(errno.EIO, "Input/output error"), errno.EIO),
        (OSError("96 requested and 0 written"), errno.EIO),  # NumPy's
    ],
)
def test_an_error_of_writing_names_the_file(tmp_path, failure, number):
    path = tmp_path / "file.npy"
    with pytest.raises(OSError, match=re.escape(str(path))) as caught, replacing(path):
        raise failure
    assert caught.value.errno == number
    assert names(tmp_path) == []


def test_an_error_of_a_picture_that_is_read_meanwhile_stays_what_it_is(tmp_path):
    with pytest.raises(UnidentifiedImageError), replacing(tmp_path / "file.npy"):
        raise UnidentifiedImageError("cannot identify image file 'a.png'")
    with pytest.raises(OSError, match="truncated") as caught, replacing(tmp_path / "file.npy"):
        raise OSError("image file is truncated")
    assert caught.value.errno is None


def test_an_error_keeps_the_name_that_it_has(tmp_path):
    with pytest.raises(OSError, match="other") as caught, replacing(tmp_path / "file.npy"):
        raise OSError(errno.EIO, "Input/output error", "other")
    assert caught.value.filename == "other"


def test_a_written_file_is_no_failure_if_its_temporary_name_cannot_be_removed(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    monkeypatch.setattr(Path, "unlink", broken)
    write_atomically(path, b"whole")
    assert path.read_bytes() == b"whole"


def broken(*words, **options):
    raise OSError(errno.EIO, "Input/output error")


def test_nan_is_refused_and_not_written(tmp_path):
    path = tmp_path / "result.json"
    write_json(path, {"rank1": 50.0})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"rank1": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        write_jsonl(path, [{"loss": float("inf")}])
    assert json.loads(path.read_text()) == {"rank1": 50.0}
    assert names(tmp_path) == ["result.json"]


def test_jsonl_rows_come_back_in_order(tmp_path):
    rows = [{"step": step, "loss": 1 / step, "name": "Zoë\nline"} for step in range(1, 5)]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    assert read_jsonl(tmp_path / "rows.jsonl") == rows
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 4


def test_a_last_line_cut_short_anywhere_drops_only_that_row(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"step": 1}, {"step": 2, "note": "[]"}]
    write_jsonl(path, rows)
    whole = path.read_text()
    last = whole.index("\n") + 1
    for end in range(last, len(whole) - 1):
        path.write_text(whole[:end])
        assert read_jsonl(path) == rows[:1], whole[:end]
    path.write_text(whole[:-1])  # all but the line's end: the row is whole
    assert read_jsonl(path) == rows


def test_a_broken_line_in_the_middle_is_an_error(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"step": 1}\n{"step": \n{"step": 3}\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl, line 2: not JSON"):
        read_jsonl(path)


def test_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert sha256_of_file(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    content = np.random.default_rng(0).bytes(3_000_000)
    (tmp_path / "big").write_bytes(content)
    (tmp_path / "other").write_bytes(content[:-1] + b"\0")
    assert sha256_of_file(tmp_path / "big") != sha256_of_file(tmp_path / "other")
