"""`synth.pack` and `synth.unpack`: a set is stored as tar files at any address and restored byte for byte."""

import errno
import functools
import hashlib
import json
import sys
import tarfile

import fsspec
import pytest

from alignnet_common.cli import run_command
from filled_sets import PLAN, filled, flip, verified
from synth.dataset.layout import RenderedSet
from synth.dataset.manifest import finish_set
from synth.dataset.webdataset import read_tar
from synth.pack import PackConfig, checked_rows, pack
from synth.unpack import UnpackConfig, unpack


@pytest.fixture
def packable(tmp_path):
    """A finished set of six clips."""
    target = filled(tmp_path / "set")
    finish_set(target, PLAN)
    target.config.write_text("ids: 3\nframes: 2\n")
    target.result.write_text('{"clips": 6}\n')
    target.card.write_text("# The card\n")
    return target.out


@pytest.fixture
def store():
    """An empty store in memory, in place of s3:// and the like."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield files
    files.store.clear()


def content(folder):
    """Every file of a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def said(monkeypatch, capsys, job, config, **options):
    """Exit code of a command, and its error line or else its output."""
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    monkeypatch.setattr(sys, "argv", ["job", *words])
    with pytest.raises(SystemExit) as stop:
        run_command(job, config, "job")
    printed = capsys.readouterr()
    complaints = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    return stop.value.code, "".join(complaints) or printed.out.strip()


@pytest.mark.parametrize("kind", ["memory", "folder"])
def test_a_set_comes_back_byte_for_byte(packable, store, tmp_path, monkeypatch, capsys, kind):
    address = "memory://bucket/set" if kind == "memory" else str(tmp_path / "far" / "away")
    code, line = said(monkeypatch, capsys, pack, PackConfig, data=packable, out=address, clips_per_shard=4)
    assert code == 0 and "6 clips in 2 tar files" in line
    back = tmp_path / "back"
    code, line = said(monkeypatch, capsys, unpack, UnpackConfig, data=address, out=back)
    assert (code, line) == (0, f"{back}: 6 clips, 12 frames, 6 of the clips new")
    assert content(back) == content(packable)
    assert verified(monkeypatch, capsys, back)[0] == 0


def test_a_set_without_a_card_is_packed_as_before(packable, tmp_path, monkeypatch, capsys):
    (packable / "README.md").unlink()
    far, back = tmp_path / "far", tmp_path / "back"
    assert said(monkeypatch, capsys, pack, PackConfig, data=packable, to=far)[0] == 0
    assert "README.md" not in json.loads((far / "index.json").read_text())["beside"]
    assert said(monkeypatch, capsys, unpack, UnpackConfig, source=far, out=back)[0] == 0
    assert content(back) == content(packable)


def test_the_same_set_gives_the_same_tars_and_stored_ones_are_kept(packable, store, monkeypatch, capsys):
    said(monkeypatch, capsys, pack, PackConfig, data=packable, out="memory://a", clips_per_shard=4)
    said(monkeypatch, capsys, pack, PackConfig, data=packable, out="memory://b", clips_per_shard=4)
    assert {name: store.cat(f"/a/{name}") for name in names(store, "/a")} == {
        name: store.cat(f"/b/{name}") for name in names(store, "/b")
    }
    stored = {name: store.modified(f"/a/{name}") for name in names(store, "/a") if name.endswith(".tar")}
    store.rm("/a/index.json")  # a command that was killed just before its end
    store.pipe("/a/.clips-000001-0123456789ab.tar.4711.partial", b"half")
    assert said(monkeypatch, capsys, pack, PackConfig, data=packable, out="memory://a", clips_per_shard=4)[0] == 0
    assert {name: store.modified(f"/a/{name}") for name in names(store, "/a") if name.endswith(".tar")} == stored
    assert set(names(store, "/a")) == set(names(store, "/b"))


def names(store, folder):
    """Names of the files of a folder."""
    return [path.rpartition("/")[2] for path in store.ls(folder, detail=False)]


def test_a_tar_holds_webdataset_samples_of_whole_clips(packable, tmp_path, monkeypatch, capsys):
    said(monkeypatch, capsys, pack, PackConfig, data=packable, out=tmp_path / "far", clips_per_shard=4)
    first, second = sorted((tmp_path / "far").glob("*.tar"))
    with tarfile.open(first) as tar:
        members = tar.getnames()
    # A sample's key is all before the first dot; the members of one sample follow each other.
    parts = ("clip.json", "truth.npz", "0001.png", "0002.png")
    assert members == [f"{clip.name}.{part}" for clip in PLAN[:4] for part in parts]
    (clip, parts), *_ = read_tar(second)
    assert json.loads(parts["clip.json"])["clip"] == clip == PLAN[4].name
    assert parts["0002.png"] == (RenderedSet(packable).frames(clip) / "0002.png").read_bytes()
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert first.name == f"clips-000000-{digest[:12]}.tar"


