"""A process that runs one command after another for hours, and says after each what it holds.

    python -m benchmarks.soak.steady

A line of JSON on standard input is a command: {"folder": "…", "words": ["reid", "index", …], "log": "…"}. A line of
JSON on standard output says how it ended, see `Held`.
"""

import gc
import json
import os
import pkgutil
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
        held = run(asked["words"], Path(asked["folder"]), Path(asked["log"]))
        answers.write(json.dumps(asdict(held)) + "\n")
        answers.flush()


def run(words: Sequence[str], folder: Path, log: Path) -> Held:
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


def _code(words: Sequence[str]) -> int:
    program, name, *argv = words
    sys.argv = [program, name, *argv]
    try:
        main: Any = pkgutil.resolve_name(f"{program}.commands:PROGRAM")
        main.run(name, argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except Exception:
        traceback.print_exc()
        return 70
    return 0


if __name__ == "__main__":
    serve()
