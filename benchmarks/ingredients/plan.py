"""The trainings of the table: their command lines and lengths, and what is finished of them."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alignnet_common.cli import as_plain, read_config
from alignnet_common.errors import UserError
from alignnet_common.files import set_folder
from alignnet_common.options import flag_of
from benchmarks.ingredients.config import PLAIN, Ingredient, IngredientsConfig
from reid.configs.pretrain import PretrainConfig
from reid.data.datasets.synthetic import load_pretraining
from reid.runtime.run_dir import RESULT
from reid.training.batches import chunks_and_sampler
from reid.training.checkpointing import FREE_TO_CHANGE

MAY_DIFFER = FREE_TO_CHANGE - {"data", "init", "max_steps", "appearance_weights", "pose_weights"}
"""Options of reid.pretrain in which a finished training may differ from the one that is asked for."""

LARGEST_ERROR = 0.1
"""Largest difference between the steps of whole epochs and those asked for, as a share of them."""


@dataclass(frozen=True)
class Training:
    """One run of reid.pretrain."""

    name: str
    """Row of the table whose training it is; rows that train alike share it."""

    words: tuple[str, ...]
    """Its command line."""

    options: PretrainConfig
    """The options that the command line gives."""

    folder: Path


def planned(config: IngredientsConfig) -> list[Training]:
    """All trainings, those of the first seed first.

    Raises UserError as `batches_of` and `epochs_of`, and where a finished one has other options.
    """
    if config.appearance_weights is not None and not config.appearance_weights.is_file():
        raise UserError(f"--appearance-weights {config.appearance_weights}: no such file")
    rows = config.rows
    first_with = {one.training: name for name, one in reversed(rows.items())}
    names = [name for name, one in rows.items() if first_with[one.training] == name]
    options = {name: options_of(config, rows[name]) for name in names}
    batches = {people: batches_of(config, options[PLAIN], people) for people in {rows[name].people for name in names}}
    epochs = {name: epochs_of(config, rows[name], batches[rows[name].people]) for name in names}
    trainings = [
        training_of(config, name, options[name], seed, epochs[name]) for seed in range(config.seeds) for name in names
    ]
    for training in trainings:
        read_result(training)
    return trainings


def options_of(config: IngredientsConfig, one: Ingredient) -> PretrainConfig:
    """The options of a row's trainings, but for their number of epochs, seed and folder.

    Exits with one line on an option that reid.pretrain does not take.
    """
    return read_config(PretrainConfig, "python -m reid.pretrain", words_of(config, one)).resolved()


def words_of(config: IngredientsConfig, one: Ingredient) -> list[str]:
    """The command line of `options_of`."""
    values = {
        "config": config.job.absolute(),
        "data": set_folder(config.data).absolute(),
        "ids": config.ids * one.people,
    }
    if config.appearance_weights is not None:
        values["appearance_weights"] = config.appearance_weights.absolute()
    return [*(f"{flag_of(name)}={value}" for name, value in {**values, **config.options}.items()), *one.options]


def training_of(config: IngredientsConfig, name: str, options: PretrainConfig, seed: int, epochs: int) -> Training:
    """The training of a row with one seed; `options` as of `options_of`."""
    folder = config.out.absolute() / name / f"seed-{seed}"
    own = [f"--run={folder}", f"--seed={seed}", f"--epochs={epochs}"]
    chosen = replace(options, run=folder, seed=seed, epochs=epochs)
    return Training(name, (*words_of(config, config.rows[name]), *own), chosen, folder)


def batches_of(config: IngredientsConfig, plain: PretrainConfig, people: int) -> int:
    """Steps of an epoch on `people` times --ids identities. Raises UserError where the set has fewer."""
    try:
        data = load_pretraining(plain.data, plain.held_out, plain.seed, config.ids * people)
    except UserError as fault:
        raise UserError(f"{fault} (--ids {config.ids}, of which a row has {people} times as many)") from fault
    return chunks_and_sampler(plain, data)[1].batches


def epochs_of(config: IngredientsConfig, one: Ingredient, batches: int) -> int:
    """Epochs of `batches` steps that make about --steps, times the ingredient's factor.

    Raises UserError where the nearest number of epochs has too few or too many steps to be compared.
    """
    steps = config.steps * one.steps
    epochs = max(1, round(steps / batches))
    if abs(epochs * batches - steps) > LARGEST_ERROR * steps:
        people = config.ids * one.people
        raise UserError(
            f"--steps {config.steps}: an epoch on {people} identities has {batches} steps, of which no number makes "
            f"about {steps}: give a multiple of {batches}, or lower --ids"
        )
    return epochs


def read_result(training: Training) -> dict[str, Any] | None:
    """The result of a training; None if it is not finished. Raises UserError if it was trained with other options."""
    path = training.folder / RESULT
    if not path.is_file():
        return None
    result: dict[str, Any] = json.loads(path.read_text())
    saved, asked = as_plain(PretrainConfig()) | result["config"], as_plain(training.options)
    changed = [name for name in asked if name not in MAY_DIFFER and saved[name] != asked[name]]
    if changed:
        name = changed[0]
        raise UserError(
            f"{training.folder}: was trained with {name} {saved[name]}, not {asked[name]}: "
            "repeat its options, remove this folder, or name another --out"
        )
    return result
