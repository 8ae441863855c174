"""How fast and in how much memory the network computes, and in which numbers; not what it computes."""

from contextlib import AbstractContextManager

import torch

from alignnet_common.cli import UserError
from reid.configs.training import TrainConfig
from reid.models.alignnet import AlignNet
from reid.models.batch_norm import synchronise_norms
from reid.runtime.distributed import ALONE, Group


def precision_of(config: TrainConfig, device: torch.device) -> torch.dtype:
    """The type that convolutions and products are computed in; parameters and losses are float32 in any case.

    With --precision auto a GPU's pose network stays in float32, see `prepared`.

    Raises UserError where a GPU does not know bfloat16.
    """
    known = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    if config.precision == "bfloat16" and not known:
        raise UserError(f"--precision bfloat16, but {torch.cuda.get_device_name(device)} has none: use float32")
    fast = config.precision == "bfloat16" or (config.precision == "auto" and device.type == "cuda" and known)
    return torch.bfloat16 if fast else torch.float32


def autocast(config: TrainConfig, device: torch.device) -> AbstractContextManager[object]:
    """The context in which a forward pass computes with `precision_of`."""
    precision = precision_of(config, device)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == torch.bfloat16)


def prepared(model: AlignNet, config: TrainConfig, device: torch.device, group: Group = ALONE) -> AlignNet:
    """The model on the device, laid out, compiled and checkpointed as the options say; its weights' names stay.

    By themselves GPUs compute the pose network in float32 (TF32): its wide convolutions of few cells were slower in
    bfloat16, a step of 128 frames 52 ms for 47, of 32 frames 83 for 32 (H200, PyTorch 2.11); the appearance network's
    are faster, 26 ms for 34 (480 frames).
    """
    reduced = precision_of(config, device) == torch.bfloat16
    if config.batch_norm == "synchronised" and group.size > 1:
        synchronise_norms(model, on_gpu=device.type == "cuda")
    model = model.to(device)
    if config.channels_last == "yes" or (config.channels_last == "auto" and (reduced or device.type == "cuda")):
        model = model.to(memory_format=torch.channels_last)
    if model.pose is not None:
        model.pose.in_float32 = device.type == "cuda" and config.precision == "auto"
    model.recompute(config.recompute)
    if config.compile:
        for part in (model.appearance, model.pose):
            if part is not None:
                part.compile()
    return model
