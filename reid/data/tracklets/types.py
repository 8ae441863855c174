"""A tracklet: the frames of one person from one camera, in order; and what a data set is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.errors import UserError


@dataclass(frozen=True)
class Tracklet:
    """Frames of one person from one camera, in the order in which they were taken."""

    pid: int
    """Identity; -1 = junk (ignored in evaluation), 0 = distractor (matches nobody)."""

    camera: int
    """Number of the camera."""

    frames: tuple[Path, ...]
    """Image files, at least one."""

    annotations: Path | None = None
    """The exact joints of a rendered clip (.npz)."""

    sequence: int = 0
    """Number of the sequence, where one camera saw the person more than once."""


@dataclass(frozen=True)
class ReidData:
    """A data set, divided: who is trained on, who is asked for, and who they are looked for among."""

    name: str
    """The data that was really read: «synthetic stand-in» for a rendered set laid out as another."""

    root: Path
    """Folder that was read."""

    train: tuple[Tracklet, ...]
    query: tuple[Tracklet, ...]
    gallery: tuple[Tracklet, ...]

    protocol: str
    """Who is asked for and who is searched, for people."""

    split: str
    """Where the division comes from."""

    notes: tuple[str, ...] = ()
    """What a reader of the numbers should know besides."""

    warnings: tuple[str, ...] = ()
    """Integrity checks that found another number than the published data has: what, expected, found."""

    @property
    def tracklets(self) -> tuple[Tracklet, ...]:
        """Every tracklet once: training, then query, then gallery."""
        return tuple(dict.fromkeys((*self.train, *self.query, *self.gallery)))


def split_number(splits: Sequence[ReidData], number: int) -> ReidData:
    """Split `number` of a data set's splits. Raises UserError where there are fewer."""
    if not 0 <= number < len(splits):
        raise UserError(f"{splits[0].root}: has splits 0-{len(splits) - 1}, not {number}")
    return splits[number]


def labels_of(tracklets: tuple[Tracklet, ...]) -> dict[int, int]:
    """Class number of each identity: 0, 1, … in ascending order of pid."""
    return {pid: label for label, pid in enumerate(sorted({tracklet.pid for tracklet in tracklets}))}


def expect(found: int, expected: int, what: str) -> tuple[str, ...]:
    """A warning, with both numbers, where `found` is not what the published data has; else nothing.

    >>> expect(384, 385, "persons in cam_a")
    ('persons in cam_a: 385 expected, 384 found',)
    """
    return () if found == expected else (f"{what}: {expected} expected, {found} found",)
