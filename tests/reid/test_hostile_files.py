"""Files that were made to do harm, or are damaged: each is refused in one line, and nothing outside is touched."""

import csv
import io
import os
import signal
import socket
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from alignnet_common.checked.mat_tables import byte_order, read_table
from alignnet_common.errors import UserError
from benchmarks.faults.fuzzing import attempts
from benchmarks.faults.fuzzing.attempts import Tally, attempt
from benchmarks.faults.fuzzing.mutants import Mutant, mutant
from benchmarks.faults.fuzzing.reader import Reader
from benchmarks.faults.fuzzing.readers import READERS
from mutants import OF_SYNTH, fuzzed
from reid.configs.video.link import LinkConfig
from reid.data.datasets.mat_files import read_mat
from reid.data.tracklets.frames import UnreadableImageError, read_frame
from reid.index.store import IndexRow, Store
from reid.link.run import link
from reid.repair.table import read_tracks
from reid.tracks.crops import COLUMNS
from reid.tracks.video import Video

OUTSIDE = ("../x", "/tmp/x", "a/../../x", "..", "")


def line_of(failure):
    """The message of an error; fails if it is more than a line."""
    text = str(failure.value)
    assert text and "\n" not in text
    return text


def write_table(folder, **changes):
    """tracks.csv with one crop."""
    row = {"camera": "yard", "track": "0001", "frame": 1, "time": 0, "x": 1, "y": 1, "w": 9, "h": 9, "score": 1}
    row |= {"path": "yard/0001/000001.jpg"} | changes
    folder.mkdir(exist_ok=True)
    with (folder / "tracks.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerow(row)
    return folder


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("column", ["camera", "track", "path"])
def test_a_table_of_tracks_names_nothing_outside_its_folder(tmp_path, column, name):
    read_tracks(write_table(tmp_path / "tracks"))
    with pytest.raises(UserError, match=r"tracks\.csv, line 2: camera and track must be names") as failure:
        read_tracks(write_table(tmp_path / "tracks", **{column: name}))
    line_of(failure)


@pytest.mark.parametrize("column", ["frame", "time", "w"])
@pytest.mark.parametrize("value", ["nan", "inf", "none", ""])
def test_a_number_of_a_table_of_tracks_is_finite(tmp_path, column, value):
    with pytest.raises(UserError, match=r"line 2: frame, time, x, y, w and h must be"):
        read_tracks(write_table(tmp_path / "tracks", **{column: value}))


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside"])
@pytest.mark.parametrize("field", ["camera", "track"])
def test_an_index_names_no_file_outside_of_the_folder_of_mot_files(tmp_path, field, name):
    names = [{"camera": "yard", "track": track} | {field: name} for track in ("0001", "0002")]
    rows = [IndexRow(str(tmp_path), each["camera"], each["track"], "d", 1, None, None) for each in names]
    store = Store(tmp_path / "index")
    store.begin({"model": "none"})
    store.add("yard-block", rows, np.eye(2, 8), [b"jpeg"] * 2)
    with pytest.raises(UserError, match=r"damaged \(camera and track must be names of folders") as failure:
        link(LinkConfig(tmp_path / "index", mot=tmp_path / "mot", k1=3, k2=1))
    line_of(failure)
    assert not (tmp_path / "mot").exists()


def png_of_size(width, height):
    """A PNG file that states a size, and has the pixels of a small one."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    content = bytearray(file.getvalue())
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.parametrize("size", [(8193, 8), (8, 8193), (2**31 - 1, 2**31 - 1)])
def test_a_picture_that_states_an_enormous_size_is_not_decoded(tmp_path, size):
    path = tmp_path / "1.png"
    path.write_bytes(png_of_size(*size))
    with pytest.raises(UnreadableImageError) as failure:
        read_frame(path)
    assert "pixels" in line_of(failure)


@pytest.fixture
def table(tmp_path):
    """A .mat file of version 5 with a table, and its values."""
    values = np.arange(12).reshape(3, 4)
    savemat(tmp_path / "t.mat", {"other": "text", "t": values, "s": {"a": 1}}, do_compression=True)
    return tmp_path / "t.mat", values


def test_a_table_of_a_mat_file_is_that_of_scipy(table, tmp_path):
    path, values = table
    np.testing.assert_array_equal(read_mat(path, "t"), values)
    for kind in (np.int8, np.uint16, np.float32, np.float64, np.uint64):
        savemat(tmp_path / "k.mat", {"k": values.astype(kind)})
        np.testing.assert_array_equal(read_table(tmp_path / "k.mat", "k")[0], values)
    assert read_table(path, "t")[1] == ["other", "t", "s"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"MATLAB 7.3 MAT-file" + bytes(200), "version 7.3"),
        (struct.pack("<5i", 0, 2, 2, 0, 2) + b"t\0" + bytes(32), "version 4"),
        (b"", "cut short"),
        (bytes(range(1, 129)), "no header"),
    ],
)
def test_other_versions_of_mat_files_are_refused(tmp_path, content, reason):
    (tmp_path / "t.mat").write_bytes(content)
    with pytest.raises(UserError, match=reason) as failure:
        read_mat(tmp_path / "t.mat", "t")
    line_of(failure)


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def mat_file(rows, columns, size=None):
    """A compressed table that states its lengths, of zeros."""
    numbers = bytes(8 * 10**7 if size is None else size)
    matrix = element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<ii", rows, columns)) + element(1, b"t")
    content = zlib.compress(element(14, matrix + element(9, numbers)))
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + struct.pack("<II", 15, len(content)) + content


@pytest.mark.parametrize(
    ("content", "reason"),
    [(mat_file(3, 4), "has 80000056 bytes, and 12 numbers"), (mat_file(10**4, 10**4), "100000000 numbers, more than")],
)
def test_a_mat_file_that_expands_beyond_its_table_is_not_inflated(tmp_path, content, reason, traced):
    assert byte_order(content) == "<"
    (tmp_path / "t.mat").write_bytes(content)
    with traced(2**20), pytest.raises(UserError, match=reason):
        read_mat(tmp_path / "t.mat", "t")
    (tmp_path / "t.mat").write_bytes(mat_file(3, 4, 96))
    np.testing.assert_array_equal(read_mat(tmp_path / "t.mat", "t"), np.zeros((3, 4)))


def test_a_damaged_mat_file_never_ends_the_process(table):
    """SciPy's reader ends it by a segmentation fault for some of these."""
    path, _ = table
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for number in range(1000):
        content = bytearray(whole)
        for place in rng.integers(128, len(whole), 1 + number % 3):
            content[place] = rng.integers(256)
        path.write_bytes(content[: rng.integers(len(content))] if number % 4 == 0 else content)
        try:
            read_mat(path, "t")
        except UserError as refused:
            assert "\n" not in str(refused)


@pytest.fixture
def traced():
    """A context in which Python allocates at most some bytes."""
    import tracemalloc
    from contextlib import contextmanager

    @contextmanager
    def at_most(limit):
        tracemalloc.start()
        yield
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < limit, f"{peak} bytes"

    return at_most


@pytest.mark.parametrize("said", ["Content-Length: 100000000000", "Content-Length: 99999999999999999999999"])
def test_the_server_answers_before_a_long_body_is_there(tmp_path, said):
    with serving(tmp_path) as address, socket.create_connection(address, 10) as client:
        client.sendall(f"POST /api/search HTTP/1.1\r\nHost: localhost\r\n{said}\r\n\r\n".encode() + bytes(100))
        assert client.recv(99).split()[1] in (b"413", b"400")


def test_the_server_counts_a_body_of_unknown_length(tmp_path):
    with serving(tmp_path) as address, socket.create_connection(address, 10) as client:
        client.sendall(b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.sendall(b"2711\r\n" + b"x" * 10001 + b"\r\n")
        assert client.recv(99).split()[1] == b"413"


def serving(folder):
    """The address of a server of an empty index."""
    import threading
    import time
    from contextlib import contextmanager

    uvicorn = pytest.importorskip("uvicorn")
    pytest.importorskip("starlette")
    from reid.configs.video.serve import ServeConfig
    from reid.serve.app import application

    @contextmanager
    def started():
        Store(folder).begin({"model": "none"})
        config = uvicorn.Config(application(ServeConfig(folder)), host="127.0.0.1", port=0, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield server.servers[0].sockets[0].getsockname()[:2]
        finally:
            server.should_exit = True
            thread.join()

    return started()


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (None, "a codec that FFmpeg does not know"),
        (SimpleNamespace(width=9000, height=48), "9000 x 48 pixels, more than"),
    ],
)
def test_a_video_of_an_unknown_codec_or_an_enormous_size_is_not_decoded(tmp_path, context, reason):
    container = SimpleNamespace(streams=SimpleNamespace(video=[SimpleNamespace(codec_context=context)]))
    with pytest.raises(UserError, match=reason):
        Video(tmp_path / "a.avi", 5.0).stream(container)


SLOW = ("report", "adapt-state", "models", "options", "link", "index")
"""Readers of which one mutant takes a tenth of a second and more."""


@pytest.mark.parametrize(
    ("readers", "mutants"),
    [([name for name in READERS if name not in (*SLOW, *OF_SYNTH)], 10), (SLOW, 4)],
    ids=["quick", "slow"],
)
def test_a_sample_of_mutants_of_each_reader_ends_well(tmp_path, readers, mutants):
    for package in ("av", "onnx", "onnxruntime", "pyarrow", "starlette"):
        pytest.importorskip(package)
    fuzzed(tmp_path, readers, mutants)


def test_a_mutant_depends_on_the_seed_and_its_number_alone():
    files = {"a.json": b'{"a": [1, 2]}', "b.npz": b"PK"}
    assert mutant("x", 0, 7, files) == mutant("x", 0, 7, files)
    assert len({mutant("x", 0, number, files).content for number in range(50)}) > 20


def hostile(folder):
    """A reader that ends in each of the ways that count as bad, by the mutant that it is given."""
    text = (folder / "a.txt").read_bytes()
    match text[:1]:
        case b"k":
            raise KeyError("a")
        case b"m":
            return bytes(2**31)
        case b"s":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"h":
            while True:
                pass
        case b"w":
            (folder.parent / "outside").write_text("x")
        case b"g":
            raise UserError("a line\nand another")
        case b"b":
            raise UserError(" ")
    return None


@pytest.mark.parametrize(
    ("letter", "kind"),
    [
        ("k", "KeyError in "),
        ("m", "MemoryError"),
        ("s", "SIGSEGV"),
        ("h", "hang"),
        ("w", "written outside of the folder"),
        ("b", "no line: UserError in "),
        ("g", None),
        ("v", None),
    ],
)
def test_each_way_to_end_badly_is_counted(tmp_path, monkeypatch, letter, kind):
    monkeypatch.setattr(attempts, "SECONDS", 0.5)
    monkeypatch.setattr(attempts, "mutant", lambda *_: Mutant("a.txt", letter.encode()))
    template = tmp_path / "good"
    template.mkdir()
    (template / "a.txt").write_text("v")
    tally = Tally()
    attempt(Reader("made", lambda folder: None, hostile), template, 0, 2, tally, lambda now: None)
    assert tally.next == 2 and tally.values + tally.lines + tally.bad == 2
    assert [name[: len(kind)] for name in tally.kinds] == [kind] if kind else not tally.kinds
