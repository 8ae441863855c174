"""Backbones of timm: their maps, strides, weights and norms, beside those of torchvision's ResNets."""

import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
from torch import nn

from alignnet_common.errors import UserError
from reid.models.appearance import AppearanceNet, appearance_input, appearance_net
from reid.models.batch_norm import SynchronisedBatchNorm, synchronise_norms
from reid.models.timm_backbone import TimmNet

SMALL = "mobilenetv2_035"
IMAGES = torch.randn(3, 3, 64, 32, generator=torch.Generator().manual_seed(0))


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def timm_state(seed: int = 3, **options: Any) -> dict[str, torch.Tensor]:
    """A whole network of timm with a classifier, and with statistics of norms that are not 0 and 1."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = timm.create_model(SMALL, **options)
        for norm in net.modules():
            if isinstance(norm, nn.BatchNorm2d):
                for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                    nn.init.uniform_(tensor, 0.5, 1.5)
    state: dict[str, torch.Tensor] = net.state_dict()
    return state


def with_strides_left_out(net: nn.Module, count: int) -> nn.Module:
    """The network with stride 1 in the last `count` convolutions of stride 2."""
    strided = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2)]
    for layer in strided[len(strided) - count :]:
        layer.stride = (1, 1)
    return net


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize("write", [torch.save, lambda state, path: safetensors.torch.save_file(state, path)])
def test_maps_are_those_of_timm(tmp_path: Path, stride: int, write: Callable[..., None]) -> None:
    path = tmp_path / ("weights.pth" if write is torch.save else "weights.safetensors")
    write(timm_state(), path)
    net = appearance_net(SMALL, stride, path).eval()
    whole = with_strides_left_out(timm.create_model(SMALL), {16: 1, 8: 2}.get(stride, 0)).eval()
    whole.load_state_dict(timm_state())
    with torch.no_grad():
        maps = net(IMAGES)
        assert torch.equal(maps, whole.forward_features(IMAGES))
    assert maps.shape == (3, net.channels, 64 // stride, 32 // stride)


@pytest.mark.parametrize("name", [SMALL, "tf_efficientnet_lite0", "resnet10t", "convnext_atto"])
def test_no_convolution_is_dilated(name: str) -> None:
    layers = [layer for layer in TimmNet(name, 8, "none").net.modules() if isinstance(layer, nn.Conv2d)]
    assert {layer.dilation for layer in layers if layer.kernel_size != (2, 2)} == {(1, 1)}


def test_random_weights_are_the_generators_and_the_global_one_is_untouched() -> None:
    before = torch.get_rng_state()
    first, second, third = (TimmNet(SMALL, 16, "none", generator(seed)).state_dict() for seed in (0, 0, 1))
    convnext = [TimmNet("convnext_atto", 32, "none", generator(seed)) for seed in (0, 0, 1)]
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(not torch.equal(first[name], third[name]) for name in first if "conv" in name)
    layers = [net.net.stages[0].blocks[0].mlp.fc1.weight for net in convnext]  # neither convolution nor norm
    assert torch.equal(layers[0], layers[1]) and not torch.equal(layers[0], layers[2])


def test_random_depthwise_convolutions_keep_the_scale() -> None:
    weights = {name: tensor for name, tensor in TimmNet(SMALL, 16, "none").state_dict().items() if "conv_dw" in name}
    assert all(0.3 < float(tensor.std()) < 0.65 for tensor in weights.values())  # sqrt(2 / 9)
    assert len(weights) == 17


def test_images_are_normalised_as_timm_says() -> None:
    images = torch.rand(2, 3, 4, 5, generator=generator(0))
    net = TimmNet("tf_efficientnet_lite0", 32, "none")
    torch.testing.assert_close(appearance_input(images, net.mean, net.std), images * 2 - 1)
    assert AppearanceNet("resnet18", weights="none").mean == TimmNet(SMALL, 32, "none").mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("efficientnet_lit0", "neither a ResNet of torchvision nor a network of timm; near it: efficientnet_lite0"),
        ("hf-hub:timm/resnet18.a1_in1k", "neither a ResNet"),
        ("vit_tiny_patch16_224", "no output stride of 16"),
        ("mobilenetv2_035.nobody", "timm cannot make it"),
        ("convnext_atto_ibn_a", "no blocks with a batch norm bn1"),
    ],
)
def test_names_that_cannot_be_used_are_one_line(name: str, said: str) -> None:
    with pytest.raises(UserError, match=f"--appearance {name}: .*{said}") as caught:
        appearance_net(name, 16, "none")
    assert "\n" not in str(caught.value)


def test_another_networks_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(timm_state(), path)
    with pytest.raises(UserError, match=r"weights\.pth: not the weights of timm's mobilenetv2_050: ") as caught:
        appearance_net("mobilenetv2_050", 16, path)
    assert "\n" not in str(caught.value)


def test_imagenet_weights_are_timms(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def deliver(model: nn.Module, pretrained_cfg: dict[str, Any], **_: object) -> None:
        asked.append(pretrained_cfg["hf_hub_id"])
        model.load_state_dict(timm_state(), strict=False)

    monkeypatch.setattr("timm.models._builder.load_pretrained", deliver)
    net = appearance_net("mobilenetv2_050", 16, "none")
    with pytest.raises(UserError, match=r"timm's weights of mobilenetv2_050 cannot be downloaded"):
        appearance_net("mobilenetv2_050", 16, "imagenet")  # tensors of other shapes
    with pytest.raises(UserError, match=r"timm has no weights of mobilenetv2_035; .*--appearance-weights none"):
        appearance_net(SMALL, 16, "imagenet")
    assert net.channels == 1280 and asked == ["timm/mobilenetv2_050.lamb_in1k"]


def test_failed_download_names_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("name resolution\nfailed")

    monkeypatch.setattr("timm.models._builder.load_pretrained", refuse)
    with pytest.raises(UserError, match=r"cannot be downloaded .*--appearance-weights none") as caught:
        appearance_net("mobilenetv2_050", 16, "imagenet")
    assert "\n" not in str(caught.value)


def test_recomputed_stages_give_the_same_gradients_and_statistics() -> None:
    plain, again = (TimmNet(SMALL, 16, "none", generator(0)) for _ in range(2))
    again.recompute = True
    calls = []
    again.net.blocks[3].register_forward_pre_hook(lambda *_: calls.append(1))
    again.net.blocks[3][0].conv_dw.register_forward_pre_hook(lambda *_: calls.append(2))
    for net in (plain, again):
        net(IMAGES).square().mean().backward()
    assert sorted(calls) == [1, 2, 2]  # the stage once, its layers again in the backward pass
    for (name, one), other in zip(plain.named_parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, msg=name)
    for one, other in zip(plain.buffers(), again.buffers(), strict=True):
        torch.testing.assert_close(one, other)
    again.recompute = False
    assert "forward" not in vars(again.net.blocks[3])


@pytest.mark.parametrize(("on_gpu", "kind"), [(False, SynchronisedBatchNorm), (True, nn.SyncBatchNorm)])
def test_synchronised_norms_keep_timms_activations(on_gpu: bool, kind: type[nn.Module]) -> None:
    net = TimmNet(SMALL + "_ibn_a", 16, "none").eval()
    names = list(net.state_dict())
    with torch.no_grad():
        expected = net(IMAGES)
        synchronise_norms(net, on_gpu)
        assert isinstance(net.net.bn1, kind) and isinstance(net.net.blocks[0][0].bn1.BN, kind)
        torch.testing.assert_close(net(IMAGES), expected)
    assert list(net.state_dict()) == names
