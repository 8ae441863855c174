"""Training batches of a data set: chunks, their sampler, decoded frames, cached pose maps."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch.utils.data import DataLoader

from alignnet_common.errors import UserError
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.training import TrainConfig
from reid.configs.pretrain import PretrainConfig
from reid.data.loading.batch import Batch, with_rendered
from reid.data.loading.chunk_dataset import ChunkDataset
from reid.data.loading.chunks import Chunk, training_chunks
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.sampler import Draw, PKSampler, TooFewIdentitiesError, sampling_notes
from reid.data.tracklets.types import ReidData
from reid.data.transforms.augmentation import AugmentationRange
from reid.models.alignnet import AlignNet
from reid.runtime.distributed import SINGLE_PROCESS, ProcessGroup
from reid.runtime.loader_workers import batches_of
from reid.training.flags import FlagNames
from reid.training.objective import true_maps_of
from reid.training.pose_cache import check_maps_fit, frozen_maps, with_maps_of_covered
from reid.training.state import TrainState

RENDERED_FLAGS = FlagNames(identities="--rendered-frames", per_identity=2)


@dataclass(frozen=True)
class TrainingBatches:
    """Chunks of a data set, the order in which they are drawn, and the frames that they are made of."""

    config: TrainConfig
    dataset: ChunkDataset
    sampler: PKSampler
    store: FrameStore

    notes: list[str]
    """Notes about identities with too few chunks or tracklets for a batch."""

    rendered: "TrainingBatches | None" = None
    """Batches of single rendered frames that are added to each batch, for the pose network alone."""

    @property
    def planned_steps(self) -> int:
        """Steps of all epochs."""
        return self.config.epochs * self.sampler.batches

    @property
    def last_step(self) -> int:
        """Number of the last optimizer step."""
        return last_step(self.config, self.sampler)

    def cache_pose_maps(self, model: AlignNet, device: torch.device) -> None:
        """With --pose-maps cached, compute the maps of all training frames by the frozen pose network, or read them."""
        if self.config.pose_maps == "cached" and model.pose is not None:
            self.dataset.maps = frozen_maps(model, self.dataset.tracklets, self.store, self.config, device)

    def after(self, state: TrainState, device: torch.device, group: ProcessGroup) -> Iterator[Batch]:
        """This process's share of the batches that follow `state`, as loaded: on the CPU, not augmented."""
        batches = self._loader(state.epoch, state.batch, self.config.epochs, device, group)
        if self.rendered is None:
            return batches
        epoch, batch = divmod(state.step, self.rendered.sampler.batches)
        enough = epoch + self.last_step  # epochs: at least one batch for each step
        return with_rendered(batches, self.rendered._loader(epoch, batch, enough, device, group))

    def prepare(self, batch: Batch, model: AlignNet, device: torch.device) -> Batch:
        """A loaded batch on the device, augmented, with the pose maps that --pose-maps asks for."""
        config = self.config
        batch = batch.to(device).augmented(config.pose_scale)
        if config.pose_maps == "truth":
            return replace(batch, maps=true_maps_of(batch, config.pose_scale))
        if config.pose_maps == "cached" and model.pose is not None:
            return with_maps_of_covered(model.pose, batch, config)
        return batch

    def _loader(
        self, epoch: int, batch: int, epochs: int, device: torch.device, group: ProcessGroup
    ) -> Iterator[Batch]:
        return batches_of(
            DataLoader(
                self.dataset,
                batch_sampler=remaining_draws(self.sampler, (epoch, batch), epochs, group),
                collate_fn=Batch.collate,
                num_workers=loader_processes(self.config.workers, device),
                pin_memory=device.type == "cuda",
                generator=torch.Generator(),  # else the loader draws from the global generator
            )
        )


def remaining_draws(
    sampler: PKSampler, start: tuple[int, int], epochs: int, group: ProcessGroup
) -> Iterator[list[Draw]]:
    """This process's share of the batches from `start` (epoch, batch in the epoch) to the end of the last epoch."""
    first, skipped = start
    for epoch in range(first, epochs):
        for draws in sampler.epoch(epoch)[skipped if epoch == first else 0 :]:
            yield group.share(draws)


