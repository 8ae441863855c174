"""False match rates by pair of cameras, kept with the index: false-matches.json."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.arrays import Singles
from alignnet_common.checked.forms import AtLeast
from alignnet_common.checked.json_file import read_json
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from reid.index.false_matches import MOST, RATES, RateTable, rate_tables
from reid.index.store import Block, Store

TABLES = "false-matches.json"

MOST_OF_ALL = 8_000
"""Tracklets of all cameras together, at most, so that time and memory do not grow with the number of cameras."""


def write_tables(store: Store) -> None:
    """Compute the rates of an index again, if it has changed."""
    keys = store.block_keys()
    made_of = hashlib.sha256("\n".join(keys).encode()).hexdigest()
    path = store.folder / TABLES
    if path.is_file() and _read(path)["made_of"] == made_of:
        return
    tables = rate_tables(drawn(store, np.random.default_rng(0)))
    rows = [
        {"cameras": list(pair), "pairs": table.pairs, "scores": [round(score, 5) for score in table.scores]}
        for pair, table in sorted(tables.items())
    ]
    write_json(path, {"made_of": made_of, "tables": rows})


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(path, FORM, "remove it, and run reid index again")
    for row in found["tables"]:
        scores = row["scores"]
        if not 1 <= len(scores) <= len(RATES) or scores != sorted(scores):
            raise UserError(f"{path}: {len(scores)} scores that are no rates: remove it, and run reid index again")
    return found


FORM = {"made_of": str, "tables": [{"cameras": [str, str], "pairs": AtLeast(1, int), "scores": [float]}]}
"""Form of `TABLES`."""


def drawn(store: Store, rng: np.random.Generator) -> dict[str, Singles]:
    """Descriptors (N, D) of tracklets of each camera, drawn at random: at most `MOST`, and `MOST_OF_ALL` together."""
    blocks: dict[str, list[Block]] = {}
    for block in store.blocks():
        blocks.setdefault(block.camera, []).append(block)
    found = {}
    for camera, some in sorted(blocks.items()):
        starts = np.cumsum([0, *map(len, some)])
        most = min(MOST, MOST_OF_ALL // len(blocks))
        chosen = np.sort(rng.permutation(int(starts[-1]))[:most])
        bounds = np.searchsorted(chosen, starts)
        parts = [
            np.array(block.vectors()[chosen[begin:end] - start], np.float32)
            for block, start, begin, end in zip(some, starts[:-1], bounds[:-1], bounds[1:], strict=True)
            if begin < end
        ]
        found[camera] = np.concatenate(parts)
    return found


def read_tables(store: Store) -> dict[tuple[str, str], RateTable]:
    """The rates of an index; empty where there are none."""
    path = store.folder / TABLES
    rows = _read(path)["tables"] if path.is_file() else []
    return {(row["cameras"][0], row["cameras"][1]): RateTable(row["pairs"], tuple(row["scores"])) for row in rows}
