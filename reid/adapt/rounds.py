"""Rounds of adaptation: describe all tracklets, cluster them, train against the camera proxies of the clusters."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from torch import nn
from torch.utils.data import DataLoader

from alignnet_common.errors import UserError
from reid.adapt.beside import Beside, joined
from reid.adapt.clustering.across_cameras import comparable
from reid.adapt.clustering.agreement import Choice, Choose, Clustering, choose_clusters
from reid.adapt.clustering.camera_names import NamesOfCameras
from reid.adapt.clustering.clusters import FEWEST_CLUSTERS, trouble_with
from reid.adapt.clustering.description import Describing
from reid.adapt.draws import chunks_of, draws_of_round
from reid.adapt.log import RoundLog
from reid.adapt.proxy_loss import ProxyMemory
from reid.adapt.state import AdaptState
from reid.adapt.unlabelled import Unlabelled, cameras_of
from reid.configs.adapt import EPS_CANDIDATES, AdaptConfig
from reid.configs.finetune import FinetuneConfig
from reid.data.loading.batch import Batch
from reid.data.loading.chunk_dataset import ChunkDataset
from reid.data.loading.chunks import Chunk
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.pose_map_store import MapStore
from reid.data.loading.sampler import Draw
from reid.data.tracklets.types import Tracklet
from reid.data.transforms.augmentation import AugmentationRange
from reid.models.alignnet import AlignNet
from reid.runtime.loader_workers import batches_of
from reid.runtime.memory import enough_memory
from reid.runtime.precision import autocast
from reid.training.batches import loader_processes
from reid.training.schedule import Schedule

CLIP_NORM = 10.0
"""Largest norm of the gradient."""


@dataclass(frozen=True)
class Material:
    """What is adapted to: tracklets, rendered people beside them, frames and pose maps of both, the pairs of tracklets
    that are different persons, and what the names of cameras explain."""

    data: Unlabelled
    beside: Beside
    apart: sparse.csr_array
    store: FrameStore
    maps: MapStore | None
    camera_names: NamesOfCameras

    @property
    def tracklets(self) -> tuple[Tracklet, ...]:
        """The N tracklets, then the M clips of rendered people."""
        return self.data.tracklets + self.beside.tracklets

    @property
    def camera_of(self) -> npt.NDArray[np.int64]:
        """(N + M,) number of each one's camera."""
        return cameras_of(self.tracklets)


