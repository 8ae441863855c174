"""Arrays on the disk: made once, for later runs and for all processes of one machine that train together."""

import errno
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from alignnet_common.errors import UserError
from alignnet_common.files import DISK_FULL, replacing
from alignnet_common.locks import file_lock

Arrays = dict[str, npt.NDArray[Any]]


def cached_arrays(
    name: Path, forms: Mapping[str, tuple[tuple[int, ...], npt.DTypeLike]], fill: Callable[[Arrays], None]
) -> Arrays:
    """Arrays of the given shapes and types, mapped from the files NAME.<key>.npy, which `fill` fills if need be.

    Where several processes ask at once, one fills and the others wait for it.
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
                while made:  # Windows renames no file that is still mapped
                    made.popitem()[1].flush()
    return {key: np.load(path, mmap_mode="r") for key, path in files.items()}


class SharedArray:
    """An array that goes to a loader's workers without a copy for each of them.

    Forked ones have it anyway. Where they are spawned it is pickled: a mapped file is then mapped again, and what is in
    memory moves, once, into memory that processes share.
    """

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._content: Any = array if isinstance(array, np.memmap) else torch.from_numpy(array)

    @property
    def array(self) -> npt.NDArray[Any]:
        """The array, not a copy."""
        found: npt.NDArray[Any] = self._content if isinstance(self._content, np.memmap) else self._content.numpy()
        return found

    def __getstate__(self) -> dict[str, Any]:
        """The file's path, or the tensor, which PyTorch's own pickling shares."""
        mapped = isinstance(self._content, np.memmap)
        return {"file": str(self._content.filename)} if mapped else {"tensor": self._content}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the file again, or take up the shared tensor."""
        self._content = np.load(state["file"], mmap_mode="r") if "file" in state else state["tensor"]


def take_up_space(path: Path) -> None:
    """Have the disk set aside the room that a file says it takes; where that is not known here, nothing is done.

    A file that was only made long has no room of its own: a disk that is full by the time it is filled, through a map,
    ends the process (SIGBUS). Raises OSError (ENOSPC) where there is not so much.
    """
    try:
        with path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
    except AttributeError:  # not every system has it
        return
    except OSError as failure:
        if failure.errno in DISK_FULL:
            raise OSError(errno.ENOSPC, os.strerror(failure.errno), str(path)) from failure


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
