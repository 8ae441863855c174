"""One training of the ablation: its status, training, and the evaluation of its network.

The folder has the files of pre-training or fine-tuning (`reid.training.checkpointing`), and

measured.json   rankings with and without post-processing     output.txt   printed output of the training
failure.txt     traceback of the last error
"""

import shutil
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from alignnet_common.checked.forms import ANY
from alignnet_common.checked.json_file import read_bounded, read_json
from alignnet_common.cli import as_plain
from alignnet_common.cli.yaml_file import LARGEST
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from alignnet_common.run_record import command_line
from reid.ablation.grid import POST_PROCESSING, Training
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.model import PAPER_SETTINGS
from reid.configs.groups.ranking import Protocol
from reid.configs.pretrain import PretrainConfig
from reid.data import load_data
from reid.evaluation.evaluator import EvaluationOptions, evaluate_splits
from reid.metrics.ranking import RankingOptions
from reid.provenance.notes import named_weights
from reid.recipes.finetune import PROG as FINETUNE
from reid.recipes.finetune import finetune
from reid.recipes.pretrain import PROG as PRETRAIN
from reid.recipes.pretrain import pretrain
from reid.runtime.device import pick_device
from reid.runtime.run_dir import BEST, CHECKPOINT, CHECKPOINTS, CONFIG, RESULT, model_file
from reid.training.checkpointing import FREE_TO_CHANGE, OTHERWISE_DIVIDED

MEASURED, OUTPUT, FAILURE, FEATURES = "measured.json", "output.txt", "failure.txt", "features"

Status = Literal["finished", "begun", "to do"]

_FREE = FREE_TO_CHANGE - {"max_steps", "appearance_weights", "pose_weights"}
"""Options that may differ from those of the saved training. In a grid, length and initial weights may not."""


@dataclass(frozen=True)
class TrainingInputs:
    """Inputs that identify a training, besides its options."""

    fingerprint: str
    """Fingerprint of the training data."""

    division: str
    """Its split, see `reid.data.fingerprint.division`."""

    start: str | None
    """SHA-256 of the initial weights; None if there are none, or their training is not finished."""

    rendered: str | None = None
    """Fingerprint of the synthetic data set of --rendered; None if there is none."""


def status_of(training: Training, inputs: TrainingInputs) -> Status:
    """Status of a training, from the files in its folder.

    Raises UserError where the folder has a training with other options or inputs.
    """
    result = read_result(training)
    saved = result["config"] if result else _saved_options(training.folder / CONFIG)
    if saved is None:
        return "to do"
    # Runs saved before an option existed used its default, or the setting of the paper.
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
    _check_inputs(training, result, inputs, advice)
    return "finished"


def _check_inputs(training: Training, result: Mapping[str, Any], inputs: TrainingInputs, advice: str) -> None:
    """Raise UserError, ending with `advice`, where a finished training had other inputs."""
    if result["data"]["fingerprint"] != inputs.fingerprint:
        raise UserError(f"{training.folder}: was trained on other data than is there now: {advice}")
    if result["data"].get("division", inputs.division) != inputs.division:  # older results have no division
        raise UserError(f"{training.folder}: was trained with {OTHERWISE_DIVIDED}: {advice}")
    beside = result.get("rendered")
    if beside is not None and beside["fingerprint"] != inputs.rendered:
        raise UserError(f"{training.folder}: was trained with another --rendered set than is there now: {advice}")
    start = inputs.start
    if start_of(result) != start and (start is not None or isinstance(training.config, PretrainConfig)):
        there = f"{training.needs} has now" if training.needs else "its options (--init) name"
        raise UserError(f"{training.folder}: started from other weights than {there}: {advice}")
    files = named_weights(training.config)
    if start_of(result) is None and result["started_from"].get("weights", files) != files:
        raise UserError(f"{training.folder}: {', '.join(files)} hold other weights than it started from: {advice}")


def start_of(result: Mapping[str, Any]) -> str | None:
    """SHA-256 of the initial weights of a finished training; None if they were of no run."""
    found: str | None = result["started_from"].get("sha256")
    return found


def read_result(training: Training) -> dict[str, Any] | None:
    """The result of a finished training; None if it is not finished. Raises UserError where the file is damaged."""
    return _read_json(training.folder / RESULT, TRAINED)


TRAINED = {
    "model": {"sha256": str},
    "config": {str: ANY},
    "data": {"fingerprint": str, "division?": str},
    "started_from": {"sha256?": (str, None)},
    "rendered?": ({"fingerprint": str}, None),
}
"""Form of the result of a training."""

FIGURES = {"rank1": float, "mAP": float}
EVALUATED = {
    "model_sha256": str,
    "protocol": str,
    "chance?": FIGURES,
    "trained_on_tested?": int,
    "rankings": [FIGURES | {"score_norm": bool, "rerank": bool}],
}
"""Form of measured.json."""


def _read_json(path: Path, form: Any) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    found: dict[str, Any] = read_json(path, form, "remove it")
    return found


def _saved_options(path: Path) -> dict[str, Any] | None:
    """The options in config.yaml; None if the file is missing. Raises UserError where it is damaged."""
    if not path.is_file():
        return None
    try:
        found = yaml.safe_load(read_bounded(path, LARGEST))
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as broken:
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


def read_evaluation(training: Training, protocol: Protocol) -> dict[str, Any] | None:
    """The record written by `evaluate_cell`; None if there is none for the trained network and the protocol."""
    result, found = read_result(training), _read_json(training.folder / MEASURED, EVALUATED)
    if not (result and found):
        return None
    return found if (found["model_sha256"], found["protocol"]) == (result["model"]["sha256"], protocol) else None


def evaluate_cell(training: Training, protocol: Protocol) -> None:
    """Rank the test data with a fine-tuned network, with and without post-processing, and write measured.json.

    The descriptor of each tracklet is computed once. Raises UserError where the descriptors cannot be ranked.
    """
    config, folder = training.config, training.folder
    assert isinstance(config, FinetuneConfig)
    assert config.split is not None
    splits = {config.split: load_data(config, config.seed)}
    options = EvaluationOptions(pick_device(config.device), features=folder / FEATURES)
    rankings = []
    for score_norm, rerank in POST_PROCESSING:
        ranking = RankingOptions(protocol, "symmetric" if score_norm else None, rerank)
        (found,) = evaluate_splits(splits, {config.split: model_file(folder)}, replace(options, ranking=ranking))
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
    """Remove files that are not read again: descriptors, failure.txt, and checkpoints unless they are to be kept."""
    shutil.rmtree(training.folder / FEATURES, ignore_errors=True)
    (training.folder / FAILURE).unlink(missing_ok=True)
    if not keep_checkpoints:
        shutil.rmtree(training.folder / CHECKPOINTS, ignore_errors=True)
        for name in (CHECKPOINT, BEST):
            (training.folder / name).unlink(missing_ok=True)
