"""Data sets: tracklets and splits, chunks and batches, decoding and augmentation."""

from pathlib import Path

from alignnet_common.errors import UserError
from reid.configs.groups.data import ProtocolConfig
from reid.data.datasets.folder import folder_splits
from reid.data.datasets.ilids import ilids_splits
from reid.data.datasets.market import load_market
from reid.data.datasets.mars import load_mars
from reid.data.datasets.prid import prid_splits
from reid.data.datasets.synthetic import load_pretraining, synthetic_splits
from reid.data.tracklets.types import ReidData, split_number

ONE_DIVISION = ("mars", "market")
"""Data sets with one published split, number 0."""


def load_data(choice: ProtocolConfig, seed: int) -> ReidData:
    """The data set named by `choice`, under one split. `seed` is used if `choice.split_seed` is not given.

    Raises UserError on a missing folder, another layout, or a split that does not fit.
    """
    splits = load_splits(choice, seed)
    return splits[0] if choice.dataset in ONE_DIVISION else split_number(splits, choice.split_or_first)


def check_split_options(choice: ProtocolConfig) -> None:
    """Raise UserError where --split-source or --split name a split that the data set cannot have."""
    asked = f"--split-source {choice.split_source}"
    if choice.dataset == "mars" and choice.split_source in ("json", "mat", "random"):
        raise UserError(f"{asked}: MARS has one published split; leave the option out")
    if choice.dataset in ("market", "synthetic") and choice.split_source in ("json", "mat"):
        raise UserError(f"{asked}: {choice.dataset} has no split file; leave the option out")
    if choice.dataset == "folder" and choice.split_source == "mat":
        raise UserError(f"{asked}: custom data have their splits in splits.json: use --split-source json")
    if choice.dataset in ONE_DIVISION and choice.split:
        raise UserError(f"--split {choice.split}: {choice.dataset} has one split; leave the option out")


def load_splits(choice: ProtocolConfig, seed: int) -> tuple[ReidData, ...]:
    """The data set named by `choice`, under each of its splits (ten, or the only one). Raises as `load_data`."""
    seed = seed if choice.split_seed is None else choice.split_seed
    root = choice.data_root
    check_split_options(choice)
    match choice.dataset:
        case "prid":
            return prid_splits(root, choice.split_source, seed, choice.min_frames)
        case "ilids":
            return ilids_splits(root, choice.split_source, seed)
        case "mars":
            return (load_mars(root),)
        case "market":
            return (load_market(root, seed, choice.market_test, choice.test_share),)
        case "synthetic":
            return synthetic_splits(root, seed)
        case "folder":
            return folder_splits(root, choice.split_source, seed)


def load_rendered(root: Path | None, seed: int) -> ReidData | None:
    """All people of a rendered set as training data, with joints; None without a folder.

    Raises UserError if the folder holds no rendered set.
    """
    return None if root is None else load_pretraining(root, 0, seed)
