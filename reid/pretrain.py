"""Pre-train on rendered people (paper, Section 4.2).

    python -m reid.pretrain                                          data/synthetic -> runs/pretrain
    python -m reid.pretrain --config jobs/demo-pretrain.yaml --data OUT --run RUN
    python -m reid.pretrain --resume                                 goes on after a stop

The network learns who is who (identity and ranking loss) and, from the exact joints, where everybody's joints and
limbs are (pose loss at every stage): no third-party pose weights are needed.
"""

import time
from dataclasses import replace
from pathlib import Path

from alignnet_common.cli import DataclassInstance, run_command
from alignnet_common.files import sha256_of_file, write_json
from alignnet_common.run_record import command_line, now, run_record
from reid.configs.pretrain import PretrainConfig
from reid.configs.training import DEFAULT_PRETRAIN_RUN
from reid.data.datasets.synthetic import load_pretraining
from reid.data.fingerprint import data_record, format_counts
from reid.data.loading.sampler import IDS_PER_BATCH, BatchOption
from reid.data.tracklets.types import ReidData, labels_of
from reid.evaluation.evaluator import describe_and_rank
from reid.evaluation.retrieval import chance_of, table
from reid.metrics.protocols import RULES
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_into, save_model
from reid.provenance.notes import (
    POSE_SAW,
    Beginning,
    begun,
    named_weights,
    notes_on_attention,
    notes_on_pose,
    notes_on_tested,
    notes_on_unused_pose,
    trainings_of_pose,
)
from reid.provenance.seen_people import trained_on, trained_on_tested, trainings_of
from reid.runtime.device import device_name, pick_device
from reid.runtime.distributed import group_of_torchrun, together
from reid.runtime.run_dir import MODEL, RESULT, check_run_folder, finished_for_good, open_run, training_summary
from reid.training.checkpointing import read_checkpoint, restore, save_checkpoint
from reid.training.loop import train
from reid.training.objective import learns_pose_alone
from reid.training.setup import (
    build_network,
    check_share,
    last_step,
    make_optimizer,
    make_training_set,
    prepared,
    with_frozen_pose,
)
from reid.training.state import Setting, TrainState

PROG = "python -m reid.pretrain"


def pretrain(
    config: PretrainConfig,
    prog: str = PROG,
    batch: BatchOption = IDS_PER_BATCH,
    asked: DataclassInstance | None = None,
    command: str | None = None,
) -> None:
    """Read and check everything, train, rank the persons kept out, write the result.

    prog, batch, asked -- of the command that this is part of: its name for the record, its option for the size of a
    batch, and its own options, which the run's folder keeps in place of `config`. command -- for the record, in place
    of the command line of this process.
    """
    started, clock = now(), time.perf_counter()
    folder, resume = config.run or DEFAULT_PRETRAIN_RUN, config.resume
    config = with_frozen_pose(replace(config, run=folder, resume=False))
    group = group_of_torchrun()
    check_share(group, config.ids_per_batch, batch)
    if group.leads:
        check_run_folder(folder, resume)
    if resume and finished_for_good(folder):
        group.say(f"{folder}: finished already, and keeps no checkpoint to go on from")
        return
    device = pick_device(config.device)
    data = load_pretraining(config.data, config.validation_ids, config.seed)
    record = data_record(data)
    checkpoint = read_checkpoint(folder, config, record) if resume else None

    loaded = checkpoint is not None or config.init is not None  # over whatever the network is built with
    model = build_network(config, len(labels_of(data.train)), resumed=loaded)
    beginning = begun(checkpoint) if checkpoint else begin(model, config, data, record["fingerprint"])
    model = prepared(model, config, device, group)
    training_set = make_training_set(config, data, with_joints=True, new_place=config.new_place, option=batch)
    state = TrainState(model, make_optimizer(model, config))
    if checkpoint is not None:
        restore(state, checkpoint, folder)
    last = last_step(config, training_set.sampler)
    if checkpoint is not None and state.step >= last and (folder / RESULT).is_file():
        group.say(f"{folder}: finished already, {state.step} steps")
        return
    group.say(f"trains on {data.name} ({data.split}): {format_counts(record['counts']['train'])}")
    for line in (*(f"note: {note}" for note in beginning.notes), *training_set.remarks):
        group.say(line)
    group.say(f"{last} steps on {device_name(device, group)}")
    if group.leads:
        open_run(folder, asked or config, state.step)

    metadata = {
        "images": {"height": config.height, "width": config.width, "chunk": config.chunk},
        "trained_on": beginning.trainings,
        "started_from": beginning.start,
    }
    kept = {"fingerprint": record["fingerprint"], "division": record["division"], "notes": beginning.notes}
    setting = Setting(
        config,
        folder,
        device,
        group,
        pose_weight=config.pose_weight,
        attention_weight=config.attention_weight,
        attention_apart=config.attention_apart,
    )
    with together(group, device):
        train(
            state,
            training_set,
            setting,
            lambda state, lowest: save_checkpoint(state, folder, config, metadata, kept, lowest),
        )
    if not group.leads:
        return

    blocks = {}
    if data.query and not learns_pose_alone(setting):
        blocks["chance"] = chance_of(data)
        blocks["validation"] = describe_and_rank(model, data, training_set.store, config.chunk, device)
        print(table(blocks), "protocol: step", sep="\n")
    save_model(model, folder / MODEL, metadata | {"steps": state.step})
    result = {
        "data": record,
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
            command or command_line(prog), config, device_name(device, group), started, time.perf_counter() - clock
        ),
    }
    write_json(folder / RESULT, result)
    print(f"{folder / MODEL} and {folder / RESULT} are written")


def begin(model: AlignNet, config: PretrainConfig, data: ReidData, fingerprint: str) -> Beginning:
    """Load `--init` into `model`, where it is given, and say what the run begins with.

    Raises UserError where the file is missing or that of another network.
    """
    notes = notes_on_attention(config, config.attention_weight)
    if config.init is None:
        start = {
            "appearance": config.appearance_weights,
            "pose": str(config.pose_weights or "none"),
            "weights": named_weights(config),
        }
        notes += notes_on_pose(config, config.joints_teach)
        before = trainings_of_pose(config)
        notes += notes_on_tested(before, data, fingerprint, POSE_SAW)
    else:
        path = find_init(config.init)
        before = trainings_of(load_into(model, path))
        start = {"init": str(path), "sha256": sha256_of_file(path)}
        notes += notes_on_tested(before, data, fingerprint)
        notes += notes_on_unused_pose(config, model, path)
    return Beginning(start, [*before, trained_on(data, fingerprint)], notes)


def find_init(init: Path) -> Path:
    """The model file that `--init` means: itself, or that of a run's folder."""
    return init / MODEL if init.is_dir() else init


if __name__ == "__main__":
    run_command(pretrain, PretrainConfig, PROG)
