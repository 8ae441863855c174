"""The training loop and what it stands on: parameter groups, schedule, losses."""

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from tqdm import tqdm

from alignnet_common.errors import UserError
from reid.data.loading.mixed_batches import PREFIX, mixed, taken_apart
from reid.data.loading.sampler import IDS_PER_BATCH, BatchOption, Draw, PKSampler
from reid.data.transforms.augmentation import augmented
from reid.models.alignnet import AlignNet
from reid.models.batch_norm import freeze_norms
from reid.models.weights import write_torch_file
from reid.runtime.distributed import Group, mean_of_all
from reid.runtime.memory import enough_memory
from reid.training.logger import StepLog
from reid.training.objective import chunk_losses, true_maps_of
from reid.training.pose_cache import frozen_maps, with_maps_of_covered
from reid.training.setup import last_step, planned_steps
from reid.training.state import Setting, TrainingSet, TrainState


def train(state: TrainState, data: TrainingSet, setting: Setting, save: Callable[[TrainState, bool], None]) -> None:
    """Train from `state` on to the last step: a row of RUN/metrics.jsonl a step, and `save` now and then.

    With `--pose-maps cached` the maps of all frames come first; the baseline needs none.
    `save` is told whether the mean loss since the last time is the lowest so far. Raises UserError where the loss stops
    being a number, or memory is short. Of a group, every process calls this, and the first one writes.
    """
    config, group, device = setting.config, setting.group, setting.device
    last = last_step(config, data.sampler)
    if config.pose_maps == "cached" and state.model.pose is not None:
        data.dataset.maps = frozen_maps(state.model, data.dataset.tracklets, data.store, config, device)
    loader = _loader(data, _draws(data.sampler, state.epoch, state.batch, config.epochs, group), setting)
    if data.rendered is not None:
        first = divmod(state.step, data.rendered.sampler.batches)
        draws = _draws(data.rendered.sampler, *first, epochs=first[0] + last, group=group)  # one a step at least
        loader = mixed(loader, _loader(data.rendered, draws, setting))
    network = shared(state.model, device, group)
    network.train()
    if config.batch_norm == "frozen":
        freeze_norms(network)
    batches = iter(loader)
    waited, started = 0.0, time.perf_counter()
    since_checkpoint: list[float] = []
    with (
        StepLog(setting.run, state.step) if group.leads else nullcontext() as log,
        training_bar(state.step, last, group) as bar,
    ):
        while state.step < last:
            begun = time.perf_counter()
            batch = next_of(batches)
            wait = time.perf_counter() - begun
            with explained(batch, state.step + 1, setting, data.sampler.option):
                row = _step(state, network, batch, setting, data.sampler)
            seconds = time.perf_counter() - begun
            waited += wait
            since_checkpoint.append(row["loss"])
            share = waited / (time.perf_counter() - started)
            bar.set_postfix(loss=f"{row['loss']:.3f}", wait=f"{share:.0%}", refresh=False)
            bar.update()
            if log is None:
                continue
            log.add(row | {"seconds": round(seconds, 4), "wait": round(wait / seconds, 4)})
            if state.step % config.checkpoint_every == 0 or state.step == last:
                log.sync()
                mean, since_checkpoint = math.fsum(since_checkpoint) / len(since_checkpoint), []
                lowest, state.lowest = mean < state.lowest, min(mean, state.lowest)
                save(state, lowest)


