"""Fine-tune on a re-identification data set, and measure the network before and after (paper, Section 4).

    python -m reid.finetune --dataset prid                           data/prid2011 -> runs/finetune-prid
    python -m reid.finetune --dataset market --root FOLDER --init none --appearance-weights none
    python -m reid.finetune --config jobs/demo-finetune.yaml --root OUT --init RUN --run RUN2

Three numbers: `untrained`, the network as it is built (ImageNet or random weights); `initial`, with the weights that
training starts from; `finetuned`.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_json
from alignnet_common.run_record import command_line, now, run_record
from reid.configs.finetune import FinetuneConfig
from reid.configs.training import DEFAULT_PRETRAIN_RUN
from reid.data import load_data
from reid.data.datasets.synthetic import load_pretraining
from reid.data.fingerprint import data_record, dataset_notes, format_counts
from reid.data.loading.frame_store import FrameStore
from reid.data.loading.sampler import BatchOption
from reid.data.tracklets.types import ReidData, labels_of
from reid.evaluation.evaluator import describe_and_rank
from reid.evaluation.retrieval import Metrics, chance_of, table
from reid.metrics.protocols import RULES
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_into, save_model
from reid.provenance.notes import (
    POSE_SAW,
    Beginning,
    Training,
    begun,
    named_weights,
    notes_on_pose,
    notes_on_tested,
    notes_on_unused_pose,
    trainings_of_pose,
)
from reid.provenance.seen_people import trained_on, trained_on_tested, trainings_of
from reid.runtime.device import device_name, pick_device
from reid.runtime.distributed import Group, group_of_torchrun, together
from reid.runtime.run_dir import (
    CHECKPOINT,
    MODEL,
    RESULT,
    check_run_folder,
    finished_for_good,
    open_run,
    training_summary,
)
from reid.training.checkpointing import read_checkpoint, restore, save_checkpoint
from reid.training.loop import train
from reid.training.setup import (
    build_network,
    check_share,
    chunks_and_sampler,
    last_step,
    make_optimizer,
    make_training_set,
    prepared,
    with_frozen_pose,
)
from reid.training.state import Setting, TrainState

PROG = "python -m reid.finetune"
RENDERED_FRAMES = BatchOption("--rendered-frames", of_each=2)


def finetune(config: FinetuneConfig, command: str | None = None) -> None:
    """Read and check everything, measure, train, measure again, write the result.

    command -- for the record, in place of the command line of this process.
    """
    started, clock = now(), time.perf_counter()
    folder, resume = config.run_folder, config.resume
    config = with_frozen_pose(config)
    group = group_of_torchrun()
    check_share(group, config.ids_per_batch)
    if group.leads:
        check_run_folder(folder, resume)
    if resume and finished_for_good(folder):
        group.say(f"{folder}: finished already, and keeps no checkpoint to go on from")
        return
    device = pick_device(config.device)
    data = load_data(config, config.seed)
    record, chance = data_record(data), chance_of(data)
    rendered = None if config.rendered is None else load_pretraining(config.rendered, 0, config.seed)
    if rendered is not None:
        check_beside(config, rendered, group)
    rendered_record = None if rendered is None else data_record(rendered)
    config = replace(config, run=folder, root=config.data_root, split=config.split_or_first, resume=False)
    of_rendered = None if rendered_record is None else rendered_record["fingerprint"]
    beside = None if rendered is None else trained_on(rendered, str(of_rendered))
    checkpoint = read_checkpoint(folder, config, record, of_rendered) if resume else None

    model = build_network(config, len(labels_of(data.train)), resumed=checkpoint is not None)
    beginning = begun(checkpoint) if checkpoint else begin(model, config, data, record["fingerprint"], beside)
    training_set = make_training_set(config, data)
    if rendered is not None:
        taught = make_training_set(frames_beside(config), rendered, with_joints=True)
        training_set = replace(training_set, rendered=taught)
    group.say(f"starts from {beginning.start['text']}")
    state = TrainState(prepared(model, config, device, group), make_optimizer(model, config))
    if checkpoint is not None:
        restore(state, checkpoint, folder)
    last = last_step(config, training_set.sampler)
    if checkpoint is not None and state.step >= last and (folder / RESULT).is_file():
        group.say(f"{folder}: finished already, {state.step} steps")
        return
    group.say(f"trains on {data.name} ({data.split}): {format_counts(record['counts']['train'])}")
    for line in (*(f"note: {note}" for note in beginning.notes), *dataset_notes(data), *training_set.remarks):
        group.say(line)
    group.say(f"{last} steps on {device_name(device, group)}")

    before = checkpoint["training"]["before"] if checkpoint else None
    if group.leads:
        open_run(folder, config, state.step)
        before = before or measure_before(model, beginning.start, config, data, training_set.store, device)
    metadata = {
        "images": {"height": config.height, "width": config.width, "chunk": config.chunk},
        "trained_on": beginning.trainings,
        "started_from": beginning.start,
    }
    kept = {
        "fingerprint": record["fingerprint"],
        "division": record["division"],
        "rendered": of_rendered,
        "before": before,
        "notes": beginning.notes,
    }
    with together(group, device):
        train(
            state,
            training_set,
            Setting(config, folder, device, group, pose_weight=config.pose_weight),
            lambda state, lowest: save_checkpoint(state, folder, config, metadata, kept, lowest),
        )
    if not group.leads or before is None:
        return

    after = describe_and_rank(model, data, training_set.store, config.chunk, device)
    blocks = {"chance": chance, **before, "finetuned": after}
    print(table(blocks), "protocol: step", sep="\n")
    save_model(model, folder / MODEL, metadata | {"steps": state.step})
    result = {
        "data": record,
        "rendered": rendered_record,
        **blocks,
        "training": training_summary(folder),
        "started_from": beginning.start,
        "protocol": "step",
        "rules": RULES["step"],
        "trained_on_tested": trained_on_tested(beginning.trainings, data, record["fingerprint"]),
        "notes": beginning.notes,
        "model": {"file": MODEL, "sha256": sha256_of_file(folder / MODEL)},
        "seed": config.seed,
        **run_record(
            command or command_line(PROG), config, device_name(device, group), started, time.perf_counter() - clock
        ),
    }
    write_json(folder / RESULT, result)
    print(f"{folder / MODEL} and {folder / RESULT} are written")


def frames_beside(config: FinetuneConfig) -> FinetuneConfig:
    """The options under which a rendered set's frames are chunks, each by itself and changed as the others are."""
    persons = config.rendered_frames // RENDERED_FRAMES.of_each
    return replace(config, chunk=1, overlap=0, ids_per_batch=persons, chunks_per_id=RENDERED_FRAMES.of_each, cover=0.0)


