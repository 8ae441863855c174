"""Record of a run: command, options, device, versions, time."""

import importlib.metadata
import platform
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from alignnet_common import PROJECT, __version__
from alignnet_common.options import DataclassInstance, as_plain

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "imageio")
"""Distributions that a training's result depends on."""


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python, of this project, and of the packages that results depend on, by name."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    return found | {PROJECT: __version__} | {package: version_of(package) for package in packages}


def version_of(package: str) -> str:
    """Version of an installed distribution, or "not installed"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def command_line(prog: str, argv: Sequence[str] | None = None) -> str:
    """The command as typed in a shell: `prog`, then `argv` (default: the arguments of this process)."""
    return shlex.join([*prog.split(), *(sys.argv[1:] if argv is None else argv)])


def run_record(command: str, config: DataclassInstance, device: str, started: str, seconds: float) -> dict[str, Any]:
    """What produced a result, besides the data: command, options, device, versions, time.

    command -- see `command_line`. device -- name of the device. started -- see `now`. seconds -- duration.
    """
    return {
        "command": command,
        "config": as_plain(config),
        "device": device,
        "versions": versions(),
        "started": started,
        "seconds": round(seconds, 1),
    }


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
