"""Which blocks an index should have: tracklets of folders, grouped such that a change touches few blocks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_lines
from reid.index.store import IndexRow
from reid.inference.rows import Row
from reid.inference.sources import find_source

MEAN_SIZE, MOST = 512, 2048
"""Tracklets in a block: on average, and at most."""


@dataclass(frozen=True)
class Planned:
    """A tracklet to index."""

    row: IndexRow

    frames: tuple[Path, ...]
    """Its images in order."""


@dataclass(frozen=True)
class PlannedBlock:
    """Tracklets of one camera of one folder that make a block."""

    tracklets: tuple[Planned, ...]

    @property
    def key(self) -> str:
        """Name of the block."""
        return key_of([planned.row for planned in self.tracklets])


def key_of(rows: Sequence[IndexRow]) -> str:
    """Name of a block: its camera, for people who look, and a hash over its tracklets."""
    lines = [rows[0].source, *(f"{row.name} {row.digest}" for row in rows)]
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in rows[0].camera)
    return f"{plain[:40]}-{sha256_of_lines(lines)[:24]}"


def planned_blocks(folder: Path, forgotten: set[str]) -> Iterator[PlannedBlock]:
    """The blocks of a folder of tracklets, without those that are forgotten.

    A block ends after a tracklet whose digest says so, so that a tracklet that is added or removed changes one block.
    Raises UserError on a folder without tracklets.
    """
    if not folder.is_dir():
        raise UserError(f"no such folder of tracklets: {folder}")
    source = find_source(str(folder), tracklets=True)
    found = [planned(folder, source.root, row) for row in source.rows]
    kept = [each for each in found if each.row.digest not in forgotten]
    for _, some in groupby(kept, key=lambda each: each.row.camera):
        yield from in_blocks(some)


def in_blocks(tracklets: Iterable[Planned]) -> Iterator[PlannedBlock]:
    """Tracklets of one camera of one folder, in their order, as blocks."""
    block: list[Planned] = []
    for each in tracklets:
        block.append(each)
        if int(each.row.digest[:8], 16) % MEAN_SIZE == 0 or len(block) == MOST:
            yield PlannedBlock(tuple(block))
            block = []
    if block:
        yield PlannedBlock(tuple(block))


def planned(folder: Path, root: Path, row: Row) -> Planned:
    """A tracklet of a source."""
    frames = tuple(root / frame for frame in row.frames)
    lines = [row.camera, row.track, *(f"{path.name} {path.stat().st_size}" for path in frames)]
    digest = sha256_of_lines(lines)[:32]
    indexed = IndexRow(str(folder.absolute()), row.camera, row.track, digest, len(frames), row.start, row.end)
    return Planned(indexed, frames)
