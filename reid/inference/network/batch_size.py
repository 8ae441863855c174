"""Number of images that a network takes at a time, by the memory of its device."""

import torch

from alignnet_common.doctor.machine import memory

BYTES_PER_PIXEL = 1024
"""Memory of a forward pass for a pixel of the input, about: 16 feature maps of 64 channels at a quarter of the pixels,
or the pose network's two of 64 channels at all of them."""

SHARE = 0.25
"""Share of the free memory that a batch may take."""

MOST_ON_A_CPU, MOST_ON_A_GPU = 64, 256
"""Images in a batch at most: larger ones are no faster."""

LARGEST_MAPS = 16 * 2**20
"""Bytes of a layer's feature maps at most, on a CPU. The C library returns blocks of 32 MiB and more to the system as
soon as they are free (M_MMAP_THRESHOLD in mallopt(3)), so that every layer would get new pages, one fault each; and
smaller maps stay in the cache until the next layer reads them."""


def largest_batch(
    device: torch.device, height: int, width: int, largest_map: int | None = None, enlarged: float = 1.0
) -> int:
    """Images in a batch: at least 1, at most 64 on a CPU and 256 on a GPU.

    Args:
        device: where the network computes.
        height, width: of its input, pixels.
        largest_map: bytes of the largest feature maps of one image, see `reid.inference.network.layers.largest_output`.
            None: not known, as of an ONNX file.
        enlarged: factor on the pixels of the pose network's input, the square of --pose-scale.
    """
    on_cpu = device.type == "cpu"
    most = MOST_ON_A_CPU if on_cpu else MOST_ON_A_GPU
    if on_cpu and largest_map is not None:
        most = min(most, LARGEST_MAPS // largest_map)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory()[1]
    if free is not None:
        most = min(most, int(SHARE * free / (BYTES_PER_PIXEL * height * width * enlarged)))
    return max(1, most)
