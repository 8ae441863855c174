"""Check that this machine can render: Python version, system libraries and, with `--packages`, Python packages.

`python -m synth.preflight` prints one line and exits with code 2 if something is missing. It needs only the standard
library, so that it can run before anything is installed.
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
"""Debian package of each shared library that Blender's Python module loads."""

PACKAGES = ("bpy", "anny", "ray", "OpenEXR", "av", "pydantic", "fsspec")
"""Packages that rendering needs and `reid` does not."""


def missing_libraries() -> list[str]:
    """Names of the shared libraries that cannot be loaded."""
    absent = []
    for library in DEBIAN_PACKAGES:
        try:
            ctypes.CDLL(library)
        except OSError:
            absent.append(library)
    return absent


def missing(version: tuple[int, int], need_packages: bool) -> str | None:
    """One line with what is missing and what to do about it, or None if nothing is.

    `version`: of this Python, (major, minor). `need_packages`: also check PACKAGES.
    """
    if version not in {(3, 11), (3, 13)}:
        found = ".".join(map(str, version))
        return f"rendering needs Python 3.11, as Blender's module does; this is {found}: use python3.11"
    libraries = missing_libraries() if sys.platform == "linux" else []
    if libraries:
        packages = " ".join(DEBIAN_PACKAGES[library] for library in libraries)
        return f"Blender needs {', '.join(libraries)}: install with apt-get install {packages}"
    if need_packages:
        absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
        if absent:
            return f"not installed: {', '.join(absent)}: run make install, or pip install -e '.[synth]'"
    return None


def main() -> None:
    """Check this interpreter and machine; exit with code 2 and one line if something is missing."""
    problem = missing((sys.version_info.major, sys.version_info.minor), need_packages="--packages" in sys.argv[1:])
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        raise SystemExit(2)


if __name__ == "__main__":
    main()
