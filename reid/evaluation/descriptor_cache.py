"""Cache of descriptors on disk: written row by row; read if weights, frames and options are the same. No PyTorch."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.arrays import Singles
from alignnet_common.checked.arrays_file import BrokenArraysError, map_npy
from alignnet_common.errors import UserError
from alignnet_common.files import naming, replacing
from reid.data.tracklets.types import Tracklet

FORMAT = 2
"""Version of the cache. To be increased if the same network and frames give other descriptors; older files are then not
read."""


@dataclass(frozen=True)
class SavedFeatures:
    """Descriptors of some tracklets, in a file."""

    path: Path
    """The .npy file: float32 (N, D), a row a tracklet."""

    fingerprint: str
    """SHA-256 over the weights, the frames and the options; see `features_fingerprint`."""

    rows: Singles
    """The memory-mapped array (N, D) of the file."""

    reused: bool
    """Whether the file existed before."""


def features_fingerprint(root: Path, tracklets: Sequence[Tracklet], options: Mapping[str, Any]) -> str:
    """SHA-256 over the `options` (JSON) and the name, size and modification time of each tracklet's frames.

    root -- folder of the data, to which the names are relative. Raises UserError where a frame is missing.
    """
    digest = hashlib.sha256(json.dumps({"format": FORMAT, **options}, sort_keys=True).encode())
    for tracklet in tracklets:
        digest.update(f"{len(tracklet.frames)}\n".encode())
        for frame in tracklet.frames:
            try:
                state = frame.stat()
            except OSError as gone:
                raise UserError(f"{frame}: {gone.strerror}; the data changed while it was read") from gone
            name = frame.relative_to(root) if frame.is_relative_to(root) else frame
            digest.update(os.fsencode(f"{name} {state.st_size} {state.st_mtime_ns}\n"))
    return digest.hexdigest()


def load_or_compute(folder: Path, fingerprint: str, count: int, rows: Iterator[Singles]) -> SavedFeatures:
    """The cached file of this fingerprint in `folder`; if there is none, `count` rows (D,) are computed and written.

    Raises as `write_rows`.
    """
    path = folder / f"features-{fingerprint[:16]}.npy"
    found = read_rows(path, count)
    if found is not None:
        return SavedFeatures(path, fingerprint, found, reused=True)
    write_rows(path, rows, count)
    found = read_rows(path, count)
    assert found is not None
    return SavedFeatures(path, fingerprint, found, reused=False)


def read_rows(path: Path, count: int) -> Singles | None:
    """The memory-mapped array (`count`, D) of a file; None if the file is missing, incomplete or of another shape.

    Raises OSError, which names the file, where it is there and cannot be read.
    """
    try:
        with naming(path):
            found = map_npy(path)
    except (FileNotFoundError, BrokenArraysError):
        return None
    return found if found.dtype == np.float32 and found.ndim == 2 and len(found) == count else None


def write_rows(path: Path, rows: Iterator[Singles], count: int) -> None:
    """Write `count` rows (D,) float32 as one .npy file, row by row. On an error no file is left.

    Raises UserError on a row that is not finite (the network diverged), ValueError on another number of rows.
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
                raise ValueError(f"{written} rows were given, {count} were expected")
    except BaseException:
        for folder in made:
            if folder.is_dir():
                folder.rmdir()
        raise
