"""Weights of the networks: drawn from a generator, or read from a file and checked before loading."""

import argparse
import io
import json
import pickle
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from alignnet_common.checked.arrays_file import STORED, check_sizes
from alignnet_common.checked.json_file import parsed
from alignnet_common.errors import UserError
from alignnet_common.files import write_atomically


def first_generator() -> torch.Generator:
    """The default generator, seed 0: networks built with the same options are equal."""
    return torch.Generator().manual_seed(0)


def draw_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Fill every convolution (He et al. 2015, zero bias) and reset every batch or instance norm under `module`, in
    place.

    He initialization by fan-in keeps the scale of activations through deep stacks of convolution and ReLU, also without
    batch norm (the pose network).
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d | nn.InstanceNorm2d):
            layer.reset_parameters()


def write_torch_file(path: Path, value: Any) -> None:
    """Write a file for `read_torch_file`, atomically.

    Raises OSError on a full disk, which `torch.save` to a path would turn into a RuntimeError.
    """
    stream = io.BytesIO()
    torch.save(value, stream)
    write_atomically(path, stream.getvalue())


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a safetensors file atomically: the tensors of `record["state"]`, and all other entries as JSON.

    The JSON is the entry `RECORD` of the header's metadata. Raises ValueError where it has NaN or infinity, TypeError
    where an entry is no plain value.
    """
    plain = {name: value for name, value in record.items() if name != "state"}
    header = {RECORD: json.dumps(plain, allow_nan=False)}
    tensors = {name: tensor.contiguous() for name, tensor in record["state"].items()}  # a file has one layout
    write_atomically(path, safetensors.torch.save(tensors, header))


def read_weights_file(path: Path) -> Any:
    """Content of a file of `write_record` (all entries and "state"), of another safetensors file (its tensors), or of a
    file of `torch.save`; on the CPU, 16-bit floats of safetensors as float32.

    Raises UserError if the file is missing, cut short or of another kind.
    """
    if not is_safetensors(path):
        return read_torch_file(path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: _in_float32(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 -- no mapping
        record = parsed(header[RECORD]) if RECORD in header else None
    except Exception as broken:  # a header of another version, broken JSON, an unknown type …
        raise UserError(
            f"{path}: cannot be read as safetensors weights ({type(broken).__name__}); the file is damaged, "
            "cut short or of another kind: copy it again or name another"
        ) from broken
    return {**record, "state": tensors} if isinstance(record, dict) else tensors


def is_safetensors(path: Path) -> bool:
    """Whether a file is one of safetensors, by its name or, whatever its name, by its first bytes."""
    if not path.is_file():
        return False
    if path.suffix == ".safetensors":
        return True
    with path.open("rb") as stream:
        return stream.read(HEADER_STARTS + 1)[HEADER_STARTS:] == b"{"


def _in_float32(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def read_torch_file(path: Path) -> Any:
    """Content of a file written by `torch.save`: tensors and plain Python values only, on the CPU.

    Raises UserError if the file is missing, cut short or of another kind.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights; check the path")
    if path.suffix == ".onnx":
        raise UserError(f"{path}: only reid extract and reid.load read ONNX files; name the model file or the run")
    torch.serialization.add_safe_globals(plain_classes())
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_sizes(archive.infolist(), ways=STORED)
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as refused:
        unknown = UNSAFE.search(str(refused))
        if unknown is None:
            raise UserError(_damaged(path, refused)) from refused
        raise UserError(
            f"{path}: cannot be read as PyTorch weights: it holds objects of {unknown[1]}, which could run code: "
            "save its state dict alone, torch.save(model.state_dict(), FILE), or name another"
        ) from refused
    except Exception as broken:  # damaged files raise a dozen kinds of errors, among them IndexError and struct.error
        raise UserError(_damaged(path, broken)) from broken


def _damaged(path: Path, broken: Exception) -> str:
    return (
        f"{path}: cannot be read as PyTorch weights ({type(broken).__name__}); the file is damaged, "
        "cut short or of another kind: copy it again or name another"
    )


