"""A tracklet (the frames of one person from one camera, in order), and a data set under a split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.errors import UserError


@dataclass(frozen=True)
class Tracklet:
    """Frames of one person from one camera, in the order in which they were taken."""

    pid: int
    """Person id, from 1; -1 = junk (ignored in evaluation), 0 = distractor (matches no query)."""

    camera: int
    """Number of the camera."""

    frames: tuple[Path, ...]
    """Image files, at least one."""

    annotations: Path | None = None
    """Annotations (.npz) of a rendered clip; None for real data."""

    sequence: int = 0
    """Number of the tracklet among those of the same person and camera."""

    outfit: int | None = None
    """Number of the person's outfit: equal numbers of one person are the same clothes. None if it is not known."""

    first: int | None = None
    """For a part of a rendered clip, the row of its annotations that belongs to the first frame; None: a whole clip."""


@dataclass(frozen=True)
class ReidData:
    """A data set under one split: tracklets for training, queries, and gallery."""

    name: str
    """Name of the data; «synthetic stand-in» for a rendered set in the layout of another data set."""

    root: Path
    """Folder that was read."""

    train: tuple[Tracklet, ...]
    query: tuple[Tracklet, ...]
    gallery: tuple[Tracklet, ...]

    protocol: str
    """Description of query and gallery."""

    split: str
    """Source of the split."""

    notes: tuple[str, ...] = ()
    """Notes that results must carry."""

    warnings: tuple[str, ...] = ()
    """Counts that differ from those of the published data: name, expected, found."""

    @property
    def tracklets(self) -> tuple[Tracklet, ...]:
        """Every tracklet once: training, then query, then gallery."""
        return tuple(dict.fromkeys((*self.train, *self.query, *self.gallery)))


def split_number(splits: Sequence[ReidData], number: int) -> ReidData:
    """Split `number` (from 0) of a data set's splits. Raises UserError where there are fewer."""
    if not 0 <= number < len(splits):
        raise UserError(f"{splits[0].root}: has splits 0-{len(splits) - 1}, not {number}")
    return splits[number]


def labels_of(tracklets: tuple[Tracklet, ...]) -> dict[int, int]:
    """Class number by person id: 0, 1, … in ascending order of the ids."""
    return {pid: label for label, pid in enumerate(sorted({tracklet.pid for tracklet in tracklets}))}


def expect(found: int, expected: int, what: str) -> tuple[str, ...]:
    """A one-item tuple with a warning if `found` differs from the published number, else an empty tuple.

    >>> expect(384, 385, "persons in cam_a")
    ('persons in cam_a: 385 expected, 384 found',)
    """
    return () if found == expected else (f"{what}: {expected} expected, {found} found",)
