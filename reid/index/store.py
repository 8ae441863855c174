"""The index on disk: blocks of tracklets that are written once and read as they are.

    index.json                  the network and how it describes
    forgotten.json              tracklets that are never added again
    cameras.safetensors         statistics of each camera, with --camera-norm
    blocks/KEY/vectors.npy      (N, D) float16 descriptors of length 1
    blocks/KEY/times.npy        (N, 2) float64 seconds of the first and the last frame, NaN where not known
    blocks/KEY/rows.jsonl       camera, track, times, number of frames, and place of the thumbnail of each
    blocks/KEY/thumbnails.bin   JPEG files, one after another

A block appears under its name when all of its files are on the disk. KEY is a hash over what the block was made of, so
that a block never changes: a tracklet that is new or gone makes another block.
"""

import json
import mmap
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alignnet_common.arrays import Floats
from alignnet_common.checked.arrays_file import read_header, read_npy
from alignnet_common.checked.forms import AtLeast
from alignnet_common.checked.json_file import read_json, rows_of
from alignnet_common.checked.names import is_plain
from alignnet_common.errors import UserError, one_line
from alignnet_common.files import replacing, write_json, write_jsonl
from alignnet_common.locks import file_lock

INDEX, FORGOTTEN, STATISTICS, BLOCKS, LOCK = "index.json", "forgotten.json", "cameras.safetensors", "blocks", ".lock"
VECTORS, TIMES, ROWS, THUMBNAILS = "vectors.npy", "times.npy", "rows.jsonl", "thumbnails.bin"

VERSION = 1
"""Number of the layout."""

Vectors = npt.NDArray[np.float16]


@dataclass(frozen=True)
class IndexRow:
    """A tracklet in the index."""

    source: str
    """Folder of tracklets that it is from, as an absolute path."""

    camera: str
    track: str

    digest: str
    """Hash over its camera, track, and the names and sizes of its frames."""

    frames: int
    """Number of its frames in the folder."""

    start: float | None
    """Time of the first frame, seconds since the beginning of the video; None where not known."""

    end: float | None
    """Time of the last frame."""

    thumbnail: tuple[int, int] = (0, 0)
    """Position and length of its picture in `THUMBNAILS`."""

    @property
    def name(self) -> str:
        """CAMERA/TRACK."""
        return f"{self.camera}/{self.track}"


@dataclass(frozen=True)
class Block:
    """Some tracklets of one camera of one folder. Its files are read when they are used.

    Everything that reads raises UserError where the block is damaged.
    """

    folder: Path

    kept_open: dict[str, Vectors] | None = field(default=None, repr=False, compare=False)
    """Vectors of blocks that stay mapped, by key; None: they are mapped at each use."""

    size: int | None = field(default=None, compare=False)
    """Numbers in a vector; None: not known."""

    @cached_property
    def rows(self) -> tuple[IndexRow, ...]:
        """Its tracklets."""
        with self._reading():
            found = tuple(rows_in(self.folder / ROWS))
            if len(found) != len(self):
                raise ValueError(f"{len(found)} rows of {len(self)} vectors")
            return found

    @property
    def camera(self) -> str:
        """Camera of all of its tracklets."""
        return self._first.camera

    @property
    def source(self) -> str:
        """Folder of tracklets that all of its tracklets are from."""
        return self._first.source

    @cached_property
    def _first(self) -> IndexRow:
        with self._reading():
            first = next(rows_in(self.folder / ROWS), None)
            if first is None:
                raise ValueError(f"{ROWS} is empty")
            return first

    def __len__(self) -> int:
        return len(self.vectors())

    def vectors(self) -> Vectors:
        """(N, D) float16, mapped from the disk: in memory only while they are used. Changes are not written."""
        known = None if self.kept_open is None else self.kept_open.get(self.folder.name)
        if known is not None:
            return known
        with self._reading():
            found = mapped(self.folder / VECTORS)
            if self.size is not None and found.shape[1] != self.size:
                raise ValueError(f"vectors of {found.shape[1]} numbers, not {self.size}")
        if self.kept_open is not None:
            self.kept_open[self.folder.name] = found
        return found

    def times(self) -> Floats:
        """(N, 2) seconds of the first and the last frame since the beginning of the video, NaN where not known."""
        path = self.folder / TIMES
        with self._reading():
            if path.is_file():
                found: Floats = read_npy(path)
                if found.dtype != np.float64 or found.shape != (len(self), 2):
                    raise ValueError(f"{TIMES} {found.shape} {found.dtype} does not fit {len(self)} tracklets")
                return found
            return times_of(self.rows)  # of an older program

    def places_of(self, track: str) -> list[int]:
        """Where the tracklets of a name are in the block."""
        with self._reading():
            if json.dumps(track).encode() not in (self.folder / ROWS).read_bytes():
                return []
        return [place for place, row in enumerate(self.rows) if row.track == track]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as broken:
            raise UserError(
                f"{self.folder}: damaged ({one_line(broken)}): remove this folder, and index its tracklets again"
            ) from broken

    def thumbnail(self, row: IndexRow) -> bytes:
        """The picture of a row as a JPEG file."""
        position, length = row.thumbnail
        with self._reading(), (self.folder / THUMBNAILS).open("rb") as file:
            file.seek(position)
            if position + length > (self.folder / THUMBNAILS).stat().st_size:
                raise ValueError(f"{THUMBNAILS} is cut short")
            return file.read(length)


