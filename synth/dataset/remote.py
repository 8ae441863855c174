"""Folders and addresses that packed sets go to and come from, by fsspec."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec
from fsspec import AbstractFileSystem

from alignnet_common.errors import JobError, UserError
from alignnet_common.files import DISK_FULL

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
class RemoteFolder:
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


def remote_folder(address: str) -> RemoteFolder:
    """The folder at an address. Raises UserError where fsspec knows no such kind of address."""
    try:
        files, folder = fsspec.core.url_to_fs(address)
    except (ValueError, ImportError) as unknown:
        raise UserError(f"{address}: {unknown}") from None
    return RemoteFolder(files, folder.rstrip("/"), address)
