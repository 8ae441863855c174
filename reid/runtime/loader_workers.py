"""Batches of loader processes, which pass them on in shared memory; too little of it as a UserError of one line."""

import errno
import multiprocessing.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from alignnet_common.errors import UserError

SHARED_MEMORY = Path("/dev/shm")
"""Where Linux keeps memory that processes share. Containers often have 64 MB of it."""

LEAST = 2**18
"""Bytes of it that the locks of one process take, with some to spare."""

SOCKET = "/listener-12345678"
"""What multiprocessing adds to its folder of temporary files for a socket."""

LONGEST = 107 if sys.platform == "linux" else 103
"""Bytes in the path of a socket."""

SHORT = ("shared memory", "/torch_", "Bus error", os.strerror(errno.ENOSPC))
"""What PyTorch's messages about it have in them."""


def batches_of(loader: "DataLoader[Any]") -> Iterator[Any]:
    """The batches of a loader. Raises UserError where shared memory is too small for its processes."""
    count = loader.num_workers
    if count and SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free < count * LEAST:
        raise UserError(_too_small(count))  # PyTorch's own failure here prints a traceback at its end
    if count and _sockets_are_too_long():
        raise UserError(
            f"TMPDIR={tempfile.gettempdir()} is too long a path for the sockets of the {count} processes of --workers: "
            "name a shorter one, or pass --workers 0"
        )
    try:
        yield from loader
    except (OSError, RuntimeError) as failure:
        if count and is_short_of_memory(failure):
            raise UserError(_too_small(count)) from failure
        raise


def is_short_of_memory(failure: Exception) -> bool:
    """Whether a loader process or its queues failed for want of shared memory; the loader writes to nothing else."""
    full = isinstance(failure, OSError) and failure.errno == errno.ENOSPC
    return full or any(words in str(failure) for words in SHORT)


def _sockets_are_too_long() -> bool:
    """Whether loader processes could not hand on their tensors: they would wait for each other for ever."""
    folder = multiprocessing.util.get_temp_dir()
    return sys.platform != "win32" and len(os.fsencode(f"{folder}{SOCKET}")) > LONGEST


def _too_small(count: int) -> str:
    size = f" ({shutil.disk_usage(SHARED_MEMORY).total / 2**20:.3g} MiB)" if SHARED_MEMORY.is_dir() else ""
    return (
        f"{SHARED_MEMORY}, the memory that processes share{size}, is too small for the {count} processes of --workers: "
        "pass --workers 0, or give a container more (docker run --shm-size 2g)"
    )
