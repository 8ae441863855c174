"""The appearance network A of Section 3.2: a ResNet of torchvision here, any other backbone by timm."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torchvision
from torch import Tensor, nn

from alignnet_common.errors import UserError
from reid.configs.groups.model import APPEARANCE_NETS, IBN_A, STRIDES
from reid.models.activation_checkpointing import recomputed
from reid.models.batch_norm import halves_of, instance_norms_in
from reid.models.mixstyle import MixStyle
from reid.models.weights import draw_weights, first_generator, fitting_state, load_strictly, read_state_dict

if TYPE_CHECKING:
    from reid.models.timm_backbone import TimmNet

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def appearance_net(
    name: str, stride: int, weights: str | Path, generator: torch.Generator | None = None
) -> "AppearanceNet | TimmNet":
    """The backbone `name`: one of `APPEARANCE_NETS`, with IBN_A after its name or not, of torchvision; else of timm.

    Arguments and errors as in `AppearanceNet` and `reid.models.timm_backbone.TimmNet`.
    """
    if name.removesuffix(IBN_A) in APPEARANCE_NETS:
        return AppearanceNet(name, stride, weights, generator)
    from reid.models.timm_backbone import TimmNet  # timm takes a second to import

    return TimmNet(name, stride, weights, generator)


def appearance_input(
    images: Tensor, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD
) -> Tensor:
    """RGB images (N, 3, H, W) in 0..1, normalised by the mean and deviation of each channel, by default ImageNet's."""
    means = images.new_tensor(mean).view(3, 1, 1)
    deviations = images.new_tensor(std).view(3, 1, 1)
    return (images - means) / deviations


class AppearanceNet(nn.Module):
    """f_a = A(V), Eq. 1, for each frame by itself: (N, 3, H, W) to (N, channels, H / stride, W / stride).

    Layers keep torchvision's names, so its state dicts load (their fc layer is left out). With "_ibn_a" after the name,
    half of the channels of the first norm of each block of the first three stages have instance norm (IBN-Net-a, Pan et
    al. 2018), under the names of the published networks.

    Args:
        name: one of `APPEARANCE_NETS`, or one with "_ibn_a" after it.
        stride: output stride in pixels: 32 as in torchvision; 16 without the stride of the last stage; 8 without the
            strides of the last two stages. There is no dilation, so the same weights fit all three.
        weights: "imagenet" (torchvision's IMAGENET1K_V1, downloaded once), "none" (drawn from `generator`), or
            the path of a torchvision state dict. Weights of the network without instance norm load into the one with
            it: each half takes its channels of the batch norm.
        generator: source of random weights; default: seed 0.

    Raises UserError if weights cannot be loaded or are of another network, ValueError on another name or stride.
    """

    mean, std = IMAGENET_MEAN, IMAGENET_STD
    """Mean and deviation of the input's channels, for `appearance_input`."""

    def __init__(
        self,
        name: str = "resnet50",
        stride: int = 16,
        weights: str | Path = "imagenet",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        plain = name.removesuffix(IBN_A)
        if plain not in APPEARANCE_NETS:
            raise ValueError(f"appearance net {name!r} is not one of {', '.join(APPEARANCE_NETS)}")
        if stride not in STRIDES:
            raise ValueError(f"stride {stride} is not one of {', '.join(map(str, STRIDES))}")
        with torch.device("meta"):  # no memory and no random numbers until draw_weights
            resnet = torchvision.models.get_model(plain, weights=None)
            if plain != name:
                instance_norms_in(resnet.layer1, resnet.layer2, resnet.layer3)
        self.channels: int = resnet.fc.in_features
        self.conv1, self.bn1, self.relu, self.maxpool = resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool
        self.layer1, self.layer2, self.layer3, self.layer4 = resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4
        for stage in {32: (), 16: (self.layer4,), 8: (self.layer3, self.layer4)}[stride]:
            _remove_step(stage)
        self.recompute = False
        self.mixstyle: MixStyle | None = None
        self.to_empty(device="cpu")
        draw_weights(self, first_generator() if generator is None else generator)
        if weights == "imagenet":
            self.load_state_dict(halves_of(_without_fc(_download_imagenet(plain)), self.state_dict()))
        elif weights != "none":
            path = Path(weights)
            state = halves_of(fitting_state(read_state_dict(path), self.state_dict()), self.state_dict())
            load_strictly(self, state, path, f"torchvision's {name}")

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps f_a (N, channels, h, w), not negative, of images from `appearance_input`."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))  # (N, 64, H/4, W/4)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = recomputed(stage, stage, x) if self.recompute and self.training else stage(x)
            if self.mixstyle is not None and self.training and stage in (self.layer1, self.layer2):
                x = self.mixstyle(x)
        return x


def _remove_step(stage: nn.Module) -> None:
    """Let a ResNet stage keep its input's height and width."""
    for layer in stage.modules():
        if isinstance(layer, nn.Conv2d):
            layer.stride = (1, 1)


def _without_fc(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def _download_imagenet(name: str) -> dict[str, Tensor]:
    """torchvision's first ImageNet weights, those of the paper's time."""
    try:
        weights = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"]
        return weights.get_state_dict(progress=False, check_hash=True, map_location="cpu")
    except (OSError, RuntimeError) as failure:
        reason = " ".join(str(failure).split())
        raise UserError(
            f"ImageNet weights of {name} cannot be downloaded ({reason}); "
            "pass --appearance-weights none, or the path of a torchvision state dict"
        ) from failure
