"""Blender's module and the devices that Cycles renders on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alignnet_common.errors import UserError
from alignnet_common.files import quiet


def import_bpy() -> Any:
    """Blender's Python module. Raises UserError where it cannot be had."""
    try:
        with one_core():
            import bpy
    except ImportError as missing:
        raise UserError(
            f"cannot load Blender's Python module ({missing}); `make install` says which package is missing"
        ) from None
    return bpy


@contextmanager
def one_core() -> Iterator[None]:
    """Hold this process to one core.

    Blender's task scheduler (TBB) counts the cores when it is loaded, and keeps a thread for each but one; while
    Cycles renders on a single thread they spin, and take a core from another renderer.
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
    """The Cycles device to render on: `wanted`, or for "auto" the first kind of GPU that Cycles finds, else "cpu"."""
    if wanted == "cpu":
        return "cpu"
    found = gpu_kinds()
    if wanted == "auto":
        return found[0] if found else "cpu"
    if wanted not in found:
        raise UserError(f"--device {wanted}: Cycles finds no such device here (it finds: {', '.join(['cpu', *found])})")
    return wanted


def gpu_kinds() -> list[str]:
    """Kinds of GPU that Cycles can render on here, in lower case, the fastest first."""
    bpy = import_bpy()
    preferences = bpy.context.preferences.addons["cycles"].preferences
    found = []
    for kind in ("OPTIX", "CUDA", "HIP", "METAL"):
        try:
            preferences.compute_device_type = kind
        except TypeError:  # this build of Cycles does not know the kind
            continue
        with quiet(1, 2):
            preferences.get_devices()
        if any(device.type == kind for device in preferences.devices):
            found.append(kind.lower())
    return found
