"""Model files: the tensors of a network and the plain values that rebuild it."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from alignnet_common.checked.forms import AtLeast, mismatch
from alignnet_common.cli import as_plain
from alignnet_common.errors import UserError, one_line
from reid.configs.groups.model import PAPER_SETTINGS, ModelConfig
from reid.models.alignnet import AlignNet
from reid.models.weights import load_pose_weights, load_strictly, read_weights_file, write_record

__all__ = ["load_into", "load_model", "load_pose_weights", "model_record", "save_model", "trained_size"]

FORMAT = "alignnet-2"

CLASSIFIER = "classifier."
"""Prefix of the classifier's tensors."""

IMAGES = {"height?": AtLeast(1, int, 8192), "width?": AtLeast(1, int, 8192), "chunk?": AtLeast(1, int, 100_000)}
"""Form of the entry "images" of a file: the input of the network."""

CHOSEN_ANEW = ("appearance_weights", "pose_weights", "frame_gain", "neck_feat", "unit_length")
"""Fields of ModelConfig that may differ between a network and the model file whose weights it loads: initial weights,
the exponent on the frame weights, and which descriptors are compared and their length, which have no parameters."""


def model_record(model: AlignNet, metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Content of a model file: "format", "model_config", "classes", "state", and the entries of `metadata`.

    A training checkpoint adds entries of its own, with tensors; `load_model` reads it too. Raises TypeError if metadata
    holds anything but plain Python values with text as keys (a NumPy scalar would not load again), ValueError if it
    uses one of the four names.
    """
    metadata = dict(metadata or {})
    _check_plain(metadata, "metadata")
    record = {
        "format": FORMAT,
        "model_config": as_plain(model.config),
        "classes": model.classes,
        "state": {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()},
    }
    taken = sorted(record.keys() & metadata.keys())
    if taken:
        raise ValueError(f"metadata may not be named {', '.join(taken)}")
    return record | metadata


def save_model(
    model: AlignNet,
    path: Path,
    metadata: Mapping[str, Any] | None = None,
    half: bool = False,
    classifier: bool = True,
) -> None:
    """Write a model file atomically: safetensors with the record of `model_record` in its header.

    Args:
        half: store weights of convolutions and linear layers as float16, in half the bytes; batch norms and all else
            stay float32. `load_model` gives float32.
        classifier: without it, the file has 0 classes, and the network that is loaded gives no logits.
    """
    record = model_record(model, metadata)
    if not classifier:
        record["classes"] = 0
        record["state"] = {name: tensor for name, tensor in record["state"].items() if not name.startswith(CLASSIFIER)}
    if half:
        layers = [name for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        record["state"] |= {
            weight: record["state"][weight].half()
            for weight in (f"{name}.weight" for name in layers)
            if weight in record["state"]
        }
    write_record(path, record)


def load_model(path: Path) -> tuple[AlignNet, dict[str, Any]]:
    """The network of a model file, on the CPU and in eval mode, and all other entries of the file.

    Reads files of `save_model`, and those of `torch.save` with a `model_record`: checkpoints, and the model.pt of
    earlier versions. Nothing is downloaded. Raises UserError if the file is missing, damaged or no model file, or if
    its tensors do not fit its "model_config".
    """
    record = _read_record(path)
    config = _config_of(record, path)
    try:
        model = AlignNet(replace(config, appearance_weights="none", pose_weights=None), record["classes"])
    except (UserError, RuntimeError, MemoryError, TypeError, ValueError, ArithmeticError) as failure:
        # a backbone that is not known, sizes beyond the memory, numbers of another kind than a layer takes
        raise UserError(f"{path}: its network cannot be built ({one_line(failure)}); name another file") from failure
    load_strictly(model, record["state"], path, _described(config))
    model.config = config
    return model.eval(), {name: value for name, value in record.items() if name != "state"}


def trained_size(metadata: Mapping[str, Any]) -> dict[str, int]:
    """Height and width of the network's input in pixels, and chunk, the frames in a chunk, from the metadata of a model
    file; the defaults of training where the file does not name them."""
    return {"height": 128, "width": 64, "chunk": 15} | dict(metadata.get("images", {}))


def load_into(model: AlignNet, path: Path, replace_classifier: bool = True) -> dict[str, Any]:
    """Load a model file into `model`, and return all other entries of the file.

    With `replace_classifier` the model keeps its own classifier, for other identities; without, the file's classifier
    must fit. Raises UserError, and changes nothing, if the file is no model file or its network differs in any field of
    ModelConfig except `CHOSEN_ANEW`.
    """
    record = _read_record(path)
    config = _config_of(record, path)
    for field in fields(ModelConfig):
        found, wanted = getattr(config, field.name), getattr(model.config, field.name)
        if field.name not in CHOSEN_ANEW and found != wanted:
            option = "--" + field.name.replace("_", "-")
            raise UserError(
                f"{path}: the network in this file has {field.name} {found}, this run has {wanted}; "
                f"pass {option} {found}, or name another file"
            )
    state = record["state"]
    if replace_classifier:
        own = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(CLASSIFIER)}
        state = {name: tensor for name, tensor in state.items() if not name.startswith(CLASSIFIER)} | own
    elif record["classes"] != model.classes:
        raise UserError(
            f"{path}: its classifier has {record['classes']} classes, this run has {model.classes}; "
            "name the file that was trained on the same identities"
        )
    load_strictly(model, state, path, _described(config))
    return {name: value for name, value in record.items() if name != "state"}


def _read_record(path: Path) -> dict[str, Any]:
    """The file's dictionary, after checking that the four entries of `model_record` exist and have their types."""
    record = read_weights_file(path)
    if not isinstance(record, dict) or "format" not in record:
        raise UserError(f"{path}: weights, but not a model file of this project; name a checkpoint that it wrote")
    if record["format"] != FORMAT:
        raise UserError(f"{path}: a model file of format {record['format']!r}, this version reads {FORMAT!r}")
    kinds = {"model_config": dict, "classes": int, "state": dict}
    wrong = [name for name, kind in kinds.items() if not isinstance(record.get(name), kind)]
    if reason := mismatch(record.get("images", {}), IMAGES, "images"):
        raise UserError(f"{path}: {reason}; name a model file that is whole")
    if "classes" not in wrong and (record["classes"] < 0 or isinstance(record["classes"], bool)):
        wrong.append("classes")
    if wrong or not all(isinstance(tensor, Tensor) for tensor in record["state"].values()):
        raise UserError(f"{path}: the model file lacks {', '.join(wrong) or 'tensors'}; name one that is whole")
    return record


def _config_of(record: dict[str, Any], path: Path) -> ModelConfig:
    values = PAPER_SETTINGS | record["model_config"]
    try:
        if values.get("pose_weights") is not None:
            values["pose_weights"] = Path(values["pose_weights"])
        return ModelConfig(**values)
    except (TypeError, ValueError, AttributeError) as unknown:  # an option or a type that this version does not know
        raise UserError(f"{path}: its network is unknown to this version ({unknown}); name another file") from unknown


def _described(config: ModelConfig) -> str:
    return f"the {config.variant} network with {config.appearance} that the file names"


def _check_plain(value: Any, where: str) -> None:
    """Raise TypeError unless `value` is None, bool, int, float, str, or a list or dict of exactly these types."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if type(key) is not str:
                raise TypeError(f"a key of {where} is a {type(key).__name__}, not text")
            _check_plain(entry, f"{where}[{key!r}]")
    elif isinstance(value, list):
        for position, entry in enumerate(value):
            _check_plain(entry, f"{where}[{position}]")
    elif value is not None and type(value) not in (bool, int, float, str):
        raise TypeError(f"{where} is a {type(value).__name__}, not a plain Python value")
