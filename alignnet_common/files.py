"""Atomic writing (temporary name, sync, rename), JSON and JSON-lines files, hashes, and the files of assets/."""

import codecs
import errno
import glob
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Error numbers for a full disk or an exhausted quota."""

CUT_SHORT = re.compile(r"\d+ requested and \d+ written")
"""Message of NumPy's OSError where fwrite(3) writes less than it should."""

MACHINE = re.sub(r"[^A-Za-z0-9]", "-", platform.node())[:24]
"""Name of this machine in temporary names."""

BROKEN_DISK = frozenset({errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.EBUSY, errno.ETIMEDOUT})
"""Error numbers for a disk or network folder that does not answer, or answers wrongly."""

BROKEN_ARRAYS = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,  # zipfile: encrypted, or an unknown compression method
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,  # NumPy: a broken header
)
"""Exceptions of `numpy.load` for a broken .npz file, except the KeyError of a missing array."""


PROJECT_ROOT = Path(__file__).resolve().parents[1]
"""The checkout, or the folder that the packages are installed into: the entry of `sys.path` to import them from."""


def asset(name: str) -> Path:
    """Path of a file or folder of assets/, which is inside this package if installed, and beside it in a checkout."""
    installed = Path(__file__).resolve().parent / "assets"
    return (installed if installed.is_dir() else PROJECT_ROOT / "assets") / name


SAMPLE = "sample"
"""Name of the sample set: 24 rendered people, two cameras, four frames per clip. It comes with the package."""


def set_folder(source: str | Path) -> Path:
    """The folder that `source` names: the sample set for the word "sample", if nothing in the current folder has that
    name, else `source` itself."""
    path = Path(source)
    return asset(SAMPLE) if path == Path(SAMPLE) and not path.exists() else path


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name `path` in an OSError of the block that names no file, as those of write(2) and fsync(2).

    Raises OSError also for NumPy's error of a write that was cut short, which has no error number: that of a full disk
    where less than 1 MiB is free, else that of a broken one.
    """
    try:
        yield
    except OSError as failure:
        if CUT_SHORT.fullmatch(str(failure)):
            full = shutil.disk_usage(path.parent).free < 2**20
            raise OSError(errno.ENOSPC if full else errno.EIO, f"{failure}", str(path)) from failure
        if failure.errno is not None and failure.filename is None:  # else the message would be lost
            failure.filename = str(path)
        raise


def partial_beside(path: Path) -> Path:
    """A temporary path beside `path`; it names this machine and process, since others may write to the same folder.

    What killed processes of this machine have left of the same file or folder is removed first.
    """
    prefix = f".{path.name}.{MACHINE}-"
    for left in path.parent.glob(f"{glob.escape(prefix)}*.partial"):
        process = left.name.removeprefix(prefix).removesuffix(".partial")
        if process.isdecimal() and not is_alive(int(process)):
            remove(left)
    return path.with_name(f"{prefix}{os.getpid()}.partial")


def is_alive(process: int) -> bool:
    """Whether this machine may run a process of this number."""
    if os.name == "nt":  # there, signal 0 is Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the process of another user
        return True
    return True


def remove(path: Path) -> None:
    """Remove a temporary file or folder if that is possible; the next writer of its name removes what stays."""
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. If the block succeeds, the file is synced and renamed to `path`.

    An OSError names a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_beside(path)
    try:
        with naming(path):
            yield partial
            descriptor = os.open(partial, os.O_RDWR)  # Windows cannot sync a file that is open read-only
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            partial.replace(path)
    finally:
        remove(partial)


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with replacing(path) as partial:
        partial.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in UTF-8, atomically. What UTF-8 cannot hold, of names of files, becomes backslashes."""
    write_atomically(path, text.encode(errors="backslashreplace"))


def read_text(path: Path) -> str:
    """Text of a file that people write: in UTF-8, with a byte-order mark or without, or in UTF-16 with one.

    The locale does not matter. Raises UnicodeDecodeError, which is a ValueError, on any other file.
    """
    content = path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")


def write_unless_edited(path: Path, text: str, mark: str) -> bool:
    """Write `text`, which contains `mark`, atomically; but leave a file that lacks the mark, since somebody else wrote
    it. Returns whether it was written."""
    if path.exists() and mark not in path.read_text(errors="replace"):
        return False
    write_text(path, text)
    return True


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically. Raises ValueError for NaN and infinity."""
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False, default=str) + "\n").encode())


def write_jsonl(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write one JSON object per line, atomically; `rows` may be a generator. Raises ValueError for NaN and infinity."""
    with replacing(path) as partial, partial.open("w") as stream:
        stream.writelines(json.dumps(row, allow_nan=False) + "\n" for row in rows)


def read_jsonl(path: Path, strict: bool = False) -> list[dict[str, Any]]:
    """Rows of a JSON-lines file, as of `rows_of_jsonl`."""
    return list(rows_of_jsonl(path, strict))


def rows_of_jsonl(path: Path, strict: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSON-lines file. A last line that a crash cut short is left out unless `strict`.

    Raises ValueError if another line is not JSON.
    """
    with path.open() as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as broken:
                if not line.endswith("\n") and not strict:
                    return
                raise ValueError(f"{path}, line {number}: not JSON ({getattr(broken, 'msg', 'too deep')})") from broken
            yield row


def sha256_of_lines(lines: Iterable[str]) -> str:
    """Hex SHA-256 of lines of text (UTF-8; names of files in another encoding as they are on disk), each followed by a
    newline."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(os.fsencode(f"{line}\n"))
    return digest.hexdigest()


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
