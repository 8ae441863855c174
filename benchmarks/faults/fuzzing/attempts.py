"""Mutants are read in a forked process with limits of time and memory; how each ended is counted."""

import faulthandler
import json
import mmap
import os
import resource
import shutil
import signal
import struct
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alignnet_common.cli.run import UNUSABLE_PATH
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import BROKEN_DISK, DISK_FULL
from benchmarks.faults.fuzzing.archive_mutants import CANARY
from benchmarks.faults.fuzzing.mutants import mutant
from benchmarks.faults.fuzzing.reader import Reader

SECONDS, PATIENCE = 5.0, 60.0
"""A mutant hangs that has computed for so long, and that has waited for so long on a busy machine."""

ADDRESSES = 2**30
"""Bytes of address space that reading a mutant may take beyond what the process has."""

PER_PROCESS = 2000
"""Mutants that a forked process reads: what leaks is given back."""

LONGEST = 1000
"""Letters of a line, at most."""

BOARD = struct.Struct("<qdqqq")
"""Mutant that is read, since when, and so far: values, lines, peak memory in KiB."""

GOOD = ("value", "line")


@dataclass
class Tally:
    """How the mutants of a reader ended."""

    next: int = 0
    """Number of the next mutant."""

    values: int = 0
    """Mutants that were read as if they were good, or are."""

    lines: int = 0
    """Mutants that were refused in one line."""

    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    """How often each bad end occurred, and the number of the first mutant that had it."""

    seconds: float = 0.0

    peak_mib: float = 0.0
    """Largest memory of a process beyond the one that had read the good files."""

    @property
    def bad(self) -> int:
        """Mutants that ended badly."""
        return sum(kind["mutants"] for kind in self.kinds.values())

    def add(self, kind: str, number: int) -> None:
        """Count a bad end."""
        row = self.kinds.setdefault(kind, {"mutants": 0, "first": number})
        row["mutants"] += 1


def good_files(reader: Reader, folder: Path) -> dict[str, bytes]:
    """The files of a folder that are changed, by their path below it."""
    paths = {path for pattern in reader.files for path in folder.glob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(paths)}


def read_by(reader: Reader, folder: Path, files: Iterable[str]) -> list[Path]:
    """What a reader is given to read the files of a folder."""
    return [folder / file for file in files] if reader.alone else [folder]


def attempt(
    reader: Reader, template: Path, seed: int, until: int, tally: Tally, shown: Callable[[Tally], None]
) -> None:
    """Read mutants from `tally.next` to `until`, and count how they end.

    template -- a folder with the good files, which stays as it is. shown -- is called every second.
    """
    files = good_files(reader, template)
    board = mmap.mmap(-1, BOARD.size)
    bad = template.parent / "bad.jsonl"
    waited_for = None
    while tally.next < until:
        started, first = time.monotonic(), tally.next
        last = min(until, first + PER_PROCESS)
        bad.write_bytes(b"")
        board[:] = BOARD.pack(first, time.monotonic(), 0, 0, 0)
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            _child(reader, template, files, seed, range(first, last), board, bad)
        died = _watch(process, board)
        number, _, values, lines, peak = BOARD.unpack(board[:])
        tally.values, tally.lines = tally.values + values, tally.lines + lines
        tally.peak_mib = max(tally.peak_mib, round(peak / 1024, 1))
        for row in map(json.loads, bad.read_text().splitlines()):
            tally.add(row["kind"], row["number"])
        # A pause of a busy machine looks like a hang: a mutant that hangs is read once more, by a process of its own.
        again = died == "hang" and waited_for != number
        waited_for = number if again else None
        if died is not None and not again:
            tally.add(died, number)
        tally.next = number if again else number + 1
        tally.seconds = round(tally.seconds + time.monotonic() - started, 1)
        shown(tally)


def _watch(process: int, board: mmap.mmap) -> str | None:
    """Wait for a forked process; why it ended before its last mutant, or None."""
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return None if code == 0 else signal.Signals(-code).name if code < 0 else f"exit {code}"
        _, since, *_ = BOARD.unpack(board[:])
        waited = time.monotonic() - since
        if waited > SECONDS and (_computed(process, waited) or waited > PATIENCE):
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return "hang"
        time.sleep(0.02)


