"""Find a person in an index.

python -m reid.search --index index --crop person.jpg --html hits.html
python -m reid.search --index index --track yard/0012 --not-cameras yard --json hits.json
python -m reid.search --index index --video yard.mp4 --time 12.5 --box 240,80,60,160
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alignnet_common.files import write_json, write_text
from alignnet_common.run_record import command_line
from reid.configs.groups.moments import span_in_words
from reid.configs.video.search import SearchConfig
from reid.evaluation.extracted_features import import_parquet
from reid.index.calibration import read_tables
from reid.index.parquet import write_parquet
from reid.index.store import Store
from reid.reporting.markdown import markdown_table
from reid.search.page import alarms_in_words, write_page
from reid.search.query import Query, query_of
from reid.search.rank import Hit, Searched, search_index

PROG = "python -m reid.search"

COLUMNS = (
    "rank",
    "camera",
    "track",
    "start",
    "end",
    "score",
    "false_match_rate",
    "false_alarms_per_hour",
    "same",
    "at_once",
)

TYPES = {
    "rank": "int64",
    "camera": "string",
    "track": "string",
    "start": "float64",
    "end": "float64",
    "score": "float64",
    "false_match_rate": "float64",
    "false_alarms_per_hour": "float64",
    "same": "bool",
    "source": "string",
    "at_once": "bool",
}
"""Columns of --parquet."""


def search(config: SearchConfig) -> None:
    """Print the hits, and write --json, --csv, --parquet and --html.

    Raises UserError on a query or an index that is not there, and where --parquet lacks its package.
    """
    store = Store(config.index)
    facts = store.facts(of_network=True)
    if config.parquet is not None:
        import_parquet(config.parquet)  # before the search
    query = query_of(store, config)
    hits, searched = search_index(store, query, read_tables(store), config)
    rows = [row_of(rank, hit) for rank, hit in enumerate(hits, 1)]
    record = {
        "query": {"text": query.text, "camera": query.camera},
        "searched": vars(searched),
        "hits": rows,
        "index": str(config.index),
        "model_sha256": facts["model_sha256"],
        "camera_norm": facts["camera_norm"],
        "command": command_line(PROG),
    }
    if config.json is not None:
        write_json(config.json, record)
    if config.csv is not None:
        write_text(config.csv, table_of(rows))
    if config.parquet is not None:
        write_parquet(config.parquet, rows, TYPES, {name: value for name, value in record.items() if name != "hits"})
    if config.html is not None:
        write_page(config.html, query, hits, record)
    print(in_words(query, searched, rows))  # after the files: a closed pipe ends the command here
    if config.html is not None:
        print(f"{config.html} is written")


def row_of(rank: int, hit: Hit) -> dict[str, Any]:
    """A hit as plain values. Rates have three digits."""
    rates = (hit.false_match_rate, hit.false_alarms_per_hour)
    rounded = [None if rate is None else float(np.format_float_scientific(rate, 2)) for rate in rates]
    row = hit.row
    known = (rank, row.camera, row.track, row.start, row.end, round(hit.score, 4), *rounded, hit.same, hit.at_once)
    return dict(zip(COLUMNS, known, strict=True)) | {"source": row.source}


def table_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """The hits as CSV; what is not known is empty."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([row[name] for name in COLUMNS] for row in rows)
    return text.getvalue()


def in_words(query: Query, searched: Searched, rows: Sequence[Mapping[str, Any]]) -> str:
    """The query and the hits, as a table."""
    cameras = ", ".join(searched.cameras)
    head = f"{query.text}: {searched.tracklets} tracklets of {cameras} are searched"
    sure = sum(row["same"] is True for row in rows)
    found = f"{sure} of {len(rows)} hits are taken for the person; a hit is a lead, not a proof"
    cells = [
        [
            str(row["rank"]),
            f"{row['camera']}/{row['track']}",
            "" if row["start"] is None else span_in_words(row["start"], row["end"]),
            f"{row['score']:.3f}",
            alarms_in_words(row["false_alarms_per_hour"]),
            "no: seen at the same time" if row["at_once"] else {True: "yes", False: "no", None: "unknown"}[row["same"]],
        ]
        for row in rows
    ]
    names = ["", "tracklet", "time", "similarity", "false alarms an hour", "same person"]
    return f"{head}\n{markdown_table(names, cells)}\n{found}" if rows else f"{head}: no hit"
