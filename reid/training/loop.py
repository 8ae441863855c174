"""The training loop and what it stands on: parameter groups, schedule, losses."""

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from tqdm import tqdm

from alignnet_common.cli import UserError
from reid.configs.training import TrainConfig
from reid.data.loading.chunk_dataset import ChunkDataset, FrameStore
from reid.data.loading.chunks import Chunk, training_chunks
from reid.data.loading.mixed_batches import PREFIX, mixed, taken_apart
from reid.data.loading.sampler import IDS_PER_BATCH, BatchOption, Draw, PKSampler, remarks_on
from reid.data.transforms.augmentation import AugmentationRange, augmented
from reid.data.types import ReidData
from reid.functional.losses import attention_loss, batch_hard_ranking_loss, identity_loss, pose_loss
from reid.functional.pose_targets import PoseTargets, pose_targets
from reid.models.alignnet import AlignNet, ModelConfig
from reid.models.batch_norm import freeze_norms
from reid.models.weights import write_torch_file
from reid.runtime.distributed import ALONE, Group, mean_of_all, of_all
from reid.runtime.memory import enough_memory
from reid.runtime.precision import autocast
from reid.training.logger import StepLog
from reid.training.pose_cache import check_maps_fit, frozen_maps, with_maps_of_covered
from reid.training.schedule import Schedule

ConfigT = TypeVar("ConfigT", bound=TrainConfig)


@dataclass
class TrainState:
    """All that changes while training; what a checkpoint holds."""

    model: AlignNet
    optimizer: torch.optim.Optimizer
    schedule: Schedule = field(default_factory=Schedule)

    step: int = 0
    """Steps done."""

    epoch: int = 0
    """Epochs done."""

    batch: int = 0
    """Batches done of this epoch: the sampler's position."""

    lowest: float = math.inf
    """Lowest mean loss between two checkpoints so far."""


@dataclass(frozen=True)
class Setting:
    """What stays as it is while training."""

    config: TrainConfig

    run: Path
    """Folder that metrics go to."""

    device: torch.device

    group: Group = ALONE
    """The processes that train together."""

    pose_weight: float = 0.0
    """Weight of the pose loss, where the data have joints."""

    attention_weight: float = 0.0
    """Weight of the loss that teaches TAP how much is seen, where the data know it."""

    attention_apart: bool = False
    """Whether nothing else teaches TAP, and it teaches nothing else."""


@dataclass(frozen=True)
class TrainingSet:
    """Chunks to train on, and the order in which they come."""

    dataset: ChunkDataset
    sampler: PKSampler
    store: FrameStore
    remarks: list[str]
    """What about the people is not as batches would have it."""
    rendered: "TrainingSet | None" = None
    """Frames of a rendered set that go beside each batch, for the pose network alone."""


