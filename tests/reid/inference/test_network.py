"""Folded, fused networks compute what the plain ones do, and batches fit memory and cache."""

import copy

import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

from reid.configs.groups.model import ModelConfig
from reid.inference.describer import descriptor_of_images
from reid.inference.network import fusing, winograd
from reid.inference.network.batch_size import largest_batch
from reid.inference.network.folding import folded
from reid.inference.network.fusing import FusedBlock, FusedConvolution, fused
from reid.inference.network.layers import after_convolutions, largest_output
from small_networks import small_network

CPU = torch.device("cpu")
IMAGES = torch.rand(3, 3, 64, 32, generator=torch.Generator().manual_seed(0))

needs_onednn = pytest.mark.skipif(not fusing._has_onednn(), reason="this PyTorch has no oneDNN")


def through(network, images):
    return network(images)


def close(found, expected, share=1e-5):
    return bool((found - expected).abs().max() <= share * expected.abs().max())


def of_kind(model, kind):
    return [layer for layer in model.modules() if type(layer) is kind]


def test_folded_batch_norms_compute_the_same():
    model = small_network("baseline", appearance="resnet18")
    lean = folded(model, IMAGES[:1], descriptor_of_images)
    assert len(of_kind(model, nn.BatchNorm2d)) == 20
    assert not of_kind(lean, nn.BatchNorm2d)
    with torch.no_grad():
        assert close(descriptor_of_images(lean, IMAGES), descriptor_of_images(model, IMAGES))


class Skipping(nn.Module):
    """The output of the convolution is used beside the layer that follows it."""

    def __init__(self, follower):
        super().__init__()
        self.conv, self.follower = nn.Conv2d(3, 3, 1), follower

    def forward(self, images):
        x = self.conv(images)
        return x + self.follower(x)


def test_norms_that_cannot_be_folded_stay():
    skipping = Skipping(nn.BatchNorm2d(3)).eval()
    skipping.follower.running_mean.fill_(2)
    assert folded(skipping, IMAGES[:1], through) is skipping


@needs_onednn
@pytest.mark.parametrize(
    ("appearance", "blocks", "plain"),
    [("resnet18", 8, 0), ("resnet18_ibn_a", 2, 6), ("test_resnet", 0, 0), ("tf_efficientnet_lite0", 0, 0)],
)
def test_fused_networks_compute_the_same(appearance, blocks, plain):
    lean = folded(small_network("align-tap", appearance=appearance), IMAGES[:1], descriptor_of_images)
    fast = fused(lean, IMAGES[:1], descriptor_of_images).to(memory_format=torch.channels_last)
    assert len(of_kind(fast, FusedBlock)) == blocks
    assert len(of_kind(fast, BasicBlock)) == plain
    inner = {each.convolution for each in of_kind(fast, FusedConvolution)}
    assert set(of_kind(fast, nn.Conv2d)) <= inner
    assert sum(each.activation is not None for each in of_kind(fast, FusedConvolution)) > 1
    with torch.no_grad():
        expected = descriptor_of_images(lean, IMAGES)
        for _ in range(2):
            assert close(descriptor_of_images(fast, IMAGES), expected)
    assert close(descriptor_of_images(fast, IMAGES), expected), "with gradients, the layers run as they are"
    assert not of_kind(lean, FusedConvolution), "the network that was given is not changed"


@needs_onednn
@pytest.mark.parametrize("activation", [None, nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.SiLU()])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "groups": 4, "padding": 1}, {"dilation": 2, "bias": False}])
def test_a_fused_convolution_is_the_layers_after_each_other(activation, options):
    layer = nn.Conv2d(8, 16, 3, **options).requires_grad_(False)
    nn.init.normal_(layer.weight)  # some values above 6
    fast = FusedConvolution(layer, activation)
    images = torch.randn(2, 8, 12, 10)
    last = activation or nn.Identity()
    with torch.inference_mode():
        maps = layer(images)
        added = torch.randn_like(maps).contiguous(memory_format=torch.channels_last)
        assert close(fast(images), last(maps.clone()))
        assert close(fast(images, added.clone()), last(maps + added))
    assert close(fast(images, added.clone()), last(maps + added)), "as with gradients"


