"""A run's folder: its configuration, its metrics, and the checkpoint that it goes on from.

config.yaml    the resolved options       metrics.jsonl   a row a step       result.json   the numbers
checkpoint.pt  everything that changes    model.pt        the finished network, for --init and reid.evaluate
checkpoints/   the last few of these      best.pt         the one before which the mean loss was lowest
tensorboard/   curves
"""

import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from alignnet_common.cli import DataclassInstance, UserError, as_plain, save_config
from alignnet_common.files import DISK_FULL, read_jsonl, replacing, write_jsonl
from reid.configs.training import TrainConfig
from reid.models.alignnet import LETTER
from reid.models.checkpoint import model_record
from reid.models.weights import load_strictly, read_torch_file, write_torch_file
from reid.training.loop import TrainState
from reid.training.schedule import Schedule

CHECKPOINT, MODEL, METRICS, RESULT, CONFIG = "checkpoint.pt", "model.pt", "metrics.jsonl", "result.json", "config.yaml"

CHECKPOINTS, BEST = "checkpoints", "best.pt"

OTHERWISE_DIVIDED = "people divided or named otherwise than now (a file of splits came, went or changed)"
"""What is said of a run whose data has the same files and other people in its halves."""

FREE_TO_CHANGE = frozenset(
    {
        *("run", "resume", "data", "root", "init", "appearance_weights", "pose_weights"),
        *("max_steps", "workers", "cache_gib", "cache", "device", "checkpoint_every", "keep"),
    }
)
"""Options that a resumed run may give otherwise: they say where and how long, not what is computed."""


def check_run_folder(run: Path, resume: bool) -> None:
    """Raise UserError where `run` cannot be made, or holds a run that was not asked to go on."""
    above = next(folder for folder in (run, *run.absolute().parents) if folder.exists())
    if not above.is_dir():
        raise UserError(f"{run}: cannot be made, {above} is a file; name another folder (--run)")
    found = [name for name in (CONFIG, METRICS, CHECKPOINT, MODEL, RESULT) if (run / name).exists()]
    if found and not resume:
        raise UserError(f"{run} holds a run already ({found[0]}): go on with it (--resume) or name another (--run)")


def finished_for_good(run: Path) -> bool:
    """Whether `run` is finished and keeps no checkpoint, as a grid's trainings do: there is nothing to go on from, and
    what it found must stay."""
    return (run / RESULT).is_file() and (run / MODEL).is_file() and not (run / CHECKPOINT).is_file()


def read_checkpoint(
    run: Path, config: TrainConfig, data: Mapping[str, Any], rendered: str | None = None
) -> dict[str, Any] | None:
    """The checkpoint in `run`, or None where there is none yet.

    data -- `reid.evaluation.retrieval.data_record` of it; rendered -- fingerprint of the rendered set beside it, None
    where there is none.
    Raises UserError where it cannot be read, or was made with other options or other data.
    """
    path = run / CHECKPOINT
    if not path.is_file():
        return None
    checkpoint = read_torch_file(path)
    training = checkpoint.get("training") if isinstance(checkpoint, dict) else None
    if not isinstance(training, dict):
        raise UserError(f"{path}: not a checkpoint of a run; remove it to start again")
    # An option that the run did not know yet had, as it were, its default, or the paper's letter.
    before, given = as_plain(type(config)()) | LETTER | training["config"], as_plain(config)
    # The cosine ends where the epochs do; the plateau knows no end.
    free = FREE_TO_CHANGE | ({"epochs"} if config.schedule == "plateau" else set())
    changed = [name for name in given if name not in free and before.get(name) != given[name]]
    if changed:
        name = changed[0]
        raise UserError(
            f"{run}: was started with {name} {before.get(name)}, not {given[name]}: "
            f"resume it with --config {run / CONFIG} --resume, or name another --run"
        )
    if training["fingerprint"] != data["fingerprint"]:
        raise UserError(f"{run}: was started on other data than is there now; name another --run")
    if training.get("division", data["division"]) != data["division"]:  # runs from before it was kept have none
        raise UserError(f"{run}: was started with {OTHERWISE_DIVIDED}: put that back, or name another --run")
    if training.get("rendered", rendered) != rendered:  # runs from before it was kept have none
        raise UserError(f"{run}: was started with another --rendered set than is there now; name another --run")
    return checkpoint


