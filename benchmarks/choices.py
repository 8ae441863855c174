"""What the choices that the paper leaves open are worth in ranking: one option changed at a time, from several seeds.

    python -m benchmarks.choices --market …/Market-1501-v15.09.15

Every training is `reid.finetune` by one job on Market-1501's training half, from nothing, tested on people of that half
whom it has not seen; its default is the paper's network as we have it, small. What is finished stays: the same
command goes on.
"""

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from alignnet_common.cli import as_plain, run_command
from alignnet_common.files import write_atomically, write_json
from benchmarks.workers.subprocesses import call, check_market, mean_and_spread
from reid.reporting.markdown import markdown_table

AS_IT_IS = "as-it-is"
"""The name of the trainings in which nothing is changed."""

OURS = ("--part-gain=30", "--part-pooling=attended", "--limb-fields=magnitude")
"""What our defaults change in the job, which names the paper's letter."""

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
"""What is changed, by name: options of reid.finetune. `letter` is the paper's Equations 2, 3 and 5."""


@dataclass(frozen=True)
class ChoicesConfig:
    """Train with each choice changed in turn, from several seeds, and write the table of what that did to ranking."""

    market: Path
    """Folder of Market-1501, with bounding_box_train in it."""

    choices: tuple[str, ...] = tuple(CHOICES)
    """What is changed, one after another, by name."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the trainings. The people who are tested on do not depend on them."""

    job: Path = Path("jobs/ablation-market-finetune.yaml")
    """YAML file with the options of every training (a job of reid.finetune)."""

    options: dict[str, str] = field(default_factory=dict)
    """Further options of every training: --options.epochs 1."""

    trainers: int = 0
    """Trainings that run at a time, a core each; 0 is as many as there are cores."""

    out: Path = Path("runs/choices")
    """Folder of the runs; choices.json and choices.md with the table."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant."""
        unknown = next((name for name in self.choices if name not in CHOICES), None)
        if unknown is not None:
            raise ValueError(f"--choices: there is no {unknown}: it is one of {', '.join(CHOICES)}")
        if not self.seeds or min(self.seeds) < 0 or self.trainers < 0:
            raise ValueError("--seeds must name at least one, and neither they nor --trainers be negative")


def compare_choices(config: ChoicesConfig) -> None:
    """Train what is not trained yet, every choice from the first seed before any from the second; write the table.

    Raises UserError where there is no Market-1501.
    """
    check_market(config.market)
    trainings = [(name, seed) for seed in config.seeds for name in (AS_IT_IS, *config.choices)]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in (AS_IT_IS, *config.choices)}
    with ThreadPoolExecutor(config.trainers or len(os.sched_getaffinity(0))) as trainer:
        trained = [trainer.submit(train_with, config, name, seed) for name, seed in trainings]
        try:
            for (name, _), one in zip(tqdm(trainings, desc="choices", unit="training"), trained, strict=True):
                results[name].append(one.result())
                write_table(config, results)
        except BaseException:
            trainer.shutdown(wait=False, cancel_futures=True)
            raise
    print(table(results))


def train_with(config: ChoicesConfig, name: str, seed: int) -> dict[str, float]:
    """Fine-tune with a choice changed; returns rank-1 and mAP in %.

    What has been trained is not trained again (`reid.finetune --resume` sees to that, and that it was with the same
    options).
    """
    folder = config.out / name / f"seed-{seed}"
    options = {"root": config.market, "init": "none", "split": 0, "split-seed": 0, "seed": seed, "run": folder}
    words = [f"--{key}={value}" for key, value in {**options, "cache": config.out / "cache"}.items()]
    words += [*OURS, *(f"--{key}={value}" for key, value in config.options.items()), *CHOICES.get(name, ())]
    call("reid.finetune", [f"--config={config.job}", *words, *(["--resume"] if folder.exists() else [])], threads=1)
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())["finetuned"]
    return {"rank1": found["rank1"], "mAP": found["mAP"]}


def write_table(config: ChoicesConfig, results: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """What is known so far, for machines and for people."""
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
