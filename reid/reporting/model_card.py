"""The model card of a run, RUN/README.md: network, training data, evaluation, use, limits and licence.

Everything comes from the run's result and the metadata of its model file. The template is assets/model-card.md.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alignnet_common.files import write_unless_edited
from alignnet_common.html import render_template

MARK = "`reid` writes this file"
"""Part of the card's last line."""
FIGURES = {"rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10", "rank20": "rank-20", "mAP": "mAP", "mINP": "mINP"}
"""Columns of the evaluation table by key of a block of result.json, in percent."""
STAGES = {
    "chance": "random ranking",
    "untrained": "the network before any training",
    "initial": "initial weights, before this training",
    "validation": "after this training",
    "finetuned": "after this training",
}
"""Rows of the evaluation table by name of the block in result.json."""
NETWORK = {
    "variant": "variant",
    "appearance": "appearance network",
    "stride": "output stride of the appearance network, pixels",
    "pose_stages": "stages of the pose network",
    "pose_width": "width of the pose network (OpenPose: 1)",
    "pose_scale": "enlargement of frames for the pose network",
    "tap_input": "input of temporal attention",
    "limb_fields": "limb fields in Eq. 2",
    "part_gain": "part gain in Eq. 3",
    "part_pooling": "part pooling in Eq. 5",
    "pooling": "pooling over cells in Eq. 5",
    "frame_pooling": "frame pooling in Eq. 7",
    "frame_gain": "exponent on the frame weights in Eq. 7",
    "part_visibility": "weight of hidden parts in Eq. 7",
    "neck": "layer before the classifier",
    "neck_feat": "descriptor before or after that layer",
    "unit_length": "descriptors have length 1",
}
"""Options of the network that the card lists, by field of ModelConfig."""
OPTIMISATION = ("optimizer", "lr_appearance", "lr_pose", "lr_tap", "lr_classifier", "schedule", "ids_per_batch")
"""Options of the training that the card lists; config.yaml has all."""


def write_model_card(path: Path, result: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Write the card atomically. It replaces an earlier card, but not a file without MARK.

    result -- content of result.json. record -- entries of the model file except the tensors.
    """
    write_unless_edited(path, model_card(result, record), MARK)


def model_card(result: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    config, network = result["config"], record["model_config"]
    trainings = record.get("trained_on") or []
    is_synthetic = all(training["name"].startswith("synthetic") for training in trainings)
    blocks = {name: result[name] for name in STAGES if isinstance(result.get(name), Mapping)}
    return render_template(
        "model-card.md",
        is_pose_only=not (config.get("identity_weight") or config.get("ranking_weight")),
        network=network,
        has_pose=network["variant"] != "baseline",
        options=[(label, network[name]) for name, label in NETWORK.items() if name in network],
        parameters=record["parameters"],
        classes=record["classes"],
        images=record["images"],
        trainings=[training_row(training) for training in trainings],
        is_synthetic=is_synthetic,
        is_free=is_synthetic and starts_without_terms(result["started_from"]),
        started=started_from(result["started_from"]),
        steps=record.get("steps"),
        losses=result["training"].get("last_tenth", {}),
        optimisation=[(name, config[name]) for name in OPTIMISATION if name in config],
        data=result["data"],
        figures=[*FIGURES.values()],
        rows=[(STAGES[name], [f"{block[key]:.1f}" for key in FIGURES]) for name, block in blocks.items()],
        counts=result["data"]["counts"],
        rules=result["rules"],
        protocol=result["protocol"],
        seen=result["trained_on_tested"],
        notes=[*result["notes"], *result["data"]["notes"], *result["data"]["warnings"]],
        command=result["command"],
        seed=result["seed"],
        device=result["device"],
        versions=result["versions"],
        sha256=result["model"]["sha256"],
    )


def training_row(training: Mapping[str, Any]) -> dict[str, str]:
    """Name, split, number of persons and generator versions of one training, for the card's table."""
    return {
        "name": training["name"],
        "split": training["split"],
        "persons": "unknown" if training.get("unlabelled") else str(len(training["pids"])),
        "generators": generators_text(training.get("generators")),
        "fingerprint": training["fingerprint"][:16],
    }


def generators_text(versions: Sequence[str] | None) -> str:
    """Generator versions of a rendered set as text; "-" for other data."""
    return ", ".join(versions) if versions else "-"


def started_from(start: Mapping[str, Any]) -> str:
    """The initial weights as text, from a result's record of either command."""
    if "text" in start:
        return str(start["text"])
    if "init" in start:
        return str(start["init"])
    return f"appearance network: {start['appearance']}; pose network: {start['pose']}"


def starts_without_terms(start: Mapping[str, Any]) -> bool:
    """Whether a training started from random weights or from the shipped pose network, which have no terms to pass on.

    Other initial weights, those of ImageNet among them, may have.
    """
    own = start.get("pose") == "none" or str(start.get("pose", "")).endswith("pose-small.safetensors")
    return start.get("appearance") == "none" and own
