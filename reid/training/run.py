"""A training run: its folder and options, the device and processes, its checkpoint and its result."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from alignnet_common.cli import DataclassInstance, as_plain
from alignnet_common.files import sha256_of_file, write_json
from alignnet_common.run_record import now, run_record
from reid.configs.finetune import FinetuneConfig
from reid.configs.pretrain import PretrainConfig
from reid.data.fingerprint import data_record, dataset_notes, format_counts
from reid.data.tracklets.types import ReidData
from reid.evaluation.retrieval import Metrics, table
from reid.metrics.protocols import RULES
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model
from reid.provenance.notes import Provenance, Training
from reid.provenance.seen_people import trained_on, trained_on_tested
from reid.reporting.model_card import write_model_card
from reid.runtime.device import device_name, pick_device
from reid.runtime.distributed import ProcessGroup, torchrun_group
from reid.runtime.run_dir import (
    CARD,
    MODEL,
    RESULT,
    check_run_folder,
    finished_for_good,
    open_run,
    training_summary,
)
from reid.training.batches import TrainingBatches, check_divisible
from reid.training.checkpointing import read_checkpoint, save_checkpoint
from reid.training.flags import FlagNames
from reid.training.state import TrainState

ConfigT = TypeVar("ConfigT", PretrainConfig, FinetuneConfig)
T = TypeVar("T")


@dataclass
class Run(Generic[ConfigT]):
    """One training run, from the check of its folder to its result."""

    config: ConfigT
    """The options, with every default resolved."""

    saved_options: DataclassInstance
    """The options of the command, as config.yaml keeps them."""

    command: str
    """The command as typed, for the result."""

    flags: FlagNames
    """Names of the command's options, for messages."""

    folder: Path
    resume: bool
    """Whether the run was asked to continue."""

    device: torch.device
    group: ProcessGroup
    """The processes that train together."""

    started: str
    """Start of this session, UTC."""

    clock: float
    """`time.perf_counter()` at the start of this session, seconds."""

    checkpoint: dict[str, Any] | None = None
    """The checkpoint that the run continues from; None for a new run."""

    data_record: dict[str, Any] = field(default_factory=dict)
    """What was read: counts, fingerprint and division of the data."""

    rendered_record: dict[str, Any] | None = None
    """The same of a rendered set whose frames are added to each batch."""

    rendered_training: Training | None = None
    """Identities of that rendered set, which train the pose network."""

    metadata: dict[str, Any] = field(default_factory=dict)
    """What checkpoints and the model file keep beside the network."""

    kept: dict[str, Any] = field(default_factory=dict)
    """Plain values of the run that every checkpoint keeps, those of `once` among them."""

    @classmethod
    def open(
        cls,
        config: ConfigT,
        command: str,
        saved_options: DataclassInstance | None = None,
        flags: FlagNames | None = None,
    ) -> "Run[ConfigT]":
        """Check the folder, the division of batches among processes, and the device.

        command -- as typed, for the result; saved_options, flags -- of a command that trains with the options of
        another one.

        Raises UserError if the folder holds a run and --resume is not given, batches cannot be divided, or there is no
        such device.
        """
        started, clock, group, flags = now(), time.perf_counter(), torchrun_group(), flags or FlagNames()
        resolved = config.resolved()
        assert resolved.run is not None
        check_divisible(config.ids_per_batch, group, flags)
        if group.is_main:
            check_run_folder(resolved.run, config.resume)
        return cls(
            resolved,
            saved_options or resolved,
            command,
            flags,
            folder=resolved.run,
            resume=config.resume,
            device=pick_device(config.device),
            group=group,
            started=started,
            clock=clock,
        )

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints: rank 0."""
        return self.group.is_main

    @property
    def is_new(self) -> bool:
        """Whether there is no checkpoint to continue from."""
        return self.checkpoint is None

    @property
    def is_closed(self) -> bool:
        """Whether the run is finished and its checkpoint is gone, so that it cannot continue."""
        return self.resume and finished_for_good(self.folder)

    @property
    def has_result(self) -> bool:
        """Whether result.json is written."""
        return (self.folder / RESULT).is_file()

    def print(self, line: str) -> None:
        """Print a line on rank 0 only."""
        self.group.print(line)

    def bind(self, data: ReidData, rendered: ReidData | None = None) -> None:
        """Record the data, and read the checkpoint of a run that continues.

        Raises UserError if the checkpoint cannot be read, or was made with other options or other data.
        """
        self.data_record = data_record(data)
        self.kept = {"fingerprint": self.fingerprint, "division": self.data_record["division"]}
        rendered_fingerprint = None
        if rendered is not None:
            self.rendered_record = data_record(rendered)
            rendered_fingerprint = str(self.rendered_record["fingerprint"])
            self.rendered_training = trained_on(rendered, rendered_fingerprint)
        if isinstance(self.config, FinetuneConfig):
            self.kept["rendered"] = rendered_fingerprint
        if self.resume:
            self.checkpoint = read_checkpoint(self.folder, self.config, self.data_record, rendered_fingerprint)

    @property
    def fingerprint(self) -> str:
        """SHA-256 that identifies the files of the data."""
        return str(self.data_record["fingerprint"])

    @property
    def provenance(self) -> Provenance | None:
        """Provenance of the network of a run that continues; None for a new run."""
        return None if self.checkpoint is None else Provenance.of_checkpoint(self.checkpoint)

    def start(self, data: ReidData, provenance: Provenance, batches: TrainingBatches, step: int) -> None:
        """Print what is trained on what, with all notes; write config.yaml; cut metrics.jsonl to `step` rows."""
        counts = format_counts(self.data_record["counts"]["train"])
        self.print(f"trains on {data.name} ({data.split}): {counts}")
        for line in (*(f"note: {note}" for note in provenance.notes), *dataset_notes(data), *batches.notes):
            self.print(line)
        self.print(f"{batches.last_step} steps on {device_name(self.device, self.group)}")
        if self.is_main:
            open_run(self.folder, self.saved_options, step)
        config = self.config
        self.metadata = {
            "images": {"height": config.height, "width": config.width, "chunk": config.chunk},
            "trained_on": provenance.trainings,
            "started_from": provenance.start,
        }
        self.kept["notes"] = provenance.notes

    def once(self, name: str, compute: Callable[[], T]) -> T | None:
        """The value `name` that every checkpoint keeps: computed on rank 0 in the first session, read from the
        checkpoint in later ones. None on other ranks of a new run."""
        if self.checkpoint is not None:
            self.kept[name] = self.checkpoint["training"][name]
        if self.kept.get(name) is None and self.is_main:
            self.kept[name] = compute()
        value: T | None = self.kept.get(name)
        return value

    def save(self, state: TrainState) -> None:
        """Write checkpoint.pt, and best.pt if it is the best so far, see `TrainState.improved`."""
        by_validation = isinstance(self.config, PretrainConfig) and self.config.eval_every > 0
        save_checkpoint(state, self.folder, self.config, self.metadata, self.kept, state.improved(by_validation))

    def finish(self, state: TrainState, data: ReidData, provenance: Provenance, blocks: Mapping[str, Metrics]) -> None:
        """Write model.safetensors, result.json and the model card, README.md; print the metrics."""
        model: AlignNet = state.model
        metadata = self.metadata | {"steps": state.step}
        save_model(model, self.folder / MODEL, metadata)
        seconds = time.perf_counter() - self.clock
        rendered: dict[str, Any] = {"rendered": self.rendered_record} if isinstance(self.config, FinetuneConfig) else {}
        result = {
            "data": self.data_record,
            **rendered,
            **blocks,
            "training": training_summary(self.folder),
            "started_from": provenance.start,
            "protocol": "step",
            "rules": RULES["step"],
            "trained_on_tested": trained_on_tested(provenance.trainings, data, self.fingerprint),
            "notes": provenance.notes,
            "model": {"file": MODEL, "sha256": sha256_of_file(self.folder / MODEL)},
            "seed": self.config.seed,
            **run_record(self.command, self.config, device_name(self.device, self.group), self.started, seconds),
        }
        network = {"model_config": as_plain(model.config), "classes": model.classes}
        parameters = sum(tensor.numel() for tensor in model.parameters())
        write_model_card(self.folder / CARD, result, metadata | network | {"parameters": parameters})
        write_json(self.folder / RESULT, result)  # the last file: with it, the run is finished
        if blocks:
            print(table(dict(blocks)), "protocol: step", sep="\n")
        print(f"{self.folder / MODEL} and {self.folder / RESULT} are written")