def pick_device(name: str) -> torch.device:
    """The device asked for; "auto" = a CUDA GPU where there is one, and for each process of a machine its own.

    Raises UserError where it is not there.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda, but PyTorch finds no CUDA GPU here: use --device cpu")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    place = int(os.environ.get("LOCAL_RANK", "0"))
    if place >= torch.cuda.device_count():
        raise UserError(f"{torch.cuda.device_count()} GPUs for {place + 1} processes or more: lower --nproc-per-node")
    torch.cuda.set_device(place)
    return torch.device("cuda", place)


def device_name(device: torch.device, group: Group = ALONE) -> str:
    """The device in words, and how many processes have one."""
    of_each = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    return f"{device.type} ({of_each}{f' each of {group.size} processes' if group.size > 1 else ''})"


def with_frozen_pose(config: ConfigT) -> ConfigT:
    """The options, in which the pose network is frozen where something else than it says where the parts are."""
    return config if config.pose_maps == "network" else replace(config, lr_pose=0.0)


def network_config(config: TrainConfig) -> ModelConfig:
    """The network that the options describe."""
    return ModelConfig(
        variant=config.variant,
        appearance=config.appearance,
        appearance_weights=config.appearance_weights,
        stride=config.stride,
        pose_stages=config.pose_stages,
        pose_width=config.pose_width,
        pose_weights=config.pose_weights,
        pose_scale=config.pose_scale,
        tap_channels=config.tap_channels,
        tap_input=config.tap_input,
        limb_fields=config.limb_fields,
        part_gain=config.part_gain,
        part_pooling=config.part_pooling,
        frame_pooling=config.frame_pooling,
        frame_gain=config.frame_gain,
        part_visibility=config.part_visibility,
    )


def build_network(config: TrainConfig, classes: int, resumed: bool = False) -> AlignNet:
    """The network that the options describe, its random weights drawn from the seed; on the CPU.

    `resumed` -- all weights, but maybe the classifier's, will come from a run's file: none are downloaded or read here.
    """
    network = network_config(config)
    start = replace(network, appearance_weights="none", pose_weights=None) if resumed else network
    model = AlignNet(start, classes, torch.Generator().manual_seed(config.seed))
    model.config = network
    return model


def make_training_set(
    config: TrainConfig,
    data: ReidData,
    with_joints: bool = False,
    new_place: float = 0.0,
    option: BatchOption = IDS_PER_BATCH,
) -> TrainingSet:
    """The training chunks of `data`, the PK sampler over them, and all frames of `data`, decoded.

    `with_joints` and `new_place` (the chance of another chunk's place behind a chunk's people) need a rendered set;
    `option` says how many identities a batch has.

    Raises UserError where P is more than the identities, a frame (or the joints) cannot be read, or pose maps are to be
    cached and do not fit in memory.
    """
    if config.pose_maps == "cached" and config.variant != "baseline":
        check_maps_fit(data.train, config)
    chunks, sampler = chunks_and_sampler(config, data, option)
    paths = (frame for tracklet in data.tracklets for frame in tracklet.frames)
    store = FrameStore(paths, config.height, config.width, config.cache_gib, config.cache)
    limits = AugmentationRange(config.flip, config.shift, config.erase, config.colour, new_place, config.cover)
    dataset = ChunkDataset(data.train, chunks, store, limits, config.seed, with_joints)
    return TrainingSet(dataset, sampler, store, remarks_on(chunks, config.chunks_per_id))


def chunks_and_sampler(
    config: TrainConfig, data: ReidData, option: BatchOption = IDS_PER_BATCH
) -> tuple[tuple[Chunk, ...], PKSampler]:
    """The training chunks of `data` and the PK sampler over them. Raises UserError where P is more than the identities.

    Nothing is decoded yet.
    """
    chunks = training_chunks(data.train, config.chunk, config.overlap, config.tail)
    return chunks, PKSampler(chunks, config.ids_per_batch, config.chunks_per_id, config.seed, option)


def make_optimizer(model: AlignNet, config: TrainConfig) -> torch.optim.Optimizer:
    """SGD with momentum, or AdamW, with a learning rate for each of the four groups (paper, Section 4.2).

    The weights of a group whose learning rate is 0 stay; what its batch norms remember moves all the same, see
    `freeze_norms`.
    """
    groups = []
    for name, parameters in model.parameter_groups().items():
        rate = getattr(config, f"lr_{name}")
        if rate == 0:
            for parameter in parameters:
                parameter.requires_grad_(False)
        elif parameters:
            groups.append({"params": parameters, "lr": rate, "rate": rate, "name": name})
    if not groups:
        raise UserError("every learning rate is 0: nothing to train; raise one (--lr-appearance …)")
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)
    return torch.optim.SGD(groups, momentum=config.momentum, weight_decay=config.weight_decay, fused=True)


def chunk_losses(model: nn.Module, batch: dict[str, Tensor], setting: Setting) -> dict[str, Tensor]:
    """The parts of the loss of one batch, and their weighted sum as "loss" (paper, Section 3.4); scalars.

    With `joints` and `visible` in the batch, every stage of the pose network is taught too, and so it is by the
    rendered frames that stand beside it (see `reid.data.loading.mixed_batches`); with `maps` it does not run; with
    `seen`, temporal
    attention is taught, if that weighs anything. Where nothing else is to be learnt, nothing but the pose network runs.
    Of a group, each process has its share of the batch; the ranking loss is that of the whole batch, the others are of
    the share. What a frozen network is measured by is a part too, and not in the sum, which learning rates follow.
    """
    config, group = setting.config, setting.group
    batch, rendered = taken_apart(batch)
    frames = batch["frames"].float() / 255  # (B, T, 3, H, W)
    taught = rendered["frames"].flatten(0, 1).float() / 255 if rendered else None
    pose_only = learns_pose_alone(setting) and "joints" in batch
    with autocast(config, frames.device):
        output = model(frames, batch["valid"], batch.get("maps"), pose_only, taught, setting.attention_apart)
    if pose_only:
        error = pose_loss(output.pose.heat, output.pose.paf, targets_of(batch, config.pose_scale))
        return {"loss": setting.pose_weight * error, "pose": error}
    parts = {
        "identity": identity_loss(output.logits.float(), batch["label"]),
        "ranking": batch_hard_ranking_loss(
            of_all(output.descriptor.float(), group), of_all(batch["label"], group), config.margin
        ),
    }
    loss = config.identity_weight * parts["identity"] + config.ranking_weight * parts["ranking"]
    if output.pose is not None and "joints" in batch:
        parts["pose"] = pose_loss(output.pose.heat, output.pose.paf, targets_of(batch, config.pose_scale))
        loss = loss + (setting.pose_weight * parts["pose"] if config.lr_pose else 0)
    if output.taught is not None:
        parts["pose"] = pose_loss(output.taught.heat, output.taught.paf, targets_of(rendered, config.pose_scale))
        loss = loss + setting.pose_weight * parts["pose"]
    weighed = config.variant == "align-tap" and output.frame_weights is not None  # else by the pose network's joints
    if weighed and "seen" in batch and setting.attention_weight:
        valid = batch["valid"]
        parts["attention"] = attention_loss(output.frame_weights[valid].float(), batch["seen"][valid])
        loss = loss + (setting.attention_weight * parts["attention"] if config.lr_tap else 0)
    accuracy = (output.logits.argmax(1) == batch["label"]).float().mean()
    return {"loss": loss, **parts, "accuracy": accuracy}


def learns_pose_alone(setting: Setting) -> bool:
    """Whether nothing else is to be learnt: no other loss weighs anything, and all but the pose network is frozen."""
    config = setting.config
    others = config.identity_weight, config.ranking_weight, setting.attention_weight
    rates = config.lr_appearance, config.lr_tap, config.lr_classifier
    return config.lr_pose > 0 and not any(others) and not any(rates) and config.variant != "baseline"


def true_maps_of(batch: dict[str, Tensor], pose_scale: float = 1.0) -> Tensor:
    """What the pose network should say of a rendered batch, see `targets_of`: (B, T, 57, h, w), 0 at invalid frames."""
    of_valid = targets_of(batch, pose_scale).maps  # (M, 57, h, w)
    maps = of_valid.new_zeros(*batch["valid"].shape, *of_valid.shape[1:])
    maps[batch["valid"]] = of_valid
    return maps


def targets_of(batch: dict[str, Tensor], pose_scale: float = 1.0) -> PoseTargets:
    """What the pose network, which sees them enlarged `pose_scale` times, should say of a rendered batch's M valid
    frames."""
    valid, (height, width) = batch["valid"], batch["frames"].shape[-2:]
    visible = batch["visible"][valid]  # (M, 18); a rendered joint is always known, seen or not
    labelled = torch.ones_like(visible)
    return pose_targets(batch["joints"][valid], labelled, height, width, visible=visible, scale=pose_scale)


def planned_steps(config: TrainConfig, sampler: PKSampler) -> int:
    """Steps of all epochs."""
    return config.epochs * sampler.batches


def last_step(config: TrainConfig, sampler: PKSampler) -> int:
    """The step that training ends with."""
    planned = planned_steps(config, sampler)
    return planned if config.max_steps is None else min(planned, config.max_steps)


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
