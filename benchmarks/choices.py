"""Effect on ranking of choices that the paper leaves open: one option changed at a time, over several seeds.

    python -m benchmarks.choices --market …/Market-1501-v15.09.15

Every training runs `reid.finetune` with one job on Market-1501's training half, without pre-training, and is tested on
identities of that half that were held out; the job's network is a small version of the paper's. After an interruption,
repeat the command: finished trainings are kept.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alignnet_common.cli import as_plain, run_command
from alignnet_common.files import write_atomically, write_json
from benchmarks.workers.subprocesses import Start, call_on_one_thread, check_market, mean_and_spread, side_by_side
from reid.reporting.markdown import markdown_table

AS_IT_IS = "as-it-is"
"""Name of the trainings without a change."""

OURS = ("--part-gain=30", "--part-pooling=attended", "--limb-fields=magnitude")
"""Options of this project's defaults, which replace the paper's settings of the job."""

CHOICES: dict[str, tuple[str, ...]] = {
    "stride-8": ("--stride=8",),
    "stride-32": ("--stride=32",),
    "tap-channels-16": ("--tap-channels=16",),
    "tap-channels-256": ("--tap-channels=256",),
    "margin-0.1": ("--margin=0.1",),
    "margin-0.6": ("--margin=0.6",),
    "identity-weight-0.5": ("--identity-weight=0.5",),
    "identity-weight-2": ("--identity-weight=2",),
    "frame-pooling-sum": ("--frame-pooling=sum",),
    "tail-drop": ("--tail=drop",),
    "tap-input-joints": ("--tap-input=joints",),
    "part-visibility-pose": ("--part-visibility=pose",),
    "letter": ("--part-gain=1", "--part-pooling=mean", "--limb-fields=signed"),
}
"""Changed options of reid.finetune by name. `letter` is the paper's Equations 2, 3 and 5."""


@dataclass(frozen=True)
class ChoicesConfig:
    """Train with each option changed in turn, over several seeds, and write a table of rank-1 and mAP."""

    market: Path
    """Folder of Market-1501, which contains bounding_box_train."""

    choices: tuple[str, ...] = tuple(CHOICES)
    """Names of the changes, tried one at a time."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the trainings. The test identities do not depend on them."""

    job: Path = Path("jobs/ablation-market-finetune.yaml")
    """YAML file with the options of every training (a job of reid.finetune)."""

    options: dict[str, str] = field(default_factory=dict)
    """Further options of every training: --options.epochs 1."""

    trainers: int = 0
    """Number of simultaneous trainings, one core each; 0: as many as there are cores."""

    out: Path = Path("runs/choices")
    """Folder for the runs, choices.json, and choices.md with the table."""

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        unknown = next((name for name in self.choices if name not in CHOICES), None)
        if unknown is not None:
            raise ValueError(f"--choices {unknown}: unknown; choose from {', '.join(CHOICES)}")
        if not self.seeds or min(self.seeds) < 0 or self.trainers < 0:
            raise ValueError("--seeds must name at least one, and neither they nor --trainers be negative")


def compare_choices(config: ChoicesConfig, start: Start = call_on_one_thread) -> None:
    """Train all changes with the first seed, then with the second, and so on, unless done already; write the table.

    `start` runs a module with arguments.
    Raises UserError if there is no Market-1501.
    """
    check_market(config.market)
    trainings = [(name, seed) for seed in config.seeds for name in (AS_IT_IS, *config.choices)]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in (AS_IT_IS, *config.choices)}

    def finish(training: tuple[str, int], one: dict[str, float]) -> None:
        results[training[0]].append(one)
        write_table(config, results)

    side_by_side(trainings, functools.partial(train_with, config, start), finish, config.trainers, "choices")
    print(table(results))


def train_with(config: ChoicesConfig, start: Start, training: tuple[str, int]) -> dict[str, float]:
    """Fine-tune with one change and one seed; returns rank-1 and mAP in percent.

    `reid.finetune --resume` skips a finished training, and refuses one with other options.
    """
    name, seed = training
    folder = config.out / name / f"seed-{seed}"
    options = {"root": config.market, "init": "none", "split": 0, "split-seed": 0, "seed": seed, "run": folder}
    words = [f"--{key}={value}" for key, value in {**options, "cache": config.out / "cache"}.items()]
    words += [*OURS, *(f"--{key}={value}" for key, value in config.options.items()), *CHOICES.get(name, ())]
    start("reid.finetune", [f"--config={config.job}", *words, *(["--resume"] if folder.exists() else [])])
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())["finetuned"]
    return {"rank1": found["rank1"], "mAP": found["mAP"]}


def write_table(config: ChoicesConfig, results: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Write the results so far, as JSON and as a Markdown table."""
    changed = {name: CHOICES.get(name, ()) for name in results}
    record = {"command": "python -m benchmarks.choices", "config": as_plain(config), "base": OURS, "changed": changed}
    config.out.mkdir(parents=True, exist_ok=True)
    write_json(config.out / "choices.json", {**record, "results": results})
    write_atomically(config.out / "choices.md", (table(results) + "\n").encode())


def table(results: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """A Markdown table with one row per choice: mean and standard deviation over the seeds of rank-1 and of mAP."""
    return markdown_table(
        ("changed", "rank-1", "mAP", "seeds"),
        [(name, _shown(rows, "rank1"), _shown(rows, "mAP"), str(len(rows))) for name, rows in results.items() if rows],
    )


def _shown(rows: Sequence[Mapping[str, float]], key: str) -> str:
    return mean_and_spread([row[key] for row in rows])


if __name__ == "__main__":
    run_command(compare_choices, ChoicesConfig, "python -m benchmarks.choices", goes_on=True)
