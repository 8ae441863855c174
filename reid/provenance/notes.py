"""What a training begins with: the network that it starts from, whom that has seen, and what its numbers need said.

Whoever reads the numbers must know these notes, so they are printed, kept in the checkpoint and put into result.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from reid.configs.training import TrainConfig
from reid.data.tracklets.types import ReidData, Tracklet
from reid.models.alignnet import AlignNet
from reid.models.weights import metadata_of, read_pose_weights
from reid.provenance.seen_people import trained_on_tested, trainings_of

POSE_SAW = "what --pose-weights names was trained on"
"""How `notes_on_tested` says that the pose net's file has seen persons who are tested."""

Training = Mapping[str, Any]
"""Who a network was trained on in one training; see `reid.provenance.seen_people.trained_on`."""


@dataclass(frozen=True)
class Beginning:
    """What is settled before the first step, and stays as it was when a run goes on."""

    start: dict[str, Any]
    """What the network starts from."""

    trainings: list[Training]
    """Who it will have been trained on: first the trainings of what it starts from, then this one."""

    notes: list[str]
    """What a reader of its numbers must know, a line each."""


def begun(checkpoint: Mapping[str, Any]) -> Beginning:
    """What a run began with, by its checkpoint."""
    return Beginning(
        checkpoint["started_from"], trainings_of(checkpoint), list(checkpoint["training"].get("notes", ()))
    )


def notes_on_tested(
    trainings: Sequence[Training],
    data: ReidData,
    fingerprint: str,
    saw: str = "what this starts from was trained on",
) -> list[str]:
    """That persons tested were trained on, where they were; `saw` says by what."""
    seen = trained_on_tested(trainings, data, fingerprint)
    if not seen:
        return []
    tested = len({tracklet.pid for tracklet in data.query})
    return [f"{saw} {seen} of the {tested} persons tested: no fair numbers"]


def notes_on_weights(path: Path, root: Path, clips: Sequence[Tracklet]) -> list[str]:
    """That weights have seen persons of a rendered set whom they are measured on, as far as their file says so."""
    trainings = trainings_of(metadata_of(path))
    if not trainings:
        return []
    data = ReidData("synthetic", root, (), tuple(clips), tuple(clips), "", "")
    return notes_on_tested(trainings, data, "", f"{path} was trained on")


def trainings_of_pose(config: TrainConfig) -> list[Training]:
    """Who has taught the network whose pose net --pose-weights takes, as far as that file says: a model file of this
    project does, bare weights do not. For a run that starts from no other (--init brings a pose net of its own).

    Raises UserError where the file is missing or unreadable.
    """
    if config.variant == "baseline" or config.pose_weights is None:
        return []
    return trainings_of(metadata_of(config.pose_weights))


def named_weights(config: TrainConfig) -> dict[str, str]:
    """SHA-256, by option, of the files of weights that a network which starts from no run is built with: paths may come
    to hold others. Raises UserError where one is missing."""
    named = {"--pose-weights": None if config.variant == "baseline" else config.pose_weights}
    if config.appearance_weights not in ("imagenet", "none"):
        named["--appearance-weights"] = Path(config.appearance_weights)
    missing = next((path for path in named.values() if path is not None and not path.is_file()), None)
    if missing is not None:
        raise UserError(f"no such file of weights: {missing}")
    return {option: sha256_of_file(path) for option, path in named.items() if path is not None}


def notes_on_unused_pose(config: TrainConfig, model: AlignNet, start: Path) -> list[str]:
    """That --pose-weights serves for nothing, where `model` has the pose net of the run in `start` and that is another.

    Raises UserError where the file is there and is no pose net's.
    """
    named = config.pose_weights
    if model.pose is None or named is None or not named.is_file():
        return []
    weights, own = read_pose_weights(named), model.pose.state_dict()
    if weights.keys() == own.keys() and all(torch.equal(weights[name], own[name].cpu()) for name in own):
        return []
    return [f"--pose-weights {named} is not used: the pose network is that of {start}"]


def notes_on_pose(config: TrainConfig, taught: bool) -> list[str]:
    """That the pose network is random, for a run that starts from no other: where nothing tells it where joints are.

    taught -- whether exact joints teach it while it is trained.
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
    """That the loss on attention over time, where it weighs anything, teaches temporal attention nothing."""
    if not attention_weight:
        return []
    if config.variant != "align-tap":
        return [f"--attention-weight {attention_weight:g} teaches no temporal attention: {config.variant} has none"]
    if config.lr_tap == 0:
        return [f"--attention-weight {attention_weight:g} teaches no temporal attention: --lr-tap 0 keeps it as it is"]
    return []
