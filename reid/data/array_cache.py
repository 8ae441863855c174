"""Arrays on the disk: made once, for later runs and for all processes of one machine that train together."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.command import UserError
from kit.files import replacing

Arrays = dict[str, npt.NDArray[Any]]


def cached_arrays(
    name: Path, forms: Mapping[str, tuple[tuple[int, ...], npt.DTypeLike]], fill: Callable[[Arrays], None]
) -> Arrays:
    """Arrays of the given shapes and types, mapped from the files NAME.<key>.npy, which `fill` fills if need be.

    Where several processes ask at once, one fills and the others wait for it.
    """
    files = {key: name.with_name(f"{name.name}.{key}.npy") for key in forms}
    name.parent.mkdir(parents=True, exist_ok=True)
    with waiting(name.with_name(f"{name.name}.lock")):
        if not all(path.is_file() for path in files.values()):
            with ExitStack() as stack:
                made = {
                    key: np.lib.format.open_memmap(
                        stack.enter_context(replacing(files[key])), mode="w+", dtype=kind, shape=shape
                    )
                    for key, (shape, kind) in forms.items()
                }
                fill({**made})
                for array in made.values():
                    array.flush()
    return {key: np.load(path, mmap_mode="r") for key, path in files.items()}


def key_of(paths: Sequence[Path]) -> str:
    """Sixteen hex digits that change with the paths, and with the size or the time of any file.

    Raises UserError where one is not there.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            state = path.stat()
        except OSError as failure:
            raise UserError(f"{path}: unreadable image ({failure.strerror})") from None
        digest.update(f"{path.absolute()}\t{state.st_size}\t{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


@contextmanager
def waiting(path: Path) -> Iterator[None]:
    """Hold `path` as a lock, once whoever holds it lets go; where the system has no locks, nothing is held."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with path.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
