"""The device that a network runs on."""

import os

import torch

from alignnet_common.errors import UserError
from reid.runtime.distributed import SINGLE_PROCESS, ProcessGroup


def pick_device(name: str) -> torch.device:
    """The device that --device names: cpu, cuda, cuda:1 or 1, mps, or auto (a CUDA GPU if there is one, else the CPU).

    With torchrun, each process of a machine gets the GPU of its LOCAL_RANK with cuda and auto. Raises UserError if
    there is no such device, or if a machine has fewer GPUs than processes.
    """
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise UserError("--device mps, but PyTorch finds no GPU of Apple here: use --device cpu")
        return torch.device("mps")
    if name not in ("auto", "cpu") and not torch.cuda.is_available():
        raise UserError(f"--device {name}, but PyTorch finds no CUDA GPU here: use --device cpu")
    if name not in ("auto", "cpu", "cuda"):
        number, count = int(name.removeprefix("cuda:")), torch.cuda.device_count()
        if number >= count:
            raise UserError(f"--device {name}: the GPUs here are cuda:0 to cuda:{count - 1}")
        torch.cuda.set_device(number)
        return torch.device("cuda", number)
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    place = int(os.environ.get("LOCAL_RANK", "0"))
    if place >= torch.cuda.device_count():
        raise UserError(f"{torch.cuda.device_count()} GPUs for {place + 1} processes or more: lower --nproc-per-node")
    torch.cuda.set_device(place)
    return torch.device("cuda", place)


def device_name(device: torch.device, group: ProcessGroup = SINGLE_PROCESS) -> str:
    """The device for people: its kind, its name or number of threads, and the number of processes."""
    of_each = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    return f"{device.type} ({of_each}{f' each of {group.size} processes' if group.size > 1 else ''})"
