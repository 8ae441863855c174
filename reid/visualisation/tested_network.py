"""The network of a fine-tuning run, and the data that it was tested on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from alignnet_common.cli import read_config_file
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from reid.configs.finetune import FinetuneConfig
from reid.data import load_data
from reid.data.fingerprint import division, fingerprint
from reid.data.tracklets.types import ReidData, Tracklet
from reid.evaluation.evaluator import EvaluationOptions, input_size
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_model
from reid.runtime.device import pick_device
from reid.runtime.run_dir import CONFIG, model_file


@dataclass(frozen=True)
class FinetunedNetwork:
    """A fine-tuned network and its test data."""

    model: AlignNet
    device: torch.device
    images: dict[str, int]
    """Height and width of the input in pixels, and frames in a chunk."""
    sha256: str
    """Hash of the model file."""
    data: ReidData

    @property
    def tracklets(self) -> tuple[Tracklet, ...]:
        """Every test tracklet once: query, then gallery."""
        return tuple(dict.fromkeys((*self.data.query, *self.data.gallery)))


def load_tested(run: Path, result: Mapping[str, Any], root: Path | None) -> FinetunedNetwork:
    """The network of a run, and the data set under the split of its result.json, which is `result`.

    root -- folder of the data; default: as in the training. Raises UserError where the options, the model or the data
    of the run are missing, or are not those of the result.
    """
    options = read_config_file(FinetuneConfig, run / CONFIG)
    file = model_file(run)
    if not file.is_file():
        raise UserError(f"no such file: {file}")
    sha256 = sha256_of_file(file)
    if sha256 != result["model"]["sha256"]:
        raise UserError(f"{file} is not the network that {run}'s result.json describes")
    data = load_data(options if root is None else replace(options, root=root), options.seed)
    sums = {"fingerprint": fingerprint(data), "division": division(data)}
    if any(result["data"].get(name, found) != found for name, found in sums.items()):
        raise UserError(f"{data.root}: not the data that the network was tested on (dataset checksum or split differ)")
    model, metadata = load_model(file)
    device = pick_device("auto")
    model = model.to(device)
    images = input_size(metadata, EvaluationOptions(device, run))
    return FinetunedNetwork(model, device, images, sha256, data)
