"""A soak: render, verify, train, evaluate, index and search in a loop for hours, with random kills.

    python -m benchmarks.soak --hours 2 --out runs/soak

Each cycle runs the same commands twice: one after another in one process, which is left alone for hours and whose
memory, open files and threads are read after each cycle; then as processes of their own, each killed (SIGKILL, with all
that it has started) up to two times and run again. What a cycle leaves must be the same: pixels, annotations, weights,
curves, rankings, index, hits.
"""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import write_json, write_jsonl
from alignnet_common.options import bounded, check_ranges
from alignnet_common.run_record import versions
from benchmarks.faults.content import differences
from benchmarks.faults.scenarios import write_network
from benchmarks.soak.cycle import commands, expected_in_index, forget, indexed, left_by
from benchmarks.soak.figures import figures, table
from benchmarks.soak.lanes import Steady, run_with_kills

STEADY, KILLED, HERE = "steady", "killed", "lane"
"""Folders of the two lanes. A lane is renamed to the third while its commands run: both then have the same paths."""


@dataclass(frozen=True)
class SoakConfig:
    """Run commands in a loop for hours, with kills. Linux: reads /proc."""

    hours: float = bounded(2.0, at_least=0.0)
    """Hours after which no cycle begins; there is at least one."""

    out: Path = Path("runs/soak")
    """Folder, which must not be there yet, for both lanes, cycles.jsonl and soak.json."""

    seed: int = bounded(0, at_least=0)
    """Of the times of the kills."""

    def __post_init__(self) -> None:
        check_ranges(self)


def soak(config: SoakConfig) -> None:
    """Run cycles, and write what they show. Raises JobError if something was lost, after the last cycle."""
    if config.out.exists():
        raise UserError(f"{config.out} is there already: remove it, or name another folder with --out")
    for lane in (STEADY, KILLED):
        (config.out / lane).mkdir(parents=True)
        write_network(config.out / lane / "network.safetensors")
    rows: list[dict[str, Any]] = []
    started, rng = time.monotonic(), random.Random(config.seed)
    process = Steady((config.out / "steady.log").absolute())
    try:
        with tqdm(total=round(60 * config.hours), desc="soak", unit="min", disable=None) as bar:
            while not rows or time.monotonic() - started < 3600 * config.hours:
                row = cycle(len(rows), config.out, process, rng)
                rows.append({"cycle": len(rows), "at": round(time.monotonic() - started, 1), **row})
                write_jsonl(config.out / "cycles.jsonl", rows)
                bar.update(min(bar.total, round(rows[-1]["at"] / 60)) - bar.n)
                bar.set_postfix(kills=sum(each["kills"] for each in rows), lost=len(row["losses"]), refresh=False)
    finally:
        process.close()
    found = figures(rows)
    packages = versions(["torch", "numpy", "ray", "bpy"])
    write_json(config.out / "soak.json", {"config": as_plain(config), **found, "versions": packages})
    print(table(found))
    summary = {name: value for name, value in found.items() if name != "parts"}
    print(", ".join(f"{name} {value}" for name, value in summary.items()))
    if found["losses"]:
        raise JobError(f"{found['losses']} things were lost: they are named in {config.out / 'cycles.jsonl'}")


def cycle(number: int, out: Path, process: Steady, rng: random.Random) -> dict[str, Any]:
    """Run a cycle in both lanes; returns seconds of its commands, what the long-lived process holds, kills, losses."""
    here = (out / HERE).absolute()
    words = commands(number)
    losses: list[str] = []
    (out / STEADY).rename(here)
    held = {}
    for name, each in words.items():
        held[name] = process.run(each, here)
        if held[name]["code"]:
            losses.append(f"{name}: exit {held[name]['code']} of the long-lived process")
    wanted = {} if losses else left_by(here, number)
    forget(here, number)
    here.rename(out / STEADY)

    (out / KILLED).rename(here)
    kills = 0
    for name, each in words.items():
        code, killed = run_with_kills(each, here, (out / "killed.log").absolute(), held[name]["seconds"], rng)
        kills += killed
        # A command that was killed after its last act, and finds nothing left to remove, says so.
        if code and not (name == "remove" and code == 2 and killed):
            losses.append(f"{name}: exit {code} after {killed} kills")
    if not losses:
        losses += [f"differs: {place}" for place in differences(wanted, left_by(here, number))]
        if len(indexed(here)) != expected_in_index(number):
            losses.append(f"{len(indexed(here))} tracklets in the index, not {expected_in_index(number)}")
    forget(here, number)
    here.rename(out / KILLED)
    last = list(held.values())[-1]
    return {
        "seconds": {name: each["seconds"] for name, each in held.items()},
        "processor_seconds": {name: each["processor_seconds"] for name, each in held.items()},
        **{name: last[name] for name in ("memory", "open_files", "threads")},
        "kills": kills,
        "losses": losses,
    }


if __name__ == "__main__":
    run_command(soak, SoakConfig, "python -m benchmarks.soak")
