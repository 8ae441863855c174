"""The appearance net against torchvision's own ResNet, and its three sources of weights."""

import urllib.error
from pathlib import Path

import pytest
import torch
import torchvision

from alignnet_common.errors import UserError
from reid.models.appearance import AppearanceNet, appearance_input


def torchvision_maps(name: str, state: dict[str, torch.Tensor], stride: int, images: torch.Tensor) -> torch.Tensor:
    """torchvision's network with the strides of the last stages set by hand, up to the pool."""
    net = torchvision.models.get_model(name, weights=None)
    net.load_state_dict(state, strict=False)
    for stage in {32: [], 16: [net.layer4], 8: [net.layer3, net.layer4]}[stride]:
        (stage[0].conv1 if name != "resnet50" else stage[0].conv2).stride = (1, 1)
        stage[0].downsample[0].stride = (1, 1)
    net.avgpool, net.fc = torch.nn.Identity(), torch.nn.Identity()
    return net.eval()(images)


@pytest.mark.parametrize(("name", "channels"), [("resnet18", 512), ("resnet50", 2048)])
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_maps_are_those_of_torchvision(name: str, channels: int, stride: int) -> None:
    net = AppearanceNet(name, stride, "none").eval()
    images = torch.randn(1, 3, 64, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps = net(images)
        expected = torchvision_maps(name, net.state_dict(), stride, images)
    assert net.channels == channels
    assert maps.shape == (1, channels, 64 // stride, 32 // stride)
    torch.testing.assert_close(maps.flatten(1), expected, rtol=1e-4, atol=1e-4)
    assert float(maps.std()) > 1e-3


def test_appearance_input_is_imagenet_normalised_rgb() -> None:
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    found = appearance_input(images)
    for channel, (mean, std) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        torch.testing.assert_close(found[:, channel], (images[:, channel] - mean) / std)


def test_same_generator_same_weights_and_global_generator_untouched() -> None:
    before = torch.get_rng_state()
    nets = [AppearanceNet("resnet18", weights="none", generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(before, torch.get_rng_state())
    first, second, third = (net.state_dict() for net in nets)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], third["conv1.weight"])


@pytest.mark.parametrize("counters", [True, False])
def test_torchvision_file_loads_without_its_classifier(tmp_path: Path, counters: bool) -> None:
    source = torchvision.models.resnet18(weights=None).state_dict()
    kept = {name: tensor for name, tensor in source.items() if counters or not name.endswith("num_batches_tracked")}
    path = tmp_path / "resnet18.pth"
    torch.save(kept, path)
    net = AppearanceNet("resnet18", 16, path)
    assert all(torch.equal(tensor, source[name]) for name, tensor in net.state_dict().items())


def test_file_of_another_net_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "resnet18.pth"
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    with pytest.raises(UserError, match=r"resnet18\.pth: not the weights of torchvision's resnet34") as caught:
        AppearanceNet("resnet34", 16, str(path))
    assert "\n" not in str(caught.value)


def test_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.pth: no such file"):
        AppearanceNet("resnet18", 16, tmp_path / "nothing.pth")


def test_failed_download_names_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("name resolution\nfailed")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(UserError, match="--appearance-weights none") as caught:
        AppearanceNet("resnet18", 16, "imagenet")
    assert "\n" not in str(caught.value)


def test_imagenet_weights_are_torchvisions_first(monkeypatch: pytest.MonkeyPatch) -> None:
    source = torchvision.models.resnet18(weights=None).state_dict()
    asked = []

    def deliver(url: str, *_: object, **__: object) -> dict[str, torch.Tensor]:
        asked.append(url)
        return dict(source)

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", deliver)
    net = AppearanceNet("resnet18", 16, "imagenet")
    assert asked == [torchvision.models.ResNet18_Weights.IMAGENET1K_V1.url]
    assert all(torch.equal(tensor, source[name]) for name, tensor in net.state_dict().items())


def test_other_names_and_strides_are_refused() -> None:
    with pytest.raises(ValueError, match="resnet101"):
        AppearanceNet("resnet101", 16, "none")
    with pytest.raises(ValueError, match="stride 4"):
        AppearanceNet("resnet18", 4, "none")