def test_undamaged_clips_are_not_downloaded_again(packable, tmp_path, monkeypatch, capsys):
    far, back = tmp_path / "far", tmp_path / "back"
    said(monkeypatch, capsys, pack, PackConfig, data=packable, out=far, clips_per_shard=4)
    said(monkeypatch, capsys, unpack, UnpackConfig, data=far, out=back)
    min(far.glob("*.tar")).unlink()  # would be missed
    flip(RenderedSet(back).frames(PLAN[5].name) / "0001.png", 400)
    code, line = said(monkeypatch, capsys, unpack, UnpackConfig, data=far, out=back)
    assert (code, line) == (0, f"{back}: 6 clips, 12 frames, 1 of the clips new")
    assert content(back) == content(packable)


def test_unpacking_goes_on_after_an_interruption(packable, tmp_path, monkeypatch, capsys):
    far, back = tmp_path / "far", tmp_path / "back"
    said(monkeypatch, capsys, pack, PackConfig, data=packable, out=far, clips_per_shard=4)
    second = sorted(far.glob("*.tar"))[1]
    packed = second.read_bytes()
    second.write_bytes(packed[:-512] + b"x" * 512)
    code, line = said(monkeypatch, capsys, unpack, UnpackConfig, data=far, out=back)
    assert code == 1 and second.name in line
    assert not (back / "plan.jsonl").exists()
    second.write_bytes(packed)
    # As kill -9 leaves it: in the middle of a clip's frames, and of its truth.
    for half in (
        "multi_shot/cam_a/.person_0003.4711.partial/0001.png",
        "annotations/cam_a/.person_0003.npz.4711.partial",
    ):
        (back / half).parent.mkdir(parents=True, exist_ok=True)
        (back / half).write_bytes(b"half")
    code, line = said(monkeypatch, capsys, unpack, UnpackConfig, data=far, out=back)
    assert (code, line) == (0, f"{back}: 6 clips, 12 frames, 2 of the clips new")
    assert content(back) == content(packable)


def test_a_row_cut_short_by_a_crash_does_not_spoil_the_next_one(packable, tmp_path, monkeypatch, capsys):
    far, back = tmp_path / "far", tmp_path / "back"
    said(monkeypatch, capsys, pack, PackConfig, data=packable, out=far, clips_per_shard=4)
    said(monkeypatch, capsys, unpack, UnpackConfig, data=far, out=back)
    manifest = RenderedSet(back).manifest
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[:3]) + lines[3][:20])
    second = sorted(far.glob("*.tar"))[1]
    packed = second.read_bytes()
    second.write_bytes(b"")  # stopped again, behind the first tar
    code, _ = said(monkeypatch, capsys, unpack, UnpackConfig, data=far, out=back)
    assert code == 1
    second.write_bytes(packed)
    code, line = said(monkeypatch, capsys, unpack, UnpackConfig, data=far, out=back)
    assert (code, line) == (0, f"{back}: 6 clips, 12 frames, 2 of the clips new")
    assert content(back) == content(packable)


def test_an_incomplete_or_damaged_set_is_not_packed(packable, tmp_path, monkeypatch, capsys):
    flip(RenderedSet(packable).annotation(PLAN[3].name), 100)
    code, line = said(monkeypatch, capsys, pack, PackConfig, data=packable, out=tmp_path / "far")
    assert code == 2 and "damaged" in line and PLAN[3].name in line
    (packable / "result.json").unlink()
    code, line = said(monkeypatch, capsys, pack, PackConfig, data=packable, out=tmp_path / "far")
    assert code == 2 and "result.json" in line
    assert not (tmp_path / "far").exists()


def test_an_address_that_is_a_file_is_refused(packable, tmp_path, monkeypatch, capsys):
    (tmp_path / "far").write_text("mine")
    code, line = said(monkeypatch, capsys, pack, PackConfig, data=packable, out=tmp_path / "far")
    assert code == 2 and str(tmp_path / "far") in line
    assert (tmp_path / "far").read_text() == "mine"


