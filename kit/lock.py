"""Keeping two processes from writing to one folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.command import UserError


@contextmanager
def held(path: Path, complaint: str) -> Iterator[None]:
    """Hold `path` as a lock while the block runs; it ends with the process, however that dies.

    Raises UserError(complaint) where another process holds it. Where the system has no such locks, nothing is held.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with path.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{complaint}: wait for it, or name another folder") from None
        except OSError:  # a network folder that knows no locks
            yield
            return
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
