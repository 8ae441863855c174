"""Packed sets and options that were made to do harm, or are damaged: each is refused in one line."""

import hashlib
import io
import json
import tarfile

import pytest

from alignnet_common.cli import read_config
from alignnet_common.errors import JobError, UserError
from benchmarks.faults.fuzzing.text_mutants import BOMB
from filled_sets import PLAN, filled
from mutants import OF_SYNTH, fuzzed
from synth.dataset.manifest import finish_set
from synth.dataset.webdataset import read_tar
from synth.pack import PackConfig, pack
from synth.render import RenderConfig
from synth.unpack import UnpackConfig, unpack


@pytest.fixture
def packed(tmp_path):
    """A packed set: its folder, and its one tar."""
    target = filled(tmp_path / "set")
    finish_set(target, PLAN)
    target.config.write_text("ids: 3\nframes: 2\n")
    target.result.write_text('{"clips": 6}\n')
    pack(PackConfig(str(tmp_path / "far"), target.out))
    return tmp_path / "far", next((tmp_path / "far").glob("*.tar"))


def tar_of(*members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return stream.getvalue()


def member(name, kind=tarfile.REGTYPE, size=0, **facts):
    found = tarfile.TarInfo(name)
    found.type, found.size = kind, size
    for key, value in facts.items():
        setattr(found, key, value)
    return found


HOSTILE = {
    "a name above the folder": tar_of(member("../../outside.clip.json", size=3)),
    "an absolute name": tar_of(member("/tmp/outside.clip.json", size=3)),
    "a link": tar_of(member("cam_a/person_0001.0001.png", tarfile.SYMTYPE, linkname="/etc/passwd")),
    "a hard link": tar_of(member("cam_a/person_0001.0001.png", tarfile.LNKTYPE, linkname="../../x")),
    "a device": tar_of(member("cam_a/person_0001.0001.png", tarfile.CHRTYPE, devmajor=1, devminor=5)),
    "a pipe": tar_of(member("cam_a/person_0001.0001.png", tarfile.FIFOTYPE)),
    "a folder": tar_of(member("cam_a", tarfile.DIRTYPE)),
    "a sparse file": tar_of(member("cam_a/person_0001.0001.png", tarfile.GNUTYPE_SPARSE)),
    "a size beyond the end": tar_of(member("cam_a/person_0001.0001.png", size=10**6))[:2048],
    "an enormous size": member("cam_a/person_0001.0001.png", size=2**60).tobuf(tarfile.GNU_FORMAT),
    "an extension": tar_of(member("x" * 300)),
    "a damaged header": b"\1" * 512,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_tar_holds_plain_files_of_clips_alone(tmp_path, what):
    path = tmp_path / "t.tar"
    path.write_bytes(HOSTILE[what])
    with pytest.raises(JobError, match=r"t\.tar is no tar of this program") as failure:
        dict(read_tar(path))
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("what", ["a name above the folder", "a link", "an enormous size"])
def test_unpacking_a_hostile_tar_writes_nothing_outside(tmp_path, packed, what):
    folder, tar = packed
    tar.write_bytes(HOSTILE[what])
    index = json.loads((folder / "index.json").read_text())
    index["tars"][0]["sha256"] = hashlib.sha256(HOSTILE[what]).hexdigest()
    (folder / "index.json").write_text(json.dumps(index))
    before = {path for path in tmp_path.rglob("*") if "out" not in path.parts}
    with pytest.raises(JobError, match="pack the set again"):
        unpack(UnpackConfig(str(folder), tmp_path / "out"))
    assert {path for path in tmp_path.rglob("*") if "out" not in path.parts} == before
    assert not list((tmp_path / "out").rglob("*.png"))


def tar_above(index):
    index["tars"][0]["name"] = "../x.tar"


def beside_above(index):
    index["beside"]["../../x"] = ""


def beside_folder(index):
    index["beside"][".."] = ""


def clip_above(index):
    index["tars"][0]["clips"][0]["clip"] = "../../x"


@pytest.mark.parametrize("change", [tar_above, beside_above, beside_folder, clip_above])
def test_the_index_of_a_packed_set_names_its_own_files_alone(tmp_path, packed, change):
    folder, _ = packed
    index = json.loads((folder / "index.json").read_text())
    change(index)
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"index\.json is no index of this version"):
        unpack(UnpackConfig(str(folder), tmp_path / "out"))


def test_a_tar_without_a_frame_is_refused(tmp_path, packed):
    folder, _ = packed
    index = json.loads((folder / "index.json").read_text())
    index["tars"][0]["clips"][0]["frames"] += 1
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(JobError, match=r"no '0003\.png' of cam_a/person_0001: pack the set again"):
        unpack(UnpackConfig(str(folder), tmp_path / "out"))


def test_a_large_file_of_options_is_not_read(tmp_path, capsys):
    path = tmp_path / "job.yaml"
    path.write_text("ids: 3\n" + "# more\n" * 2**14)
    with pytest.raises(SystemExit) as stop:
        read_config(RenderConfig, "job", ["--config", str(path)])
    (line,) = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and "larger than 64 KiB" in line


def test_aliases_of_yaml_that_expand_without_end_are_refused(tmp_path, capsys):
    path = tmp_path / "job.yaml"
    for text in (BOMB, "ids: &a [*a]\n", "ids: " + "[" * 3000, "x: !!timestamp 1\n"):
        path.write_text(text)
        with pytest.raises(SystemExit) as stop:
            read_config(RenderConfig, "job", ["--config", str(path)])
        (line,) = capsys.readouterr().err.splitlines()
        assert stop.value.code == 2 and "job.yaml" in line


def test_a_sample_of_mutants_of_each_reader_ends_well(tmp_path):
    fuzzed(tmp_path, OF_SYNTH, 5)
