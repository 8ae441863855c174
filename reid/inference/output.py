"""Result files of an extraction, .npz or .parquet: descriptors, and what belongs to each row. Written in blocks."""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Bools, Singles
from alignnet_common.errors import UserError
from alignnet_common.files import replacing
from reid.data.datasets.names import NUMBER
from reid.evaluation.extracted_features import import_parquet
from reid.inference.rows import LEFT_OUT, Row

ROWS_PER_BLOCK = 4096
"""Rows that are in memory at a time: 128 MB of the largest descriptors, 8192 numbers."""

UNIT = 1e-3
"""A row is of unit length if its length differs from 1 by less."""


@dataclass(frozen=True)
class Descriptors:
    """The rows of a result."""

    rows: Singles
    """All rows (N, D), in memory or mapped. A row of `LEFT_OUT` is not in the result."""

    normalize: bool
    """Whether rows are scaled to length 1."""

    def kept(self) -> Bools:
        """Mask (N,) of the rows of the result."""
        return self.rows[:, 0] != LEFT_OUT

    def blocks(self) -> Iterator[Singles]:
        """The rows of the result in blocks (B, D), B at most `ROWS_PER_BLOCK`."""
        for start in range(0, len(self.rows), ROWS_PER_BLOCK):
            block = np.asarray(self.rows[start : start + ROWS_PER_BLOCK])
            block = block[block[:, 0] != LEFT_OUT]
            if self.normalize:
                lengths = np.linalg.norm(block.astype(np.float64), axis=1, keepdims=True)
                block = (block / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
            yield block

    def of_unit_length(self) -> bool:
        """Whether every row of the result has length 1, because it was scaled or because the network scales it."""
        return all((abs(np.linalg.norm(block, axis=1) - 1) < UNIT).all() for block in self.blocks())


def columns_of(rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
    """Arrays (N,) that belong to the rows: paths, frames (their number), and persons, cameras and tracks where known.

    Persons, cameras and tracks are int64 if all are whole numbers, else text, "" where not known; left out where none
    is known.
    """
    found = {"paths": np.array([row.path for row in rows], np.str_)}
    for name, field in (("persons", "person"), ("cameras", "camera"), ("tracks", "track")):
        column = numbers_or_names([getattr(row, field) for row in rows])
        if column is not None:
            found[name] = column
    return found | {"frames": np.array([len(row.frames) for row in rows], np.int64)}


def numbers_or_names(names: Sequence[str]) -> NDArray[Any] | None:
    """Names (N,) as int64 if each is nothing but digits, and no two are the same number; else as text.

    None if all are "".

    >>> numbers_or_names(["0002", "-1", "0002"])
    array([ 2, -1,  2])
    """
    known = set(names)
    if known <= {""}:
        return None
    numbers = {name: int(name) for name in known if NUMBER.fullmatch(name)}
    if len(set(numbers.values())) < len(known):
        return np.array(names, np.str_)
    return np.array([numbers[name] for name in names], np.int64)


def check_format(path: Path) -> None:
    """Raise UserError where `path` is a folder, or Parquet needs a package that is not installed."""
    if path.is_dir():
        raise UserError(f"--out {path} is a folder; name a file")
    if path.suffix == ".parquet":
        import_parquet(path)


def write_descriptors(
    path: Path, descriptors: Descriptors, columns: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
) -> None:
    """Write a result atomically, in the format of its suffix.

    columns -- arrays (N,) of the rows that are kept. facts -- plain values that hold for all rows: arrays without a
    dimension in .npz, metadata of the schema in .parquet.
    """
    write = _write_parquet if path.suffix == ".parquet" else _write_npz
    with replacing(path) as partial:
        write(partial, descriptors, columns, facts)


def _write_npz(
    path: Path, descriptors: Descriptors, columns: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
) -> None:
    shape = len(columns["paths"]), descriptors.rows.shape[1]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        with archive.open("features.npy", "w", force_zip64=True) as member:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, header)
            for block in descriptors.blocks():
                member.write(np.ascontiguousarray(block, "<f4").tobytes())
        for name, values in ({**columns} | {name: np.array(value) for name, value in facts.items()}).items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)


def _write_parquet(
    path: Path, descriptors: Descriptors, columns: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
) -> None:
    pyarrow, parquet = import_parquet(path)
    size = descriptors.rows.shape[1]
    fields = [
        (name, pyarrow.from_numpy_dtype(values.dtype) if values.dtype.kind == "i" else pyarrow.string())
        for name, values in columns.items()
    ]
    schema = pyarrow.schema([*fields, ("features", pyarrow.list_(pyarrow.float32(), size))])
    schema = schema.with_metadata({name: json.dumps(value) for name, value in facts.items()})
    with parquet.ParquetWriter(path, schema) as writer:
        start = 0
        for block in descriptors.blocks():
            part = [
                pyarrow.array(values[start : start + len(block)].tolist(), schema.field(name).type)
                for name, values in columns.items()
            ]
            features = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(block.ravel()), size)
            writer.write_table(pyarrow.Table.from_arrays([*part, features], schema=schema))
            start += len(block)
