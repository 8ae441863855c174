"""Eqs. 7, 8 and 9 against loops, and padded frames that nothing may depend on."""

import math
from itertools import product

import pytest
import torch

from reid.models.tap import TAP, video_descriptor


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def small_tap() -> TAP:
    tap = TAP(3, hidden=2, generator=torch.Generator().manual_seed(0)).double()
    tap.bn1.weight.data.copy_(torch.tensor([0.7, 1.4]))
    tap.bn1.bias.data.copy_(torch.tensor([0.2, -0.1]))
    tap.conv2.bias.data.copy_(torch.tensor([0.3, -0.6]))
    return tap


def plain_conv(weight: torch.Tensor, bias: list[float], maps: torch.Tensor) -> torch.Tensor:
    """3x3 convolution with zero padding, cell by cell: (N, C, h, w) to (N, K, h, w)."""
    frames, channels, height, width = maps.shape
    found = torch.zeros(frames, weight.shape[0], height, width, dtype=torch.float64)
    for n, k, y, x in product(range(frames), range(weight.shape[0]), range(height), range(width)):
        total = bias[k]
        for c, i, j in product(range(channels), range(3), range(3)):
            if 0 <= y + i - 1 < height and 0 <= x + j - 1 < width:
                total += float(weight[k, c, i, j]) * float(maps[n, c, y + i - 1, x + j - 1])
        found[n, k, y, x] = total
    return found


def plain_tap(tap: TAP, maps: torch.Tensor) -> list[float]:
    """Eqs. 8 and 9 with batch norm's training statistics, number by number."""
    x = plain_conv(tap.conv1.weight, [0.0, 0.0], maps)
    for k in range(2):
        values = [float(value) for value in x[:, k].flatten()]
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / len(values)
        scale = float(tap.bn1.weight[k]) / math.sqrt(variance + tap.bn1.eps)
        x[:, k] = torch.clamp((x[:, k] - mean) * scale + float(tap.bn1.bias[k]), min=0)
    x = plain_conv(tap.conv2.weight, tap.conv2.bias.tolist(), x)
    pooled = [sum(float(value) for value in frame.flatten()) / frame.numel() for frame in x]
    return [1 / (1 + math.exp(-value)) for value in pooled]


@torch.no_grad()
def test_eqs_8_and_9_are_the_plain_ones() -> None:
    tap, maps = small_tap(), numbers(4, 3, 3, 2)
    found = tap(maps)
    assert found.tolist() == pytest.approx(plain_tap(tap, maps), abs=1e-10)
    assert torch.equal(torch.sigmoid(tap.quality(maps)), found)
    assert found.std().item() > 1e-4


def test_padded_frames_weigh_nothing_and_are_not_seen() -> None:
    maps, valid = numbers(6, 3, 3, 2), torch.tensor([True, False, True, True, False, True])
    dirty = maps.clone()
    dirty[~valid] = float("nan")
    alone, padded = small_tap(), small_tap()
    expected = alone(maps[valid])
    found = padded(dirty, valid)
    assert torch.equal(found[valid], expected)
    assert found[~valid].tolist() == [0.0, 0.0]
    for name, tensor in padded.state_dict().items():  # batch norm's running statistics among them
        assert torch.equal(tensor, alone.state_dict()[name]), name


def test_every_weight_of_tap_learns_at_first() -> None:
    tap = TAP(16, hidden=8, generator=torch.Generator().manual_seed(0))
    maps = torch.rand(10, 16, 8, 4, generator=torch.Generator().manual_seed(1))
    weights = tap(maps)
    assert weights.min().item() > 0.05
    assert weights.max().item() < 0.95
    (weights * torch.linspace(-1, 1, 10)).sum().backward()
    for name, parameter in tap.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name


def test_eq7_is_the_weighted_sum_over_valid_frames_by_their_number() -> None:
    descriptors, weights = numbers(2, 5, 12), numbers(2, 5, 4, seed=1).sigmoid()
    valid = torch.tensor([[True] * 5, [True, True, False, True, False]])
    found = video_descriptor(descriptors, weights, valid)
    assert found.shape == (2, 12)
    for b in range(2):
        frames = [t for t in range(5) if valid[b, t]]
        for d in range(12):
            total = sum(float(weights[b, t, d // 3]) * float(descriptors[b, t, d]) for t in frames)
            assert float(found[b, d]) == pytest.approx(total / len(frames), abs=1e-12)


def test_eq7_as_an_average_goes_by_the_ratios_of_the_weights() -> None:
    descriptors, weights = numbers(2, 5, 12), numbers(2, 5, 4, seed=1).sigmoid()
    valid = torch.tensor([[True] * 5, [True, True, False, True, False]])
    found = video_descriptor(descriptors, weights, valid, average=True)
    for b in range(2):
        frames = [t for t in range(5) if valid[b, t]]
        for d in range(12):
            shares = [float(weights[b, t, d // 3]) for t in frames]
            total = sum(share * float(descriptors[b, t, d]) for share, t in zip(shares, frames, strict=True))
            assert float(found[b, d]) == pytest.approx(total / sum(shares), abs=1e-12)
    torch.testing.assert_close(video_descriptor(descriptors, weights / 50, valid, average=True), found)
    torch.testing.assert_close(
        video_descriptor(descriptors, weights / 50, valid) * 50, video_descriptor(descriptors, weights, valid)
    )
    ones = torch.ones_like(weights)
    torch.testing.assert_close(
        video_descriptor(descriptors, ones, valid, average=True), video_descriptor(descriptors, ones, valid)
    )


def test_a_gain_makes_much_of_small_differences_between_weights() -> None:
    values, weights = numbers(1, 3, 4), torch.tensor([[[0.9], [0.6], [0.3]]], dtype=torch.float64)
    valid = torch.ones(1, 3, dtype=torch.bool)
    found = video_descriptor(values, weights, valid, average=True, gain=2.0)
    expected = (0.81 * values[0, 0] + 0.36 * values[0, 1] + 0.09 * values[0, 2]) / (0.81 + 0.36 + 0.09)
    torch.testing.assert_close(found[0], expected)
    summed = video_descriptor(values, weights, valid, gain=2.0)
    torch.testing.assert_close(summed[0], (0.81 * values[0, 0] + 0.36 * values[0, 1] + 0.09 * values[0, 2]) / 3)
    # Weights of which no power is told from 0, and a padded frame that weighs most.
    small = torch.cat([1e-4 * weights, torch.ones(1, 1, 1, dtype=torch.float64)], dim=1).requires_grad_()
    padded = video_descriptor(
        torch.cat([values, 99 * values[:, :1]], dim=1), small, torch.tensor([[True, True, True, False]]), True, 2.0
    )
    torch.testing.assert_close(padded[0], expected)
    padded.sum().backward()
    assert small.grad is not None
    assert bool(small.grad.isfinite().all())


def test_eq7_does_not_look_at_padded_frames() -> None:
    descriptors, weights = numbers(1, 3, 8), torch.ones(1, 3, 4, dtype=torch.float64)
    valid = torch.tensor([[True, True, False]])
    descriptors[:, 2] = float("nan")
    torch.testing.assert_close(video_descriptor(descriptors, weights, valid), descriptors[:, :2].mean(dim=1))
    with_gradient = descriptors.clone().requires_grad_()
    video_descriptor(with_gradient, weights, valid).sum().backward()
    assert with_gradient.grad is not None
    assert float(with_gradient.grad[:, 2].abs().max()) == 0.0
