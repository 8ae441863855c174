"""Keeping two processes from writing to one folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from alignnet_common.errors import UserError


@contextmanager
def held(path: Path, complaint: str, shared: bool = False) -> Iterator[None]:
    """Hold `path` as a lock while the block runs; it ends with the process, however that dies.

    Any number may hold it `shared` at a time, and nobody else then; the file goes with the last of them. Raises
    UserError(complaint) where another process holds it. Where the system has no such locks, nothing is held.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    alone, wanted = fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    stream = path.open("a")
    try:
        fcntl.flock(stream, wanted | fcntl.LOCK_NB)
        while not _is_still(stream, path):  # who held it has just taken it away: another may hold what is there now
            stream.close()
            stream = path.open("a")
            fcntl.flock(stream, wanted | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        raise UserError(f"{complaint}: wait for it, or name another folder") from None
    except OSError:  # a network folder that knows no locks
        with stream:
            yield
        return
    with stream:
        try:
            yield
        finally:
            try:
                fcntl.flock(stream, alone)
                path.unlink(missing_ok=True)
            except BlockingIOError:  # others share it
                pass


def _is_still(stream: IO[str], path: Path) -> bool:
    """Whether an open file is the one that lies at `path`."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False
