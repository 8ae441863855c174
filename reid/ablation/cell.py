"""One training of the ablation in its folder: how far it is, doing it, and measuring its network.

What pre-training and fine-tuning write (`reid.training.checkpointing`), and beside it

measured.json   the network, ranked with and without post-processing     output.txt   what the training printed
failure.txt     why it failed the last time
"""

import json
import shutil
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import yaml

from alignnet_common.cli import as_plain
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from alignnet_common.run_record import command_line
from reid.ablation.grid import POST_PROCESSING, Training
from reid.configs.finetune import FinetuneConfig
from reid.configs.model import PAPER_SETTINGS
from reid.configs.pretrain import PretrainConfig
from reid.data import load_data
from reid.evaluation.evaluator import EvaluationOptions, evaluate_splits
from reid.finetune import PROG as FINETUNE
from reid.finetune import finetune
from reid.metrics.protocols import Protocol
from reid.metrics.ranking import RankingOptions
from reid.pretrain import PROG as PRETRAIN
from reid.pretrain import pretrain
from reid.provenance.notes import named_weights
from reid.runtime.device import pick_device
from reid.runtime.run_dir import BEST, CHECKPOINT, CHECKPOINTS, CONFIG, MODEL, RESULT
from reid.training.checkpointing import FREE_TO_CHANGE, OTHERWISE_DIVIDED

MEASURED, OUTPUT, FAILURE, FEATURES = "measured.json", "output.txt", "failure.txt", "features"

Standing = Literal["finished", "begun", "to do"]

_FREE = FREE_TO_CHANGE - {"max_steps", "appearance_weights", "pose_weights"}
"""Options that a training may have been given otherwise: in a grid its length and its start are part of what it is."""


def standing(
    training: Training, fingerprint: str, division: str, start: str | None, rendered: str | None = None
) -> Standing:
    """How far a training is, by its folder.

    fingerprint, division -- of the data that it is to be trained on; start -- SHA-256 of the weights that it is to
    start from, None where there are none or they are not there yet; rendered -- fingerprint of the rendered set beside
    the data, None where there is none.
    Raises UserError where the folder holds another training than is asked for.
    """
    result = read_result(training)
    saved = result["config"] if result else _saved_options(training.folder / CONFIG)
    if saved is None:
        return "to do"
    # An option that the training did not know yet had, as it were, its default, or the paper's letter.
    given, saved = as_plain(training.config), as_plain(type(training.config)()) | PAPER_SETTINGS | saved
    changed = [name for name in given if name not in _FREE and saved[name] != given[name]]
    advice = "remove this folder to train it again, or name another --run"
    if changed:
        name = changed[0]
        raise UserError(
            f"{training.folder}: was trained with {name} {saved[name]}, not {given[name]}: put that back, {advice}"
        )
    if result is None:
        return "begun"
    if result["data"]["fingerprint"] != fingerprint:
        raise UserError(f"{training.folder}: was trained on other data than is there now: {advice}")
    if result["data"].get("division", division) != division:  # results from before it was kept have none
        raise UserError(f"{training.folder}: was trained with {OTHERWISE_DIVIDED}: {advice}")
    beside = result.get("rendered")
    if beside is not None and beside["fingerprint"] != rendered:
        raise UserError(f"{training.folder}: was trained with another --rendered set than is there now: {advice}")
    if start_of(result) != start and (start is not None or isinstance(training.config, PretrainConfig)):
        there = f"{training.needs} has now" if training.needs else "its options (--init) name"
        raise UserError(f"{training.folder}: started from other weights than {there}: {advice}")
    files = named_weights(training.config)
    if start_of(result) is None and result["started_from"].get("weights", files) != files:
        raise UserError(f"{training.folder}: {', '.join(files)} hold other weights than it started from: {advice}")
    return "finished"


def start_of(result: Mapping[str, Any]) -> str | None:
    """SHA-256 of the weights that a finished training started from; None where it started from no run."""
    found: str | None = result["started_from"].get("sha256")
    return found


def read_result(training: Training) -> dict[str, Any] | None:
    """What a finished training found, None where it is not finished. Raises UserError where that cannot be read."""
    return _read_json(training.folder / RESULT)


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text())
    except ValueError as broken:
        raise UserError(f"{path}: not a JSON file ({broken}); remove it") from broken
    if not isinstance(found, dict):
        raise UserError(f"{path}: not a result; remove it")
    return found


def _saved_options(path: Path) -> dict[str, Any] | None:
    """What config.yaml says; None where it is not there."""
    if not path.is_file():
        return None
    try:
        found = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as broken:
        raise UserError(f"{path}: not a YAML file; remove its folder") from broken
    return found if isinstance(found, dict) else None


def train(training: Training) -> None:
    """Run a training, from its checkpoint if it has one. Raises as `reid.pretrain` and `reid.finetune`.

    The training's result records the command that reproduces this training alone.
    """
    training.folder.mkdir(parents=True, exist_ok=True)
    argv = ["--config", str(training.folder / CONFIG), "--resume"]
    with (training.folder / OUTPUT).open("a") as output, redirect_stdout(output):
        if isinstance(training.config, PretrainConfig):
            pretrain(training.config, command=command_line(PRETRAIN, argv))
        else:
            finetune(training.config, command=command_line(FINETUNE, argv))


def measured(training: Training, protocol: Protocol) -> dict[str, Any] | None:
    """What `measure` found; None where it has not, or of another network or by another protocol."""
    result, found = read_result(training), _read_json(training.folder / MEASURED)
    fits = result and found and (found["model_sha256"], found["protocol"]) == (result["model"]["sha256"], protocol)
    return found if fits else None


def measure(training: Training, protocol: Protocol) -> None:
    """Rank a fine-tuned network with and without post-processing, and write that: each tracklet is described once.

    Raises UserError where the network's descriptors cannot be ranked.
    """
    config, folder = training.config, training.folder
    assert isinstance(config, FinetuneConfig)
    assert config.split is not None
    splits = {config.split: load_data(config, config.seed)}
    options = EvaluationOptions(pick_device(config.device), features=folder / FEATURES)
    rankings = []
    for score_norm, rerank in POST_PROCESSING:
        ranking = RankingOptions(protocol, "symmetric" if score_norm else None, rerank)
        (found,) = evaluate_splits(splits, {config.split: folder / MODEL}, replace(options, ranking=ranking))
        rankings.append({"score_norm": score_norm, "rerank": rerank, **found.metrics})
    record = {
        "model_sha256": found.checkpoint["sha256"],
        "protocol": protocol,
        "fingerprint": found.fingerprint,
        "source": found.data.split,
        "images": found.images,
        "trained_on_tested": found.trained_on_tested,
        "chance": found.chance,
        "rankings": rankings,
    }
    write_json(folder / MEASURED, record)


def clear(training: Training, keep_checkpoints: bool) -> None:
    """Remove what nothing will read again: descriptors, why it failed once, and checkpoints unless they are kept."""
    shutil.rmtree(training.folder / FEATURES, ignore_errors=True)
    (training.folder / FAILURE).unlink(missing_ok=True)
    if not keep_checkpoints:
        shutil.rmtree(training.folder / CHECKPOINTS, ignore_errors=True)
        for name in (CHECKPOINT, BEST):
            (training.folder / name).unlink(missing_ok=True)
