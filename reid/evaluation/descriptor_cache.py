"""Descriptors on the disk: written row by row as they come, and used again where nothing they depend on has changed.

Nothing here imports torch.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alignnet_common.errors import UserError
from alignnet_common.files import replacing
from reid.data.tracklets.types import Tracklet

FORMAT = 1
"""Raised when the same network and frames give other descriptors than before: nothing older is used again then."""


@dataclass(frozen=True)
class SavedFeatures:
    """Descriptors of some tracklets, in a file."""

    path: Path
    """The .npy file: float32 (N, D), a row a tracklet."""

    fingerprint: str
    """SHA-256 over the weights, the frames and the options that they were made of."""

    rows: npt.NDArray[np.float32]
    """The file's array, mapped: read from the disk where it is looked at."""

    reused: bool
    """Whether the file was there already."""


def features_fingerprint(root: Path, tracklets: Sequence[Tracklet], options: Mapping[str, Any]) -> str:
    """SHA-256 over the plain `options` and, tracklet by tracklet, the names, sizes and times of the frames."""
    digest = hashlib.sha256(json.dumps({"format": FORMAT, **options}, sort_keys=True).encode())
    for tracklet in tracklets:
        digest.update(f"{len(tracklet.frames)}\n".encode())
        for frame in tracklet.frames:
            try:
                facts = frame.stat()
            except OSError as gone:
                raise UserError(f"{frame}: {gone.strerror}; the data changed while it was read") from gone
            name = frame.relative_to(root) if frame.is_relative_to(root) else frame
            digest.update(f"{name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def saved_or_made(folder: Path, fingerprint: str, count: int, rows: Iterator[npt.NDArray[np.float32]]) -> SavedFeatures:
    """The file of this fingerprint in `folder`, or a new one of `count` rows, which are only then worked out."""
    path = folder / f"features-{fingerprint[:16]}.npy"
    found = read_rows(path, count)
    if found is not None:
        return SavedFeatures(path, fingerprint, found, reused=True)
    write_rows(path, rows, count)
    found = read_rows(path, count)
    assert found is not None
    return SavedFeatures(path, fingerprint, found, reused=False)


def read_rows(path: Path, count: int) -> npt.NDArray[np.float32] | None:
    """The array of a file of `count` rows, mapped; None where there is none, or it is not whole."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.dtype == np.float32 and found.ndim == 2 and len(found) == count else None


def write_rows(path: Path, rows: Iterator[npt.NDArray[np.float32]], count: int) -> None:
    """Write `count` rows (D,) float32 as one .npy, each when it comes; all of it or nothing.

    Raises UserError on a row that is not finite (a network that diverged), ValueError on another number of rows.
    """
    made = [folder for folder in path.parents if not folder.exists()]  # innermost first
    try:
        with replacing(path) as partial, partial.open("wb") as stream:
            written = 0
            for row in rows:
                if not np.isfinite(row).all():
                    raise UserError(f"the network's descriptor of tracklet {written} is not finite: train it again")
                if not written:
                    header = {"descr": "<f4", "fortran_order": False, "shape": (count, len(row))}
                    np.lib.format.write_array_header_1_0(stream, header)
                stream.write(np.ascontiguousarray(row, "<f4").tobytes())
                written += 1
            if written != count:
                raise ValueError(f"{written} rows came, {count} were announced")
    except BaseException:
        for folder in made:
            if folder.is_dir():
                folder.rmdir()
        raise
