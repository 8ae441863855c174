"""A process that runs one command after another for hours, and says after each what it holds.

    python -m benchmarks.soak.steady

A line of JSON on standard input is a command: {"folder": "…", "words": ["reid", "index", …], "log": "…"}. A line of
JSON on standard output says how it ended, see `Held`.
"""

import gc
import json
import os
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.faults.case import run_here
from benchmarks.faults.scenarios import Words
from benchmarks.search.memory import memory


@dataclass(frozen=True)
class Held:
    """How a command ended, and what the process holds after it."""

    code: int
    """Exit code."""
    seconds: float
    """Of the command."""
    processor_seconds: float
    """Of this process for the command, children left out."""
    memory: int
    """Bytes of this process that are no file's (RssAnon)."""
    open_files: int
    """Descriptors of files, sockets and pipes."""
    threads: int
    """Threads of Python and of libraries."""


def serve() -> None:
    """Run commands until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        held = run(tuple(asked["words"]), Path(asked["folder"]), Path(asked["log"]))
        answers.write(json.dumps(asdict(held)) + "\n")
        answers.flush()


def run(words: Words, folder: Path, log: Path) -> Held:
    """Run a command of this program in `folder`, with what it says appended to `log`."""
    os.chdir(folder)
    _say_to(log)
    started, worked = time.monotonic(), time.process_time()
    code = _code(words)
    took = time.monotonic() - started, time.process_time() - worked
    gc.collect()
    threads = len(list(Path("/proc/self/task").iterdir()))
    open_files = len(list(Path("/proc/self/fd").iterdir())) - 1  # the folder itself
    return Held(code, round(took[0], 2), round(took[1], 2), memory("RssAnon"), open_files, threads)


def _say_to(log: Path) -> None:
    """Append standard output and standard error to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)


def _code(words: Words) -> int:
    """Exit code of a command; 70 of one that ends in a traceback, which is printed."""
    try:
        return run_here(words)
    except Exception:
        traceback.print_exc()
        return 70


if __name__ == "__main__":
    serve()
