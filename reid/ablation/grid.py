"""The grid of the paper's Tables 1a, 1b and 2 as data: its trainings with their options. No file is read here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from alignnet_common.errors import UserError
from reid.configs.ablation import Start
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.data import DatasetName
from reid.configs.groups.model import Variant
from reid.configs.pretrain import PretrainConfig
from reid.data import ONE_DIVISION
from reid.models.checkpoint import CHOSEN_ANEW

POST_PROCESSING: tuple[tuple[bool, bool], ...] = ((False, False), (True, False), (False, True), (True, True))
"""(score normalization, re-ranking) of the rankings of each trained network."""


@dataclass(frozen=True)
class Grid:
    """The factors of the grid."""

    run: Path
    """Folder of the folders of the trainings."""

    starts: Sequence[Start]
    variants: Sequence[Variant]
    splits: Mapping[DatasetName, Sequence[int]]
    """Numbers of the splits of each data set."""

    seeds: Sequence[int]


@dataclass(frozen=True)
class Training:
    """A cell of the grid, which is a fine-tuning, or a pre-training from which cells start."""

    name: str
    """Path of its folder, relative to that of the grid."""

    config: PretrainConfig | FinetuneConfig

    needs: str | None = None
    """Name of the pre-training from which it starts; None if there is none."""

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        assert self.config.run is not None
        return self.config.run

    @property
    def start(self) -> Start:
        """Initial weights."""
        return "synthetic" if self.needs else "without"


def splits_of(dataset: DatasetName, splits: Sequence[int]) -> tuple[int, ...]:
    """The splits of a data set: `splits`, or number 0 for a data set with one split."""
    return (0,) if dataset in ONE_DIVISION else tuple(splits)


def trainings(
    grid: Grid, pretrain: PretrainConfig, finetune: Mapping[DatasetName, FinetuneConfig]
) -> tuple[Training, ...]:
    """All trainings of the grid; each is after the pre-training from which it starts.

    pretrain, finetune -- options of the trainings (by data set), except for the factors of the grid.
    The order is by seed, then by split, each with all data sets, starts and variants, so that the tables fill evenly.
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
    """One fine-tuning. `options.split_seed` is set, so that a split is the same for every seed."""
    name = f"finetune-{options.dataset}/{start}/{variant}/split-{split}/seed-{seed}"
    needs = f"pretrain/{variant}/seed-{seed}" if start == "synthetic" else None
    config = replace(
        options,
        run=run / name,
        root=options.data_root,
        init=str(run / needs) if needs else "none",
        variant=variant,
        rendered=None if variant == "baseline" else options.rendered,  # has no pose network
        split=split,
        seed=seed,
        resume=True,  # from its checkpoint, if there is one
    )
    return Training(name, config.with_frozen_pose(), needs)


def check_networks(pretrain: PretrainConfig, finetune: Mapping[DatasetName, FinetuneConfig]) -> None:
    """Raise UserError where the networks of pre-training and of a fine-tuning differ."""
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
