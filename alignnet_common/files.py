"""Writing that never leaves half a file behind: a temporary name beside the target, synced, then renamed."""

import errno
import hashlib
import json
import os
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of the operating system that say that there is no room left on the disk, or none left for this user."""

BROKEN_ARRAYS = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,  # zipfile: a flag says that the file is encrypted, or packed in an unknown way
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,  # NumPy: a header that is no Python literal
)
"""What `numpy.load` and its arrays raise of a broken .npz file, but for the KeyError of an absent array."""


PROJECT_ROOT = Path(__file__).resolve().parents[1]
"""The checkout, or the folder that the packages are installed into: what must be on `sys.path` to import them."""


def asset(name: str) -> Path:
    """The file or folder `name` of assets/, which lies in this package where it is installed, and else beside it."""
    installed = Path(__file__).resolve().parent / "assets"
    return (installed if installed.is_dir() else PROJECT_ROOT / "assets") / name


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well it is synced and becomes `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        descriptor = os.open(partial, os.O_RDWR)  # Windows syncs nothing that is open for reading alone
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, all of it or nothing."""
    with replacing(path) as partial:
        partial.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically. NaN and infinity are refused (ValueError)."""
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False, default=str) + "\n").encode())


def write_jsonl(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write one JSON object a line, atomically; the rows are taken one by one."""
    with replacing(path) as partial, partial.open("w") as stream:
        stream.writelines(json.dumps(row, allow_nan=False) + "\n" for row in rows)


def read_jsonl(path: Path, strict: bool = False) -> list[dict[str, Any]]:
    """All that `rows_of_jsonl` yields."""
    return list(rows_of_jsonl(path, strict))


def rows_of_jsonl(path: Path, strict: bool = False) -> Iterator[dict[str, Any]]:
    """Rows of a JSON-lines file, one by one; a last line cut short by a crash is left out, unless `strict`.

    Raises ValueError where any other line is not JSON.
    """
    with path.open() as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as broken:
                if not line.endswith("\n") and not strict:
                    return
                raise ValueError(f"{path}, line {number}: not JSON ({broken.msg})") from broken
            yield row


def sha256_of_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def quiet(*descriptors: int) -> Iterator[None]:
    """Send file descriptors (1 standard output, 2 standard error) nowhere: C code does not write to sys.stdout."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(descriptor) for descriptor in descriptors]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, copy in zip(descriptors, kept, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(nowhere)
