"""Convolutions whose channels are no whole multiple of what a GPU's tensor cores take at a time."""

from torch import Tensor, nn
from torch.nn import functional as F

TILE = 8
"""Channels that tensor cores take at a time in 16 bits. With others cuDNN falls back on kernels many times slower: of
OpenPose's stages, which read 185 channels and write 38 and 19, they took half of a step and more.
https://docs.nvidia.com/deeplearning/performance/dl-performance-convolutional/"""


def convolved(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """What `layer` makes of x (N, C, H, W); on a GPU by way of `in_whole_tiles`."""
    result: Tensor = in_whole_tiles(layer, x) if x.is_cuda else layer(x)
    return result


def in_whole_tiles(layer: nn.Conv2d, x: Tensor, tile: int = TILE) -> Tensor:
    """What `layer`, of one group and with a bias, makes of x (N, C, H, W), by a convolution from and to a multiple of
    `tile` channels: those that are added are zero, or are cut off.
    """
    more_in, more_out = -layer.in_channels % tile, -layer.out_channels % tile
    if not (more_in or more_out):
        result: Tensor = layer(x)
        return result
    assert layer.groups == 1 and layer.bias is not None and not isinstance(layer.padding, str)
    weight = F.pad(layer.weight, (0, 0, 0, 0, 0, more_in, 0, more_out))
    bias = F.pad(layer.bias, (0, more_out))
    # Not torch.cat with zeros, which would take channels from where they lie innermost.
    found = F.conv2d(F.pad(x, (0, 0, 0, 0, 0, more_in)), weight, bias, layer.stride, layer.padding, layer.dilation)
    return found[:, : layer.out_channels]
