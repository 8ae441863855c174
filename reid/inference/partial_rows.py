"""Descriptors of an extraction that is not complete: a folder beside the result, from which the same command continues.

    F.npz.partial/options.json    what the rows are made of: weights, sizes, options
    F.npz.partial/files.txt       a line for each row of the source: hash of its names, sizes and modification times
    F.npz.partial/rows.f32        descriptors, float32, one after another; infinite for a row left out

A row counts as soon as it is in the file. Rows are kept as far as the first image that is another one.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import IO, Any

import numpy as np

from alignnet_common.arrays import Singles
from alignnet_common.checked.forms import ANY
from alignnet_common.checked.json_file import parsed, read_bounded
from alignnet_common.errors import UserError
from alignnet_common.files import remove, write_atomically, write_json
from alignnet_common.locks import file_lock
from reid.inference.rows import Source

OPTIONS, FILES, ROWS = "options.json", "files.txt", "rows.f32"


class PartialRows:
    """The rows (D,) written so far, in order. Made by `partial_rows`."""

    def __init__(self, folder: Path, size: int, done: int, stream: IO[bytes]) -> None:
        self.folder, self.size = folder, size
        self.done = done
        """Number of rows in the file."""
        self._stream = stream

    def append(self, rows: Singles) -> None:
        """Write the next rows (B, D), float32."""
        self._stream.write(np.ascontiguousarray(rows, "<f4").tobytes())
        self._stream.flush()
        self.done += len(rows)

    def rows(self) -> Singles:
        """All rows (N, D), mapped into memory."""
        if not self.done:
            return np.empty((0, self.size), np.float32)
        return np.memmap(self.folder / ROWS, "<f4", "r", shape=(self.done, self.size))

    def cut_at(self, mark: np.float32) -> None:
        """Drop the first row that begins with `mark`, and all rows after it."""
        marked = np.flatnonzero(self.rows()[:, 0] == mark)
        if len(marked):
            self.done = int(marked[0])
            self._stream.truncate(4 * self.size * self.done)


def folder_of(out: Path) -> Path:
    """Folder of the rows of the result `out` until it is written."""
    return out.with_name(f"{out.name}.partial")


def remove_remains(out: Path) -> None:
    """Remove the rows of a result that is written, which an earlier command could not."""
    folder = folder_of(out)
    if folder.is_dir():
        with file_lock(folder / "lock", f"{out}: another reid extract writes it"):
            remove(folder)


@contextmanager
def partial_rows(out: Path, made_of: Mapping[str, Any], files: Sequence[str], size: int) -> Iterator[PartialRows]:
    """The rows that an earlier command left for the result `out`, to be continued.

    The folder is removed if the block succeeds. If it fails, the folder is kept, unless it has no row.

    Args:
        out: the result file.
        made_of: what all rows depend on, as plain values.
        files: hash of the files of each row, see `file_hashes`.
        size: numbers in a row, D.

    Prints what is continued, or why the rows are not. Raises UserError while another process writes the same result.
    """
    folder = folder_of(out)
    folder.mkdir(parents=True, exist_ok=True)
    with file_lock(folder / "lock", f"{out}: another reid extract writes it"):
        done = _rows_kept(folder, made_of, files, size)
        with (folder / ROWS).open("ab") as stream:
            stream.truncate(4 * size * done)
            write_json(folder / OPTIONS, dict(made_of))
            write_atomically(folder / FILES, "".join(f"{line}\n" for line in files).encode())
            partial = PartialRows(folder, size, done, stream)
            try:
                yield partial
            except BaseException:
                if not partial.done:
                    remove(folder)
                raise
        remove(folder)


def _rows_kept(folder: Path, made_of: Mapping[str, Any], files: Sequence[str], size: int) -> int:
    """Number of rows in the folder that are of these options and files."""
    try:
        before = parsed(read_bounded(folder / OPTIONS), {str: ANY})
        saved = (folder / FILES).read_text().splitlines()
        written = (folder / ROWS).stat().st_size // (4 * size)
    except (OSError, ValueError):
        return 0
    if not written:
        return 0
    other = [name for name in made_of if before.get(name) != made_of[name]]
    if other:
        print(f"note: {folder}: {written} rows with another {', '.join(other)} are not used")
        return 0
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(saved, files, strict=False))))
    done = min(written, same)
    if done < written:
        print(f"note: {folder}: {written - done} rows are not used: the images are others from row {done} on")
    if done:
        print(f"{folder}: continued after {done} of {len(files)} rows")
    return done


def file_hashes(source: Source) -> list[str]:
    """For each row, 16 hex digits of a hash over the name, size and modification time of its files.

    Raises UserError where a file is missing.
    """
    found = []
    for row in source.rows:
        digest = hashlib.sha256()
        for name in row.frames:
            try:
                state = (source.root / name).stat()
            except OSError as gone:
                raise UserError(f"{source.root / name}: {gone.strerror}") from gone
            digest.update(os.fsencode(f"{name}\t{state.st_size}\t{state.st_mtime_ns}\n"))
        found.append(digest.hexdigest()[:16])
    return found
