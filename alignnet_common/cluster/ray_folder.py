"""The folder of Ray's sockets, whose paths the system limits to about a hundred bytes."""

import os
import tempfile
from pathlib import Path

from alignnet_common.errors import UserError

SOCKET = "ray/session_2026-01-31_23-59-59_999999_4194304/sockets/plasma_store"
"""The longest path that Ray makes below the folder of temporary files: date, time, process, kind of socket."""

LONGEST = 103
"""Bytes of the path of a socket on macOS, the shortest limit; Linux has 107."""

SHORT = (Path("/tmp"), Path("/var/tmp"))
"""Folders that every system has for temporary files."""


def ray_folder() -> Path | None:
    """Ray's folder where its own choice has too long a path for sockets; None where that is short enough.

    Its own is `ray` in RAY_TMPDIR, or else in the folder of temporary files, TMPDIR. Raises UserError where all others
    cannot be written.
    """
    own = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    if is_short(own):
        return None
    for folder in SHORT:
        if is_short(folder) and os.access(folder, os.W_OK | os.X_OK):
            return folder / "ray"
    most = LONGEST - len(SOCKET) - 1
    raise UserError(f"TMPDIR={own} is too long a path for Ray's sockets: name a folder of at most {most} letters")


def is_short(folder: str | Path) -> bool:
    """Whether the paths of Ray's sockets below this folder are short enough."""
    return len(os.fsencode(Path(folder) / SOCKET)) <= LONGEST
