"""Steps of a state machine run in forked processes, which can be killed at any change of a file."""

import atexit
import contextlib
import functools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from alignnet_common.errors import JobError, UserError

CHANGES = ("rename", "replace", "fsync", "unlink", "mkdir", "rmdir")
"""Functions of os at which a process may die."""

KILLED = -signal.SIGKILL


@functools.cache
def _place() -> Path:
    place = Path(tempfile.mkdtemp(prefix="machine-"))
    atexit.register(_remove, place)
    return place


def _remove(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    _said().unlink(missing_ok=True)


def fresh_place() -> Path:
    """An empty folder, at the same path for all examples of this process: a step is repeated as it was."""
    shutil.rmtree(_place(), ignore_errors=True)
    _place().mkdir()
    return _place()


def _said() -> Path:
    return _place().with_suffix(".said")


def said() -> str:
    """Why the last step was refused; empty if it was not."""
    return _said().read_text() if _said().is_file() else ""


def in_fork(job: Callable[[], object], dies_at: int | None = None) -> int:
    """Run `job` in a forked process; returns 0, 2 for a UserError, 1 for a JobError, or KILLED.

    dies_at -- number, from 1, of the change of a file at which the process is killed, if it comes that far. Raises
    AssertionError where the job raises another exception; it is printed to standard error.
    """
    _said().unlink(missing_ok=True)
    process = os.fork()
    if process == 0:
        code = 70
        try:
            with _silent_output():
                if dies_at is None:
                    job()
                else:
                    with dying(dies_at):
                        job()
            code = 0
        except (UserError, JobError) as told:
            code = 2 if isinstance(told, UserError) else 1
            _said().write_text(str(told))
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert code in (0, 1, 2, KILLED), f"the step ended with {code}: its traceback is on standard error"
    assert code != KILLED or dies_at is not None, "killed by another process"
    return code


@contextlib.contextmanager
def dying(at: int) -> Iterator[None]:
    """Inside the block, this process is killed at its change of a file number `at`, before or after the change."""
    count = 0

    def counted(real: Callable[..., Any], *words: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == at and at % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        done = real(*words, **options)
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    with contextlib.ExitStack() as stack:
        for name in CHANGES:
            stack.enter_context(patch.object(os, name, functools.partial(counted, getattr(os, name))))
        yield


@contextlib.contextmanager
def _silent_output() -> Iterator[None]:
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield
