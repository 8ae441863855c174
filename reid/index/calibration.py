"""False match rates by pair of cameras, kept with the index: false-matches.json."""

import hashlib
import json

import numpy as np

from alignnet_common.arrays import Singles
from alignnet_common.files import write_json
from reid.index.false_matches import MOST, RateTable, rate_tables
from reid.index.store import Store

TABLES = "false-matches.json"


def write_tables(store: Store) -> None:
    """Compute the rates of an index again, if it has changed."""
    keys = store.block_keys()
    made_of = hashlib.sha256("\n".join(keys).encode()).hexdigest()
    path = store.folder / TABLES
    if path.is_file() and json.loads(path.read_text())["made_of"] == made_of:
        return
    tables = rate_tables(drawn(store, np.random.default_rng(0)))
    rows = [
        {"cameras": list(pair), "pairs": table.pairs, "scores": [round(score, 5) for score in table.scores]}
        for pair, table in sorted(tables.items())
    ]
    write_json(path, {"made_of": made_of, "tables": rows})


def drawn(store: Store, rng: np.random.Generator) -> dict[str, Singles]:
    """Descriptors (N, D) of at most `MOST` tracklets of each camera, drawn at random."""
    places: dict[str, list[tuple[str, int]]] = {}
    for key in store.block_keys():
        for place, row in enumerate(store.block(key).rows):
            places.setdefault(row.camera, []).append((key, place))
    found = {}
    for camera, some in sorted(places.items()):
        chosen = [some[number] for number in sorted(rng.permutation(len(some))[:MOST].tolist())]
        of_block: dict[str, list[int]] = {}
        for key, place in chosen:
            of_block.setdefault(key, []).append(place)
        parts = [np.array(store.block(key).vectors()[rows], np.float32) for key, rows in of_block.items()]
        found[camera] = np.concatenate(parts)
    return found


def read_tables(store: Store) -> dict[tuple[str, str], RateTable]:
    """The rates of an index; empty where there are none."""
    path = store.folder / TABLES
    rows = json.loads(path.read_text())["tables"] if path.is_file() else []
    return {(row["cameras"][0], row["cameras"][1]): RateTable(row["pairs"], tuple(row["scores"])) for row in rows}