def test_files_beside_the_tars_are_those_of_the_start_of_packing(packable, store, tmp_path, monkeypatch, capsys):
    """The command that rendered the set may be repeated meanwhile and rewrite them."""
    before, back = content(packable), tmp_path / "back"
    put = store.put_file

    def rewriting(*given, **more):
        (packable / "result.json").write_text("{}")
        return put(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "put_file", lambda self, *given, **more: rewriting(*given, **more))
        assert said(monkeypatch, capsys, pack, PackConfig, data=packable, out="memory://a")[0] == 0
    assert content(packable) != before
    assert said(monkeypatch, capsys, unpack, UnpackConfig, source="memory://a", out=back)[0] == 0
    assert content(back) == before


def test_a_set_that_grows_while_it_is_checked_is_not_packed(packable, tmp_path, monkeypatch, capsys):
    def growing(source):
        rows = checked_rows(source)
        source.manifest.write_bytes(source.manifest.read_bytes() * 2)
        return rows

    packing = functools.partial(pack, check=growing)
    code, line = said(monkeypatch, capsys, packing, PackConfig, data=packable, out=tmp_path / "far")
    assert code == 2 and "being rendered" in line
    assert not (tmp_path / "far").exists()


def test_two_sets_are_not_mixed(packable, tmp_path, monkeypatch, capsys):
    far = tmp_path / "far"
    said(monkeypatch, capsys, pack, PackConfig, data=packable, out=far)
    other = filled(tmp_path / "other", PLAN[:2])
    finish_set(other, PLAN[:2])
    other.config.write_text("ids: 1\n")
    other.result.write_text("{}\n")
    code, line = said(monkeypatch, capsys, pack, PackConfig, data=other.out, out=far)
    assert code == 2 and "another packed set" in line
    row = json.loads(other.manifest.read_text().splitlines()[0])
    other.manifest.write_text(json.dumps({**row, "pixels_sha256": "0"}) + "\n")
    code, line = said(monkeypatch, capsys, unpack, UnpackConfig, data=far, out=other.out)
    assert code == 2 and "another set" in line and row["clip"] in line


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("ftq://bucket/set", "ftq"),
        ("memory://nobody", "index.json"),
    ],
)
def test_an_address_without_a_packed_set_is_refused(store, tmp_path, monkeypatch, capsys, address, complaint):
    code, line = said(monkeypatch, capsys, unpack, UnpackConfig, data=address, out=tmp_path / "back")
    assert code == 2 and complaint in line
    assert not (tmp_path / "back").exists()


class TornError(Exception):
    """An exception that only the store knows."""


@pytest.mark.parametrize(
    ("failure", "code", "complaint"),
    [
        (TornError("the line\nis torn"), 1, "memory://bucket/set: the line is torn"),
        (PermissionError("not yours"), 2, "memory://bucket/set: not yours"),
        (OSError(errno.ENOSPC, "No space left", "x"), 1, "the disk is full (x)"),
    ],
)
def test_a_failure_of_the_store_is_one_line_and_the_same_command_goes_on(
    packable, store, tmp_path, monkeypatch, capsys, failure, code, complaint
):
    calls = iter([None, failure])
    put = store.put_file

    def failing(*given, **more):
        if (event := next(calls, None)) is not None:
            raise event
        return put(*given, **more)

    options = {"data": packable, "to": "memory://bucket/set", "clips_per_shard": 2}
    with monkeypatch.context() as patched:
        patched.setattr(type(store), "put_file", lambda self, *given, **more: failing(*given, **more))
        found = said(monkeypatch, capsys, pack, PackConfig, **options)
    assert found[0] == code and complaint in found[1]
    assert [name for name in names(store, "/bucket/set") if "index" in name] == []
    assert said(monkeypatch, capsys, pack, PackConfig, **options)[0] == 0
    back = tmp_path / "back"
    assert said(monkeypatch, capsys, unpack, UnpackConfig, source="memory://bucket/set", out=back)[0] == 0
    assert content(back) == content(packable)


def test_an_index_with_paths_instead_of_clip_names_is_refused(packable, tmp_path, monkeypatch, capsys):
    far = tmp_path / "far"
    said(monkeypatch, capsys, pack, PackConfig, data=packable, out=far)
    index = (far / "index.json").read_text()
    (far / "index.json").write_text(index.replace(f'"{PLAN[0].name}"', '"../../elsewhere"'))
    code, line = said(monkeypatch, capsys, unpack, UnpackConfig, data=far, out=tmp_path / "back")
    assert code == 2 and "index.json" in line
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("job", "config", "complaint"),
    [(pack, PackConfig, "--out"), (unpack, UnpackConfig, "--data")],
)
def test_an_address_is_required(monkeypatch, capsys, job, config, complaint):
    code, line = said(monkeypatch, capsys, job, config)
    assert code == 2 and complaint in line
