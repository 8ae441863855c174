"""Time and memory of exact search among many descriptors, beside other libraries.

    python -m benchmarks.search.speed --rows 100000 --out runs/search-speed
    python -m benchmarks.search.speed --rows 100000 --out runs/search-speed --ways reid faiss-flat

Each way runs in a process of its own and writes N/WAY.json; the table is of all that are there. What a way has built is
kept; those that are not exact say how many of the true 100 they find. Needs `pip install faiss-cpu usearch lancedb` for
the ways of these names.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from alignnet_common.arrays import Ints, Singles
from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from alignnet_common.files import replacing, write_json
from alignnet_common.options import bounded, check_ranges, option
from benchmarks.search.competitors import WAYS, Search
from benchmarks.search.memory import memory
from benchmarks.search.synthetic import SIZE, descriptors
from benchmarks.workers.subprocesses import call
from reid.index.store import Vectors
from reid.reporting.markdown import markdown_table

QUERIES, BEST = 100, 100
"""Queries, and rows that are looked for."""

ROWS_A_PART = 2048
"""Rows that are drawn together."""

PACKAGES = {"faiss": "faiss-cpu", "usearch": "usearch", "lance": "lancedb", "product": "torch", "reid": "torch"}


@dataclass(frozen=True)
class SpeedConfig:
    """Measure exact search in this project's index and in other libraries."""

    rows: int = bounded(100_000, at_least=1000)
    """Number of descriptors."""

    out: Path = Path("runs/search-speed")
    """Folder for the rows, what is built, and the results."""

    ways: list[str] = field(default_factory=lambda: list(WAYS))
    """Ways to measure. Default: all."""

    repeats: int = bounded(7, at_least=1)
    """Searches of one query, of which the median counts; those of a hundred are repeated a third as often."""

    only_build: bool = option(False)
    """Build, but do not search."""

    here: bool = option(False, rare=True)
    """Measure in this process: what the command starts for each way."""

    def __post_init__(self) -> None:
        check_ranges(self)
        unknown = next((name for name in self.ways if name not in WAYS), None)
        if unknown is not None:
            raise ValueError(f"--ways {unknown}: not one of {', '.join(WAYS)}")

    @property
    def folder(self) -> Path:
        """Of the results for this number of rows."""
        return self.out / str(self.rows)


def measure(config: SpeedConfig) -> None:
    """Measure each way in a process of its own; print and write the table."""
    config.folder.mkdir(parents=True, exist_ok=True)
    rows = written_rows(config)
    if config.here:
        measure_way(config, rows, config.ways[0])
        return
    written_truth(config, rows)
    for way in config.ways:
        words = [f"--rows={config.rows}", f"--out={config.out.absolute()}", f"--ways={way}", "--here"]
        call("benchmarks.search.speed", [*words, f"--repeats={config.repeats}", *["--only-build"] * config.only_build])
    text = table(config)
    (config.folder / "table.md").write_text(text)
    print(text)


def written_rows(config: SpeedConfig) -> Vectors:
    """The rows (N, D) float16, mapped from a file, which is written if it is not there."""
    path = config.folder / "rows.npy"
    if not path.is_file():
        with replacing(path) as partial:
            target = np.lib.format.open_memmap(partial, "w+", np.float16, (config.rows, SIZE))
            for start in tqdm(range(0, config.rows, ROWS_A_PART), desc="rows", disable=None):
                count = min(ROWS_A_PART, config.rows - start)
                target[start : start + count] = descriptors(np.random.default_rng([0, start]), count)
            target.flush()
    found: Vectors = np.load(path, mmap_mode="r")
    return found


def queries_of() -> Singles:
    """Queries (Q, D): other tracklets of persons that have rows."""
    return descriptors(np.random.default_rng([1, 0]), QUERIES)


def written_truth(config: SpeedConfig, rows: Vectors) -> Ints:
    """The true best rows (Q, K) by products in float64, read from a file, which is written if it is not there."""
    path = config.folder / "truth.npy"
    if not path.is_file():
        queries = queries_of().astype(np.float64)
        scores = np.zeros((QUERIES, 0))
        numbers = np.zeros((QUERIES, 0), np.int64)
        for start in tqdm(range(0, len(rows), ROWS_A_PART), desc="truth", disable=None):
            part = torch.from_numpy(np.array(rows[start : start + ROWS_A_PART])).double().numpy()
            part /= np.linalg.norm(part, axis=1, keepdims=True)
            scores = np.concatenate([scores, queries @ part.T], axis=1)
            places = np.broadcast_to(np.arange(start, start + len(part)), (QUERIES, len(part)))
            numbers = np.concatenate([numbers, places], axis=1)
            best = np.argsort(-scores, axis=1, kind="stable")[:, :BEST]
            scores, numbers = np.take_along_axis(scores, best, axis=1), np.take_along_axis(numbers, best, axis=1)
        with replacing(path) as partial, partial.open("wb") as file:
            np.save(file, numbers)
    found: Ints = np.load(path)
    return found


