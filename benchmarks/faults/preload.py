"""The preloaded library of `failing_calls.c`: it is compiled, told which call fails, and asked what happened."""

import errno
import mmap
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alignnet_common.errors import UserError

VARIABLE = "FAILING_CALLS"
"""Environment variable with the path of the page that the processes share."""
PAGE = struct.Struct("=8q512s1024s")
"""The struct `plan` of the library."""

CHANGES, READS, NAMES, FREES = 1, 2, 4, 8
ONCE, FROM_THEN_ON, KILL = 1, 2, 3

Fault = Literal["full", "io", "denied", "kill"]
FAULTS: tuple[Fault, ...] = ("full", "io", "denied", "kill")
HOW: dict[Fault, tuple[int, int, int, int]] = {
    # how often, error, calls that count, calls that never count
    "full": (FROM_THEN_ON, errno.ENOSPC, CHANGES, FREES),
    "io": (ONCE, errno.EIO, CHANGES | READS, 0),
    "denied": (ONCE, errno.EACCES, NAMES, 0),
    "kill": (KILL, 0, CHANGES, 0),
}
"""What each fault does. full: the disk is full from this call on. io: one call fails as on a broken disk. denied: one
file may not be opened, made, renamed or removed. kill: the process dies at the call, a write after half its bytes."""


@dataclass(frozen=True)
class Counted:
    """What the library saw."""

    calls: int
    """Calls that counted, on files below the folder, of all processes."""
    failed: int
    """Calls that failed."""
    first: str
    """Function and path of the first call that failed; empty if none did."""


def build(library: Path) -> None:
    """Compile the library. Raises UserError without Linux's C compiler `cc`."""
    source = Path(__file__).with_suffix("").with_name("failing_calls.c")
    try:
        done = subprocess.run(
            ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], capture_output=True, text=True
        )
    except FileNotFoundError:
        raise UserError("no C compiler cc: install one (gcc or clang), on Linux") from None
    if done.returncode:
        raise UserError(f"cc cannot compile {source}: {done.stderr.strip().splitlines()[0]}")


def environment(library: Path, page: Path) -> dict[str, str]:
    """Environment for a process whose calls are counted. `page` is made if it is not there."""
    if not page.exists():
        page.write_bytes(bytes(4096))
    return os.environ | {"LD_PRELOAD": str(library), VARIABLE: str(page)}


class Plan:
    """The page that all processes share."""

    def __init__(self, page: Path) -> None:
        with page.open("r+b") as stream:
            self._page = mmap.mmap(stream.fileno(), 4096)

    @contextmanager
    def armed(self, under: Path, fault: Fault, at: int) -> Iterator[None]:
        """Inside the block, call number `at` (from 1; 0: none) below the folder `under` fails."""
        how, error, classes, excluded = HOW[fault]
        self._page[: PAGE.size] = PAGE.pack(1, 0, at, how, error, classes, excluded, 0, b"", os.fsencode(under))
        try:
            yield
        finally:
            self._page[:8] = struct.pack("=q", 0)

    def counted(self) -> Counted:
        """What happened in the last block."""
        _, calls, _, _, _, _, _, failed, what, _ = PAGE.unpack(self._page[: PAGE.size])
        return Counted(calls, failed, os.fsdecode(what.rstrip(b"\0").split(b"\0")[0]))
