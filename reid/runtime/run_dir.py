"""The folder of a run: file names, opening it, the summary of its metrics."""

import math
import shutil
from pathlib import Path
from typing import Any

from alignnet_common.checked.forms import AtLeast
from alignnet_common.checked.json_file import rows_of
from alignnet_common.cli import DataclassInstance, save_config
from alignnet_common.errors import UserError
from alignnet_common.files import DISK_FULL, replacing, write_jsonl

CHECKPOINT, METRICS, RESULT, CONFIG = "checkpoint.pt", "metrics.jsonl", "result.json", "config.yaml"
CARD = "README.md"

MODEL, OLD_MODEL = "model.safetensors", "model.pt"
"""The finished network; the name that it had in earlier versions."""

CHECKPOINTS, BEST = "checkpoints", "best.pt"


def model_file(run: Path) -> Path:
    """The model file of a run's folder, of whichever version; `run` itself if it is no folder. It need not exist."""
    if not run.is_dir():
        return run
    old = run / OLD_MODEL
    return old if old.is_file() and not (run / MODEL).is_file() else run / MODEL


def check_run_folder(run: Path, resume: bool) -> None:
    """Raise UserError if the folder cannot be made, or if it holds a run and `resume` is False."""
    above = next(folder for folder in (run, *run.absolute().parents) if folder.exists())
    if not above.is_dir():
        raise UserError(f"{run}: cannot be made, {above} is a file; name another folder (--run)")
    names = (CONFIG, METRICS, CHECKPOINT, MODEL, OLD_MODEL, RESULT)
    found = [name for name in names if (run / name).exists()]
    if found and not resume:
        advice = "continue it (--resume) or name another folder (--run)"
        raise UserError(f"{run} holds a run already ({found[0]}): {advice}")


def finished_for_good(run: Path) -> bool:
    """Whether a run is finished and its checkpoint is removed, as reid.ablation leaves its runs: it cannot continue,
    and its result must not be touched."""
    return (run / RESULT).is_file() and model_file(run).is_file() and not (run / CHECKPOINT).is_file()


def open_run(run: Path, config: DataclassInstance, step: int) -> None:
    """Make the folder, write config.yaml, cut metrics.jsonl to the first `step` steps, and remove result.json.

    Steps after the checkpoint are repeated, and the result is written anew. Raises UserError if the folder cannot be
    made.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        if failure.errno in DISK_FULL:
            raise
        raise UserError(f"{run}: cannot be made ({failure.strerror}); name another folder (--run)") from failure
    save_config(config, run / CONFIG)
    metrics = run / METRICS
    write_jsonl(metrics, read_metrics(run, step) if metrics.is_file() else [])
    (run / RESULT).unlink(missing_ok=True)


LOSSES = ("loss", "identity", "ranking", "pose", "attention", "accuracy")
"""Losses, and shares like them, that a row of metrics.jsonl may have."""

ROW = {
    "step": AtLeast(1, int),
    "seconds?": AtLeast(0),
    "wait?": AtLeast(0),
    **{f"{name}?": float for name in LOSSES},
}
"""Form of a row of metrics.jsonl."""


def read_metrics(run: Path, last: float = math.inf) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl of a training up to the step `last`. Raises UserError where a row is damaged, or one of
    these lacks what the first has."""
    path = run / METRICS
    try:
        rows = [row for row in rows_of(path, ROW, strict=False) if row["step"] <= last]
    except ValueError as broken:
        raise UserError(f"{broken}: the file is damaged; name another run") from None
    for name in (*LOSSES, "seconds", "wait"):
        if any((name in row) != (name in rows[0]) for row in rows):
            raise UserError(f"{path}: {name} is in some rows alone: the file is damaged; name another run")
    return rows


def also_as(path: Path, name: Path) -> None:
    """Give a finished file a second name, atomically: a hard link, or a copy on file systems without hard links."""
    with replacing(name) as partial:
        try:
            partial.hardlink_to(path)
        except OSError as failure:
            if failure.errno in DISK_FULL:
                raise
            shutil.copyfile(path, partial)


def training_summary(run: Path) -> dict[str, Any]:
    """Steps, seconds, and the mean of each loss over the first and the last tenth of the steps, from metrics.jsonl."""
    rows = read_metrics(run)
    tenth = max(1, len(rows) // 10)
    parts = [name for name in LOSSES if rows and name in rows[0]]
    total = sum(row["seconds"] for row in rows)
    summary: dict[str, Any] = {
        "steps": len(rows),
        "seconds": round(total, 1),
        "wait_share": round(sum(row["wait"] * row["seconds"] for row in rows) / max(total, 1e-9), 4),
    }
    for name, some in (("first_tenth", rows[:tenth]), ("last_tenth", rows[-tenth:])):
        summary[name] = {part: round(sum(row[part] for row in some) / len(some), 4) for part in parts}
    return summary
