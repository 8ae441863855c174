"""One case: a command in a forked process, in a fresh copy of its inputs, then the same command again undisturbed."""

import os
import pkgutil
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.scenarios import Scenario, Words

SECONDS = 120
"""A command that takes longer hangs."""

BARS = re.compile(r".*\d+%\|.*|.*it/s\].*|note: .*|warning: .*|(\s|\x1b\[[0-9;]*[A-Za-z])*")
"""Lines of standard error that are no message of an error."""


@dataclass(frozen=True)
class Ending:
    """How a command ended."""

    code: int
    """Exit code; of a signal, its negative number."""
    said: str
    """Standard error without progress bars and notes."""

    @property
    def kind(self) -> str:
        """well, one line, killed, or what is wrong: traceback, many lines, no line, hang, signal N, exit N."""
        if self.code == 0:
            return "well"
        if self.code == -signal.SIGKILL:
            return "killed"
        if self.code < 0:
            return "hang" if self.code == -signal.SIGALRM else f"signal {-self.code}"
        if "Traceback (most recent call last)" in self.said:
            return "traceback"
        if self.code not in (1, 2):
            return f"exit {self.code}"
        lines = self.said.splitlines()
        return "one line" if len(lines) == 1 else "many lines" if lines else "no line"


def run_words(scenario: Scenario, folder: Path, armed: AbstractContextManager[Any] | None = None) -> Ending:
    """Run the commands of a scenario in `folder`, in a forked process; calls fail inside `armed`."""

    def job() -> None:
        if scenario.patch is not None:
            scenario.patch()
        for words in scenario.words:
            if code := run_here(words):
                raise SystemExit(code)

    return in_fork(job, folder, armed)


def in_fork(job: Callable[[], None], folder: Path, armed: AbstractContextManager[Any] | None = None) -> Ending:
    """Run `job` in a forked process whose current folder is `folder`, and wait for its end."""
    said = folder.parent / "stderr.txt"
    sys.stdout.flush()
    sys.stderr.flush()
    with armed or nullcontext():
        process = os.fork()
        if process == 0:
            _child(job, folder, said)
        code = _wait(process)
    text = said.read_text(errors="replace").replace("\r", "\n")
    kept = [line for line in text.splitlines() if not BARS.fullmatch(line)]
    return Ending(code, "\n".join(kept))


def _child(job: Callable[[], None], folder: Path, said: Path) -> None:
    """The forked process: it never returns."""
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        nowhere = os.open(os.devnull, os.O_RDWR)
        errors = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        for stream, to in ((0, nowhere), (1, nowhere), (2, errors)):
            os.dup2(to, stream)
        try:
            job()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def run_here(words: Words) -> int:
    """Run a command in this process; returns its exit code. Raises what the command raises."""
    program, name, *argv = words
    sys.argv = [program, name, *argv]
    try:
        pkgutil.resolve_name(f"{program}.commands:PROGRAM").run(name, argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


def _wait(process: int) -> int:
    """Exit code of a forked process; it and what it has started are killed after SECONDS."""
    until = time.monotonic() + SECONDS
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > until:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return -signal.SIGALRM
        time.sleep(0.005)
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)  # what a killed command has left behind
    return os.waitstatus_to_exitcode(status)


def fresh(template: Path, folder: Path) -> None:
    """Make `folder` a copy of the inputs."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder)
