"""Says in one line what this machine lacks for rendering: the right Python, a package, a system library.

Needs nothing but the standard library, so it can run before anything is installed: `python -m synth.preflight`;
with `--packages` it looks for packages too.
"""

import ctypes
import importlib.util
import sys

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
"""Shared libraries that Blender's Python module loads, and the Debian package of each."""


PACKAGES = ("bpy", "anny", "ray", "OpenEXR", "av", "pydantic", "fsspec")
"""What rendering imports and `reid` does not."""


def missing_libraries() -> list[str]:
    """Names of the shared libraries that cannot be loaded here."""
    missing = []
    for library in DEBIAN_PACKAGES:
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(library)
    return missing


def complaint(version: tuple[int, int], need_packages: bool) -> str | None:
    """One line that says what is missing and what to do, or None where all is there."""
    if version != (3, 11):
        found = ".".join(map(str, version))
        return f"rendering needs Python 3.11 (Blender's module exists for no other), this is {found}: use python3.11"
    missing = missing_libraries() if sys.platform == "linux" else []
    if missing:
        packages = " ".join(DEBIAN_PACKAGES[library] for library in missing)
        return f"Blender needs {', '.join(missing)}: install with apt-get install {packages}"
    if need_packages:
        absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
        if absent:
            return f"not installed: {', '.join(absent)}: run make install, or pip install -e '.[synth]'"
    return None


def main() -> None:
    """Check this interpreter and machine; exit code 2 and one line where something is missing."""
    problem = complaint((sys.version_info.major, sys.version_info.minor), need_packages="--packages" in sys.argv[1:])
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        raise SystemExit(2)


if __name__ == "__main__":
    main()
