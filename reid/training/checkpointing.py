"""Checkpoints of a run: what is saved, and how a run resumes from it. Files of a run's folder:

config.yaml        resolved options                       metrics.jsonl   one row a step
checkpoint.pt      the training state                     tensorboard/    curves
checkpoints/       recent checkpoints                     result.json     metrics and provenance
model.safetensors  the finished network, for --init and reid.evaluate
best.pt            the checkpoint with the highest mAP on held-out identities, else the lowest mean loss
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from alignnet_common.errors import UserError
from alignnet_common.options import as_plain, with_current_names
from reid.configs.groups.model import PAPER_SETTINGS
from reid.configs.groups.training import TrainConfig
from reid.models.checkpoint import model_record
from reid.models.weights import load_strictly, read_torch_file, write_torch_file
from reid.runtime.run_dir import BEST, CHECKPOINT, CHECKPOINTS, CONFIG, also_as
from reid.training.schedule import Schedule
from reid.training.state import TrainState

OTHERWISE_DIVIDED = "people divided or named otherwise than now (a file of splits came, went or changed)"
"""Part of the message if the files of the data are the same but the identity split differs."""

FREE_TO_CHANGE = frozenset(
    {
        *("run", "resume", "data", "root", "init", "appearance_weights", "pose_weights"),
        *("max_steps", "workers", "cache_gib", "cache", "device", "checkpoint_every", "keep"),
        *("preset", "eval_every"),
    }
)
"""Options that may differ when a run resumes: paths, devices and length, which do not change what is computed."""


def read_checkpoint(
    run: Path, config: TrainConfig, data: Mapping[str, Any], rendered: str | None = None
) -> dict[str, Any] | None:
    """The checkpoint in the folder `run`, or None if there is none yet.

    Args:
        data: record of the data, see `reid.data.fingerprint.data_record`.
        rendered: fingerprint of the rendered set whose frames are added to each batch; None without one.

    Raises UserError if the checkpoint cannot be read, or was made with other options or other data.
    """
    path = run / CHECKPOINT
    if not path.is_file():
        return None
    checkpoint = read_torch_file(path)
    training = checkpoint.get("training") if isinstance(checkpoint, dict) else None
    if not isinstance(training, dict):
        raise UserError(f"{path}: not a checkpoint of a run; remove it to start again")
    # Runs saved before an option existed used its default, or the setting of the paper (PAPER_SETTINGS).
    before, given = as_plain(type(config)()) | PAPER_SETTINGS, as_plain(config)
    before |= with_current_names(type(config), training["config"])
    # The cosine schedule depends on the number of epochs; the plateau schedule does not.
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
    if training.get("division", data["division"]) != data["division"]:  # not in older runs
        raise UserError(f"{run}: was started with {OTHERWISE_DIVIDED}: put that back, or name another --run")
    if training.get("rendered", rendered) != rendered:  # not in older runs
        raise UserError(f"{run}: was started with another --rendered set than is there now; name another --run")
    return checkpoint


def save_checkpoint(
    state: TrainState,
    run: Path,
    config: TrainConfig,
    metadata: Mapping[str, Any],
    kept: Mapping[str, Any],
    best: bool,
) -> None:
    """Write checkpoint.pt atomically: a model file with `metadata`, and the training state beside it.

    Its other names come first: a run that is killed between them repeats the steps since the checkpoint before, and
    writes the same files again.

    kept -- plain values that the run needs later, at least the data's "fingerprint"; best -- whether it is the best so
    far, for best.pt, see `TrainState.improved`. The last `config.keep` checkpoints stay in checkpoints/.
    """
    record = model_record(state.model, metadata)
    record["training"] = {
        **kept,
        "config": as_plain(config),
        "step": state.step,
        "epoch": state.epoch,
        "batch": state.batch,
        "lowest": state.lowest,
        "best_validation": state.best_validation,
        "schedule": asdict(state.schedule),
        "optimizer": state.optimizer.state_dict(),
        # No code here draws from the global generators; their state is saved for code that might.
        "rng": {"torch": torch.get_rng_state(), "cuda": rng_of_gpus()},
    }
    written = run / CHECKPOINTS / f"step-{state.step:08d}.pt"
    write_torch_file(written, record)
    if best:
        also_as(written, run / BEST)
    also_as(written, run / CHECKPOINT)
    for old in sorted((run / CHECKPOINTS).glob("step-*.pt"))[: -config.keep]:
        old.unlink()


def restore(state: TrainState, checkpoint: dict[str, Any], run: Path) -> None:
    """Load a checkpoint into `state`. Raises UserError if it is of another network."""
    training = checkpoint["training"]
    load_strictly(state.model, checkpoint["state"], run / CHECKPOINT, "the network that the options describe")
    state.optimizer.load_state_dict(training["optimizer"])
    lay_out_as_parameters(state.optimizer)
    state.schedule = Schedule(**training["schedule"])
    state.lowest = training.get("lowest", math.inf)
    state.best_validation = training.get("best_validation", -math.inf)
    state.step, state.epoch, state.batch = training["step"], training["epoch"], training["batch"]
    torch.set_rng_state(training["rng"]["torch"])
    if training["rng"]["cuda"] and torch.cuda.device_count() == len(training["rng"]["cuda"]):
        torch.cuda.set_rng_state_all(training["rng"]["cuda"])


def lay_out_as_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Give optimizer state (momenta, moments) the memory format of its parameters, in place.

    A checkpoint from a GPU has channels last. On a CPU with contiguous parameters, fused optimizers would combine the
    elements of both in memory order, that is, the wrong ones; on a GPU they raise an error.
    """
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if torch.is_tensor(value) and value.shape == parameter.shape and value.stride() != parameter.stride():
                values[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def rng_of_gpus() -> list[torch.Tensor]:
    """State of the global generator of each GPU; empty if CUDA is not in use."""
    return torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
