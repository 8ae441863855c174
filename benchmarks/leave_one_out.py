"""Leave-one-out ablation of the factors of variation: direct transfer of synthetic data sets that lack one factor.

    python -m benchmarks.leave_one_out --market …/Market-1501-v15.09.15 --out data/leave-one-out

Renders a data set with all factors and one without each factor, and trains the network of `benchmarks.transfer` on each
while the next is rendered. `--trainings 2` trains on each data set with two seeds, to show the variance. The same
command continues an interrupted one.
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
from alignnet_common.options import bounded, check_ranges
from benchmarks.workers.subprocesses import call, check_market, mean_and_spread
from synth.planning.factors import Factor

EVERYTHING = "everything"
"""Name of the data set with all factors."""


@dataclass(frozen=True)
class LeaveOneOutConfig:
    """Render data sets that lack one factor of variation each, and measure their direct transfer to Market-1501."""

    market: Path
    """Folder of Market-1501, with bounding_box_train in it."""

    factors: tuple[Factor, ...] = get_args(Factor)
    """Factors to leave out."""

    ids: int = 100
    """Identities of each data set."""

    frames: int = 4
    """Frames per clip."""

    samples: int = 8
    """Cycles samples per pixel."""

    steps: int = 400
    """Training steps."""

    seed: int = 0
    """Seed of the data sets and of the first training."""

    trainings: int = bounded(1, at_least=1)
    """Trainings on each data set, with successive seeds."""

    trainers: int = bounded(1, at_least=1)
    """Number of simultaneous trainings."""

    workers: int = 0
    """Rendering processes; 0 = the number of cores less one."""

    out: Path = Path("data/leave-one-out")
    """Folder of the data sets and their results."""

    json: Path = Path("runs/leave_one_out.json")
    """File for the results."""

    def __post_init__(self) -> None:
        check_ranges(self)


def leave_one_out(config: LeaveOneOutConfig) -> None:
    """Render and train in parallel; write and print the table.

    Raises UserError where Market-1501 is missing, or --out is of other options.
    """
    check_market(config.market)
    remember(config)
    names = [EVERYTHING, *config.factors]
    # All first trainings precede the second ones.
    runs = [(name, config.seed + number) for number in range(config.trainings) for name in names]
    with ThreadPoolExecutor(1) as renderer, ThreadPoolExecutor(config.trainers) as trainer:
        sets = {name: renderer.submit(render_set, config, name) for name in names}
        trained = [trainer.submit(train_on, config, name, seed, sets[name]) for name, seed in runs]
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
    print("\n".join(table(results)))


def remember(config: LeaveOneOutConfig) -> None:
    """Write the options of the data sets into --out. Raises UserError where --out has others."""
    record, told = config.out / "options.json", as_plain(config)
    asked = {name: told[name] for name in ("market", "ids", "frames", "samples", "steps", "seed")}
    if not record.is_file():
        config.out.mkdir(parents=True, exist_ok=True)
        write_json(record, asked)
    elif (found := json.loads(record.read_text())) != asked:
        name = next(name for name in asked if found.get(name) != asked[name])
        raise UserError(
            f"{config.out} is of other options (--{name} {found.get(name)}): repeat them, or name another --out"
        )


def render_set(config: LeaveOneOutConfig, name: str) -> Path:
    """Render the data set without the factor `name`; returns its folder."""
    folder = config.out / name
    seeds = range(config.seed, config.seed + config.trainings)
    if all(result_of(config, name, seed).exists() for seed in seeds):
        return folder
    workers = config.workers or max(1, len(os.sched_getaffinity(0)) - 1)
    options = {"ids": config.ids, "frames": config.frames, "samples": config.samples, "seed": config.seed}
    words = [f"--{key}={value}" for key, value in {**options, "workers": workers, "out": folder}.items()]
    left_out = [] if name == EVERYTHING else [f"--without=[{name}]"]
    call("synth.render", [*words, *left_out])
    return folder


def train_on(config: LeaveOneOutConfig, name: str, seed: int, ready: "Future[Path]") -> dict[str, Any]:
    """Train with `seed` on a data set once it is rendered (`ready`), unless done; returns the result.

    Raises UserError where a finished training had other options.
    """
    folder, result = ready.result(), result_of(config, name, seed)
    options = {"ids": config.ids, "frames": config.frames, "steps": config.steps, "seed": seed}
    if not result.exists():
        paths = {"data": folder, "market": config.market, "json": result}
        words = [f"--{key}={value}" for key, value in {**paths, **options}.items()]
        call("benchmarks.transfer", [*words, "--no-untrained"])
    found: dict[str, Any] = json.loads(result.read_text())
    if any(found["config"][key] != value for key, value in options.items()):
        raise UserError(f"{result} is of other options: repeat them, or name another folder with --out")
    return found["trained"] | {"loss": found["loss"]["identity"]}


def result_of(config: LeaveOneOutConfig, name: str, seed: int) -> Path:
    """File of the result of a training."""
    return config.out / f"{name}-seed-{seed}.json"


def table(results: Mapping[str, Sequence[Mapping[str, float]]]) -> list[str]:
    """A line per data set: missing factor, rank-1, mAP, and loss of mAP, in descending order of the loss.

    Figures are means over the trainings, with the standard deviation if there are several.
    """
    cost = {name: _mean(results[EVERYTHING], "mAP") - _mean(rows, "mAP") for name, rows in results.items()}
    order = sorted(results, key=lambda name: (name != EVERYTHING, -cost[name]))
    return ["| without | rank-1 | mAP | mAP lost |", "|---|---|---|---|"] + [
        f"| {'nothing' if name == EVERYTHING else name} | {_shown(results[name], 'rank1')} "
        f"| {_shown(results[name], 'mAP')} | {cost[name]:+.1f} |"
        for name in order
    ]


def _mean(rows: Sequence[Mapping[str, float]], key: str) -> float:
    return statistics.mean(row[key] for row in rows)


def _shown(rows: Sequence[Mapping[str, float]], key: str) -> str:
    return mean_and_spread([row[key] for row in rows])


if __name__ == "__main__":
    run_command(leave_one_out, LeaveOneOutConfig, "python -m benchmarks.leave_one_out", goes_on=True)
