"""The device that a network runs on."""

import os

import torch

from alignnet_common.errors import UserError
from reid.runtime.distributed import SINGLE_PROCESS, ProcessGroup


def pick_device(name: str) -> torch.device:
    """The device asked for; "auto" = a CUDA GPU where there is one, and for each process of a machine its own.

    Raises UserError where it is not there.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda, but PyTorch finds no CUDA GPU here: use --device cpu")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    place = int(os.environ.get("LOCAL_RANK", "0"))
    if place >= torch.cuda.device_count():
        raise UserError(f"{torch.cuda.device_count()} GPUs for {place + 1} processes or more: lower --nproc-per-node")
    torch.cuda.set_device(place)
    return torch.device("cuda", place)


def device_name(device: torch.device, group: ProcessGroup = SINGLE_PROCESS) -> str:
    """The device in words, and how many processes have one."""
    of_each = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    return f"{device.type} ({of_each}{f' each of {group.size} processes' if group.size > 1 else ''})"
