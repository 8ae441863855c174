"""Decoded frames on the disk: decoded once, for later runs and for all processes of one machine that train together."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.command import UserError
from kit.files import replacing

Decoded = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""A frame (H, W, 3), and by what factors (2,) x and y grew when it was resized."""


def mapped_frames(
    folder: Path,
    paths: Sequence[Path],
    height: int,
    width: int,
    decoded: Callable[[Path], Decoded],
    progress: Callable[[Sequence[Path]], Iterator[Path]],
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Frames (N, H, W, 3) and factors (N, 2) of the paths, mapped from files in `folder`, which are made if need be.

    Images that were changed since, or another size of frames, have other files in the folder. Where several processes
    ask at once, one decodes (along `progress`) and the others wait for it.
    """
    name = folder / f"frames-{height}x{width}-{key_of(paths)}"
    frames, factors = name.with_suffix(".npy"), name.with_suffix(".factors.npy")
    folder.mkdir(parents=True, exist_ok=True)
    with waiting(name.with_suffix(".lock")):
        if not frames.is_file() or not factors.is_file():
            found = np.empty((len(paths), 2), np.float32)
            with replacing(frames) as partial:
                shape = (len(paths), height, width, 3)
                pixels = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
                for position, path in enumerate(progress(paths)):
                    pixels[position], found[position] = decoded(path)
                pixels.flush()
            with replacing(factors) as partial, partial.open("wb") as stream:
                np.save(stream, found)
    return np.load(frames, mmap_mode="r"), np.load(factors)


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
