"""The grid of the paper's Tables 1a, 1b and 2 as data: which trainings it takes, and what each is told.

Nothing here looks at a disk: `reid.ablation` reads the jobs' files and the data, and trains.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

from alignnet_common.errors import UserError
from reid.configs.data import DatasetName
from reid.configs.finetune import FinetuneConfig
from reid.configs.pretrain import PretrainConfig
from reid.data import ONE_DIVISION
from reid.models.checkpoint import CHOSEN_ANEW

Start = Literal["without", "synthetic"]
"""What fine-tuning starts from: the network as it is built, or one that was pre-trained on rendered people."""

Variant = Literal["baseline", "align-avg", "align-tap"]

POST_PROCESSING: tuple[tuple[bool, bool], ...] = ((False, False), (True, False), (False, True), (True, True))
"""(score normalisation, re-ranking): what each trained network is measured with."""


@dataclass(frozen=True)
class Grid:
    """What is crossed with what."""

    run: Path
    """Folder that every training has its own folder in."""

    starts: Sequence[Start]
    variants: Sequence[Variant]
    splits: Mapping[DatasetName, Sequence[int]]
    """Numbers of the splits of each data set."""

    seeds: Sequence[int]


@dataclass(frozen=True)
class Training:
    """One network to train: a cell of the grid, or the pre-training that some cells start from."""

    name: str
    """Its folder below the grid's."""

    config: PretrainConfig | FinetuneConfig

    needs: str | None = None
    """Name of the pre-training that it starts from."""

    @property
    def folder(self) -> Path:
        """Where it is written to."""
        assert self.config.run is not None
        return self.config.run

    @property
    def start(self) -> Start:
        """What it starts from."""
        return "synthetic" if self.needs else "without"


def splits_of(dataset: DatasetName, splits: Sequence[int]) -> tuple[int, ...]:
    """The splits of a data set: `splits`, or number 0 where it comes divided once."""
    return (0,) if dataset in ONE_DIVISION else tuple(splits)


def trainings(
    grid: Grid, pretrain: PretrainConfig, finetune: Mapping[DatasetName, FinetuneConfig]
) -> tuple[Training, ...]:
    """Every training of the grid, in an order in which each comes after the one that it starts from.

    pretrain, finetune -- the options of the trainings (for each data set), but for those that the grid says.
    Whole rounds (every data set, start and variant) follow each other, seed by seed and split by split, so that the
    tables fill evenly.
    """
    plan: list[Training] = []
    for seed in grid.seeds:
        if "synthetic" in grid.starts:
            plan += [pretraining(grid.run, variant, seed, pretrain) for variant in grid.variants]
        for split in sorted({split for numbers in grid.splits.values() for split in numbers}):
            plan += [
                finetuning(grid.run, finetune[dataset], start, variant, split, seed)
                for dataset, numbers in grid.splits.items()
                if split in numbers
                for start in grid.starts
                for variant in grid.variants
            ]
    return tuple(plan)


def pretraining(run: Path, variant: Variant, seed: int, options: PretrainConfig) -> Training:
    """The pre-training of one variant."""
    name = f"pretrain/{variant}/seed-{seed}"
    config = replace(options, run=run / name, variant=variant, seed=seed, resume=True)
    return Training(name, config.with_frozen_pose())


def finetuning(run: Path, options: FinetuneConfig, start: Start, variant: Variant, split: int, seed: int) -> Training:
    """One fine-tuning. The options have a `split_seed`, so that a split is the same for every seed."""
    name = f"finetune-{options.dataset}/{start}/{variant}/split-{split}/seed-{seed}"
    needs = f"pretrain/{variant}/seed-{seed}" if start == "synthetic" else None
    config = replace(
        options,
        run=run / name,
        root=options.data_root,
        init=str(run / needs) if needs else "none",
        variant=variant,
        rendered=None if variant == "baseline" else options.rendered,  # it has no pose network to be taught
        split=split,
        seed=seed,
        resume=True,  # from its checkpoint; from the beginning where there is none
    )
    return Training(name, config.with_frozen_pose(), needs)


def check_networks(pretrain: PretrainConfig, finetune: Mapping[DatasetName, FinetuneConfig]) -> None:
    """Raise UserError where pre-training and a fine-tuning describe networks that do not fit into each other."""
    first = pretrain.network
    for dataset, options in finetune.items():
        second = options.network
        for field in fields(first):
            one, other = getattr(first, field.name), getattr(second, field.name)
            if field.name not in ("variant", *CHOSEN_ANEW) and one != other:
                raise UserError(
                    f"pre-training has {field.name} {one}, fine-tuning on {dataset} has {other}: "
                    "give their two files (--pretrain, --finetune) the same network"
                )
