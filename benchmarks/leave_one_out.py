"""Contribution of each factor of variation: direct transfer of sets that lack one factor each, all else equal.

    python -m benchmarks.leave_one_out --market …/Market-1501-v15.09.15 --out data/leave-one-out

Renders a set with all factors and one without each factor, and trains the network of `benchmarks.transfer` on each;
the next set is rendered meanwhile. `--trainings 2` trains on each set from two seeds, which shows the seed variance.
After an interruption, repeat the command: finished sets and trainings are kept.
"""

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from tqdm import tqdm

from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from benchmarks.workers.subprocesses import Start, call, check_market, mean_and_spread
from reid.reporting.markdown import markdown_table
from synth.planning.factors import Factor

EVERYTHING = "everything"
"""Name of the set with all factors."""


@dataclass(frozen=True)
class LeaveOneOutConfig:
    """Leave out each factor of variation in turn, and measure the direct transfer of the set."""

    market: Path
    """Folder of Market-1501, which contains bounding_box_train."""

    factors: tuple[Factor, ...] = get_args(Factor)
    """Factors to leave out, one per set."""

    ids: int = 100
    """Number of identities of each set."""

    frames: int = 4
    """Frames per clip."""

    samples: int = 4
    """Cycles samples per pixel."""

    steps: int = 400
    """Training steps."""

    seed: int = 0
    """Seed of the sets and of the first training."""

    trainings: int = 1
    """Number of trainings on each set, with consecutive seeds."""

    trainers: int = 1
    """Number of simultaneous trainings."""

    workers: int = 0
    """Number of rendering processes; 0: one per core, except one core for training."""

    out: Path = Path("data/leave-one-out")
    """Folder for the sets and the results of the trainings."""

    json: Path = Path("runs/leave_one_out.json")
    """File for the results."""

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        if self.trainings < 1 or self.trainers < 1:
            raise ValueError("--trainings and --trainers must be at least 1")


def leave_one_out(config: LeaveOneOutConfig, start: Start = call) -> None:
    """Render and train concurrently; write the results and print the table. `start` runs a module with arguments.

    Raises UserError if there is no Market-1501, or if --out was made with other options.
    """
    check_market(config.market)
    record_options(config)
    names = [EVERYTHING, *config.factors]
    # Every set is trained on once before any is trained on again, so that a first table comes sooner.
    runs = [(name, config.seed + number) for number in range(config.trainings) for name in names]
    with ThreadPoolExecutor(1) as renderer, ThreadPoolExecutor(config.trainers) as trainer:
        sets = {name: renderer.submit(render_set, config, name, start) for name in names}
        trained = [trainer.submit(train_on, config, name, seed, sets[name], start) for name, seed in runs]
        results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        try:
            for (name, _), one in zip(tqdm(runs, desc="leave out", unit="training"), trained, strict=True):
                results[name].append(one.result())
        except BaseException:
            for pool in (renderer, trainer):
                pool.shutdown(wait=False, cancel_futures=True)
            raise
    write_json(
        config.json,
        {"command": "python -m benchmarks.leave_one_out", "config": as_plain(config), "results": results},
    )
    print(table(results))


def record_options(config: LeaveOneOutConfig) -> None:
    """Write the options to --out. Raises UserError if its sets were made with other options."""
    record, told = config.out / "options.json", as_plain(config)
    asked = {name: told[name] for name in ("market", "ids", "frames", "samples", "steps", "seed")}
    if not record.is_file():
        config.out.mkdir(parents=True, exist_ok=True)
        write_json(record, asked)
    elif (found := json.loads(record.read_text())) != asked:
        name = next(name for name in asked if found.get(name) != asked[name])
        raise UserError(
            f"{config.out} was made with other options (--{name} {found.get(name)}): repeat them, or name another --out"
        )


def render_set(config: LeaveOneOutConfig, name: str, start: Start) -> Path:
    """Render the set without the factor `name`; returns its folder."""
    folder = config.out / name
    seeds = range(config.seed, config.seed + config.trainings)
    if all(result_of(config, name, seed).exists() for seed in seeds):
        return folder
    workers = config.workers or max(1, len(os.sched_getaffinity(0)) - 1)
    options = {"ids": config.ids, "frames": config.frames, "samples": config.samples, "seed": config.seed}
    words = [f"--{key}={value}" for key, value in {**options, "workers": workers, "out": folder}.items()]
    left_out = [] if name == EVERYTHING else [f"--without=[{name}]"]
    start("synth.render", [*words, *left_out])
    return folder


def train_on(config: LeaveOneOutConfig, name: str, seed: int, ready: "Future[Path]", start: Start) -> dict[str, Any]:
    """Train with `seed` on a set once it is `ready`, unless that is done already; returns the result.

    Raises UserError if that was done with other options.
    """
    folder, result = ready.result(), result_of(config, name, seed)
    options = {"ids": config.ids, "frames": config.frames, "steps": config.steps, "seed": seed}
    if not result.exists():
        paths = {"data": folder, "market": config.market, "json": result}
        words = [f"--{key}={value}" for key, value in {**paths, **options}.items()]
        start("benchmarks.transfer", [*words, "--no-untrained"])
    found: dict[str, Any] = json.loads(result.read_text())
    if any(found["config"][key] != value for key, value in options.items()):
        raise UserError(f"{result} was made with other options: repeat them, or name another folder with --out")
    return found["trained"] | {"loss": found["loss"]["identity"]}


def result_of(config: LeaveOneOutConfig, name: str, seed: int) -> Path:
    """File of the result of a training on a set."""
    return config.out / f"{name}-seed-{seed}.json"


def table(results: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """A Markdown table with one row per set: its missing factor, rank-1, mAP and the loss of mAP; largest loss first.

    Numbers are means over the trainings, with the standard deviation if there are several.
    """
    cost = {name: _mean(results[EVERYTHING], "mAP") - _mean(rows, "mAP") for name, rows in results.items()}
    order = sorted(results, key=lambda name: (name != EVERYTHING, -cost[name]))
    named = {name: "nothing" if name == EVERYTHING else name for name in order}
    return markdown_table(
        ("without", "rank-1", "mAP", "mAP lost"),
        [(named[n], _shown(results[n], "rank1"), _shown(results[n], "mAP"), f"{cost[n]:+.1f}") for n in order],
    )


def _mean(rows: Sequence[Mapping[str, float]], key: str) -> float:
    return statistics.mean(row[key] for row in rows)


def _shown(rows: Sequence[Mapping[str, float]], key: str) -> str:
    return mean_and_spread([row[key] for row in rows])


if __name__ == "__main__":
    run_command(leave_one_out, LeaveOneOutConfig, "python -m benchmarks.leave_one_out", goes_on=True)