def mapped(path: Path) -> Vectors:
    """The array of a .npy file, mapped from the disk as by np.load, in half of its time. Changes are not written.

    Raises OSError or ValueError where it is damaged.
    """
    with path.open("rb") as file:
        shape, fortran, kind = read_header(file)
        if kind != np.float16 or len(shape) != 2 or fortran or shape[1] == 0:
            raise ValueError(f"{path.name} {shape} {kind} are no vectors")
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        return np.frombuffer(content, kind, offset=file.tell()).reshape(shape)


def rows_in(path: Path) -> Iterator[IndexRow]:
    """Yield the rows of a file `ROWS`. Raises ValueError on what is none, and on names that could be no folders'."""
    for values in rows_of(path, ROW):
        row = IndexRow(**{name: values[name] for name in ROW} | {"thumbnail": tuple(values["thumbnail"])})
        if not (is_plain(row.camera) and is_plain(row.track)):
            raise ValueError("camera and track must be names of folders")
        if (row.start is None) != (row.end is None) or (row.start or 0.0) > (row.end or 0.0):
            raise ValueError("start and end must be times in this order, or both not known")
        yield row


ROW = {
    "source": str,
    "camera": str,
    "track": str,
    "digest": str,
    "frames": AtLeast(0, int),
    "start": (float, None),
    "end": (float, None),
    "thumbnail": [AtLeast(0, int), AtLeast(0, int)],
}
"""Form of a row of `ROWS`."""

FACTS = {
    "version": int,
    "model?": str,
    "model_sha256?": str,
    "descriptor_size?": AtLeast(1, int),
    "camera_norm?": bool,
    **{name: AtLeast(1, int) for name in ("height?", "width?", "chunk?", "frames?")},
}
"""Form of index.json."""


def times_of(rows: Sequence[IndexRow]) -> Floats:
    """Times (N, 2) of rows: start and end, NaN where not known."""
    return np.array([(row.start, row.end) for row in rows], np.float64).reshape(-1, 2)


