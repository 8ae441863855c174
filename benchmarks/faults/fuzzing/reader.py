"""What a reader of files is to the fuzzer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reader:
    """A way in which the project reads files of others."""

    name: str

    make: Callable[[Path], None]
    """Writes good files into an empty folder."""

    read: Callable[[Path], object]
    """Reads the files of a folder by the project's own functions, or one of them, see `alone`. Good files raise
    nothing, bad ones UserError or JobError."""

    files: tuple[str, ...] = ("**/*",)
    """Patterns of the files that are changed; `read` may need others, which stay as they are."""

    writes: bool = False
    """Whether reading changes the folder, which is then made anew before each mutant."""

    alone: bool = False
    """Whether `read` takes the path of one file, the changed one, in place of the folder."""

    memory: int = 64
    """MiB by which the process may grow beyond what the good files take. Pictures may state 8192 x 8192 pixels."""