def next_of(batches: Iterator[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The next batch. A mistake of the user that a worker finds comes with the worker's traceback: its line is kept."""
    try:
        return next(batches)
    except UserError as mistake:
        raise UserError(str(mistake).rsplit("UserError: ", 1)[-1].strip()) from None


@contextmanager
def explained(
    batch: dict[str, Tensor], step: int, setting: Setting, option: BatchOption = IDS_PER_BATCH
) -> Iterator[None]:
    """Turn what stops a step into one line: UserError where the loss is no number (the batch is saved to
    RUN/bad_batch.pt), or where memory is short.
    """
    run, group = setting.run, setting.group
    count, length, _, height, width = batch["frames"].shape
    recompute = "pass --recompute in place of --compile, or " if setting.config.compile else "pass --recompute, or "
    chunks = f"{'' if setting.config.recompute else recompute}lower --chunks-per-id, --ids-per-batch or --chunk"
    whole = option == IDS_PER_BATCH  # else a command of few options, whose one learning rate is --lr
    advice = chunks if whole else f"lower {option.name}"
    try:
        with enough_memory(f"{count} chunks of {length} frames of {height} × {width}", advice):
            yield
    except FloatingPointError as failure:
        path = run / ("bad_batch.pt" if group.size == 1 else f"bad_batch-{group.rank}.pt")
        write_torch_file(path, batch)
        clip = f"{'lower' if setting.config.clip_norm else 'give'} --clip-norm"
        calmer = f"lower the learning rates (--lr-…), or {clip}" if whole else "lower --lr"
        raise UserError(f"{failure} at step {step}: its batch is in {path}; {calmer}") from None


def shared(model: AlignNet, device: torch.device, group: Group) -> nn.Module:
    """The model, whose gradients are the mean over the group's processes."""
    if group.size == 1:
        return model
    return DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)


def training_bar(step: int, last: int, group: Group) -> "tqdm[NoReturn]":
    """Progress from `step` to `last`; looked at less often where it goes to a file, and of a group but once."""
    interval = 0.1 if sys.stderr.isatty() else 30.0
    return tqdm(total=last, initial=step, desc="training", unit="step", mininterval=interval, disable=not group.leads)


def on_device(batch: dict[str, Tensor], setting: Setting) -> dict[str, Tensor]:
    """The loader's batch on the device, its chunks augmented there, with the true pose maps where they are wanted."""
    config = setting.config
    moved = {name: tensor.to(setting.device, non_blocking=True) for name, tensor in batch.items()}
    own, rendered = taken_apart(moved)
    found = augmented(own, config.pose_scale)
    if rendered:
        found |= {PREFIX + name: tensor for name, tensor in augmented(rendered, config.pose_scale).items()}
    return found | {"maps": true_maps_of(found, config.pose_scale)} if config.pose_maps == "truth" else found


def _step(
    state: TrainState, network: nn.Module, batch: dict[str, Tensor], setting: Setting, sampler: PKSampler
) -> dict[str, Any]:
    """One step of the optimizer; returns its row of metrics."""
    config = setting.config
    factor = state.schedule.factor(config, state.step, planned_steps(config, sampler))
    for rates in state.optimizer.param_groups:
        rates["lr"] = factor * rates["rate"]
    batch = on_device(batch, setting)
    if (
        config.pose_maps == "cached"
        and state.model.pose is not None
        and batch.get("covered", torch.tensor(False)).any()
    ):
        batch = with_maps_of_covered(state.model.pose, batch, config)
    losses = chunk_losses(network, batch, setting)
    state.optimizer.zero_grad(set_to_none=True)
    losses["loss"].backward()
    means = mean_of_all(torch.stack([value.detach() for value in losses.values()]), setting.group).tolist()
    values = dict(zip(losses, means, strict=True))
    if not math.isfinite(values["loss"]):
        raise FloatingPointError(f"the loss is {values['loss']}")
    # Of finite losses gradients may be infinite: a step by them would leave no network behind.
    norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.clip_norm or math.inf)
    if not torch.isfinite(norm):
        raise FloatingPointError(f"the gradient is {norm.item()}")
    state.optimizer.step()
    state.schedule.add(values["loss"])
    row: dict[str, Any] = {"step": state.step + 1, "epoch": state.epoch, **values}
    row["lr"] = {rates["name"]: rates["lr"] for rates in state.optimizer.param_groups}
    state.step, state.batch = state.step + 1, state.batch + 1
    if state.batch == sampler.batches:
        state.epoch, state.batch = state.epoch + 1, 0
        state.schedule.end_epoch(config)
    return row


def _loader(data: TrainingSet, draws: Iterator[list[Draw]], setting: Setting) -> Iterable[dict[str, Tensor]]:
    return DataLoader(
        data.dataset,
        batch_sampler=draws,
        num_workers=setting.config.workers,
        pin_memory=setting.device.type == "cuda",
        generator=torch.Generator(),  # else the loader draws from the global generator
    )


def _draws(sampler: PKSampler, epoch: int, batch: int, epochs: int, group: Group) -> Iterator[list[Draw]]:
    """This process's share of the batches from batch `batch` of epoch `epoch` to the end of the last epoch."""
    for number in range(epoch, epochs):
        for draws in sampler.epoch(number)[batch if number == epoch else 0 :]:
            yield group.share(draws)