class Store:
    """The folder of an index.

    keep_open -- vectors stay mapped from one search to the next, which is then faster; memory is the system's to give
    and to take.
    """

    def __init__(self, folder: Path, keep_open: bool = False) -> None:
        self.folder = folder
        self._kept_open: dict[str, Vectors] | None = {} if keep_open else None

    def writing(self) -> AbstractContextManager[None]:
        """Hold the index for changes. Raises UserError where another process holds it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return file_lock(self.folder / LOCK, f"{self.folder}: another process writes to this index")

    def facts(self, of_network: bool = False) -> dict[str, Any]:
        """What index.json says. Raises UserError where there is no index, or one of another version.

        of_network -- whether it must say all about the network.
        """
        path = self.folder / INDEX
        form = {name.rstrip("?"): each for name, each in FACTS.items()} if of_network else FACTS
        try:
            found: dict[str, Any] = read_json(path, form, "make the index again")
        except FileNotFoundError:
            raise UserError(f"{self.folder}: no index there (reid index TRACKS… --index {self.folder})") from None
        if found["version"] != VERSION:
            raise UserError(f"{path}: an index of another version of this program: make it again")
        return found

    def begin(self, facts: dict[str, Any]) -> None:
        """Write index.json unless it is there. Raises UserError where it says something else."""
        if not (self.folder / INDEX).is_file():
            write_json(self.folder / INDEX, {"version": VERSION} | facts)
        known = self.facts()
        for name, value in facts.items():
            if known.get(name) != value:
                raise UserError(
                    f"{self.folder}: was made with {name} {known.get(name)}, not {value}: name another --index"
                )

    def block_keys(self) -> list[str]:
        """Keys of the blocks, sorted."""
        place = self.folder / BLOCKS
        if not place.is_dir():
            return []
        with os.scandir(place) as entries:  # for each search: faster than paths
            return sorted(entry.name for entry in entries if not entry.name.startswith("."))

    def block(self, key: str) -> Block:
        """The block of a key."""
        return Block(self.folder / BLOCKS / key, self._kept_open, self._size)

    @cached_property
    def _size(self) -> int | None:
        return self.facts().get("descriptor_size") if (self.folder / INDEX).is_file() else None

    def blocks(self) -> Iterator[Block]:
        """All blocks, by camera and then by track as far as their keys say."""
        keys = self.block_keys()
        if self._kept_open is not None:
            for gone in set(self._kept_open) - set(keys):
                self._kept_open.pop(gone, None)
        place = self.folder / BLOCKS
        for key in keys:
            yield Block(place / key, self._kept_open, self._size)

    def add(self, key: str, rows: Sequence[IndexRow], vectors: npt.NDArray[Any], pictures: Sequence[bytes]) -> None:
        """Write a block."""
        place = self.folder / BLOCKS
        hidden = place / f".{key}.partial"
        shutil.rmtree(hidden, ignore_errors=True)
        hidden.mkdir(parents=True)
        ends = np.cumsum([0, *map(len, pictures)]).tolist()
        placed = [
            asdict(row) | {"thumbnail": (start, len(picture))}
            for row, start, picture in zip(rows, ends[:-1], pictures, strict=True)
        ]
        with replacing(hidden / VECTORS) as partial, partial.open("wb") as file:
            np.save(file, vectors.astype(np.float16))
        with replacing(hidden / TIMES) as partial, partial.open("wb") as file:
            np.save(file, times_of(rows))
        with replacing(hidden / THUMBNAILS) as partial:
            partial.write_bytes(b"".join(pictures))
        write_jsonl(hidden / ROWS, placed)
        hidden.rename(place / key)

    def remove(self, keys: Iterable[str]) -> None:
        """Delete blocks, if they are there."""
        for key in keys:
            folder = self.folder / BLOCKS / key
            if folder.is_dir():
                gone = folder.with_name(f".{key}.removed")
                folder.rename(gone)  # at once for readers
                shutil.rmtree(gone)

    def clear_remains(self) -> None:
        """Delete what interrupted processes have left."""
        for path in (self.folder / BLOCKS).glob(".*"):
            shutil.rmtree(path, ignore_errors=True)

    def forgotten(self) -> set[str]:
        """Digests of the tracklets that are never added again."""
        path = self.folder / FORGOTTEN
        return set(read_json(path, [str], "remove it, and forget its tracklets again")) if path.is_file() else set()

    def forget(self, digests: Iterable[str]) -> None:
        """Add to the tracklets that are never added again."""
        write_json(self.folder / FORGOTTEN, sorted(self.forgotten() | set(digests)))
