"""Record of a run: command, options, device, versions, time."""

import importlib.metadata
import platform
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from alignnet_common import PROJECT
from alignnet_common.cli import DataclassInstance, as_plain

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "imageio")


def versions() -> dict[str, str]:
    """Versions of Python, of this project, and of the packages that results depend on, by name."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in (PROJECT, *PACKAGES):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


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