def check_beside(config: FinetuneConfig, rendered: ReidData, group: Group) -> None:
    """Raise UserError where a rendered set has too few persons, or they cannot be dealt out evenly to the processes."""
    single = frames_beside(config)
    check_share(group, single.ids_per_batch, RENDERED_FRAMES)
    chunks_and_sampler(single, rendered, RENDERED_FRAMES)


def find_init(init: str) -> Path | None:
    """The model file that `--init` means; None = no file.

    Raises UserError where a file is named that is not there, or a run that is not finished.
    """
    if init == "none":
        return None
    named = DEFAULT_PRETRAIN_RUN if init == "auto" else Path(init)
    if init == "auto" and not named.exists():
        return None
    if named.is_dir():
        if not (named / MODEL).is_file() and (named / CHECKPOINT).is_file():
            raise UserError(f"{named} holds a run that is not finished: finish it (--resume), or pass --init none")
        named = named / MODEL
    if not named.is_file():
        raise UserError(f"no such file of weights: {named}: pre-train first (python -m reid.pretrain) or --init none")
    return named


def begin(
    model: AlignNet, config: FinetuneConfig, data: ReidData, fingerprint: str, beside: Training | None = None
) -> Beginning:
    """Load what `--init` means into `model`, and say what the run begins with.

    beside -- who teaches the pose network beside the batches, as `trained_on` says it.

    Raises UserError where the file is that of another network.
    """
    start, before = load_start(model, config)
    notes = notes_on_tested(before, data, fingerprint)
    others = [] if beside is None else [beside]
    notes += notes_on_tested(others, data, fingerprint, "--rendered teaches the pose network")
    if start["file"] is None:
        notes += notes_on_pose(config, config.joints_teach)
        before = trainings_of_pose(config)
        notes += notes_on_tested(before, data, fingerprint, POSE_SAW)
    else:
        notes += notes_on_unused_pose(config, model, Path(start["file"]))
    return Beginning(start, [*before, *others, trained_on(data, fingerprint)], notes)


def load_start(model: AlignNet, config: FinetuneConfig) -> tuple[dict[str, Any], list[Training]]:
    """Load what `--init` means into `model`; returns what that was, with a `text` for people, and its trainings.

    Raises UserError where the file is that of another network.
    """
    path = find_init(config.init)
    if path is None:
        own = "random weights" if config.appearance_weights == "none" else f"{config.appearance_weights} weights"
        why = f"there is no {DEFAULT_PRETRAIN_RUN}" if config.init == "auto" else f"--init {config.init}"
        text, weights = f"{own}, not pre-trained ({why})", named_weights(config)
        return {"text": text, "file": None, "sha256": None, "weights": weights}, []
    metadata = load_into(model, path)
    trainings = trainings_of(metadata)
    steps = metadata["training"]["step"] if "training" in metadata else metadata.get("steps")
    last = f", {steps} steps on {trainings[-1]['name']} ({len(trainings[-1]['pids'])} persons)" if trainings else ""
    fresh = f"; its classifier of {metadata['classes']} persons is replaced by a new one of {model.classes}"
    return {"text": f"{path}{last}{fresh}", "file": str(path), "sha256": sha256_of_file(path)}, trainings


def measure_before(
    model: AlignNet,
    start: dict[str, Any],
    config: FinetuneConfig,
    data: ReidData,
    store: FrameStore,
    device: torch.device,
) -> dict[str, Metrics]:
    """`untrained`: the network as it is built; `initial`: `model`, with the weights that training starts from."""
    untrained = model if start["file"] is None else prepared(build_network(config, model.classes), config, device)
    blocks = {"untrained": describe_and_rank(untrained, data, store, config.chunk, device)}
    blocks["initial"] = (
        blocks["untrained"] if untrained is model else describe_and_rank(model, data, store, config.chunk, device)
    )
    return blocks


if __name__ == "__main__":
    run_command(finetune, FinetuneConfig, PROG)
