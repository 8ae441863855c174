"""Check that this machine can render: `python -m synth.doctor`.

Needs only the standard library, so that `make install` runs it, with --no-packages, before anything is installed.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.doctor.findings import Finding, first_problem, report, run_without_options
from alignnet_common.doctor.machine import (
    check_disk,
    check_memory,
    check_packages,
    check_shared_memory,
    cores,
    installed_version,
    missing_libraries,
    python_version,
)

BLENDER_OF = {(3, 11): "5.0", (3, 13): "5.1 to 5.3"}
"""Releases of Blender's module by the version of Python that their wheels are built for."""

DEBIAN_PACKAGES = {
    "libXrender.so.1": "libxrender1",
    "libXi.so.6": "libxi6",
    "libXxf86vm.so.1": "libxxf86vm1",
    "libXfixes.so.3": "libxfixes3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
}
"""Debian package of each shared library that Blender's Python module loads."""

PACKAGES = {
    "bpy": "bpy",
    "anny": "anny",
    "ray": "ray",
    "OpenEXR": "openexr",
    "av": "av",
    "pydantic": "pydantic",
    "fsspec": "fsspec",
}
"""Packages that rendering needs and `reid` does not: the name on the package index by the name of the module."""

INSTALL = "run make install, or pip install 'alignnet-reid[synth]'"
WORKER_BYTES = 1.4e9
"""Memory of one rendering worker, measured."""
SHARED_BYTES = 1e9
"""Shared memory that Ray's object store takes without a warning; clips go through it, a few MB at a time."""
SET_BYTES = 2e9
"""Disk of a set of 1000 identities with 50 frames per clip, about."""


@dataclass(frozen=True)
class DoctorConfig:
    """Check Python, packages, system libraries, rendering devices, memory and disk; say what to do.

    Prints one line per check. Exit code: 0 if this machine can render, else 2.
    """

    packages: bool = True
    """Check the Python packages, too. Without them, the rendering devices are not listed."""

    out: Path = Path("data/synthetic")
    """Folder that sets are to be rendered into, for its free disk space."""


def doctor(config: DoctorConfig) -> None:
    """Print one line per check. Raises UserError if this machine cannot render."""
    report(findings(config), "this machine cannot render")


def findings(config: DoctorConfig) -> Iterator[Finding]:
    """The outcome of each check, in the order of the output."""
    can_render = True
    for finding in requirements(config.packages):
        can_render = can_render and finding.level != "missing"
        yield finding
    if config.packages and can_render:
        yield check_devices()
    workers = cores()
    yield check_memory(workers * WORKER_BYTES, f"one worker on each of {workers} cores, the default of synth.render,")
    yield check_shared_memory(SHARED_BYTES, "Ray passes clips through it")
    yield check_disk(config.out, SET_BYTES, "a set of 1000 identities with 50 frames per clip")


def requirements(need_packages: bool) -> Iterator[Finding]:
    """The checks without which nothing can be rendered."""
    yield check_python(python_version())
    yield check_libraries()
    if need_packages:
        packages = check_packages(PACKAGES, INSTALL)
        yield packages
        if packages.level == "ok":
            yield check_numpy(installed_version("bpy"), installed_version("numpy"))


def problem(need_packages: bool = True) -> str | None:
    """One line with what rendering lacks on this machine, and what to do; None if it lacks nothing."""
    return first_problem(requirements(need_packages))


def check_python(found: tuple[int, int]) -> Finding:
    """Whether there is a wheel of Blender's module for this Python, (major, minor)."""
    name = ".".join(map(str, found))
    if found in BLENDER_OF:
        return Finding("ok", "Python", f"{name}, for Blender {BLENDER_OF[found]}")
    return Finding(
        "missing",
        "Python",
        f"rendering needs Python 3.11 or 3.13, as Blender's module does; this is {name}",
        "use python3.11 (Debian 12) or python3.13 (Debian 13)",
    )


def check_libraries() -> Finding:
    """Whether the shared libraries of Blender's module can be loaded; checked on Linux only."""
    if sys.platform != "linux":
        return Finding("ok", "system libraries", "none needed on this system")
    absent = missing_libraries(list(DEBIAN_PACKAGES))
    if absent:
        packages = " ".join(DEBIAN_PACKAGES[library] for library in absent)
        advice = f"install with apt-get install {packages}"
        return Finding("missing", "system libraries", f"Blender needs {', '.join(absent)}", advice)
    return Finding("ok", "system libraries", f"all {len(DEBIAN_PACKAGES)} that Blender loads")


def check_numpy(bpy: str, numpy: str) -> Finding:
    """Whether NumPy is of the generation that this release of Blender's module is compiled for."""
    wants_first = bpy.startswith("5.0.")
    if wants_first != numpy.startswith("1."):
        wanted = "numpy>=1.26,<2" if wants_first else "numpy>=2.2,<3"
        return Finding("missing", "NumPy", f"bpy {bpy} does not load with NumPy {numpy}", f"pip install '{wanted}'")
    if wants_first:
        note = "packages that need NumPy 2 (OpenCV 5, trackers) cannot stand beside bpy 5.0; they can on Python 3.13"
        return Finding("ok", "NumPy", f"{numpy}; {note}")
    return Finding("ok", "NumPy", numpy)


def check_devices() -> Finding:
    """The devices that Cycles can render on, found by loading Blender."""
    from synth.rendering.devices import gpu_kinds

    gpus = [f"--device {kind}" for kind in gpu_kinds()]
    return Finding("ok", "rendering devices", ", ".join([*gpus, f"cpu ({cores()} cores)"]))


if __name__ == "__main__":
    try:
        from alignnet_common.cli import run_command
    except ImportError:  # before make install: the only option is the one that the Makefile gives
        config = DoctorConfig(packages="--no-packages" not in sys.argv[1:])
        run_without_options(lambda: doctor(config))
    else:
        run_command(doctor, DoctorConfig, "python -m synth.doctor")
