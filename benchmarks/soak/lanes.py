"""Two lanes of the same commands: one process that is left alone for hours, and processes that are killed at random."""

import json
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from alignnet_common.errors import JobError
from alignnet_common.files import PROJECT_ROOT
from benchmarks.faults.scenarios import Words
from benchmarks.workers.sessions import end_session

KILLS_AT_MOST = 2
"""Of one command, which then ends undisturbed."""


class Steady:
    """The process of `benchmarks.soak.steady`."""

    def __init__(self, log: Path) -> None:
        """Start it. log -- file for what its commands say."""
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.soak.steady"],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("ab"),
            text=True,
            start_new_session=True,
        )

    def run(self, words: Words, folder: Path) -> dict[str, Any]:
        """Run a command in `folder`; returns what `Held` has. Raises JobError if the process is gone."""
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = {"words": words, "folder": str(folder), "log": str(self._log)}
        with suppress(BrokenPipeError):
            print(json.dumps(asked), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise JobError(f"{' '.join(words)}: the long-lived process is gone: more in {self._log}")
        held: dict[str, Any] = json.loads(answer)
        return held

    def close(self) -> None:
        """Kill it and all that it has started."""
        end_session(self._process.pid)
        self._process.wait()


def run_with_kills(words: Words, folder: Path, log: Path, seconds: float, rng: random.Random) -> tuple[int, int]:
    """Run a command in processes of their own, kill them at random, and run it again until it ends by itself.

    seconds -- that the command takes undisturbed: a kill falls within them, or shortly after. Returns its exit code and
    the number of kills. What is killed is the command with all that it has started.
    """
    program, name, *argv = words
    kills = 0
    while True:
        deadline = time.monotonic() + rng.uniform(0.1, 1.3 * seconds) if kills < KILLS_AT_MOST else None
        running = subprocess.Popen(
            [sys.executable, "-m", program, name, *argv],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = running.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            end_session(running.pid)
            running.wait()
            kills += 1
            continue
        end_session(running.pid)
        return code, kills
