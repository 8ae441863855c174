"""The grid of the paper's Tables 1a, 1b and 2: every network trained and measured, the tables with ours beside.

    python -m reid.ablation --config jobs/ablation.yaml --dry-run      which trainings, which of them are finished
    python -m reid.ablation --config jobs/ablation.yaml                trains what is not -> runs/ablation
    python -m reid.ablation --config jobs/ablation-small.yaml          the same on a CPU

RUN/pretrain/VARIANT/seed-0, RUN/finetune-DATASET/START/VARIANT/split-0/seed-0     a run's folder each
RUN/ablation.json, RUN/ablation.md                                                  the numbers, after every training
"""

import gc
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import torch
from tqdm import tqdm

from alignnet_common.cli import read_config_file
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import DISK_FULL, write_atomically
from alignnet_common.locks import file_lock
from alignnet_common.run_record import command_line, now, run_record
from reid.ablation.cell import FAILURE, Standing, clear, measure, measured, read_result, standing, train
from reid.ablation.datasets import look_at_pretraining, look_at_tested
from reid.ablation.grid import Grid, Start, Training, Variant, check_networks, splits_of, trainings
from reid.ablation.report import Prepared, notes, write_report
from reid.configs.checks import require
from reid.configs.data import DEFAULT_ROOTS, DatasetName
from reid.configs.finetune import FinetuneConfig
from reid.configs.pretrain import PretrainConfig
from reid.metrics.protocols import Protocol
from reid.runtime.device import device_name, pick_device

PROG = "python -m reid.ablation"
PAPER_SETS: tuple[DatasetName, ...] = ("prid", "ilids", "mars")


