"""What produced a result: command, options, versions, time."""

import importlib.metadata
import platform
import shlex
import sys
from datetime import UTC, datetime
from typing import Any

from alignnet_common.cli import DataclassInstance, as_plain

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "imageio")


PROJECT = "alignnet-reid"


def versions() -> dict[str, str]:
    """Versions of Python, of this project, and of the packages that numbers depend on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in (PROJECT, *PACKAGES):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def command_line(prog: str) -> str:
    """The command as typed."""
    return shlex.join([*prog.split(), *sys.argv[1:]])


def run_record(prog: str, config: DataclassInstance, device: str, started: str, seconds: float) -> dict[str, Any]:
    """What besides the data made a result: the command, the options, the machine, the versions, the time."""
    return {
        "command": command_line(prog),
        "config": as_plain(config),
        "device": device,
        "versions": versions(),
        "started": started,
        "seconds": round(seconds, 1),
    }


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
