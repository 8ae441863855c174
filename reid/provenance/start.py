"""Initial weights of a training: loaded into the network, with their provenance."""

from pathlib import Path
from typing import Any

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.training import DEFAULT_PRETRAIN_RUN
from reid.configs.pretrain import PretrainConfig
from reid.data.tracklets.types import ReidData
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_into
from reid.provenance.notes import (
    POSE_WEIGHTS_SOURCE,
    Provenance,
    Training,
    named_weights,
    notes_on_attention,
    notes_on_pose,
    notes_on_tested,
    notes_on_unused_pose,
    trainings_of_pose,
)
from reid.provenance.seen_people import trained_on, trainings_of
from reid.runtime.run_dir import CHECKPOINT, model_file
from reid.runtime.weights_source import shipped_networks


def start_pretraining(model: AlignNet, config: PretrainConfig, data: ReidData, fingerprint: str) -> Provenance:
    """Load `--init` into `model`, if given; returns the provenance of the network that is trained.

    fingerprint -- of the data. Raises UserError if the file is missing or holds another network.
    """
    notes = notes_on_attention(config, config.attention_weight)
    start: dict[str, Any]
    if config.init is None:
        start = {
            "appearance": config.appearance_weights,
            "pose": str(config.pose_weights or "none"),
            "weights": named_weights(config),
        }
        notes += notes_on_pose(config, config.joints_teach)
        earlier = trainings_of_pose(config)
        notes += notes_on_tested(earlier, data, fingerprint, POSE_WEIGHTS_SOURCE)
    else:
        path = model_file(config.init)
        earlier = trainings_of(load_into(model, path))
        start = {"init": str(path), "sha256": sha256_of_file(path)}
        notes += notes_on_tested(earlier, data, fingerprint)
        notes += notes_on_unused_pose(config, model, path)
    return Provenance(start, [*earlier, trained_on(data, fingerprint)], notes)


def start_finetuning(
    model: AlignNet, config: FinetuneConfig, data: ReidData, fingerprint: str, rendered: Training | None = None
) -> Provenance:
    """Load what `--init` names into `model`; returns the provenance of the network that is trained.

    fingerprint -- of the data; rendered -- record of the rendered set that trains the pose network too, see
    `reid.provenance.seen_people.trained_on`. Raises UserError if the file holds another network.
    """
    start, earlier = load_start(model, config)
    notes = notes_on_tested(earlier, data, fingerprint)
    beside = [] if rendered is None else [rendered]
    notes += notes_on_tested(beside, data, fingerprint, "--rendered teaches the pose network")
    if start["file"] is None:
        notes += notes_on_pose(config, config.joints_teach)
        earlier = trainings_of_pose(config)
        notes += notes_on_tested(earlier, data, fingerprint, POSE_WEIGHTS_SOURCE)
    else:
        notes += notes_on_unused_pose(config, model, Path(start["file"]))
    return Provenance(start, [*earlier, *beside, trained_on(data, fingerprint)], notes)


def load_start(model: AlignNet, config: FinetuneConfig) -> tuple[dict[str, Any], list[Training]]:
    """Load what `--init` names into `model`; returns a record of it, with a `text` for people, and its trainings.

    Raises UserError if the file holds another network.
    """
    path = initial_model(config.init)
    if path is None:
        own = "random weights" if config.appearance_weights == "none" else f"{config.appearance_weights} weights"
        why = f"there is no {DEFAULT_PRETRAIN_RUN}" if config.init == "auto" else f"--init {config.init}"
        text, weights = f"{own}, not pre-trained ({why})", named_weights(config)
        return {"text": text, "file": None, "sha256": None, "weights": weights}, []
    metadata = load_into(model, path)
    trainings = trainings_of(metadata)
    steps = metadata["training"]["step"] if "training" in metadata else metadata.get("steps")
    last = f", {steps} steps on {in_words(trainings[-1])}" if trainings else ""
    fresh = f", with a new classifier of {model.classes} persons"
    if metadata["classes"]:
        fresh = f"; its classifier of {metadata['classes']} persons is replaced by a new one of {model.classes}"
    return {"text": f"{path}{last}{fresh}", "file": str(path), "sha256": sha256_of_file(path)}, trainings


def in_words(training: Training) -> str:
    """Name and number of persons of a training; of one without labels the name alone."""
    return (
        str(training["name"]) if training.get("unlabelled") else f"{training['name']} ({len(training['pids'])} persons)"
    )


def initial_model(init: str) -> Path | None:
    """The model file that `--init` of reid.finetune names; None for random or ImageNet weights.

    Raises UserError if the file is missing, or if its run is not finished.
    """
    if init == "none":
        return None
    if init in (shipped := shipped_networks()):
        return shipped[init]
    named = DEFAULT_PRETRAIN_RUN if init == "auto" else Path(init)
    if init == "auto" and not named.exists():
        return None
    if named.is_dir():
        if not model_file(named).is_file() and (named / CHECKPOINT).is_file():
            raise UserError(f"{named} holds a run that is not finished: finish it (--resume), or pass --init none")
        named = model_file(named)
    if not named.is_file():
        raise UserError(f"no such file of weights: {named}: pre-train first (python -m reid.pretrain) or --init none")
    return named
