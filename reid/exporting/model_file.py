"""A network as a model file to share: without its classifier, with weights of two bytes, compared with its source."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from alignnet_common.errors import JobError
from alignnet_common.files import replacing, sha256_of_file
from reid.configs.groups.model import ModelConfig
from reid.exporting.verification import Case
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_model, save_model

LEAST_COSINE = 0.999
"""Least cosine similarity of a descriptor of the file to one of its source."""

OF_THE_RECORD = ("format", "model_config", "classes")
"""Entries of a model file that its network gives, see `reid.models.checkpoint.model_record`."""


def write_model_file(
    model: AlignNet,
    metadata: Mapping[str, Any],
    images: Mapping[str, int],
    file: Path,
    float16: bool,
    cases: tuple[Case, ...],
) -> dict[str, Any]:
    """Write `model` without its classifier, and compare the file's descriptors; returns the record of the report.

    Args:
        metadata: of the source's file. Paths of initial weights are cut to their names.
        images: height, width and chunk that the file names.
        float16: weights of convolutions and linear layers as float16.

    Raises JobError, without a file, where a cosine is below `LEAST_COSINE`.
    """
    kept = {name: value for name, value in metadata.items() if name not in OF_THE_RECORD}
    kept |= {"images": dict(images), "started_from": without_folders(metadata.get("started_from"))}
    source, model.config = model.config, shared_config(model)
    try:
        with replacing(file) as partial:
            save_model(model, partial, kept, half=float16, classifier=False)
            cosine = lowest_cosine(load_model(partial)[0], cases)
            if not cosine >= LEAST_COSINE:
                raise JobError(
                    f"{file}: a descriptor has cosine similarity {cosine:.4f} to its source, less than "
                    f"{LEAST_COSINE}, and the file is not written: pass --no-float16"
                )
    finally:
        model.config = source
    return {
        "file": file.name,
        "format": "safetensors",
        "float16": float16,
        "bytes": file.stat().st_size,
        "sha256": sha256_of_file(file),
        "lowest_cosine": cosine,
    }


def shared_config(model: AlignNet) -> ModelConfig:
    """The network's options with the names of files of initial weights in place of their paths."""
    config = model.config
    pose = None if config.pose_weights is None else Path(config.pose_weights.name)
    return replace(config, appearance_weights=Path(config.appearance_weights).name, pose_weights=pose)


def without_folders(start: Any) -> Any:
    """The record of initial weights with names of files in place of paths."""
    if not isinstance(start, Mapping):
        return start
    return {
        name: Path(value).name if isinstance(value, str) and "/" in value else value for name, value in start.items()
    }


def lowest_cosine(found: AlignNet, cases: tuple[Case, ...]) -> float:
    """The lowest cosine similarity of the network's descriptors to those of `cases`."""
    with torch.inference_mode():
        return min(
            float(torch.cosine_similarity(found(case.frames, case.valid).descriptor, case.expected.descriptor).min())
            for case in cases
        )
