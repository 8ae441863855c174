"""How fast and in how much memory the network computes, and in which numbers; not what it computes."""

from contextlib import AbstractContextManager

import torch

from alignnet_common.errors import UserError
from reid.configs.groups.training import TrainConfig


def precision_of(config: TrainConfig, device: torch.device) -> torch.dtype:
    """The type of convolutions and matrix products; parameters and losses are always float32.

    With --precision auto the pose network of a GPU stays in float32, see `reid.training.setup.prepare_model`. Raises
    UserError if --precision is bfloat16 on a GPU without it.
    """
    known = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    if config.precision == "bfloat16" and not known:
        raise UserError(f"--precision bfloat16, but {torch.cuda.get_device_name(device)} has none: use float32")
    fast = config.precision == "bfloat16" or (config.precision == "auto" and device.type == "cuda" and known)
    return torch.bfloat16 if fast else torch.float32


def autocast(config: TrainConfig, device: torch.device) -> AbstractContextManager[object]:
    """The autocast context of a forward pass in `precision_of`."""
    precision = precision_of(config, device)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == torch.bfloat16)
