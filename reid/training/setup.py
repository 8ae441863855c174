"""Model and optimizer that the options of a run describe."""

from dataclasses import replace

import torch

from alignnet_common.errors import UserError
from reid.configs.groups.training import TrainConfig
from reid.data.tracklets.types import ReidData, labels_of
from reid.models.alignnet import AlignNet
from reid.models.batch_norm import synchronise_norms
from reid.models.mixstyle import MixStyle
from reid.runtime.distributed import SINGLE_PROCESS, ProcessGroup
from reid.runtime.precision import precision_of


def build_model(config: TrainConfig, classes: int | ReidData, load_weights: bool = True) -> AlignNet:
    """The network that the options describe, on the CPU, its random weights drawn from the seed.

    Args:
        classes: outputs of the classifier, or the data set whose training identities are counted.
        load_weights: whether initial weights are downloaded or read; False if a checkpoint replaces them all.

    Raises UserError if weights cannot be loaded.
    """
    network = config.network
    start = network if load_weights else replace(network, appearance_weights="none", pose_weights=None)
    count = len(labels_of(classes.train)) if isinstance(classes, ReidData) else classes
    model = AlignNet(start, count, torch.Generator().manual_seed(config.seed))
    model.config = network
    return model


def prepare_model(
    model: AlignNet, config: TrainConfig, device: torch.device, group: ProcessGroup = SINGLE_PROCESS
) -> AlignNet:
    """The model on the device, with batch norms, memory format, compilation, activation checkpointing and MixStyle as
    the options say; parameter names stay.

    With --precision auto, a GPU computes the pose network in float32 (TF32), because its wide convolutions on few cells
    are slower in bfloat16. On an H200 with PyTorch 2.11, a step of the pose network on 128 frames took 47 ms in TF32
    and 52 ms in bfloat16. The appearance network is faster in bfloat16: 26 ms instead of 34 ms for 480 frames.
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
    model.appearance.mixstyle = MixStyle(config.mixstyle, config.seed) if config.mixstyle else None
    if config.compile:
        for part in (model.appearance, model.pose):
            if part is not None:
                part.compile()
    return model


def build_optimizer(model: AlignNet, config: TrainConfig) -> torch.optim.Optimizer:
    """SGD with momentum, or AdamW, with a learning rate for each of the four parameter groups (Section 4.2).

    Parameters of a group with learning rate 0 get `requires_grad = False`; the running statistics of its batch norms
    still change, see `reid.models.batch_norm.freeze_norms`. Raises UserError if every learning rate is 0.
    """
    groups = []
    for name, parameters in model.parameter_groups().items():
        rate = getattr(config, f"lr_{name}")
        if rate == 0:
            for parameter in parameters:
                parameter.requires_grad_(False)
        elif parameters:
            groups.append({"params": parameters, "lr": rate, "rate": rate, "name": name})
    if not groups:
        raise UserError("every learning rate is 0: nothing to train; raise one (--lr-appearance …)")
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)
    return torch.optim.SGD(groups, momentum=config.momentum, weight_decay=config.weight_decay, fused=True)