def open_run(run: Path, config: DataclassInstance, step: int) -> None:
    """Make the folder, write the resolved options of the command, and leave in metrics.jsonl the rows up to `step`
    alone.

    Rows past the checkpoint are done again; so is the result.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        if failure.errno in DISK_FULL:
            raise
        raise UserError(f"{run}: cannot be made ({failure.strerror}); name another folder (--run)") from failure
    save_config(config, run / CONFIG)
    metrics = run / METRICS
    kept = [row for row in read_jsonl(metrics) if row["step"] <= step] if metrics.is_file() else []
    write_jsonl(metrics, kept)
    (run / RESULT).unlink(missing_ok=True)


def save_checkpoint(
    state: TrainState,
    run: Path,
    config: TrainConfig,
    metadata: Mapping[str, Any],
    kept: Mapping[str, Any],
    lowest: bool,
) -> None:
    """Write checkpoint.pt atomically: a model file (with `metadata`) that also holds all that training changes.

    `kept` is plain values that the rest of the run needs: at least the data's "fingerprint". The last `config.keep`
    stay in checkpoints/ too, and one with the lowest loss so far in best.pt.
    """
    record = model_record(state.model, metadata)
    record["training"] = {
        **kept,
        "config": as_plain(config),
        "step": state.step,
        "epoch": state.epoch,
        "batch": state.batch,
        "lowest": state.lowest,
        "schedule": asdict(state.schedule),
        "optimizer": state.optimizer.state_dict(),
        # Nothing draws from the global generators; they are kept all the same.
        "rng": {"torch": torch.get_rng_state(), "cuda": rng_of_gpus()},
    }
    write_torch_file(run / CHECKPOINT, record)
    also_as(run / CHECKPOINT, run / CHECKPOINTS / f"step-{state.step:08d}.pt")
    for old in sorted((run / CHECKPOINTS).glob("step-*.pt"))[: -config.keep]:
        old.unlink()
    if lowest:
        also_as(run / CHECKPOINT, run / BEST)


def also_as(path: Path, name: Path) -> None:
    """Give a finished file another name, atomically; a copy where the disk knows no links."""
    with replacing(name) as partial:
        try:
            partial.hardlink_to(path)
        except OSError as failure:
            if failure.errno in DISK_FULL:
                raise
            shutil.copyfile(path, partial)


def restore(state: TrainState, checkpoint: dict[str, Any], run: Path) -> None:
    """Bring `state` to where the checkpoint was written. Raises UserError where it is another network's."""
    training = checkpoint["training"]
    load_strictly(state.model, checkpoint["state"], run / CHECKPOINT, "the network that the options describe")
    state.optimizer.load_state_dict(training["optimizer"])
    lay_out_as_parameters(state.optimizer)
    state.schedule = Schedule(**training["schedule"])
    state.lowest = training.get("lowest", math.inf)
    state.step, state.epoch, state.batch = training["step"], training["epoch"], training["batch"]
    torch.set_rng_state(training["rng"]["torch"])
    if training["rng"]["cuda"] and torch.cuda.device_count() == len(training["rng"]["cuda"]):
        torch.cuda.set_rng_state_all(training["rng"]["cuda"])


def lay_out_as_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Give momenta and the like the layout in memory of their parameters, in place.

    A checkpoint of a GPU, where channels lie innermost, brings its own. On a CPU, where they do not, fused optimizers
    would pair one weight with the momentum of another; on a GPU they refuse.
    """
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if torch.is_tensor(value) and value.shape == parameter.shape and value.stride() != parameter.stride():
                values[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def rng_of_gpus() -> list[torch.Tensor]:
    """The state of each GPU's global generator, where GPUs are in use."""
    return torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []


def training_summary(run: Path) -> dict[str, Any]:
    """Steps, seconds, and the mean of each part of the loss over the first and the last tenth of the steps."""
    rows = read_jsonl(run / METRICS)
    tenth = max(1, len(rows) // 10)
    known = ("loss", "identity", "ranking", "pose", "attention", "accuracy")
    parts = [name for name in known if rows and name in rows[0]]
    summary: dict[str, Any] = {
        "steps": len(rows),
        "seconds": round(sum(row["seconds"] for row in rows), 1),
        "wait_share": round(sum(row["wait"] * row["seconds"] for row in rows) / sum(r["seconds"] for r in rows), 4)
        if rows
        else 0.0,
    }
    for name, some in (("first_tenth", rows[:tenth]), ("last_tenth", rows[-tenth:])):
        summary[name] = {part: round(sum(row[part] for row in some) / len(some), 4) for part in parts}
    return summary
