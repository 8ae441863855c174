"""Convolutions filled up to whole tiles of channels: the same numbers, the same gradients."""

import pytest
import torch
from torch import nn

from reid.models.pose import PoseNet
from reid.models.whole_tiles import convolved, in_whole_tiles


def layer_of(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(inputs + outputs)))
    return layer


def images(channels: int) -> torch.Tensor:
    return torch.randn(2, channels, 5, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()


@pytest.mark.parametrize(("inputs", "outputs", "kernel"), [(185, 128, 7), (128, 38, 1), (11, 19, 3), (16, 8, 3)])
def test_what_is_filled_up_says_the_same_and_learns_the_same(inputs, outputs, kernel):
    layer, x = layer_of(inputs, outputs, kernel), images(inputs)
    found = {}
    for name, function in (("plain", layer), ("filled", lambda x: in_whole_tiles(layer, x))):
        y = function(x)
        gradients = torch.autograd.grad(y.square().mean(), [x, *layer.parameters()])
        found[name] = (y, *gradients)
    assert found["filled"][0].shape == (2, outputs, 5, 4)
    for one, other in zip(found["plain"], found["filled"], strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)


def test_the_convolution_itself_sees_whole_tiles(monkeypatch):
    shapes = []
    plain = torch.nn.functional.conv2d

    def conv2d(x, weight, *rest):
        shapes.append((x.shape[1], *weight.shape[:2]))
        return plain(x, weight, *rest)

    monkeypatch.setattr("reid.models.whole_tiles.F.conv2d", conv2d)
    in_whole_tiles(layer_of(185, 38), images(185))
    assert shapes == [(192, 40, 192)]


def test_a_cpu_computes_as_it_always_did():
    layer, x = layer_of(11, 19), images(11)
    assert torch.equal(convolved(layer, x), layer(x))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpus_pose_network_says_what_a_cpus_does():
    net = PoseNet(stages=2, width=0.25, generator=torch.Generator().manual_seed(0))
    pixels = torch.rand(2, 3, 64, 32, generator=torch.Generator().manual_seed(0)) - 0.5
    expected = net(pixels).last
    found = net.to("cuda")(pixels.to("cuda")).last.cpu()
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)  # products of 10 bits
