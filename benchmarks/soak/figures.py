"""What hours of cycles show: slopes, rates by the half hour, kills, losses."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reid.reporting.markdown import markdown_table

Row = Mapping[str, Any]
"""A cycle, see `benchmarks.soak.__main__.cycle`."""

WARM = 3
"""First cycles, in which libraries are loaded and caches are filled: slopes leave them out."""


def figures(rows: Sequence[Row], minutes: float = 30.0) -> dict[str, Any]:
    """Totals, slopes an hour after the first WARM cycles, and medians of each part of `minutes`."""
    warm = rows[WARM:]
    return {
        "cycles": len(rows),
        "hours": round(rows[-1]["at"] / 3600, 2) if rows else 0.0,
        "kills": sum(row["kills"] for row in rows),
        "losses": sum(len(row["losses"]) for row in rows),
        "commands": sum(len(row["seconds"]) for row in rows),
        "memory_mb_an_hour": slope(warm, "memory", 1e6),
        "open_files_an_hour": slope(warm, "open_files", 1),
        "threads_an_hour": slope(warm, "threads", 1),
        "parts": parts(rows, 60 * minutes),
    }


def slope(rows: Sequence[Row], name: str, unit: float) -> float | None:
    """Slope of a value by least squares, units an hour; None of fewer than three cycles."""
    if len(rows) < 3:
        return None
    hours = np.array([row["at"] / 3600 for row in rows])
    return round(float(np.polyfit(hours, np.array([row[name] for row in rows]) / unit, 1)[0]), 2)


def parts(rows: Sequence[Row], seconds: float) -> list[dict[str, Any]]:
    """Medians of the cycles that end in each stretch of so many seconds."""
    found = []
    for number in sorted({int(row["at"] // seconds) for row in rows}):
        there = [row for row in rows if int(row["at"] // seconds) == number]
        found.append(
            {
                "minutes": [round(number * seconds / 60), round((number + 1) * seconds / 60)],
                "cycles": len(there),
                "processor_seconds": statistics.median(sum(row["processor_seconds"].values()) for row in there),
                "seconds": statistics.median(sum(row["seconds"].values()) for row in there),
                "memory_mb": round(statistics.median(row["memory"] for row in there) / 1e6),
                "open_files": statistics.median(row["open_files"] for row in there),
                "threads": statistics.median(row["threads"] for row in there),
                "kills": sum(row["kills"] for row in there),
                "losses": sum(len(row["losses"]) for row in there),
            }
        )
    return found


def table(found: Mapping[str, Any]) -> str:
    """The parts as a Markdown table."""
    head = (
        "minutes",
        "cycles",
        "processor s a cycle",
        "s a cycle",
        "memory",
        "open files",
        "threads",
        "kills",
        "losses",
    )
    rows = [
        (
            "{} to {}".format(*part["minutes"]),
            str(part["cycles"]),
            f"{part['processor_seconds']:.1f}",
            f"{part['seconds']:.0f}",
            f"{part['memory_mb']} MB",
            f"{part['open_files']:.0f}",
            f"{part['threads']:.0f}",
            str(part["kills"]),
            str(part["losses"]),
        )
        for part in found["parts"]
    ]
    return markdown_table(head, rows)
