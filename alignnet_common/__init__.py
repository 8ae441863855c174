"""Code that `synth` and `reid` share: command line, files, locks, pages, and the format of rendered sets."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROJECT = "alignnet-reid"


def project_version() -> str:
    """Version of this project: as installed, or in a checkout that is not installed, as in its pyproject.toml."""
    try:
        return version(PROJECT)
    except PackageNotFoundError:
        lines = (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text().splitlines()
        return next(line.split('"')[1] for line in lines if line.startswith("version = "))


__version__ = project_version()
