"""The table of python -m benchmarks.ingredients, as JSON and as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from alignnet_common.cli import as_plain
from alignnet_common.files import write_atomically, write_json
from benchmarks.ingredients.config import PLAIN, IngredientsConfig
from benchmarks.workers.subprocesses import mean_and_spread
from reid.reporting.markdown import markdown_table

Figures = dict[str, Any]
"""Of one ranking: seed, rank1 and mAP in percent, tested_on; steps, seconds and data (fingerprint) of the training;
model_sha256 of the network."""


def write_table(config: IngredientsConfig, results: Mapping[str, Sequence[Figures]]) -> None:
    """Write the results so far, as JSON and as a Markdown table."""
    added = {name: as_plain(one) for name, one in config.rows.items()}
    record = {"command": "python -m benchmarks.ingredients", "config": as_plain(config), "added": added}
    write_json(config.out / "ingredients.json", {**record, "results": results})
    write_atomically(config.out / "ingredients.md", (table(results) + "\n").encode())


def table(results: Mapping[str, Sequence[Figures]]) -> str:
    """A Markdown table with one row per ingredient: rank-1 and mAP as mean and standard deviation over the seeds, what
    they gain over the plain recipe with each seed, and the steps of the training."""
    plain = results[PLAIN]
    return markdown_table(
        ("change", "rank-1", "mAP", "rank-1 gained, per seed", "mAP gained, per seed", "steps"),
        [
            (
                *(name, *(mean_and_spread([row[key] for row in rows]) for key in ("rank1", "mAP"))),
                *("" if name == PLAIN else gained(rows, plain, key) for key in ("rank1", "mAP")),
                str(rows[0]["steps"]),
            )
            for name, rows in results.items()
            if rows
        ],
    )


def gained(rows: Sequence[Figures], plain: Sequence[Figures], key: str) -> str:
    """Differences to the plain recipe with the same seed, as text."""
    base = {row["seed"]: row[key] for row in plain}
    return ", ".join(f"{row[key] - base[row['seed']]:+.1f}" for row in rows)