def measure_way(config: SpeedConfig, rows: Vectors, way: str) -> None:
    """Build a way unless it is built, search it, and write its result."""
    build, name = WAYS[way]
    path = config.folder / f"{way}.json"
    record: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    folder = config.folder / way
    new = not folder.exists()
    clock = time.perf_counter()
    search = build(rows, folder)
    seconds = time.perf_counter() - clock
    record |= {"name": name, "rows": config.rows, "library": library(way), "threads": torch.get_num_threads()}
    record |= {"build seconds" if new else "open seconds": round(seconds, 3)}
    if folder.exists():
        record["bytes on disk"] = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if not config.only_build:
        record |= searched(search, np.load(config.folder / "truth.npy"), config.repeats)
        record["bytes in memory"] = memory("RssAnon")
    write_json(path, record)


def searched(search: Search, truth: Ints, repeats: int) -> dict[str, Any]:
    """Seconds of a search, of one query and of all, and the share of the true best rows that are found."""
    queries = queries_of()
    found = search(queries, BEST)
    singly = [search(query[None], BEST) for query in queries[:3]]
    alone = [timed(partial(search, queries[number : number + 1], BEST)) for number in range(repeats)]
    together = [timed(partial(search, queries, BEST)) for _ in range(max(1, repeats // 3))]
    same = [len(set(one) & set(other)) / BEST for one, other in zip(found.tolist(), truth.tolist(), strict=True)]
    one = [len(set(one[0]) & set(other)) / BEST for one, other in zip(map(np.ndarray.tolist, singly), truth.tolist())]  # noqa: B905
    return {
        **times("1 query", alone),
        **times("100 queries", together),
        "found of the best 100": round(float(np.mean(same)), 4),
        "found of the best 100, 1 query": round(float(np.mean(one)), 4),
    }


def timed(job: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a call, and those that this process has computed, on all of its threads together."""
    clock, computed = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - clock, time.process_time() - computed


def times(what: str, some: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Medians of seconds and of computed seconds, and the least of the latter, which a busy machine changes least."""
    seconds, computed = ([pair[part] for pair in some] for part in (0, 1))
    return {
        f"seconds of {what}": round(statistics.median(seconds), 4),
        f"CPU seconds of {what}": round(statistics.median(computed), 4),
        f"CPU seconds of {what}, least": round(min(computed), 4),
    }


def library(way: str) -> str:
    """Name and version of the library of a way. Raises UserError where it is not installed."""
    package = PACKAGES[way.split("-")[0]]
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError as missing:
        raise UserError(f"--ways {way} needs {package}: pip install {package}") from missing


def table(config: SpeedConfig) -> str:
    """All results for this number of rows, as Markdown."""
    head = ["", "build, s", "on disk, GB", "in memory, GB", "1 query, s", "CPU, s", "100 queries, s", "CPU, s", "found"]
    cells = []
    for way in WAYS:
        path = config.folder / f"{way}.json"
        record = json.loads(path.read_text()) if path.is_file() else {}
        if "seconds of 1 query" in record:
            sizes = [record.get(name, 0) / 1e9 for name in ("bytes on disk", "bytes in memory")]
            cells.append(
                [
                    record["name"],
                    f"{record['build seconds']:.0f}" if "build seconds" in record else "",
                    *(f"{size:.2f}" for size in sizes),
                    f"{record['seconds of 1 query']:.3f}",
                    f"{record['CPU seconds of 1 query, least']:.3f}",
                    f"{record['seconds of 100 queries']:.2f}",
                    f"{record['CPU seconds of 100 queries, least']:.2f}",
                    f"{record['found of the best 100']:.2%}",
                ]
            )
    return markdown_table(head, cells)


if __name__ == "__main__":
    run_command(measure, SpeedConfig, "python -m benchmarks.search.speed")
