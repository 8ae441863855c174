"""Cache of arrays on disk, for later runs and for the processes of one machine that train together."""

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from alignnet_common.errors import UserError
from alignnet_common.files import DISK_FULL, replacing, sha256_of_lines
from alignnet_common.locks import file_lock
from reid.data.tracklets.pixels import DECODING

Arrays = dict[str, npt.NDArray[Any]]


def cached_arrays(
    name: Path, forms: Mapping[str, tuple[tuple[int, ...], npt.DTypeLike]], fill: Callable[[Arrays], None]
) -> Arrays:
    """Memory-mapped arrays of the given shapes and types in the files NAME.<key>.npy; `fill` fills missing files.

    Of several processes that call this at the same time, one fills the files and the others wait.
    """
    files = {key: name.with_name(f"{name.name}.{key}.npy") for key in forms}
    name.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(name.with_name(f"{name.name}.lock")):
        if not all(path.is_file() for path in files.values()):
            with ExitStack() as stack:
                partial = {key: stack.enter_context(replacing(files[key])) for key in forms}
                made = {
                    key: np.lib.format.open_memmap(partial[key], mode="w+", dtype=kind, shape=shape)
                    for key, (shape, kind) in forms.items()
                }
                for path in partial.values():
                    take_up_space(path)
                fill({**made})
                while made:  # Windows cannot rename a mapped file
                    made.popitem()[1].flush()
    return {key: np.load(path, mmap_mode="r") for key, path in files.items()}


class SharedArray:
    """An array that the worker processes of a DataLoader share without copies.

    Forked workers share memory. For spawned workers the array is pickled: a mapped file is mapped again, and an array
    in memory is moved, once, into shared memory.
    """

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._content: Any = array if isinstance(array, np.memmap) else torch.from_numpy(array)

    @property
    def array(self) -> npt.NDArray[Any]:
        """The array itself, not a copy."""
        found: npt.NDArray[Any] = self._content if isinstance(self._content, np.memmap) else self._content.numpy()
        return found

    def __getstate__(self) -> dict[str, Any]:
        """The path of the file, or the tensor, which PyTorch pickles as shared memory."""
        mapped = isinstance(self._content, np.memmap)
        return {"file": str(self._content.filename)} if mapped else {"tensor": self._content}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the file again, or use the shared tensor."""
        self._content = np.load(state["file"], mmap_mode="r") if "file" in state else state["tensor"]


def take_up_space(path: Path) -> None:
    """Allocate the disk space of a file's whole length (posix_fallocate), where the system supports it.

    A sparse file has no space allocated: filling it through a memory map ends the process (SIGBUS) when the disk is
    full. Raises OSError (ENOSPC) where the space is not there.
    """
    try:
        with path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
    except AttributeError:  # the system has no posix_fallocate
        return
    except OSError as failure:
        if failure.errno in DISK_FULL:
            raise OSError(errno.ENOSPC, os.strerror(failure.errno), str(path)) from failure


def key_of(paths: Sequence[Path]) -> str:
    """Sixteen hex digits of a SHA-256 over each file's path, size and modification time, and how images are decoded.

    Raises UserError where a file is missing.
    """

    def lines() -> Iterator[str]:
        yield f"decoding {DECODING}"
        for path in paths:
            try:
                state = path.stat()
            except OSError as failure:
                raise UserError(f"{path}: unreadable image ({failure.strerror})") from None
            yield f"{path.absolute()}\t{state.st_size}\t{state.st_mtime_ns}"

    return sha256_of_lines(lines())[:16]