@needs_onednn
def test_weights_are_laid_out_again_for_larger_batches_and_after_a_move():
    fast = FusedConvolution(nn.Conv2d(3, 8, 3).requires_grad_(False), nn.ReLU())
    with torch.inference_mode():
        fast(IMAGES[:2])
        first = fast._laid_out[0]
        fast(IMAGES[:1])
        assert fast._laid_out[0] is first
        fast(IMAGES)
        assert fast._laid_out[0] is not first
        expected = fast(IMAGES)
        assert close(copy.deepcopy(fast)(IMAGES), expected)
        double = copy.deepcopy(fast).double()(IMAGES.double())
        assert double.dtype == torch.float64
        assert close(double.float(), expected)
        with torch.no_grad():
            fast.convolution.weight.mul_(2)
        assert close(fast.to(memory_format=torch.channels_last)(IMAGES), fast.activation(fast.convolution(IMAGES)))


@needs_onednn
@pytest.mark.parametrize(("size", "tile"), [((8, 4), 4), ((4, 2), 2), ((7, 3), 4), ((3, 1), 2), ((13, 6), 4)])
@pytest.mark.parametrize("activation", [None, nn.ReLU(inplace=True), nn.SiLU()])
def test_winograds_algorithm_is_a_convolution(size, tile, activation):
    generator = torch.Generator().manual_seed(1)
    layer = nn.Conv2d(256, 264, 3, padding=1).requires_grad_(False)
    images = torch.randn(32, 256, *size, generator=generator)
    fast, last = FusedConvolution(layer, activation), activation or nn.Identity()
    assert winograd.tile_for(layer, images) == tile
    with torch.inference_mode():
        maps = layer(images)
        for given in (images, images.contiguous(memory_format=torch.channels_last)):
            assert close(fast(given), last(maps.clone()))
        assert close(fast(images, maps.flip(0)), last(maps + maps.flip(0)))
    assert set(fast._laid_out) == {tile}


def test_winograds_algorithm_is_for_many_channels_and_tiles():
    few, many, images = nn.Conv2d(64, 256, 3, padding=1), nn.Conv2d(256, 256, 3, padding=1), torch.empty(8, 256, 8, 8)
    assert winograd.tile_for(many, images) == 4
    assert winograd.tile_for(many, images[:7]) is None
    assert winograd.tile_for(few, images) is None
    for other in ({"stride": 2}, {"padding": 0}, {"dilation": 2}, {"groups": 2}):
        assert winograd.tile_for(nn.Conv2d(256, 256, 3, **{"padding": 1} | other), images) is None


class Adding(nn.Module):
    """The activation takes the convolution's output, to which something was added in place."""

    def __init__(self):
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 3, 1), nn.ReLU()

    def forward(self, images):
        x = self.conv(images)
        x += images
        return self.act(x)


@needs_onednn
def test_what_cannot_be_fused_stays():
    skipping = Skipping(nn.ReLU()).eval()
    assert fused(skipping, IMAGES[:1], through) is skipping
    adding = Adding().eval()
    assert [layer.activation for layer in of_kind(fused(adding, IMAGES[:1], through), FusedConvolution)] == [None]
    for layer in (nn.Conv2d(3, 3, 3, padding="same"), nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect")):
        network = nn.Sequential(layer, nn.ReLU())
        assert len(after_convolutions(network, IMAGES[:1], through, nn.ReLU)) == 1
        assert not of_kind(fused(network, IMAGES[:1], through), FusedConvolution)


def test_without_onednn_the_network_stays(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    network = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU())
    assert fusing.fused(network, IMAGES[:1], through) is network


def test_the_largest_maps_are_those_of_any_layer():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.AvgPool2d(2), nn.Conv2d(8, 16, 1))
    assert largest_output(network, IMAGES[:1], through) == 8 * 64 * 32 * 4
    assert largest_output(network[1], torch.zeros(1, 3, 8, 8), through) == 3 * 8 * 8 * 4


def test_batches_fit_memory_and_cache(monkeypatch):
    config = ModelConfig(variant="baseline", appearance="resnet18")
    monkeypatch.setattr("reid.inference.network.batch_size.memory", lambda: (None, None))
    for largest, expected in ((2**10, 64), (2**19, 32), (2**24, 1), (2**30, 1)):
        assert largest_batch(config, CPU, 128, 64, largest) == expected
    for free, expected in ((1e12, 64), (2**20 * 8 * 4 * 10, 10), (0, 1)):
        monkeypatch.setattr("reid.inference.network.batch_size.memory", lambda free=free: (None, free))
        assert largest_batch(config, CPU, 128, 64, 2**10) == expected
    assert largest_batch(config, torch.device("mps"), 128, 64, 2**24) == 1
