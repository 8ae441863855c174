"""Blender's module and the devices that Cycles renders on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alignnet_common.errors import UserError
from alignnet_common.files import quiet

GPU_FILES = tuple(map(Path, ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")))
"""Of Linux: NVIDIA's driver, GPUs under Windows, AMD's driver. Without any of them Cycles finds no GPU."""


def import_bpy() -> Any:
    """Blender's Python module. Raises UserError if it cannot be imported."""
    try:
        with one_core():
            import bpy
    except ImportError as missing:
        raise UserError(
            f"cannot load Blender's Python module ({missing}); run `make install`, which names the missing package"
        ) from None
    return bpy


@contextmanager
def one_core() -> Iterator[None]:
    """Restrict this process to one core inside the block.

    Blender's task scheduler (TBB) counts the cores when it is loaded and starts one thread for each but one. While
    Cycles renders on a single thread, the others would spin and take a core from another worker.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def pick_device(wanted: str) -> str:
    """The Cycles device to render on: `wanted`; for "auto" the first kind of GPU that Cycles finds, else "cpu".

    Raises UserError if Cycles finds no device of the kind `wanted`.
    """
    if wanted == "cpu" or (wanted == "auto" and not may_have_gpu()):
        return "cpu"
    found = gpu_kinds()
    if wanted == "auto":
        return found[0] if found else "cpu"
    if wanted not in found:
        raise UserError(f"--device {wanted}: Cycles finds no such device here (it finds: {', '.join(['cpu', *found])})")
    return wanted


def may_have_gpu() -> bool:
    """Whether Cycles may find a GPU here: to ask Cycles takes a second."""
    return sys.platform != "linux" or any(file.exists() for file in GPU_FILES)


def gpu_kinds() -> list[str]:
    """Kinds of GPU that Cycles can render on here, in lower case, fastest first."""
    bpy = import_bpy()
    preferences = bpy.context.preferences.addons["cycles"].preferences
    found = []
    for kind in ("OPTIX", "CUDA", "HIP", "METAL"):
        try:
            preferences.compute_device_type = kind
        except TypeError:  # not supported by this build of Cycles
            continue
        with quiet(1, 2):
            preferences.get_devices()
        if any(device.type == kind for device in preferences.devices):
            found.append(kind.lower())
    return found
