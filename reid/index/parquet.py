"""Tables as Parquet files, for hits and persons. Needs the extra [parquet]."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alignnet_common.files import replacing
from reid.evaluation.extracted_features import import_parquet


def write_parquet(
    path: Path, rows: Sequence[Mapping[str, Any]], types: Mapping[str, str], facts: Mapping[str, Any]
) -> None:
    """Write a table atomically.

    rows -- values by column; None: not known. types -- of each column: "string", "int64", "float64" or "bool".
    facts -- what holds for all rows: JSON in the metadata of the schema. Raises UserError where pyarrow is missing.
    """
    pyarrow, parquet = import_parquet(path)
    fields = [(name, getattr(pyarrow, kind + "_" * (kind == "bool"))()) for name, kind in types.items()]
    schema = pyarrow.schema(fields, metadata={name: json.dumps(value) for name, value in facts.items()})
    table = pyarrow.Table.from_pylist([{name: row[name] for name in types} for row in rows], schema=schema)
    with replacing(path) as partial:
        parquet.write_table(table, partial)
