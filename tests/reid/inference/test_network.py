"""Folded networks compute what the plain ones do, and batches fit memory and cache."""

import torch
from torch import nn

from reid.evaluation.descriptors import descriptor_of_images
from reid.inference.network.batch_size import largest_batch
from reid.inference.network.folding import folded
from reid.inference.network.layers import largest_output
from small_networks import small_network

CPU = torch.device("cpu")
IMAGES = torch.rand(3, 3, 64, 32, generator=torch.Generator().manual_seed(0))


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


def test_the_largest_maps_are_those_of_any_layer():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.AvgPool2d(2), nn.Conv2d(8, 16, 1))
    assert largest_output(network, IMAGES[:1], through) == 8 * 64 * 32 * 4
    assert largest_output(network[1], torch.zeros(1, 3, 8, 8), through) == 3 * 8 * 8 * 4


def test_batches_fit_memory_and_cache(monkeypatch):
    monkeypatch.setattr("reid.inference.network.batch_size.memory", lambda: (None, None))
    for largest, expected in ((2**10, 64), (2**19, 32), (2**24, 1), (2**30, 1)):
        assert largest_batch(CPU, 128, 64, largest) == expected
    for free, expected in ((1e12, 64), (2**20 * 8 * 4 * 10, 10), (0, 1)):
        monkeypatch.setattr("reid.inference.network.batch_size.memory", lambda free=free: (None, free))
        assert largest_batch(CPU, 128, 64, 2**10) == expected
    assert largest_batch(torch.device("mps"), 128, 64, 2**24) == 1
    monkeypatch.setattr("reid.inference.network.batch_size.memory", lambda: (None, 2**20 * 8 * 4 * 10))
    assert largest_batch(CPU, 128, 64) == 10
    assert largest_batch(CPU, 128, 64, enlarged=2.0) == 5
