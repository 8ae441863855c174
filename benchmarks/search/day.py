"""A day of several cameras in an index: size, time and memory, hour by hour.

    python -m benchmarks.search.day --out runs/search-day

Descriptors, times and pictures are synthetic; blocks, false match rates and searches are those of reid index and reid
search. Each hour is a folder of tracklets of its own. No network runs: its time comes on top.
"""

import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.cli import run_command
from alignnet_common.files import write_json
from alignnet_common.options import bounded, check_ranges
from benchmarks.search.memory import forget_peak, peak_memory
from benchmarks.search.synthetic import SIZE, descriptors
from reid.configs.video.search import SearchConfig
from reid.index.calibration import read_tables, write_tables
from reid.index.plan import Planned, in_blocks
from reid.index.run import summary
from reid.index.store import IndexRow, Store
from reid.reporting.markdown import markdown_table
from reid.search.query import Query
from reid.search.rank import search_index

PICTURE = 2000
"""Bytes of a thumbnail."""

SHORTEST, LONGEST = 4.0, 60.0
"""Seconds that a person is in view."""


@dataclass(frozen=True)
class DayConfig:
    """Fill an index hour by hour; print size, time and peak memory."""

    out: Path = Path("runs/search-day")
    """Folder for the index, which is made anew, day.json and day.md."""

    cameras: int = bounded(8, at_least=1)
    """Number of cameras."""

    hours: int = bounded(24, at_least=1)
    """Hours of recording."""

    rate: int = bounded(200, at_least=1)
    """Tracklets an hour and camera."""

    searches: int = bounded(5, at_least=1)
    """Searches after each hour, of which the median counts."""

    def __post_init__(self) -> None:
        check_ranges(self)


def fill(config: DayConfig) -> None:
    """Write the index, day.json and day.md, and print the table."""
    folder = config.out / "index"
    shutil.rmtree(folder, ignore_errors=True)
    store = Store(folder)
    rows = []
    with store.writing():
        store.begin({"model": "synthetic", "descriptor_size": SIZE})
        for hour in range(config.hours):
            rows.append(hour_of(store, config, hour))
            print(rows[-1], flush=True)
    write_json(config.out / "day.json", {"cameras": config.cameras, "rate": config.rate, "rows": rows})
    text = markdown_table(list(rows[0]), [[f"{value:,}".replace(",", " ") for value in row.values()] for row in rows])
    (config.out / "day.md").write_text(text)
    print(text)


def hour_of(store: Store, config: DayConfig, hour: int) -> dict[str, Any]:
    """Add an hour, and search: a row of the table."""
    forget_peak()
    clock = time.perf_counter()
    for camera in range(config.cameras):
        rng = np.random.default_rng([hour, camera])
        for block in in_blocks(tracklets_of(rng, f"hour-{hour:02d}", f"c{camera}", hour, config.rate)):
            count = len(block.tracklets)
            pictures = [rng.bytes(PICTURE) for _ in range(count)]
            store.add(block.key, [each.row for each in block.tracklets], descriptors(rng, count), pictures)
    added = time.perf_counter()
    write_tables(store)
    rated = time.perf_counter()
    record = summary(store)
    peak_of_adding = peak_memory()
    forget_peak()
    seconds = [searched(store, number) for number in range(config.searches)]
    return {
        "hour": hour + 1,
        "tracklets": record["tracklets"],
        "index, MB": round(record["bytes"] / 1e6),
        "add, s": round(added - clock, 2),
        "false match rates, s": round(rated - added, 2),
        "peak of both, MB": round(peak_of_adding / 1e6),
        "search, s": round(float(np.median(seconds)), 3),
        "peak of a search, MB": round(peak_memory() / 1e6),
    }


def tracklets_of(rng: np.random.Generator, source: str, camera: str, hour: int, count: int) -> list[Planned]:
    """Tracklets of an hour of a camera, by time, without frames."""
    starts = np.sort(3600 * (hour + rng.random(count)))
    ends = starts + rng.uniform(SHORTEST, LONGEST, count)
    found = []
    for number, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        name = f"{number:05d}"
        digest = hashlib.sha256(f"{source} {camera} {name}".encode()).hexdigest()[:32]
        found.append(Planned(IndexRow(source, camera, name, digest, 16, start, end), ()))
    return found


def searched(store: Store, number: int) -> float:
    """Seconds of a search of all cameras, with false match rates."""
    vector = descriptors(np.random.default_rng([99, number]), 1)[0]
    clock = time.perf_counter()
    query = Query("synthetic", vector, None, b"")
    hits, _ = search_index(store, query, read_tables(store), SearchConfig(store.folder, track="synthetic/1"))
    assert hits
    return time.perf_counter() - clock


if __name__ == "__main__":
    run_command(fill, DayConfig, "python -m benchmarks.search.day")
