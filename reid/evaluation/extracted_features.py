"""Files of reid extract as queries and gallery: one file, each row against the others, or two. Without PyTorch."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Ints
from alignnet_common.checked.arrays_file import BrokenArraysError, MissingArrayError, names_of_npz, read_npz
from alignnet_common.checked.forms import mismatch
from alignnet_common.checked.json_file import parsed
from alignnet_common.errors import UserError, one_line
from reid.data.datasets.names import pids_of, plain_name

SAME = ("model_sha256", "normalized", "height", "width", "flip_test")
"""Facts in which the queries' and the gallery's file must agree, or distances between them mean nothing."""

SINCE = {"camera_norm": False}
"""Facts like `SAME` that older files do not have, and what they have been made with."""

NAMED = ("model", "root")
"""Name of the model, and the folder that paths are relative to."""

COLUMNS = ("persons", "cameras", "paths")

FACTS = {
    "model_sha256": (str, None),
    "normalized": bool,
    "height": int,
    "width": int,
    "flip_test": bool,
    "camera_norm": (bool, str),
    "model?": (str, None),
    "root?": (str, None),
}
"""Forms of the facts."""


@dataclass(frozen=True)
class Extracted:
    """Content of a file of reid extract."""

    path: Path

    features: NDArray[np.float32]
    """(N, D)"""

    columns: dict[str, NDArray[Any]]
    """Of `COLUMNS` those that the file has: (N,) whole numbers, or text, "" where not known."""

    facts: dict[str, Any]
    """`SAME`, `SINCE`, and of `NAMED` those that the file has."""


def is_extracted(path: Path) -> bool:
    """Whether a file is one of reid extract, by its suffix or the names of its arrays."""
    if path.suffix == ".parquet":
        return True
    try:
        names = names_of_npz(path)
    except (BrokenArraysError, OSError):
        return False
    return "features" in names and "query_features" not in names


def read_extracted(path: Path) -> Extracted:
    """Content of a file. Raises UserError where it is missing, damaged, or of another program."""
    if not path.is_file():
        raise UserError(f"no such file of features: {path}")
    try:
        features, columns, facts = _read_parquet(path) if path.suffix == ".parquet" else _read_npz(path)
    except MissingArrayError as missing:
        raise UserError(f"{path}: not a file of reid extract: {missing}") from missing
    except UserError:
        raise
    except Exception as broken:  # damaged Parquet raises various exceptions in pyarrow
        reason = f"{type(broken).__name__}: {one_line(broken)}"
        raise UserError(f"{path}: not a file of reid extract, or damaged ({reason})") from broken
    if features.ndim != 2 or features.dtype.kind != "f" or any(c.shape != features.shape[:1] for c in columns.values()):
        raise UserError(f"{path}: features must be numbers (rows, size), with a person and a camera for each row")
    if any(each.dtype.kind not in "iuU" for each in columns.values()) or mismatch(facts, FACTS):
        raise UserError(f"{path}: not a file of reid extract: persons, cameras, paths or facts of another kind")
    return Extracted(path, features, columns, facts)


def _read_npz(path: Path) -> tuple[NDArray[Any], dict[str, NDArray[Any]], dict[str, Any]]:
    there = names_of_npz(path)
    arrays = read_npz(path, ["features", *SAME, *(name for name in (*COLUMNS, *SINCE, *NAMED) if name in there)])
    columns = {name: arrays[name] for name in COLUMNS if name in arrays}
    named = {name: arrays[name].item() for name in (*SAME, *SINCE, *NAMED) if name in arrays}
    return arrays["features"], columns, SINCE | named


def _read_parquet(path: Path) -> tuple[NDArray[Any], dict[str, NDArray[Any]], dict[str, Any]]:
    _, parquet = import_parquet(path)
    table = parquet.read_table(path)
    known = {name.decode(): value for name, value in (table.schema.metadata or {}).items()}
    missing = next((name for name in ("features", *SAME) if name not in {*known, *table.column_names}), None)
    if missing is not None:
        raise MissingArrayError(missing)
    facts = SINCE | {name: parsed(known[name]) for name in (*SAME, *SINCE, *NAMED) if name in known}
    columns = {name: np.array(table.column(name).to_pylist()) for name in COLUMNS if name in table.column_names}
    features = table.column("features").combine_chunks()
    return features.values.to_numpy().reshape(len(features), -1), columns, facts


def import_parquet(path: Path) -> tuple[ModuleType, ModuleType]:
    """The modules pyarrow and pyarrow.parquet. Raises UserError for the file `path` where they cannot be imported."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as missing:
        raise UserError(f"{path}: Parquet needs pyarrow ({missing}): pip install 'alignnet-reid[parquet]'") from None


