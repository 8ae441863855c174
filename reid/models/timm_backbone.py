"""Backbones by timm: any convolutional network with a feature map and an output stride."""

import difflib
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from alignnet_common.errors import UserError
from reid.configs.groups.model import APPEARANCE_NETS, IBN_A, STRIDES
from reid.models.activation_checkpointing import recomputed
from reid.models.batch_norm import halves_of, instance_norms_in
from reid.models.mixstyle import MixStyle
from reid.models.weights import draw_weights, first_generator, fitting_state, load_strictly, read_state_dict

FIRST_STAGE = 4
"""Pixels for one cell after the first of the four stages that ResNets and most networks have."""


class TimmNet(nn.Module):
    """f_a of Eq. 1 by a network of timm: (N, 3, H, W) to (N, channels, H / stride, W / stride), frame by frame.

    The network is `net`, without its pooling and classifier. Its interface is that of
    `reid.models.appearance.AppearanceNet`. Stages are those of timm's `feature_info` from a quarter of the resolution
    on: four for most networks.

    Args:
        name: timm's name, such as efficientnet_lite0 or resnet50d, with or without a tag of weights
            (mobilenetv2_100.ra_in1k), and "_ibn_a" after it for instance norm in the first three stages (the first norm
            of each block, as in IBN-Net-a).
        stride: output stride in pixels. Below the network's own, the strides of its last stages are left out. There is
            no dilation ("last stride 1": Luo et al., Bag of Tricks, CVPRW 2019), as in `AppearanceNet`; dilated
            depthwise convolutions take twice the time on a CPU.
        weights: "imagenet" (timm's own, downloaded once), "none" (convolutions and norms as in `draw_weights`, any
            other layer as timm draws it, all from `generator`), or the path of a state dict in timm's names, whose
            classifier is left out.
        generator: source of random weights; default: seed 0.

    Raises UserError if timm has no such network, or none with this stride and a feature map, or if weights cannot be
    loaded or are of another network; ValueError on another stride.
    """

    def __init__(
        self,
        name: str,
        stride: int = 16,
        weights: str | Path = "imagenet",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if stride not in STRIDES:
            raise ValueError(f"stride {stride} is not one of {', '.join(map(str, STRIDES))}")
        generator = first_generator() if generator is None else generator
        plain = name.removesuffix(IBN_A)
        self.net: Any = _build(plain, stride, generator)
        self.mean: tuple[float, ...] = tuple(self.net.default_cfg["mean"])
        self.std: tuple[float, ...] = tuple(self.net.default_cfg["std"])
        self.stages = _stages(self.net)
        self._recompute = False
        self._mixstyle: MixStyle | None = None
        self._hooks: list[Any] = []
        if plain != name and not instance_norms_in(*_until(self.net, self.stages[:3])):
            raise UserError(f"--appearance {name}: {plain} has no blocks with a batch norm bn1; leave {IBN_A} out")
        draw_weights(self.net, generator)
        self.channels = _check_maps(self.net, name, stride)
        if weights == "imagenet":
            state = halves_of(_download_imagenet(plain, stride), self.net.state_dict())
            self.net.load_state_dict(state)
        elif weights != "none":
            path = Path(weights)
            state = fitting_state(read_state_dict(path), self.net.state_dict())
            state = halves_of(_without_classifier(state, self.net), self.net.state_dict())
            load_strictly(self.net, state, path, f"timm's {name}")

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps f_a (N, channels, h, w) of images from `appearance_input`. They may be negative, where the last
        activation is no ReLU."""
        maps: Tensor = self.net.forward_features(images)
        return maps

    @property
    def recompute(self) -> bool:
        """Whether the stages use activation checkpointing in training."""
        return self._recompute

    @recompute.setter
    def recompute(self, wanted: bool) -> None:
        self._recompute = wanted
        for part in _parts(self.net, self.stages):
            part.__dict__.pop("forward", None)  # back to the method of its class
            if wanted:
                part.__dict__["forward"] = partial(_forward_again, part)

    @property
    def mixstyle(self) -> MixStyle | None:
        """MixStyle after the first two stages; None without it."""
        return self._mixstyle

    @mixstyle.setter
    def mixstyle(self, wanted: MixStyle | None) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._mixstyle = [], wanted
        if wanted is not None:
            ends = [self.net.get_submodule(stage) for stage in self.stages[:2]]
            self._hooks = [end.register_forward_hook(partial(_mix, wanted)) for end in ends]


def _build(name: str, stride: int, generator: torch.Generator) -> Any:
    """timm's network without weights, pooling and classifier, its layers drawn from `generator`.

    timm draws from PyTorch's global generator, which is set back afterwards. Not on the "meta" device: buffers that are
    no part of the state dict, such as blur kernels, are computed here.
    """
    if not timm.is_model(name.split(".")[0]):
        near = difflib.get_close_matches(name, sorted({*APPEARANCE_NETS, *timm.list_models()}), n=3)
        advice = f"; near it: {', '.join(near)}" if near else ""
        raise UserError(f"--appearance {name}: neither a ResNet of torchvision nor a network of timm{advice}")
    seed = int(torch.randint(2**62, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return _create(name, stride)


def _create(name: str, stride: int, pretrained: bool = False) -> nn.Module:
    try:
        net: nn.Module = timm.create_model(
            name, pretrained=pretrained, num_classes=0, global_pool="", output_stride=stride
        )
    except (TypeError, AssertionError, NotImplementedError) as refused:
        raise UserError(f"--appearance {name}: this network of timm has no output stride of {stride}") from refused
    except (RuntimeError, ValueError) as refused:
        raise UserError(f"--appearance {name}: timm cannot make it ({_one_line(refused)})") from refused
    return _without_dilation(net)


def _without_dilation(net: nn.Module) -> nn.Module:
    """The network with dense convolutions, where timm dilates those that follow a stride left out.

    Kernels of an even size, such as ConvNeXt's between stages, keep their dilation, without which their maps would
    shrink.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d) and all(side % 2 for side in layer.kernel_size):
            if not isinstance(layer.padding, str):
                reach = zip(layer.padding, layer.dilation, strict=True)
                layer.padding = tuple(padding // dilation for padding, dilation in reach)
            layer.dilation = (1,) * len(layer.dilation)
    return net


def _stages(net: nn.Module) -> tuple[str, ...]:
    """Names of the modules that end the stages, from a quarter of the resolution on."""
    known: Any = getattr(net, "feature_info", ())
    return tuple(each["module"] for each in known if each["reduction"] >= FIRST_STAGE)


def _until(net: nn.Module, stages: tuple[str, ...]) -> list[nn.Module]:
    """The parts of the network up to the last of these stages."""
    parts = _named_parts(net, stages)
    last = list(parts).index(stages[-1]) if stages else -1
    return list(parts.values())[: last + 1]


def _parts(net: nn.Module, stages: tuple[str, ...]) -> list[nn.Module]:
    return list(_named_parts(net, stages).values())


def _named_parts(net: nn.Module, stages: tuple[str, ...]) -> dict[str, nn.Module]:
    """The modules that compute the stages, in order: layer1 to layer4 of a ResNet, all `blocks.N` of an EfficientNet,
    of which several make one stage."""
    found: dict[str, nn.Module] = {}
    for stage in stages:
        parent, dot, _ = stage.rpartition(".")
        siblings = net.get_submodule(parent).named_children() if dot else [(stage, net.get_submodule(stage))]
        found |= {parent + dot + name: part for name, part in siblings}
    return found


def _check_maps(net: Any, name: str, stride: int) -> int:
    """The channels of the network's feature maps. Raises UserError where it has no maps with this stride."""
    length = 2 * stride
    try:
        with torch.inference_mode():
            maps = net.eval().forward_features(torch.zeros(1, 3, length, length))
    except (RuntimeError, AssertionError, AttributeError, ValueError) as refused:
        raise UserError(f"--appearance {name}: no network with a feature map ({_one_line(refused)})") from refused
    net.train()
    if not isinstance(maps, Tensor) or maps.ndim != 4 or maps.shape[2:] != (2, 2):
        shape = tuple(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
        raise UserError(f"--appearance {name}: has no feature map with a stride of {stride} pixels, but {shape}")
    return maps.shape[1]


def _download_imagenet(name: str, stride: int) -> dict[str, Tensor]:
    """The state of timm's own weights, without a classifier."""
    advice = "pass --appearance-weights none, or the path of a state dict in timm's names"
    known = timm.get_pretrained_cfg(name)
    if known is None or not known.has_weights:
        raise UserError(f"timm has no weights of {name}; {advice}")
    try:
        return dict(_create(name, stride, pretrained=True).state_dict())
    except Exception as failure:  # of urllib, huggingface_hub, httpx, safetensors …
        raise UserError(f"timm's weights of {name} cannot be downloaded ({_one_line(failure)}); {advice}") from failure


def _without_classifier(state: dict[str, Tensor], net: Any) -> dict[str, Tensor]:
    named = net.default_cfg.get("classifier") or ()
    heads = tuple(f"{head}." for head in ((named,) if isinstance(named, str) else named))
    return {name: tensor for name, tensor in state.items() if not name.startswith(heads)}


def _forward_again(part: nn.Module, *inputs: Any) -> Tensor:
    """The forward of the part's class, with activation checkpointing in training."""
    forward = partial(type(part).forward, part)
    return recomputed(part, forward, *inputs) if part.training else forward(*inputs)


def _mix(mixstyle: MixStyle, part: nn.Module, _: Any, maps: Tensor) -> Tensor:
    """A forward hook: the part's maps, mixed in training."""
    return mixstyle(maps) if part.training else maps


def _one_line(failure: Exception) -> str:
    return " ".join(str(failure).split())[:200] or type(failure).__name__
