"""Folders of data as people have them: what systems leave beside the data, and files that are no frames."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from reid.data.tracklets.frames import IMAGE_SUFFIXES
from reid.data.tracklets.types import Tracklet

SYSTEM_FOLDERS = frozenset(
    {
        "__macosx",  # archives made on a Mac
        "@eadir",  # Synology
        "#recycle",
        "#snapshot",
        "@recycle",  # QNAP
        "@recently-snapshot",
        "$recycle.bin",  # Windows
        "system volume information",
        "lost+found",
        "__pycache__",
    }
)
"""Folders that operating systems and network drives make, in small letters."""

SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini"})


def is_left_out(folder: str) -> bool:
    """Whether a folder of this name holds no data: hidden, or one of `SYSTEM_FOLDERS`."""
    return folder.startswith(".") or folder.lower() in SYSTEM_FOLDERS


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, in ascending order, without hidden ones and those of systems."""
    return sorted(path for path in folder.iterdir() if not is_left_out(path.name) and path.is_dir())


def folders_of(tracklets: Iterable[Tracklet]) -> set[Path]:
    """The folders of the frames."""
    return {frame.parent for tracklet in tracklets for frame in tracklet.frames}


def left_out_folders(folders: Iterable[Path], root: Path) -> list[Path]:
    """Folders of systems at the root, or beside the `folders` of frames at any level below it, in ascending order."""
    beside = {root}
    for folder in folders:
        beside.update(place for place in folder.parents if place.is_relative_to(root))
    found = [place / name for place in beside if place.is_dir() for name in os.listdir(place)]  # noqa: PTH208
    return sorted(path for path in found if path.name.lower() in SYSTEM_FOLDERS and path.is_dir())


def passed_over(folders: Iterable[Path]) -> dict[str, int]:
    """Number of files by suffix in the `folders` of frames that are no image by their names; hidden ones apart."""
    found: Counter[str] = Counter()
    for folder in folders:
        for name in os.listdir(folder):  # noqa: PTH208 - names alone: a million paths take seconds
            suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
            hidden = name.startswith(".") or name.lower() in SYSTEM_FILES
            if suffix not in IMAGE_SUFFIXES and not hidden and (folder / name).is_file():
                found[suffix or "without a suffix"] += 1
    return dict(sorted(found.items()))


def in_words(passed: dict[str, int]) -> str:
    """`passed_over` in one line; "" if nothing was."""
    by_suffix = ", ".join(f"{count} {suffix}" for suffix, count in passed.items())
    return f"{sum(passed.values())} files ({by_suffix}); images are {' '.join(IMAGE_SUFFIXES)}" if passed else ""