def query_and_gallery(features: Path, gallery: Path | None) -> dict[str, NDArray[Any]]:
    """The arrays of `reid.evaluation.features_file.read_features` from one file, or from two.

    One file: every row of a person (above 0) is a query, and all rows are the gallery; query_index names the query's
    own row. Two files: the rows of the one are the queries, those of the other the gallery. Names of persons and
    cameras become numbers. Beside them: query_names and gallery_names, the persons as text; query_images and
    gallery_images, paths of images or of folders of frames, where both files have paths.

    Raises UserError where a person or camera is not known, or the files are of different networks, sizes or scales.
    """
    files = [read_extracted(path) for path in (features, gallery) if path is not None]
    first, last = files[0], files[-1]
    for name in (*SAME, *SINCE):
        if first.facts[name] != last.facts[name]:
            values = f"{_short(first.facts[name])} and {_short(last.facts[name])}"
            raise UserError(f"{features} and {gallery} differ in {name}: {values}; extract both with the same options")
    pids, cams = _numbered(files, "persons"), _numbered(files, "cameras")
    chosen = np.arange(len(first.features)) if len(files) == 2 else np.flatnonzero(pids[0] > 0)
    found = {
        "query_features": first.features[chosen],
        "query_pids": pids[0][chosen],
        "query_cams": cams[0][chosen],
        "gallery_features": last.features,
        "gallery_pids": pids[-1],
        "gallery_cams": cams[-1],
    }
    found |= {"query_names": first.columns["persons"][chosen].astype(str)}
    found |= {"gallery_names": last.columns["persons"].astype(str)}
    if all("paths" in file.columns for file in files):
        found |= {"query_images": _images(first)[chosen], "gallery_images": _images(last)}
    return found if len(files) == 2 else found | {"query_index": chosen}


def _images(file: Extracted) -> NDArray[np.str_]:
    """The path of each row's image or folder of frames."""
    root = Path(str(file.facts.get("root", "")))
    return np.array([str(root / path) for path in file.columns["paths"].tolist()], np.str_)


def _numbered(files: list[Extracted], column: str) -> list[Ints]:
    """A column of all files as numbers: as they are if all are whole numbers, else by name, equally in all files."""
    values = [_known(file, column) for file in files]
    if all(each.dtype.kind in "iu" for each in values):
        return [each.astype(np.int64) for each in values]
    names = [each.astype(str).tolist() for each in values]
    numbers = _numbers({name for each in names for name in each}, column)
    return [np.array([numbers[name] for name in each], dtype=np.int64) for each in names]


def _numbers(names: Iterable[str], column: str) -> dict[str, int]:
    if column == "persons":
        return pids_of(names)
    plain = {name: plain_name(name) for name in names}
    number = {name: position for position, name in enumerate(sorted(set(plain.values())))}
    return {name: number[each] for name, each in plain.items()}


def _known(file: Extracted, column: str) -> NDArray[Any]:
    """A column that is known in every row. Raises UserError where it is not."""
    values = file.columns.get(column, np.full(len(file.features), ""))
    unknown = int(np.count_nonzero(values == "")) if values.dtype.kind == "U" else 0
    if unknown:
        advice = "extract from a CSV file with the columns path,person,camera"
        raise UserError(f"{file.path}: {column} of {unknown} of {len(values)} rows are not known: {advice}")
    return values


def _short(value: Any) -> str:
    return value[:12] if isinstance(value, str) else str(value)
