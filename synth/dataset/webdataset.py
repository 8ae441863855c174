"""A packed set: tar files of whole clips that WebDataset reads, at any address that fsspec knows.

A clip is one sample (https://github.com/webdataset/webdataset): its key is "cam_a/person_0001", its parts are
`0001.png` and so on, `truth.npz` (the annotations) and `clip.json` (its row of the manifest). A tar's bytes depend on
the clips alone, and its name holds their hash: what was stored once is never stored again.
"""

import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
from fsspec import AbstractFileSystem

from alignnet_common.cli import JobError, UserError
from alignnet_common.files import DISK_FULL
from synth.dataset.writer import RenderedSet

INDEX = "index.json"
"""Stored last: where it is, everything is."""
BESIDE = ("plan.jsonl", "manifest.jsonl", "config.yaml", "result.json")
"""Files of a set that are stored as they are."""
FORMAT = 1
CLIP = re.compile(r"cam_[a-z]/person_\d+")
"""A clip's name; nothing else in an index becomes a path."""

NO_SUCH_PLACE = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
"""What is wrong with the address, or with the rights to it."""


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Turn whatever a store complains of, each in its own words, into one line that names the address.

    Raises UserError where there is no such place or no right to it, JobError for the rest; a full disk stays one.
    """
    try:
        yield
    except Exception as failure:
        if isinstance(failure, OSError) and failure.errno in DISK_FULL:
            raise
        said = " ".join(str(failure).split()) or type(failure).__name__
        if isinstance(failure, NO_SUCH_PLACE):
            raise UserError(f"{address}: {said}: check the address and your rights to it") from None
        raise JobError(f"{address}: {said}: the same command goes on where this one stopped") from failure


@dataclass(frozen=True)
class Place:
    """A folder at an address such as s3://bucket/set, gs://…, or a path of this machine."""

    files: AbstractFileSystem
    folder: str
    address: str

    def path(self, name: str) -> str:
        """Of a file in it."""
        return f"{self.folder}/{name}"

    def make(self) -> None:
        """Make the folder, where the store has such a thing, and sweep up what a killed command left."""
        with reaching(self.address):
            self.files.makedirs(self.folder, exist_ok=True)
            # A store without folders has none yet.
            found = self.files.ls(self.folder, detail=False) if self.files.exists(self.folder) else []
            for path in found:
                name = path.rpartition("/")[2]
                if name.startswith(".") and name.endswith(".partial"):
                    self.files.rm_file(path)

    def size(self, name: str) -> int | None:
        """Bytes of a file, or None where there is none."""
        with reaching(self.address):
            path = self.path(name)
            return self.files.size(path) if self.files.exists(path) else None

    def read(self, name: str) -> bytes:
        """A small file."""
        with reaching(self.address):
            return bytes(self.files.cat_file(self.path(name)))

    def fetch(self, name: str, path: Path) -> None:
        """Copy a file to this machine."""
        with reaching(self.address):
            self.files.get_file(self.path(name), str(path))

    def write(self, name: str, content: Path | bytes) -> None:
        """Store a file under a name of its own and rename it, so that nobody sees half of it."""
        partial = self.path(f".{name}.{os.getpid()}.partial")
        with reaching(self.address):
            if isinstance(content, Path):
                self.files.put_file(str(content), partial)
            else:
                self.files.pipe_file(partial, content)
            self.files.mv(partial, self.path(name))


def place_at(address: str) -> Place:
    """The folder at an address. Raises UserError where fsspec knows no such kind of address."""
    try:
        files, folder = fsspec.core.url_to_fs(address)
    except (ValueError, ImportError) as unknown:
        raise UserError(f"{address}: {unknown}") from None
    return Place(files, folder.rstrip("/"), address)


def write_tar(stream: BinaryIO, source: RenderedSet, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the clips of some rows of the manifest as a tar; the same clips give the same bytes."""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            for name, content in parts_of(source, row):
                member = tarfile.TarInfo(f"{row['clip']}.{name}")
                member.size, member.mode = len(content), 0o644
                tar.addfile(member, io.BytesIO(content))


def parts_of(source: RenderedSet, row: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of a clip's parts."""
    yield "clip.json", json.dumps(row).encode()
    yield "truth.npz", source.annotation(row["clip"]).read_bytes()
    for number in range(1, row["frames"] + 1):
        yield f"{number:04d}.png", (source.frames(row["clip"]) / f"{number:04d}.png").read_bytes()


def read_tar(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Clips of a tar: each one's name, and its parts by their names. Raises tarfile.TarError where it is broken."""
    clip, parts = "", dict[str, bytes]()
    with tarfile.open(path, mode="r:") as tar:
        for member in tar:
            name, _, part = member.name.partition(".")
            if name != clip and parts:
                yield clip, parts
                parts = {}
            clip, stream = name, tar.extractfile(member)
            parts[part] = stream.read() if stream else b""
    if parts:
        yield clip, parts


def read_index(place: Place) -> dict[str, Any]:
    """The index of a packed set. Raises UserError where there is none, or where it is not one of ours."""
    if place.size(INDEX) is None:
        raise UserError(f"{place.address} holds no {INDEX}: name the --to of a finished python -m synth.pack")
    try:
        index = json.loads(place.read(INDEX))
        clips = [row["clip"] for tar in index["tars"] for row in tar["clips"]]
        if index["format"] != FORMAT or not all(CLIP.fullmatch(clip) for clip in clips):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{place.address}/{INDEX} is not a packed set's, or a later version's: pack it again") from None
    return dict(index)
