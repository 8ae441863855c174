"""A run's folder: its configuration, its metrics, and the checkpoint that it goes on from.

config.yaml    the resolved options       metrics.jsonl   a row a step       result.json   the numbers
checkpoint.pt  everything that changes    model.pt        the finished network, for --init and reid.evaluate
checkpoints/   the last few of these      best.pt         the one before which the mean loss was lowest
tensorboard/   curves
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from alignnet_common.cli import as_plain
from alignnet_common.errors import UserError
from reid.configs.model import PAPER_SETTINGS
from reid.configs.training import TrainConfig
from reid.models.checkpoint import model_record
from reid.models.weights import load_strictly, read_torch_file, write_torch_file
from reid.runtime.run_dir import BEST, CHECKPOINT, CHECKPOINTS, CONFIG, also_as
from reid.training.schedule import Schedule
from reid.training.state import TrainState

OTHERWISE_DIVIDED = "people divided or named otherwise than now (a file of splits came, went or changed)"
"""What is said of a run whose data has the same files and other people in its halves."""

FREE_TO_CHANGE = frozenset(
    {
        *("run", "resume", "data", "root", "init", "appearance_weights", "pose_weights"),
        *("max_steps", "workers", "cache_gib", "cache", "device", "checkpoint_every", "keep"),
    }
)
"""Options that a resumed run may give otherwise: they say where and how long, not what is computed."""


def read_checkpoint(
    run: Path, config: TrainConfig, data: Mapping[str, Any], rendered: str | None = None
) -> dict[str, Any] | None:
    """The checkpoint in `run`, or None where there is none yet.

    data -- `reid.data.fingerprint.data_record` of it; rendered -- fingerprint of the rendered set beside it, None
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
    before, given = as_plain(type(config)()) | PAPER_SETTINGS | training["config"], as_plain(config)
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
