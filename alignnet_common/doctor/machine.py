"""Checks of Python, packages, shared libraries, memory and disk."""

import ctypes
import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from alignnet_common.doctor.findings import Finding

GB = 1e9
SHARED_MEMORY = Path("/dev/shm")
"""Where Linux keeps memory that processes share."""


def check_packages(names: Mapping[str, str], advice: str) -> Finding:
    """Whether packages are installed, and their versions.

    names -- distribution by module, such as {"yaml": "PyYAML"}. advice -- how to install them.
    """
    absent = [distribution for module, distribution in names.items() if importlib.util.find_spec(module) is None]
    if absent:
        return Finding("missing", "packages", f"not installed: {', '.join(absent)}", advice)
    return Finding("ok", "packages", ", ".join(f"{name} {installed_version(name)}" for name in names.values()))


def installed_version(distribution: str) -> str:
    """Version of an installed package; "(version unknown)" if it was put in place without its metadata."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(version unknown)"


def missing_libraries(names: Sequence[str]) -> list[str]:
    """Those of the shared libraries `names` that cannot be loaded."""
    absent = []
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            absent.append(name)
    return absent


def check_memory(wanted: float, purpose: str) -> Finding:
    """Whether `wanted` bytes of memory are free; `purpose` says what takes them."""
    total, free = memory()
    if total is None or free is None:
        return Finding("ok", "memory", "not known on this system")
    found = f"{free / GB:.1f} of {total / GB:.1f} GB free"
    return at_least(free, wanted, "memory", found, f"{purpose} takes {wanted / GB:.0f} GB; end other programs")


def check_shared_memory(wanted: float, purpose: str) -> Finding:
    """Whether `wanted` bytes of shared memory are free; containers often have 64 MB."""
    if not SHARED_MEMORY.is_dir():
        return Finding("ok", "shared memory", "no limit of its own on this system")
    free = shutil.disk_usage(SHARED_MEMORY).free
    found = f"{free / GB:.1f} GB free in {SHARED_MEMORY}"
    advice = f"{purpose}; in a container: docker run --shm-size {wanted / GB:.0f}g"
    return at_least(free, wanted, "shared memory", found, advice)


def check_disk(folder: Path, wanted: float, purpose: str) -> Finding:
    """Whether `wanted` bytes are free on the disk of `folder`, which may not exist yet."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / GB:.1f} GB free under {place}"
    advice = f"{purpose} takes about {wanted / GB:.0f} GB; make space or name another folder"
    return at_least(free, wanted, "disk", found, advice)


def at_least(free: float, wanted: float, name: str, found: str, advice: str) -> Finding:
    """A warning with `advice` if `free` is less than `wanted`."""
    return Finding("ok", name, found) if free >= wanted else Finding("warning", name, found, advice)


def memory() -> tuple[int | None, int | None]:
    """Total and free memory in bytes, within the limit of the control group if that is lower; None if unknown."""
    try:
        rows = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        total, free = (1024 * int(rows[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return None, None
    group = group_memory()
    return (total, free) if group is None else (min(total, group[0]), min(free, max(0, group[0] - group[1])))


def group_memory(
    groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> tuple[int, int] | None:
    """Limit and use of the control group of this process, such as that of a container, in bytes; None without a limit.

    Pages of files, which the kernel gives back, do not count as used.

    Args:
        groups: where control groups are mounted, version 2 or 1.
        own: lists the groups of this process.
    """
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return None
    for _, kinds, path in lines:
        if kinds == "":
            top, names = groups, ("memory.max", "memory.current", "inactive_file", "active_file")
        elif "memory" in kinds.split(","):
            top = groups / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file")
        else:
            continue
        for folder in (top / path.lstrip("/"), top):  # in a container, its own group is mounted at the top
            try:
                limit, used = (int((folder / name).read_text()) for name in names[:2])
                said = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
                return limit, used - sum(int(said[name]) for name in names[2:])
            except (OSError, ValueError, KeyError):  # "max": no limit
                continue
    return None


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def python_version() -> tuple[int, int]:
    """Major and minor version of this Python."""
    return sys.version_info[0], sys.version_info[1]
