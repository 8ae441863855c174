"""Descriptors of some crops of each track, kept in a hidden folder while the command runs, from which it continues."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignnet_common.arrays import Singles
from alignnet_common.cli.progress import progress
from reid.configs.video.repair import RepairConfig
from reid.inference.describer import Describer
from reid.inference.partial_rows import file_hashes, partial_rows
from reid.inference.reid_encoder import unit_rows
from reid.inference.rows import Row, Source
from reid.repair.table import Track

DESCRIPTORS = ".descriptors"

EPSILON = 1e-6
"""Seconds by which two crops may be closer than the rate says: times are rounded."""


@dataclass(frozen=True)
class Described:
    """A track with the descriptors of some of its crops."""

    track: Track

    chosen: tuple[int, ...]
    """Positions (K,) of the described crops in the track."""

    raw: Singles
    """(K, D) descriptors of length 1, on the disk."""

    common: Singles
    """(D,) what all descriptors of the camera have in common."""

    @property
    def rows(self) -> Singles:
        """(K, D) of length 1, without what they have in common."""
        return directions(self.raw - self.common)

    def boundary(self, place: int) -> int:
        """Number of crops of the track before a place between its described crops: the middle of the gap there."""
        return (self.chosen[place - 1] + self.chosen[place] + 1) // 2


def spaced(track: Track, rate: float) -> tuple[int, ...]:
    """Positions of crops of a track, from the first on, at most `rate` a second."""
    found: list[int] = []
    for position, crop in enumerate(track.crops):
        if not found or crop.time - track.crops[found[-1]].time >= 1 / rate - EPSILON:
            found.append(position)
    return tuple(found)


@contextmanager
def described(
    tracks: Mapping[str, Sequence[Track]], root: Path, describer: Describer, config: RepairConfig
) -> Iterator[dict[str, list[Described]]]:
    """The tracks of each camera with their descriptors.

    Descriptors that an interrupted command has left in the folder --out are continued; they are removed when the block
    succeeds. Raises UserError on a file that is missing or unreadable.
    """
    chosen = {(track.camera, track.name): spaced(track, config.rate) for some in tracks.values() for track in some}
    files = [
        track.crops[position].path
        for some in tracks.values()
        for track in some
        for position in chosen[track.camera, track.name]
    ]
    source = Source(root, [Row(path, (path,)) for path in files])
    made_of = {"network": describer.sha256, "input": list(describer.input_size), "crops a second": config.rate}
    with (
        partial_rows(config.out / DESCRIPTORS, made_of, file_hashes(source), describer.descriptor_size) as partial,
        progress(quiet_logs=True, total=len(files), initial=partial.done, desc="descriptors", unit="crop") as bar,
    ):
        left = [str(root / path) for path in files[partial.done :]]
        for block in describer.image_rows(left, config.batch_size, config.workers):
            partial.append(unit_rows(block))
            bar.update(len(block))
        yield of_cameras(tracks, chosen, partial.rows())


def of_cameras(
    tracks: Mapping[str, Sequence[Track]], chosen: Mapping[tuple[str, str], tuple[int, ...]], rows: Singles
) -> dict[str, list[Described]]:
    """The tracks with their rows, in order, of all rows (N, D).

    The mean of the tracks' means is what all descriptors of a camera have in common: its light and its background.
    """
    found: dict[str, list[Described]] = {}
    done = 0
    for camera, some in tracks.items():
        ends = np.cumsum([done, *(len(chosen[camera, track.name]) for track in some)]).tolist()
        parts = [rows[first:last] for first, last in itertools.pairwise(ends)]
        means = [part.mean(axis=0) for part in parts]
        common = np.mean(means, axis=0) if len(means) > 1 else np.zeros_like(means[0])
        found[camera] = [
            Described(track, chosen[camera, track.name], part, common) for track, part in zip(some, parts, strict=True)
        ]
        done = ends[-1]
    return found


def directions(rows: Singles) -> Singles:
    """Rows (N, D) divided by their lengths; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: Singles = (rows / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32, copy=False)
    return found
