"""The grid of the paper's Tables 1a, 1b and 2: train and evaluate every network, and write the tables.

    python -m reid.ablation --config jobs/ablation.yaml --dry-run      list the trainings and their status
    python -m reid.ablation --config jobs/ablation.yaml                train and evaluate -> runs/ablation
    python -m reid.ablation --config jobs/ablation-small.yaml          the same on a CPU

RUN/pretrain/VARIANT/seed-0, RUN/finetune-DATASET/START/VARIANT/split-0/seed-0     folders of the trainings
RUN/ablation.json, RUN/ablation.md                                                  results, after every training
"""

import gc
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import torch

from alignnet_common.cli import read_config_file
from alignnet_common.cli.progress import progress
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import DISK_FULL, write_text
from alignnet_common.locks import file_lock
from alignnet_common.run_record import command_line, now, run_record
from reid.ablation.cell import (
    FAILURE,
    Status,
    TrainingInputs,
    clear,
    evaluate_cell,
    read_evaluation,
    read_result,
    status_of,
    train,
)
from reid.ablation.datasets import read_finetuning_data, read_pretraining_data
from reid.ablation.grid import Grid, Training, check_networks, splits_of, trainings
from reid.ablation.report import Prepared, notes, write_report
from reid.configs.ablation import AblationConfig
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.data import DEFAULT_ROOTS, DatasetName
from reid.configs.pretrain import PretrainConfig
from reid.runtime.device import device_name, pick_device

PROG = "python -m reid.ablation"
PAPER_SETS: tuple[DatasetName, ...] = ("prid", "ilids", "mars")


def ablation(config: AblationConfig) -> None:
    """Check all inputs, run the trainings that are not finished, and write the tables after each one.

    Raises UserError on inputs that cannot be used, JobError if a training failed.
    """
    started, clock = now(), time.perf_counter()

    def passed() -> float:
        return time.perf_counter() - clock

    prepared = prepare(config)
    statuses = {each.name: current_status(each, prepared) for each in prepared.plan}
    for line in plan_lines(config, prepared, statuses):
        print(line, flush=True)
    if config.dry_run:
        return
    config.run.mkdir(parents=True, exist_ok=True)
    device = device_name(pick_device(next(iter(prepared.finetune.values())).device))
    with file_lock(config.run / ".lock", f"another {PROG} is writing to {config.run}"):
        failures: dict[str, str] = {}
        with progress(total=len(prepared.plan), desc="ablation", unit="training") as bar:
            for training in prepared.plan:
                bar.set_postfix_str(training.name)
                if run_cell(training, prepared, config, failures):
                    write_report(prepared, failures, run_record(command_line(PROG), config, device, started, passed()))
                bar.update()
        print(write_report(prepared, failures, run_record(command_line(PROG), config, device, started, passed())))
    print(f"{config.run / 'ablation.json'} and ablation.md are written")
    if failures:
        name, reason = next(iter(failures.items()))
        raise JobError(
            f"{len(failures)} of {len(prepared.plan)} trainings failed, the first is {config.run / name}: {reason} "
            f"(see {FAILURE} there); the same command repeats them"
        )


def prepare(config: AblationConfig) -> Prepared:
    """Read the files of options and the data. Raises UserError on inputs that would stop a training later."""
    pretrain = read_config_file(PretrainConfig, config.pretrain) if config.pretrain else PretrainConfig()
    pretrain = replace(pretrain, data=config.data or pretrain.data, seed=config.seeds[0])
    finetune = {dataset: finetune_options(config, dataset) for dataset in config.datasets or available_datasets(config)}
    for options in (pretrain, *finetune.values()):
        pick_device(options.device)
    seen = None
    if "synthetic" in config.starts:
        check_networks(pretrain, finetune)
        seen = read_pretraining_data(pretrain)
    splits = {dataset: splits_of(dataset, config.splits) for dataset in finetune}
    tested = {
        dataset: read_finetuning_data(dataset, options, splits[dataset], config.protocol, seen)
        for dataset, options in finetune.items()
    }
    grid = Grid(config.run, config.starts, config.variants, splits, config.seeds)
    return Prepared(grid, config.protocol, trainings(grid, pretrain, finetune), pretrain, finetune, seen, tested)


