"""Processes of a session, which a command and all that it has started belong to. Linux: reads /proc."""

import os
import signal
import time
from pathlib import Path


def end_session(leader: int) -> None:
    """Kill all processes of the session of `leader`, until none is left."""
    while left := session_of(leader):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def session_of(leader: int) -> dict[int, str]:
    """Command lines by process id of the processes in the session of `leader`, a process id."""
    found = {}
    for entry in sorted(Path("/proc").iterdir()):
        if not entry.name.isdigit():
            continue
        try:
            # Fields after the command's name, which may contain any character: state, parent, group, session.
            state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # the process has ended meanwhile
            continue
        if int(session) == leader and state != "Z":
            found[int(entry.name)] = words
    return found
