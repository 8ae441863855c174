"""Number of images that a network takes at a time, by the memory of its device."""

import torch

from alignnet_common.doctor.machine import memory
from reid.configs.groups.model import ModelConfig

BYTES_PER_PIXEL = 1024
"""Memory of a forward pass for a pixel of the input, about: 16 feature maps of 64 channels at a quarter of the pixels,
or the pose network's two of 64 channels at all of them."""

SHARE = 0.25
"""Share of the free memory that a batch may take."""

MOST_ON_A_CPU, MOST_ON_A_GPU = 64, 256
"""Images in a batch at most: larger ones are no faster."""


def largest_batch(config: ModelConfig, device: torch.device, height: int, width: int) -> int:
    """Images (`height` x `width` pixels) in a batch: at least 1, at most 64 on a CPU and 256 on a GPU."""
    most = MOST_ON_A_CPU if device.type == "cpu" else MOST_ON_A_GPU
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory()[1]
    if free is None:
        return most
    enlarged = 1.0 if config.variant == "baseline" else config.pose_scale**2
    return max(1, min(most, int(SHARE * free / (BYTES_PER_PIXEL * height * width * enlarged))))
