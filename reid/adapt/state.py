"""What changes during an adaptation, and the checkpoint that keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from alignnet_common.errors import UserError
from alignnet_common.options import as_plain
from reid.adapt.clustering.clusters import Clusters, Labels, with_proxies
from reid.adapt.proxy_loss import ProxyMemory
from reid.configs.adapt import AdaptConfig
from reid.models.alignnet import AlignNet
from reid.models.weights import load_strictly, read_torch_file, write_torch_file
from reid.runtime.run_dir import CHECKPOINT, CONFIG
from reid.training.checkpointing import lay_out_as_parameters

FREE_TO_CHANGE = frozenset(
    {"run", "resume", "root", "init", "rendered", "cache_gib", "cache", "workers", "device", "checkpoint_every"}
)
"""Options that may differ when a run resumes; the files that --root, --init and --rendered name may not."""

VERSION = 3
"""Number of the layout of checkpoints, and of what a round does: another one is not continued."""


@dataclass
class AdaptState:
    """Everything that changes from step to step and from round to round."""

    model: AlignNet
    """The network that the optimizer steps change."""

    averaged: AveragedModel
    """Moving average of its weights."""

    optimizer: torch.optim.Optimizer

    step: int = 0
    """Optimizer steps done, over all rounds."""

    clusters: Clusters | None = None
    """Clusters of the round that is trained; None between rounds."""

    memory: ProxyMemory | None = None
    """Proxies of the round that is trained; None between rounds."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    """Row of each round so far, for metrics.jsonl."""

    before: list[list[int]] = field(default_factory=list)
    """Nearest tracklets of other cameras before the adaptation, of some tracklets; for the page."""

    after: list[list[int]] = field(default_factory=list)
    """The same by the network with the highest score so far."""

    ended: bool = False
    """Whether all rounds are done."""

    @property
    def averaged_model(self) -> AlignNet:
        """The network with the averaged weights, which describes the tracklets and is kept."""
        assert isinstance(self.averaged.module, AlignNet)
        return self.averaged.module


def averaged_weights(model: AlignNet, decay: float) -> AveragedModel:
    """The exponential moving average of the weights of `model`; its batch norm statistics are those of `model`."""
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))


def save_state(state: AdaptState, folder: Path, config: AdaptConfig, facts: Mapping[str, Any]) -> None:
    """Write RUN/checkpoint.pt atomically. facts -- plain values that a run that resumes must have as well."""
    clusters, memory = state.clusters, state.memory
    labels = None if clusters is None else torch.from_numpy(clusters.labels)
    write_torch_file(
        folder / CHECKPOINT,
        {
            "adaptation": VERSION,
            "config": as_plain(config),
            "facts": dict(facts),
            "network": {name: tensor.detach().cpu() for name, tensor in state.model.state_dict().items()},
            "averaged": {name: tensor.detach().cpu() for name, tensor in state.averaged.state_dict().items()},
            "optimizer": state.optimizer.state_dict(),
            "step": state.step,
            "clusters": labels,
            "memory": None if memory is None else memory.vectors.cpu(),
            "rows": state.rows,
            "before": state.before,
            "after": state.after,
            "ended": state.ended,
        },
    )


def read_state(folder: Path, config: AdaptConfig, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """The checkpoint of a run, or None if there is none yet.

    Raises UserError if it cannot be read, or was made with other options, tracklets or weights.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    saved = read_torch_file(path)
    if not isinstance(saved, dict) or saved.get("adaptation") != VERSION:
        raise UserError(f"{path}: not a checkpoint of this version of reid adapt; name another --run")
    given, before = as_plain(config), saved["config"]
    changed = next((name for name in given if name not in FREE_TO_CHANGE and before.get(name) != given[name]), None)
    if changed is not None:
        raise UserError(
            f"{folder}: was started with {changed} {before.get(changed)}, not {given[changed]}: "
            f"resume it with --config {folder / CONFIG} --resume, or name another --run"
        )
    other = next((name for name, value in facts.items() if saved["facts"].get(name) != value), None)
    if other is not None:
        raise UserError(f"{folder}: was started with other {other} than are there now; name another --run")
    return saved


def restore(state: AdaptState, saved: Mapping[str, Any], cameras: Labels, folder: Path, device: torch.device) -> None:
    """Put a checkpoint into the state. cameras -- (N,) of the tracklets."""
    load_strictly(state.model, saved["network"], folder / CHECKPOINT, "the network of --init")
    load_strictly(state.averaged, saved["averaged"], folder / CHECKPOINT, "the network of --init")
    state.optimizer.load_state_dict(saved["optimizer"])
    lay_out_as_parameters(state.optimizer)
    for name in ("step", "rows", "before", "after", "ended"):
        setattr(state, name, saved[name])
    if saved["clusters"] is not None:
        clusters = with_proxies(saved["clusters"].numpy(), cameras)
        cluster_of, camera_of = torch.from_numpy(clusters.cluster_of), torch.from_numpy(clusters.camera_of)
        state.clusters = clusters
        state.memory = ProxyMemory(saved["memory"].to(device), cluster_of.to(device), camera_of.to(device))