@dataclass(frozen=True)
class AblationConfig:
    """Train and measure the grid of the paper's Tables 1a, 1b and 2, and write these tables with ours beside.

    The same command goes on where it was stopped: what is finished is not done again.
    """

    run: Path = Path("runs/ablation")
    """Folder that everything is written to, a folder a training."""

    datasets: tuple[DatasetName, ...] = ()
    """What is fine-tuned and tested on. Default: those of prid, ilids and mars that are there and those of --roots;
    where none is, the rendered set in data/synthetic."""

    roots: dict[DatasetName, Path] = field(default_factory=dict)
    """Folders of data sets: --roots.prid FOLDER. Default: as in the --finetune file, or as in reid.finetune."""

    data: Path | None = None
    """Rendered set to pre-train on. Default: as in the --pretrain file, or data/synthetic."""

    starts: tuple[Start, ...] = ("without", "synthetic")
    """What fine-tuning starts from: without (ImageNet or random weights), synthetic (rendered people)."""

    variants: tuple[Variant, ...] = ("baseline", "align-avg", "align-tap")
    """Networks, as --variant of reid.finetune."""

    splits: tuple[int, ...] = tuple(range(10))
    """Numbers of the splits, 0-9. Of mars and market there is one, and all of this is split 0."""

    seeds: tuple[int, ...] = (0,)
    """Seeds of the trainings. Splits do not depend on them."""

    pretrain: Path | None = None
    """YAML file with the options of pre-training (a job of reid.pretrain). Default: its defaults."""

    finetune: dict[DatasetName, Path] = field(default_factory=dict)
    """YAML file with the options of fine-tuning on a data set (a job of reid.finetune): --finetune.prid FILE.
    Default: its defaults."""

    protocol: Protocol = "step"
    """How queries are counted: step, torchreid or official; see reid.evaluate."""

    keep_checkpoints: bool = False
    """Keep the checkpoints of finished trainings, too; otherwise only model.pt stays of their weights."""

    dry_run: bool = False
    """Say which trainings there are and which of them are finished, and train nothing."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name in ("datasets", "starts", "variants", "splits", "seeds"):
            values = getattr(self, name)
            twice = next((value for value in values if values.count(value) > 1), None)
            require(twice is None, f"--{name} names {twice} twice")
            require(bool(values) or name == "datasets", f"--{name} is empty: name at least one")
        for split in self.splits:
            require(0 <= split <= 9, f"--splits: a split is 0 to 9, not {split}")
        for seed in self.seeds:
            require(seed >= 0, f"--seeds must not be negative, not {seed}")
        for option, named in (("roots", self.roots), ("finetune", self.finetune)):
            for dataset in named:
                known = get_args(DatasetName)
                require(
                    dataset in known, f"--{option}: there is no data set {dataset}: it is one of {', '.join(known)}"
                )


def ablation(config: AblationConfig) -> None:
    """Check everything, do what is not finished, and write the tables after each training."""
    started, clock = now(), time.perf_counter()

    def passed() -> float:
        return time.perf_counter() - clock

    prepared = prepare(config)
    standings = {each.name: standing_of(each, prepared) for each in prepared.plan}
    for line in outlook(config, prepared, standings):
        print(line, flush=True)
    if config.dry_run:
        return
    config.run.mkdir(parents=True, exist_ok=True)
    device = device_name(pick_device(next(iter(prepared.finetune.values())).device))
    with file_lock(config.run / ".lock", f"another {PROG} is writing to {config.run}"):
        failures: dict[str, str] = {}
        with tqdm(total=len(prepared.plan), desc="ablation", unit="training") as bar:
            for training in prepared.plan:
                bar.set_postfix_str(training.name)
                if do(training, prepared, config, failures):
                    write_report(prepared, failures, run_record(command_line(PROG), config, device, started, passed()))
                bar.update()
        print(write_report(prepared, failures, run_record(command_line(PROG), config, device, started, passed())))
    print(f"{config.run / 'ablation.json'} and ablation.md are written")
    if failures:
        name, reason = next(iter(failures.items()))
        raise JobError(
            f"{len(failures)} of {len(prepared.plan)} trainings failed, the first is {config.run / name}: {reason} "
            f"({FAILURE} there says more); the same command tries them again"
        )


def prepare(config: AblationConfig) -> Prepared:
    """Read the files of options and the data. Raises UserError on whatever would stop a training hours later."""
    pretrain = read_config_file(PretrainConfig, config.pretrain) if config.pretrain else PretrainConfig()
    pretrain = replace(pretrain, data=config.data or pretrain.data, seed=config.seeds[0])
    finetune = {dataset: finetune_options(config, dataset) for dataset in config.datasets or present(config)}
    for options in (pretrain, *finetune.values()):
        pick_device(options.device)
    seen = None
    if "synthetic" in config.starts:
        check_networks(pretrain, finetune)
        seen = look_at_pretraining(pretrain)
    splits = {dataset: splits_of(dataset, config.splits) for dataset in finetune}
    tested = {
        dataset: look_at_tested(dataset, options, splits[dataset], config.protocol, seen)
        for dataset, options in finetune.items()
    }
    grid = Grid(config.run, config.starts, config.variants, splits, config.seeds)
    return Prepared(grid, config.protocol, trainings(grid, pretrain, finetune), pretrain, finetune, seen, tested)


def finetune_options(config: AblationConfig, dataset: DatasetName) -> FinetuneConfig:
    """The options of fine-tuning on a data set. Raises UserError where their file does not serve."""
    path = config.finetune.get(dataset)
    options = read_config_file(FinetuneConfig, path) if path else FinetuneConfig(dataset=dataset)
    root = config.roots.get(dataset) or (options.root if options.dataset == dataset else None)
    return replace(options, dataset=dataset, root=root, split_seed=options.split_seed or 0)


def present(config: AblationConfig) -> tuple[DatasetName, ...]:
    """The data sets that are there, or the rendered one in their place. Raises UserError where that is not there."""
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


def outlook(config: AblationConfig, prepared: Prepared, standings: Mapping[str, Standing]) -> list[str]:
    """What will be done, for people; with --dry-run a line a training."""
    plan, order = prepared.plan, get_args(Standing)
    counted = ", ".join(f"{list(standings.values()).count(each)} {each}" for each in order)
    steps = sum(prepared.steps_of(training) for training in plan)
    pretrainings = len(plan) - len(prepared.cells)
    lines = [
        f"{config.run}: {len(plan)} trainings (pre-training {pretrainings}, fine-tuning {len(prepared.cells)}; "
        f"{steps} steps in all): {counted}",
        *notes(prepared),
    ]
    if config.dry_run:
        lines += [f"{standings[each.name]:8}  {prepared.steps_of(each):7} steps  {each.name}" for each in plan]
    return lines


def standing_of(training: Training, prepared: Prepared) -> Standing:
    """How far a training is. Raises UserError where its folder holds another than is asked for."""
    marks = prepared.fingerprint_of(training), prepared.division_of(training)
    if isinstance(training.config, PretrainConfig):
        return standing(training, *marks, prepared.seen.start if prepared.seen else None)
    needed = next((each for each in prepared.plan if each.name == training.needs), None)
    result = read_result(needed) if needed else None
    rendered = prepared.tested[training.config.dataset].rendered if training.config.rendered else None
    return standing(training, *marks, result["model"]["sha256"] if result else None, rendered)


def do(training: Training, prepared: Prepared, config: AblationConfig, failures: dict[str, str]) -> bool:
    """Train and measure what is not yet; returns whether there was something to do.

    What goes wrong is put into `failures`, by name, and into the training's folder: the others go on. A full disk
    is no such thing, and raised (OSError).
    """
    if training.needs in failures:
        failures[training.name] = f"{training.needs} failed"
        return False
    try:
        trained = standing_of(training, prepared) == "finished"
        if not trained:
            train(training)
            standing_of(training, prepared)  # on what was there at the beginning?
        ranked = training not in prepared.cells or measured(training, config.protocol) is not None
        if not ranked:
            measure(training, config.protocol)
        clear(training, config.keep_checkpoints)
        return not (trained and ranked)
    except Exception as failure:
        if isinstance(failure, OSError) and failure.errno in DISK_FULL:
            raise
        failures[training.name] = " ".join(str(failure).split()) or type(failure).__name__
        write_atomically(training.folder / FAILURE, traceback.format_exc().encode())
        return True
    finally:
        let_go(training.config.compile)


def let_go(compiled: bool) -> None:
    """Give back what the last network held: the next one is another."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if compiled:
        torch.compiler.reset()
