"""Switch every optimisation off and on, and compare what the commands leave.

    python -m benchmarks.optimisations --out runs/optimisations
    python -m benchmarks.optimisations --only "loader processes" "channels last"

Small trainings, descriptions and renderings on the sample set, on the CPU. A difference beyond the tolerance that holds
for an optimisation is an error.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from alignnet_common.cli import run_command
from alignnet_common.errors import JobError
from alignnet_common.files import write_json
from alignnet_common.run_record import versions
from benchmarks.faults.scenarios import write_network
from benchmarks.optimisations.pairs import PAIRS, Pair, Values, Words
from benchmarks.workers.subprocesses import call
from reid.reporting.markdown import markdown_table

NAMES = tuple(pair.name for pair in PAIRS)


@dataclass(frozen=True)
class OptimisationsConfig:
    """Compare commands with each optimisation and without it."""

    only: list[str] = field(default_factory=lambda: list(NAMES))
    """Optimisations by their names in the table. Default: all."""

    out: Path = Path("runs/optimisations")
    """Folder, which is made anew, for what the commands leave, and for optimisations.json."""

    def __post_init__(self) -> None:
        unknown = next((name for name in self.only if name not in NAMES), None)
        if unknown is not None:
            raise ValueError(f"--only {unknown}: not one of {', '.join(NAMES)}")


def compare(config: OptimisationsConfig) -> None:
    """Run the commands, print and write the differences. Raises JobError if one is beyond its tolerance."""
    shutil.rmtree(config.out, ignore_errors=True)
    runs = Runs(config.out.absolute())
    rows = []
    for pair in tqdm([pair for pair in PAIRS if pair.name in config.only], desc="pairs", unit="pair", disable=None):
        found = difference(pair, *(pair.results(runs.run((*pair.command, *words))) for words in (pair.off, pair.on)))
        rows.append({"name": pair.name, "on": " ".join(pair.on), "off": " ".join(pair.off), **found})
    packages = versions(["torch", "numpy", "bpy"])
    write_json(config.out / "optimisations.json", {"pairs": rows, "versions": packages})
    print(table(rows))
    bad = [row["name"] for row in rows if not row["within"]]
    if bad:
        raise JobError(f"{', '.join(bad)}: beyond the tolerance: more in {config.out / 'optimisations.json'}")


@dataclass(frozen=True)
class Runs:
    """Commands, each run once."""

    folder: Path

    done: dict[Words, Path] = field(default_factory=dict)
    """Folder of each command that has run."""

    def run(self, words: Words) -> Path:
        """The folder of a command's remains. Raises JobError if it fails."""
        if words not in self.done:
            out = self.folder / f"{len(self.done):02d}"
            out.mkdir(parents=True)
            write_network(out / "network.safetensors")
            module, *options = (word.replace("OUT", str(out)) for word in words)
            call(module, options, threads=1)
            self.done[words] = out
        return self.done[words]


def difference(pair: Pair, off: Mapping[str, Values], on: Mapping[str, Values]) -> dict[str, Any]:
    """How far the numbers of two runs lie apart."""
    assert off.keys() == on.keys(), pair.name
    apart = 0.0
    for name, values in off.items():
        assert values.shape == on[name].shape and values.size, f"{pair.name}: {name}"
        shares = np.abs(values - on[name]) / np.maximum(1, np.abs(values))
        apart = max(apart, float(shares.max() if pair.of_all == "largest" else shares.mean()))
    return {
        "numbers": sum(values.size for values in off.values()),
        "difference": apart,
        "of_all": pair.of_all,
        "tolerance": pair.tolerance,
        "within": apart <= pair.tolerance,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The differences as a Markdown table."""
    head = ("optimisation", "options", "numbers compared", "difference", "tolerance", "within")
    return markdown_table(
        head,
        [
            (
                row["name"],
                f"`{row['on'] or 'default'}`",
                str(row["numbers"]),
                f"{row['difference']:.1e} ({row['of_all']})" if row["difference"] else "none",
                f"{row['tolerance']:g}" if row["tolerance"] else "the same to the bit",
                "yes" if row["within"] else "NO",
            )
            for row in rows
        ],
    )


if __name__ == "__main__":
    run_command(compare, OptimisationsConfig, "python -m benchmarks.optimisations")