def _computed(process: int, waited: float) -> bool:
    """Whether a process has computed in the last seconds: else the machine was busy with others."""
    with suppress(OSError):
        before = _ticks(process)
        time.sleep(0.5)
        return _ticks(process) - before > 0.1 * os.sysconf("SC_CLK_TCK") or waited > 4 * SECONDS
    return False


def _ticks(process: int) -> int:
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


def _child(
    reader: Reader,
    template: Path,
    files: Mapping[str, bytes],
    seed: int,
    numbers: range,
    board: mmap.mmap,
    bad: Path,
) -> None:
    """The forked process: it never returns."""
    code = 70
    try:
        os.setsid()
        faulthandler.disable()  # a crash is counted, and not told on standard error
        work = template.parent / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        os.chdir(work)
        _silence()
        place = work / "folder"
        shutil.copytree(template, place)
        for path in read_by(reader, place, files):
            reader.read(path)
        start = _limit_memory()
        counts = {"value": 0, "line": 0}
        for number in numbers:
            board[:] = BOARD.pack(number, time.monotonic(), *counts.values(), _peak() - start)
            kind = _one(reader, template, place, files, seed, number)
            grown = (_peak() - start) // 1024
            if kind in GOOD and grown > reader.memory:
                kind = f"memory: {reader.memory} MiB and more"
            if kind in GOOD:
                counts[kind] += 1
            else:
                with bad.open("a") as stream:
                    stream.write(json.dumps({"number": number, "kind": kind}) + "\n")
            board[:] = BOARD.pack(number, time.monotonic(), *counts.values(), _peak() - start)
            if grown > reader.memory:
                break  # the peak of a process never falls
        code = 0
    finally:
        os._exit(code)


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    warnings.simplefilter("ignore")


def _peak() -> int:
    """Largest memory of this process so far, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _limit_memory() -> int:
    """Limit the address space and the size of files; returns the peak so far, KiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    taken = pages * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (taken + ADDRESSES, taken + ADDRESSES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**28, 2**28))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return _peak()


def _one(reader: Reader, template: Path, place: Path, files: Mapping[str, bytes], seed: int, number: int) -> str:
    """How reading a mutant ends."""
    changed = mutant(reader.name, seed, number, files)
    if reader.writes:
        shutil.rmtree(place)
        shutil.copytree(template, place)
    (place / changed.file).write_bytes(changed.content)
    kind = ending(reader, place / changed.file if reader.alone else place)
    if not reader.writes:
        (place / changed.file).write_bytes(files[changed.file])
    for folder in (place, place.parent):
        if (folder / CANARY).exists():
            (folder / CANARY).rmdir()
            return "a pickle was run"
    outside = sorted(path.name for path in place.parent.iterdir() if path != place)
    if outside:
        for name in outside:
            shutil.rmtree(place.parent / name, ignore_errors=True)
        return "written outside of the folder"
    return kind


def ending(reader: Reader, place: Path) -> str:
    """How reading a folder ends: with a value, a line, or badly, and where."""
    try:
        reader.read(place)
    except (UserError, JobError) as told:
        return _of_message(told)
    except SystemExit as end:
        return "line" if end.code in (1, 2) else f"exit {end.code}"
    except OSError as failure:
        told_of = failure.errno in DISK_FULL | BROKEN_DISK
        named = failure.errno in UNUSABLE_PATH and failure.filename is not None
        return "line" if told_of or named else _kind_of(failure)
    except BaseException as failure:
        return _kind_of(failure)
    return "value"


def _of_message(told: Exception) -> str:
    text = str(told)
    if not text.strip() or any(ord(letter) < 32 for letter in text):
        return f"no line: {_kind_of(told)}"
    return "line" if len(text) <= LONGEST else f"a line of {LONGEST} letters and more: {_kind_of(told)}"


def _kind_of(failure: BaseException) -> str:
    """The exception, and the last place of the project in its traceback."""
    frames: list[Any] = traceback.extract_tb(failure.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename and "/lib/python" not in frame.filename]
    ours = [frame for frame in ours if "/faults/fuzzing/" not in frame.filename] or ours
    if not ours:
        return type(failure).__name__
    file = Path(ours[-1].filename)
    return f"{type(failure).__name__} in {'/'.join(file.parts[-3:])}, {ours[-1].name}"