class Adaptation:
    """The rounds of a run, from where its state is to the end."""

    def __init__(
        self,
        state: AdaptState,
        material: Material,
        config: AdaptConfig,
        training: FinetuneConfig,
        chunk: int,
        device: torch.device,
        choose: Choose = choose_clusters,
    ) -> None:
        """training -- the options as those of a training, see `AdaptConfig.training`; chunk -- frames that are
        described together; choose -- finds the clusters of a round."""
        self.choose = choose
        self.state, self.material, self.config, self.training = state, material, config, training
        self.device = device
        how = training, chunk, config.frames, device
        self.describing = Describing(material.tracklets, material.store, material.maps, *how)
        candidates = EPS_CANDIDATES if config.eps is None else (config.eps,)
        self.clustering = Clustering(config.k1, config.k2, config.min_samples, candidates)

    def run(self, log: RoundLog) -> None:
        """Do what is left of all rounds.

        Raises UserError where the first clusters teach nothing, a loss is not finite, memory is short, or a frame
        cannot be read. Where the clusters of a later round teach nothing, the rounds end there with a note.
        """
        config, state = self.config, self.state
        while not state.ended:
            number = state.step // config.steps
            if state.memory is None:
                state.ended = self.begin(number, log) or number == config.rounds
                log.save(state)
            else:
                self.train(number, log)

    def begin(self, number: int, log: RoundLog) -> bool:
        """Describe and cluster, for round `number`; returns whether the rounds end here.

        After the last round the clusters are those of the finished network: its score and clusters.csv are of them.
        """
        state, data = self.state, self.material.data
        started = time.perf_counter()
        described = self.describing.describe(state.averaged_model)
        clustered = time.perf_counter()
        own = comparable(described.first(len(data.tracklets)), data.camera_of)
        choice = self.choose(own, data.camera_of, self.material.apart, self.clustering)
        took = clustered - started, time.perf_counter() - clustered
        trouble = trouble_with(choice.clusters, FEWEST_CLUSTERS)
        if trouble and number == 0:
            raise UserError(trouble)
        log.add_round(state, row_of(number, choice, took), choice, own.whole)
        if trouble:
            log.note(f"round {number}: {trouble}; the rounds end here")
            return True
        state.clusters = joined(choice.clusters, self.material.beside, self.material.camera_of)
        state.memory = ProxyMemory.of(state.clusters, described, self.device)
        return False

    def train(self, number: int, log: RoundLog) -> None:
        """The steps of round `number` that are left."""
        config, state = self.config, self.state
        clusters, memory = state.clusters, state.memory
        assert clusters is not None and memory is not None
        chunks = chunks_of(self.material.tracklets, clusters, self.training.chunk)
        draws = draws_of_round(chunks, config, number, self.material.beside)[state.step - number * config.steps :]
        proxy_of = torch.from_numpy(clusters.proxies)
        network = state.model.train()
        for some, batch in zip(draws, self._loaded(chunks, draws), strict=True):
            tracklets = [chunks[draw.chunk].tracklet for draw in some]
            row = self._step(network, batch, proxy_of[tracklets], memory)
            state.step += 1
            log.add_step(state.step, row)
            if state.step == (number + 1) * config.steps:
                state.clusters = state.memory = None
            if state.memory is None or state.step % config.checkpoint_every == 0:
                log.save(state)

    def _loaded(self, chunks: Sequence[Chunk], draws: list[list[Draw]]) -> Iterator[Batch]:
        training = self.training
        limits = AugmentationRange(training.flip, training.shift, training.erase, training.colour)
        dataset = ChunkDataset(self.material.tracklets, tuple(chunks), self.material.store, limits, self.config.seed)
        dataset.maps = self.material.maps
        return batches_of(
            DataLoader(
                dataset,
                batch_sampler=draws,
                collate_fn=Batch.collate,
                num_workers=loader_processes(training.workers, self.device),
                pin_memory=self.device.type == "cuda",
                generator=torch.Generator(),  # else the loader draws from the global generator
            )
        )

    def _step(self, network: AlignNet, batch: Batch, proxies: torch.Tensor, memory: ProxyMemory) -> dict[str, float]:
        """One optimizer step; returns its losses and its learning rate."""
        config, state = self.config, self.state
        factor = Schedule().factor(self.training, state.step, config.last_step)
        for rates in state.optimizer.param_groups:
            rates["lr"] = factor * rates["rate"]
        state.optimizer.zero_grad(set_to_none=True)
        count, length, _, height, width = batch.frames.shape
        computed = f"{count} chunks of {length} frames of {height} × {width}"
        sums: dict[str, float] = {}
        described = []
        with enough_memory(computed, "raise --accumulate, or lower --clusters-per-batch or --chunk", self.device):
            prepared = batch.to(self.device).augmented(self.training.pose_scale)
            own = proxies.to(self.device)
            for part in np.array_split(np.arange(count), config.accumulate):
                frames, valid = prepared.frames[part], prepared.valid[part]
                maps = None if prepared.maps is None else prepared.maps[part].float()
                with autocast(self.training, self.device):
                    descriptors = network(frames.float() / 255, valid, maps).descriptor
                losses = memory.losses(descriptors, own[part], config)
                share = len(part) / count
                (losses["loss"] * share).backward()
                described.append(descriptors.detach())
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + share * value.item()
        norm = nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)
        if not (math.isfinite(sums["loss"]) and bool(torch.isfinite(norm))):
            raise UserError(f"the loss or gradient of step {state.step + 1} is not finite: lower --learning-rate")
        state.optimizer.step()
        state.averaged.update_parameters(network)
        memory.update(torch.cat(described), own, config)
        return sums | {"learning_rate": factor * config.learning_rate}


def row_of(number: int, choice: Choice, seconds: tuple[float, float]) -> dict[str, Any]:
    """The row of a round for metrics.jsonl. seconds -- of describing, and of clustering."""
    clusters = choice.clusters
    return {
        "round": number,
        "clusters": clusters.count,
        "outliers": clusters.outliers,
        "across_cameras": clusters.across,
        "largest": clusters.largest,
        "eps": choice.eps,
        "score": round(choice.score, 4),
        "scores": {f"{eps:g}": round(score, 4) for eps, score in choice.scores.items()},
        "seconds_describing": round(seconds[0], 1),
        "seconds_clustering": round(seconds[1], 1),
    }