def training_batches(
    config: TrainConfig,
    data: ReidData,
    rendered: ReidData | None = None,
    flags: FlagNames | None = None,
    group: ProcessGroup = SINGLE_PROCESS,
) -> TrainingBatches:
    """The training chunks of a data set, with every frame of `data` decoded if it fits in memory.

    Args:
        config: options; PretrainConfig reads the joints of a rendered set too.
        rendered: rendered set whose frames are added to each batch (FinetuneConfig).
        flags: names of the command's options, for messages.
        group: processes that the rendered frames are divided among.

    Raises UserError if a batch has more identities than there are, identities cannot be divided among the processes, a
    frame or its joints cannot be read, or pose maps are to be cached and do not fit in memory.
    """
    if rendered is not None and isinstance(config, FinetuneConfig):
        check_rendered(config.rendered_batches(), rendered, group)
    if config.pose_maps == "cached" and config.variant != "baseline":
        check_maps_fit(data.train, config)
    chunks, sampler = chunks_and_sampler(config, data, flags)
    paths = (frame for tracklet in data.tracklets for frame in tracklet.frames)
    store = FrameStore(paths, config.height, config.width, config.cache_gib, config.cache)
    pretraining = isinstance(config, PretrainConfig)
    new_place = config.new_place if isinstance(config, PretrainConfig) else 0.0
    limits = AugmentationRange(config.flip, config.shift, config.erase, config.colour, new_place, config.cover)
    dataset = ChunkDataset(data.train, chunks, store, limits, config.seed, with_joints=pretraining)
    batches = TrainingBatches(config, dataset, sampler, store, sampling_notes(chunks, config.chunks_per_id))
    if rendered is None or not isinstance(config, FinetuneConfig):
        return batches
    return replace(batches, rendered=_rendered_batches(config.rendered_batches(), rendered))


def _rendered_batches(config: FinetuneConfig, rendered: ReidData) -> TrainingBatches:
    """Batches of single frames of a rendered set, with joints."""
    chunks, sampler = chunks_and_sampler(config, rendered, RENDERED_FLAGS)
    paths = (frame for tracklet in rendered.tracklets for frame in tracklet.frames)
    store = FrameStore(paths, config.height, config.width, config.cache_gib, config.cache)
    limits = AugmentationRange(config.flip, config.shift, config.erase, config.colour, 0.0, config.cover)
    dataset = ChunkDataset(rendered.train, chunks, store, limits, config.seed, with_joints=True)
    return TrainingBatches(config, dataset, sampler, store, sampling_notes(chunks, config.chunks_per_id))


def chunks_and_sampler(
    config: TrainConfig, data: ReidData, flags: FlagNames | None = None
) -> tuple[tuple[Chunk, ...], PKSampler]:
    """The training chunks of a data set and the PK sampler over them; no frame is decoded.

    Raises UserError if a batch has more identities than there are.
    """
    flags = flags or FlagNames()
    chunks = training_chunks(data.train, config.chunk, config.overlap, config.tail)
    try:
        return chunks, PKSampler(chunks, config.ids_per_batch, config.chunks_per_id, config.seed)
    except TooFewIdentitiesError as few:
        raise UserError(f"{few}: use {flags.for_identities(few.available)} or fewer") from None


def loader_processes(workers: int | None, device: torch.device) -> int:
    """Number of loader processes: --workers; by default none on a CPU, and one per core, at most 8, on a GPU."""
    if workers is not None:
        return workers
    return (
        min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1) if device.type == "cuda" else 0
    )


def last_step(config: TrainConfig, sampler: PKSampler) -> int:
    """Number of the last optimizer step of a training with these options."""
    planned = config.epochs * sampler.batches
    return planned if config.max_steps is None else min(planned, config.max_steps)


def check_rendered(config: FinetuneConfig, rendered: ReidData, group: ProcessGroup) -> None:
    """Raise UserError if a rendered set has fewer identities than --rendered-frames needs, or if they cannot be divided
    evenly among the processes; `config` is of `FinetuneConfig.rendered_batches`."""
    check_divisible(config.ids_per_batch, group, RENDERED_FLAGS)
    chunks_and_sampler(config, rendered, RENDERED_FLAGS)


def check_divisible(ids_per_batch: int, group: ProcessGroup, flags: FlagNames) -> None:
    """Raise UserError if the identities of a batch cannot be divided evenly among the processes."""
    if ids_per_batch % group.size:
        enough = group.size * -(-ids_per_batch // group.size)
        raise UserError(
            f"{ids_per_batch} identities a batch cannot be divided among {group.size} processes: "
            f"use {flags.for_identities(enough)}"
        )