def finetune_options(config: AblationConfig, dataset: DatasetName) -> FinetuneConfig:
    """The options of fine-tuning on a data set. Raises UserError where their file cannot be used."""
    path = config.finetune.get(dataset)
    options = read_config_file(FinetuneConfig, path) if path else FinetuneConfig(dataset=dataset)
    root = config.roots.get(dataset) or (options.root if options.dataset == dataset else None)
    return replace(options, dataset=dataset, root=root, split_seed=options.split_seed or 0)


def available_datasets(config: AblationConfig) -> tuple[DatasetName, ...]:
    """The data sets whose folders exist, or else the synthetic one. Raises UserError where there is none."""
    asked = (*PAPER_SETS, *(name for name in config.roots if name not in PAPER_SETS))
    roots = {dataset: finetune_options(config, dataset).data_root for dataset in asked}
    found = tuple(dataset for dataset, root in roots.items() if dataset in config.roots or root.is_dir())
    if found:
        return found
    if DEFAULT_ROOTS["synthetic"].is_dir():
        return ("synthetic",)
    raise UserError(
        f"no data: neither {', '.join(map(str, roots.values()))} nor {DEFAULT_ROOTS['synthetic']} is there: "
        "name a folder (--roots.prid FOLDER) or render people (python -m synth.render)"
    )


def plan_lines(config: AblationConfig, prepared: Prepared, statuses: Mapping[str, Status]) -> list[str]:
    """Printed lines about the plan; with --dry-run, a line for each training."""
    plan, order = prepared.plan, get_args(Status)
    counted = ", ".join(f"{list(statuses.values()).count(each)} {each}" for each in order)
    steps = sum(prepared.steps_of(training) for training in plan)
    pretrainings = len(plan) - len(prepared.cells)
    lines = [
        f"{config.run}: {len(plan)} trainings (pre-training {pretrainings}, fine-tuning {len(prepared.cells)}; "
        f"{steps} steps in all): {counted}",
        *notes(prepared),
    ]
    if config.dry_run:
        lines += [f"{statuses[each.name]:8}  {prepared.steps_of(each):7} steps  {each.name}" for each in plan]
    return lines


def current_status(training: Training, prepared: Prepared) -> Status:
    """Status of a training. Raises UserError where its folder has a training with other options or inputs."""
    data = prepared.fingerprint_of(training), prepared.division_of(training)
    if isinstance(training.config, PretrainConfig):
        return status_of(training, TrainingInputs(*data, prepared.seen.start if prepared.seen else None))
    needed = next((each for each in prepared.plan if each.name == training.needs), None)
    result = read_result(needed) if needed else None
    rendered = prepared.tested[training.config.dataset].rendered if training.config.rendered else None
    return status_of(training, TrainingInputs(*data, result["model"]["sha256"] if result else None, rendered))


def run_cell(training: Training, prepared: Prepared, config: AblationConfig, failures: dict[str, str]) -> bool:
    """Train and evaluate one cell unless done; returns whether there was something to do.

    An error is recorded in `failures` by name and in the training's folder, and the other cells go on. OSError of a
    full disk is raised.
    """
    if training.needs in failures:
        failures[training.name] = f"{training.needs} failed"
        return False
    try:
        trained = current_status(training, prepared) == "finished"
        if not trained:
            train(training)
            current_status(training, prepared)  # the data may have changed during the training
        evaluated = training not in prepared.cells or read_evaluation(training, config.protocol) is not None
        if not evaluated:
            evaluate_cell(training, config.protocol)
        clear(training, config.keep_checkpoints)
        return not (trained and evaluated)
    except Exception as failure:
        if isinstance(failure, OSError) and failure.errno in DISK_FULL:
            raise
        failures[training.name] = " ".join(str(failure).split()) or type(failure).__name__
        write_text(training.folder / FAILURE, traceback.format_exc())
        return True
    finally:
        free_memory(training.config.compile)


def free_memory(compiled: bool) -> None:
    """Free the memory of the last network, and of its compilation."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if compiled:
        torch.compiler.reset()
