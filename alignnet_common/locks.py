"""File locks between processes, by flock(2)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from alignnet_common.errors import UserError


@contextmanager
def file_lock(path: Path, complaint: str | None = None, shared: bool = False) -> Iterator[None]:
    """Hold a lock on the file `path` inside the block. It is released when the process ends, however it ends.

    Shared holders exclude an exclusive one. The last holder deletes the file. If another process excludes this one,
    wait for it, or, if `complaint` is given, raise UserError(complaint). Systems and network folders without file
    locks lock nothing.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    wanted = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if complaint is None else fcntl.LOCK_NB)
    stream = path.open("a")
    try:
        fcntl.flock(stream, wanted)
        while not _is_at(path, stream):  # the previous holder deleted the file after this process had opened it
            stream.close()
            stream = path.open("a")
            fcntl.flock(stream, wanted)
    except BlockingIOError:
        stream.close()
        raise UserError(f"{complaint}: wait for it, or name another folder") from None
    except OSError:  # a network folder without file locks
        with stream:
            yield
        return
    with stream:
        try:
            yield
        finally:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
            except BlockingIOError:  # another process shares the lock
                pass


def _is_at(path: Path, stream: IO[str]) -> bool:
    """Whether the open file `stream` is the one at `path`."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False
