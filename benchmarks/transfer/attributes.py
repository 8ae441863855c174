"""Direct transfer by attribute of the person: rank-1 and mAP of the queries with each value of each attribute.

    reid extract …/Market-1501-v15.09.15/bounding_box_train --weights W --out F.npz
    python -m benchmarks.transfer.attributes --features F.npz --attributes market_attribute.mat

The annotations are https://github.com/vana77/Market-1501_Attribute (Lin and others, Pattern Recognition 2019).
Queries are the first image of each identity and camera, the gallery is all images, as in `benchmarks.transfer`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import io

from alignnet_common.arrays import AnyInts, Ints
from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_json
from reid.evaluation.extracted_features import read_extracted
from reid.metrics.distances import euclidean_distances
from reid.metrics.labels import Labels
from reid.metrics.ranking import evaluate_protocol
from reid.reporting.markdown import markdown_table

ATTRIBUTES = {
    "gender": {1: "male", 2: "female"},
    "age": {1: "young", 2: "teenager", 3: "adult", 4: "old"},
    "hair": {1: "short", 2: "long"},
    "hat": {1: "no", 2: "yes"},
    "backpack": {1: "no", 2: "yes"},
    "bag": {1: "no", 2: "yes"},
    "handbag": {1: "no", 2: "yes"},
    "sleeves": {1: "long", 2: "short"},
    "legs": {1: "long", 2: "short"},
    "lower body": {1: "dress", 2: "pants"},
}
"""Words for the values of each attribute, as the annotations define them."""

FIELDS = {"sleeves": "up", "legs": "down", "lower body": "clothes"}
"""Names in the file of attributes that are called otherwise there."""

COLOURS = {
    "up": ("black", "white", "red", "purple", "yellow", "gray", "blue", "green"),
    "down": ("black", "white", "pink", "purple", "yellow", "gray", "blue", "green", "brown"),
}
"""Colours of the clothes of the upper and lower body: an identity has at most one of each."""


@dataclass(frozen=True)
class AttributesConfig:
    """Rank Market-1501's training identities by a file of reid extract, and write rank-1 and mAP by attribute."""

    features: Path
    """File of reid extract, of the images of bounding_box_train."""

    attributes: Path
    """market_attribute.mat of Market-1501_Attribute."""

    json: Path = Path("runs/attributes.json")
    """File for the result."""


def by_attribute(config: AttributesConfig) -> None:
    """Rank, print the table and write the result. Raises UserError on files that do not fit."""
    found = read_extracted(config.features)
    if not {"persons", "cameras"} <= found.columns.keys():
        raise UserError(f"{config.features}: no persons and cameras; extract bounding_box_train of Market-1501")
    labels = Labels(*(found.columns[name].astype(np.int64) for name in ("persons", "cameras")))
    queries = first_of_each_camera(labels)
    values = read_attributes(config.attributes, labels.pids)
    asked = Labels(labels.pids[queries], labels.cams[queries])
    distances = euclidean_distances(found.features[queries], found.features)
    rows = []
    for attribute, value, persons in (("all", "", np.unique(labels.pids)), *values):
        chosen = np.flatnonzero(np.isin(asked.pids, persons))
        if len(chosen):
            ranked = evaluate_protocol(distances[chosen], Labels(asked.pids[chosen], asked.cams[chosen]), labels)
            rows.append(_row(attribute, value, len(persons), ranked.valid_queries, ranked.rank1, ranked.mAP))
    write_json(config.json, _result(config, found.facts, rows))
    print(in_text(rows))


def first_of_each_camera(labels: Labels) -> Ints:
    """Rows (Q,) of the first image of each identity and camera, ascending."""
    pairs = np.stack([labels.pids, labels.cams], axis=1)
    return np.sort(np.unique(pairs, axis=0, return_index=True)[1])


def read_attributes(path: Path, pids: AnyInts) -> tuple[tuple[str, str, Ints], ...]:
    """Each attribute and value with the identities among `pids` (N,) that have it, ascending.

    Raises UserError where the file is no such file, or an identity is not in its training half.
    """
    table = _table_of(path)
    try:
        half: Any = table.train
        persons = np.array([int(name) for name in half.image_index])
        found = tuple(_values(half, persons))
    except (ValueError, AttributeError, TypeError) as other:
        raise UserError(f"{path}: not the table of Market-1501_Attribute ({other})") from other
    absent = np.setdiff1d(pids, persons)
    if len(absent):
        raise UserError(f"{path}: no attributes of person {absent[0]}: its training half fits bounding_box_train alone")
    return tuple((attribute, value, np.intersect1d(some, pids)) for attribute, value, some in found)


def _table_of(path: Path) -> Any:
    """The structure in a published .mat file. Raises UserError as `read_attributes`."""
    if not path.is_file():
        raise UserError(f"no {path.name} in {path.parent}")
    try:
        return io.loadmat(path, appendmat=False, squeeze_me=True, struct_as_record=False)["market_attribute"]
    except Exception as broken:  # damaged bytes raise various exceptions in scipy
        raise UserError(f"{path}: not a readable .mat file with market_attribute ({broken})") from broken


def _values(half: Any, persons: Ints) -> Iterator[tuple[str, str, Ints]]:
    for attribute, words in ATTRIBUTES.items():
        column = np.asarray(getattr(half, FIELDS.get(attribute, attribute)))
        for number, word in words.items():
            yield attribute, word, persons[column == number]
    for part, colours in COLOURS.items():
        for colour in colours:
            column = np.asarray(getattr(half, part + colour))
            yield {"up": "upper body", "down": "lower body"}[part], colour, persons[column == 2]


def _row(attribute: str, value: str, persons: int, queries: int, rank1: float, mean: float) -> dict[str, Any]:
    shares = {"rank1": round(100 * rank1, 2), "mAP": round(100 * mean, 2)}
    return {"attribute": attribute, "value": value, "persons": persons, "queries": queries} | shares


def _result(config: AttributesConfig, facts: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "command": "python -m benchmarks.transfer.attributes",
        "config": as_plain(config),
        "model_sha256": facts["model_sha256"],
        "attributes_sha256": sha256_of_file(config.attributes),
        "rows": rows,
    }


def in_text(rows: list[dict[str, Any]]) -> str:
    """The rows as a table in Markdown."""
    cells = [
        [
            row["attribute"],
            row["value"],
            str(row["persons"]),
            str(row["queries"]),
            f"{row['rank1']:.1f}",
            f"{row['mAP']:.1f}",
        ]
        for row in rows
    ]
    return markdown_table(["attribute", "value", "persons", "queries", "rank-1", "mAP"], cells)


if __name__ == "__main__":
    run_command(by_attribute, AttributesConfig, "python -m benchmarks.transfer.attributes")
