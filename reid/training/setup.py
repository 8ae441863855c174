"""Model, optimizer and training batches that the options of a run describe."""

from dataclasses import replace
from typing import TypeVar

import torch

from alignnet_common.errors import UserError
from reid.configs.model import ModelConfig
from reid.configs.training import TrainConfig
from reid.data.loading.chunk_dataset import ChunkDataset
from reid.data.loading.chunks import Chunk, training_chunks
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.sampler import IDS_PER_BATCH, BatchOption, PKSampler, sampling_notes
from reid.data.tracklets.types import ReidData
from reid.data.transforms.augmentation import AugmentationRange
from reid.models.alignnet import AlignNet
from reid.models.batch_norm import synchronise_norms
from reid.runtime.distributed import ALONE, Group
from reid.runtime.precision import precision_of
from reid.training.pose_cache import check_maps_fit
from reid.training.state import TrainingSet


def prepared(model: AlignNet, config: TrainConfig, device: torch.device, group: Group = ALONE) -> AlignNet:
    """The model on the device, laid out, compiled and checkpointed as the options say; its weights' names stay.

    By themselves GPUs compute the pose network in float32 (TF32): its wide convolutions of few cells were slower in
    bfloat16, a step of 128 frames 52 ms for 47, of 32 frames 83 for 32 (H200, PyTorch 2.11); the appearance network's
    are faster, 26 ms for 34 (480 frames).
    """
    reduced = precision_of(config, device) == torch.bfloat16
    if config.batch_norm == "synchronised" and group.size > 1:
        synchronise_norms(model, on_gpu=device.type == "cuda")
    model = model.to(device)
    if config.channels_last == "yes" or (config.channels_last == "auto" and (reduced or device.type == "cuda")):
        model = model.to(memory_format=torch.channels_last)
    if model.pose is not None:
        model.pose.in_float32 = device.type == "cuda" and config.precision == "auto"
    model.recompute(config.recompute)
    if config.compile:
        for part in (model.appearance, model.pose):
            if part is not None:
                part.compile()
    return model


def check_share(group: Group, ids_per_batch: int, option: BatchOption = IDS_PER_BATCH) -> None:
    """Raise UserError where the identities of a batch, of which `option` says how many, cannot be dealt out evenly."""
    if ids_per_batch % group.size:
        raise UserError(
            f"{ids_per_batch} identities a batch cannot be dealt out to {group.size} processes: "
            f"use {option.for_identities(group.size * -(-ids_per_batch // group.size))}"
        )


ConfigT = TypeVar("ConfigT", bound=TrainConfig)


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
    return TrainingSet(dataset, sampler, store, sampling_notes(chunks, config.chunks_per_id))


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


def planned_steps(config: TrainConfig, sampler: PKSampler) -> int:
    """Steps of all epochs."""
    return config.epochs * sampler.batches


def last_step(config: TrainConfig, sampler: PKSampler) -> int:
    """The step that training ends with."""
    planned = planned_steps(config, sampler)
    return planned if config.max_steps is None else min(planned, config.max_steps)
