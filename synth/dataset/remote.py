"""Folders at any address that fsspec supports: local, object stores, memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec
from fsspec import AbstractFileSystem

from alignnet_common.errors import JobError, UserError
from alignnet_common.files import DISK_FULL

WRONG_ADDRESS = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
"""Errors of a wrong address or missing permissions."""


@contextmanager
def one_line_errors(address: str) -> Iterator[None]:
    """Turn any exception of a store inside the block into one line with the address.

    Raises UserError for a wrong address or missing permissions, JobError for other failures; OSError of a full disk is
    raised as it is.
    """
    try:
        yield
    except Exception as failure:
        if isinstance(failure, OSError) and failure.errno in DISK_FULL:
            raise
        said = " ".join(str(failure).split()) or type(failure).__name__
        if isinstance(failure, WRONG_ADDRESS):
            raise UserError(f"{address}: {said}: check the address and your permissions") from None
        raise JobError(f"{address}: {said}: the same command goes on where this one stopped") from failure


@dataclass(frozen=True)
class RemoteFolder:
    """A folder at an address such as s3://bucket/set, gs://… or a local path. Methods raise as `one_line_errors`."""

    files: AbstractFileSystem
    folder: str
    address: str

    def path(self, name: str) -> str:
        """Path of the file `name` on the file system."""
        return f"{self.folder}/{name}"

    def make(self) -> None:
        """Create the folder, if the store has folders, and remove partial files of a killed command."""
        with one_line_errors(self.address):
            self.files.makedirs(self.folder, exist_ok=True)
            # In a store without folders, an empty one does not exist.
            found = self.files.ls(self.folder, detail=False) if self.files.exists(self.folder) else []
            for path in found:
                name = path.rpartition("/")[2]
                if name.startswith(".") and name.endswith(".partial"):
                    self.files.rm_file(path)

    def size(self, name: str) -> int | None:
        """Size of a file in bytes; None if it does not exist."""
        with one_line_errors(self.address):
            path = self.path(name)
            return self.files.size(path) if self.files.exists(path) else None

    def read(self, name: str) -> bytes:
        """Content of a file."""
        with one_line_errors(self.address):
            return bytes(self.files.cat_file(self.path(name)))

    def fetch(self, name: str, path: Path) -> None:
        """Copy a file to a local path."""
        with one_line_errors(self.address):
            self.files.get_file(self.path(name), str(path))

    def write(self, name: str, content: Path | bytes) -> None:
        """Store a file under a temporary name and rename it, so that no reader sees half of it."""
        partial = self.path(f".{name}.{os.getpid()}.partial")
        with one_line_errors(self.address):
            if isinstance(content, Path):
                self.files.put_file(str(content), partial)
            else:
                self.files.pipe_file(partial, content)
            self.files.mv(partial, self.path(name))


def remote_folder(address: str) -> RemoteFolder:
    """The folder at an address. Raises UserError if fsspec does not support this kind of address."""
    try:
        files, folder = fsspec.core.url_to_fs(address)
    except (ValueError, ImportError) as unknown:
        raise UserError(f"{address}: {unknown}") from None
    return RemoteFolder(files, folder.rstrip("/"), address)
