"""Provenance of a training: initial weights, identities they were trained on, and notes that results must carry.

Notes are printed, kept in the checkpoint and written to result.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from reid.configs.groups.training import TrainConfig
from reid.data.tracklets.types import ReidData, Tracklet
from reid.models.alignnet import AlignNet
from reid.models.weights import metadata_of, read_pose_weights
from reid.provenance.seen_people import trained_on_tested, trainings_of

POSE_WEIGHTS_SOURCE = "what --pose-weights names was trained on"
"""Subject of a note of `notes_on_tested` about the file of --pose-weights."""

Training = Mapping[str, Any]
"""Identities of one training; see `reid.provenance.seen_people.trained_on`."""


@dataclass(frozen=True)
class Provenance:
    """Where the weights of a trained network come from. It stays the same when a run is resumed."""

    start: dict[str, Any]
    """Record of the initial weights: files with their SHA-256."""

    trainings: list[Training]
    """Identities of every training so far: those of the initial weights first, this training last."""

    notes: list[str]
    """Notes that results must carry, a line each."""

    @classmethod
    def of_checkpoint(cls, checkpoint: Mapping[str, Any]) -> "Provenance":
        """The provenance that a run's checkpoint keeps."""
        notes = list(checkpoint["training"].get("notes", ()))
        return cls(checkpoint["started_from"], trainings_of(checkpoint), notes)


def notes_on_tested(
    trainings: Sequence[Training],
    data: ReidData,
    fingerprint: str,
    saw: str = "what this starts from was trained on",
) -> list[str]:
    """A note if tested identities were trained on in `trainings`, else no note; `saw` is the subject of its sentence.

    fingerprint -- of `data`.
    """
    seen = trained_on_tested(trainings, data, fingerprint)
    if not seen:
        return []
    tested = len({tracklet.pid for tracklet in data.query})
    return [f"{saw} {seen} of the {tested} persons tested: no valid figures"]


def notes_on_weights(path: Path, root: Path, clips: Sequence[Tracklet]) -> list[str]:
    """A note if the weights in `path` were trained on identities of these clips of a rendered set, according to the
    file's own record; else no note."""
    trainings = trainings_of(metadata_of(path))
    if not trainings:
        return []
    data = ReidData("synthetic", root, (), tuple(clips), tuple(clips), "", "")
    return notes_on_tested(trainings, data, "", f"{path} was trained on")


def trainings_of_pose(config: TrainConfig) -> list[Training]:
    """Trainings of the pose network in --pose-weights: model files of this project record them, other files of weights
    do not. For runs without --init, which would replace the pose network.

    Raises UserError if the file is missing or unreadable.
    """
    if config.variant == "baseline" or config.pose_weights is None:
        return []
    return trainings_of(metadata_of(config.pose_weights))


def named_weights(config: TrainConfig) -> dict[str, str]:
    """SHA-256 of the files that --pose-weights and --appearance-weights name, by option: a path may hold other weights
    later. Raises UserError if a file is missing."""
    named = {"--pose-weights": None if config.variant == "baseline" else config.pose_weights}
    if config.appearance_weights not in ("imagenet", "none"):
        named["--appearance-weights"] = Path(config.appearance_weights)
    missing = next((path for path in named.values() if path is not None and not path.is_file()), None)
    if missing is not None:
        raise UserError(f"no such file of weights: {missing}")
    return {option: sha256_of_file(path) for option, path in named.items() if path is not None}


def notes_on_unused_pose(config: TrainConfig, model: AlignNet, start: Path) -> list[str]:
    """A note if --pose-weights is not used, because `model` has another pose network, of the run in `start`.

    Raises UserError if the file exists and holds no pose network.
    """
    named = config.pose_weights
    if model.pose is None or named is None or not named.is_file():
        return []
    weights, own = read_pose_weights(named), model.pose.state_dict()
    if weights.keys() == own.keys() and all(torch.equal(weights[name], own[name].cpu()) for name in own):
        return []
    return [f"--pose-weights {named} is not used: the pose network is that of {start}"]


def notes_on_pose(config: TrainConfig, taught: bool) -> list[str]:
    """A note if the pose network is random and no exact joints train it, in a run without --init.

    taught -- whether exact joints train the pose network.
    """
    if config.variant == "baseline" or config.pose_weights is not None:
        return []
    advice = "give --pose-weights, or start from a run that has one (--init)"
    if config.lr_pose > 0:
        random = "the pose network is random (no --pose-weights), and no joints teach it"
        return [] if taught else [f"{random}: what it takes for body parts need not be any: {advice}"]
    why = "--lr-pose 0" if config.pose_maps == "network" else f"--pose-maps {config.pose_maps}"
    parts = "body parts are known in training alone" if config.pose_maps == "truth" else "its parts are no body parts"
    return [f"the pose network is random and stays so ({why}, no --pose-weights), {parts}: {advice}"]


def notes_on_attention(config: TrainConfig, attention_weight: float) -> list[str]:
    """A note if the attention loss has a weight but no effect: without temporal attention, or with a frozen one."""
    if not attention_weight:
        return []
    if config.variant != "align-tap":
        return [f"--attention-weight {attention_weight:g} teaches no temporal attention: {config.variant} has none"]
    if config.lr_tap == 0:
        return [f"--attention-weight {attention_weight:g} teaches no temporal attention: --lr-tap 0 keeps it as it is"]
    return []