def plain_classes() -> list[Any]:
    """Classes of plain values that checkpoints of other programs hold beside tensors: NumPy's scalars (torchreid's
    rank1), options, counters. Building one runs no code of the file.
    """
    dtypes = {type(np.dtype(kind)) for kind in (*np.typecodes["AllInteger"], *np.typecodes["Float"], "?")}
    scalar: Any = np.array(0.0)[()].__reduce__()[0]
    classes: list[Any] = [np.dtype, *dtypes, argparse.Namespace, Counter]
    if not hasattr(torch.serialization, "get_unsafe_globals_in_checkpoint"):  # before PyTorch 2.6: no other names
        return [scalar, *classes]
    return [(scalar, "numpy.core.multiarray.scalar"), (scalar, "numpy._core.multiarray.scalar"), *classes]


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Named tensors of a safetensors file, or of a state dict or checkpoint written by `torch.save`, on the CPU.

    Raises UserError if the file is missing, unreadable or holds no named tensors.
    """
    found = read_weights_file(path)
    state = _inner_state(found)
    if not state:
        holds = f"it holds {', '.join(map(str, [*found][:6]))}" if isinstance(found, dict) and found else "no names"
        raise UserError(f"{path}: not a state dict (names and tensors alone), {holds}; name a file of weights")
    return state


def _inner_state(found: Any) -> dict[str, Tensor]:
    """The state dict in the content of a file, within as many wrappers as it has; empty where there is none."""
    if not isinstance(found, Mapping):
        return {}
    if found and all(isinstance(value, Tensor) for value in found.values()):
        return dict(found)
    return next((state for name in WRAPPERS if (state := _inner_state(found.get(name)))), {})


def fitting_state(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part of `state` that is the network of the `expected` tensors, under its names; `state` if none is found.

    Prefixes such as module. and backbone. are seen through. Tensors of modules that the network does not have (a
    classifier, a neck) are left out; those of its own modules stay, so that a larger network does not fit.
    """
    own = {name.partition(".")[0] for name in expected}
    halved = (".IN.", ".BN.")  # norms that `reid.models.batch_norm.halves_of` divides
    sure = [name for name in expected if not name.endswith(COUNTER) and not any(half in name for half in halved)]
    named = under_prefix(state, *sure)
    return {name: tensor for name, tensor in named.items() if name.partition(".")[0] in own} or dict(state)


def under_prefix(state: Mapping[str, Tensor], first: str, *others: str) -> dict[str, Tensor]:
    """The tensors with the shortest prefix under which `first` and all `others` are, without it; `state` if none is."""
    prefixes = sorted((name.removesuffix(first) for name in state if f".{name}".endswith(f".{first}")), key=len)
    for prefix in prefixes:
        if all(prefix + name in state for name in others):
            return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    return dict(state)


def misfit(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str | None:
    """Why `found` cannot be loaded in place of `expected`, in a few words; None if it can.

    Step counters of batch norms may be absent, as in files from before PyTorch 0.4.1.
    """
    missing = [name for name in expected if name not in found and not name.endswith(COUNTER)]
    unknown = [name for name in found if name not in expected]
    reasons = []
    if missing:
        reasons.append(f"{len(missing)} tensors are missing, the first {missing[0]}")
    if unknown:
        reasons.append(f"{len(unknown)} are unknown, the first {unknown[0]}")
    if not reasons:
        reasons = [
            f"{name} is {tuple(found[name].shape)} where {tuple(tensor.shape)} is needed"
            for name, tensor in expected.items()
            if name in found and found[name].shape != tensor.shape
        ][:1]
    return "; ".join(reasons) or None


def load_strictly(module: nn.Module, state: Mapping[str, Tensor], path: Path, what: str) -> None:
    """Load all tensors of `state`, read from `path`, into `module`, or none.

    Raises UserError if names or shapes differ; `what` is what the file should hold, for the message: "a ResNet-50".
    """
    reason = misfit(module.state_dict(), state)
    if reason:
        raise UserError(f"{path}: not the weights of {what}: {reason}; name the file that belongs to it")
    module.load_state_dict(dict(state))


def load_pose_weights(net: nn.Module, path: Path) -> None:
    """Load the weights in `path` (see `read_pose_weights`) into a `PoseNet`.

    Raises UserError if the file is missing, unreadable, or of a network with another `width` or `stages`.
    """
    state = read_pose_weights(path)
    load_strictly(net, state, path, "this pose net (OpenPose COCO-18 names, its width and stages)")


def read_pose_weights(path: Path) -> dict[str, Tensor]:
    """OpenPose weights (`body_pose_model.pth`, or `.safetensors` with the same names), or those in a model file of this
    project. Raises UserError if the file is missing or unreadable.
    """
    record = _model_record(path)
    if record is None:
        return under_prefix(read_state_dict(path), "conv1_1.weight")
    return {name.removeprefix(OWN): tensor for name, tensor in record["state"].items() if name.startswith(OWN)}


def metadata_of(path: Path) -> dict[str, Any]:
    """Entries of a model file of this project except its tensors; empty for any other file of weights.

    Raises UserError if the file is missing or unreadable.
    """
    return {name: value for name, value in (_model_record(path) or {}).items() if name != "state"}


def _model_record(path: Path) -> dict[str, Any] | None:
    found = read_weights_file(path)
    return found if isinstance(found, dict) and "format" in found and isinstance(found.get("state"), dict) else None


WRAPPERS = ("state_dict", "model_state_dict", "state", "model", "net", "network", "module", "params", "weights")
"""Entries of checkpoints that hold the state dict, in this order."""

COUNTER = "num_batches_tracked"
"""End of the name of a batch norm's step counter, which old files lack."""

UNSAFE = re.compile(r"GLOBAL ([\w.]+)")
"""The class that PyTorch refuses to build, in its message."""

OWN = "pose."
"""Prefix of the pose network's tensors in a model file of this project."""

RECORD = "alignnet"
"""Entry of a safetensors header with the record of a model file of this project."""

HEADER_STARTS = 8
"""Bytes before the JSON header of a safetensors file: its length."""
