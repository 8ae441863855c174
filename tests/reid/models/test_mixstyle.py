"""MixStyle: which statistics are mixed, when, with which random numbers."""

from typing import Any

import pytest
import torch

from reid.models.appearance import appearance_net
from reid.models.mixstyle import MixStyle

IMAGES = torch.randn(4, 3, 64, 32, generator=torch.Generator().manual_seed(0))


def maps(seed: int = 0) -> torch.Tensor:
    """Maps whose means and deviations differ from frame to frame."""
    generator = torch.Generator().manual_seed(seed)
    shift, scale = (torch.rand(6, 5, 1, 1, generator=generator) for _ in range(2))
    return torch.randn(6, 5, 8, 4, generator=generator) * (0.5 + scale) + 3 * shift


def statistics(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x.mean(dim=(2, 3)), x.std(dim=(2, 3), unbiased=False)], dim=1)  # (N, 2C)


def test_statistics_lie_between_those_of_two_frames_and_content_stays() -> None:
    x = maps()
    mixed = MixStyle(1.0, seed=3)(x)
    before, after = statistics(x), statistics(mixed)
    for frame in range(6):
        weights = []  # of the other frame, from each statistic
        for other in range(6):
            share = (after[frame] - before[frame]) / (before[other] - before[frame])
            weights.append(share if other != frame else (after[frame] - before[frame]).abs())
        agree = [
            float(share.max() - share.min()) < 1e-3 and -1e-4 < float(share.mean()) < 1 + 1e-4 for share in weights
        ]
        assert any(agree)
    plain = [(each - each.mean((2, 3), keepdim=True)) / each.std((2, 3), keepdim=True) for each in (x, mixed)]
    torch.testing.assert_close(plain[0], plain[1], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(after, before, atol=1e-2)


def test_random_numbers_depend_on_seed_step_and_rank_alone() -> None:
    def mixed(seed: int, step: int, rank: int = 0, steps_before: int = 0) -> torch.Tensor:
        mixstyle = MixStyle(1.0, seed)
        for _ in range(steps_before):
            mixstyle(maps())
        mixstyle.start_step(step, rank)
        return mixstyle(maps())

    first = mixed(1, 5)
    assert torch.equal(first, mixed(1, 5, steps_before=3))
    for other in (mixed(2, 5), mixed(1, 6), mixed(1, 5, rank=1)):
        assert not torch.equal(first, other)
    before = torch.get_rng_state()
    mixed(1, 5)
    assert torch.equal(before, torch.get_rng_state())


def test_probability_is_of_a_batch() -> None:
    mixstyle, x, changed = MixStyle(0.3, seed=0), maps(), 0
    for step in range(400):
        mixstyle.start_step(step)
        found = mixstyle(x)
        changed += found is not x
    assert 0.24 * 400 < changed < 0.36 * 400


def test_statistics_pass_no_gradient_and_bfloat16_stays() -> None:
    x = maps().requires_grad_()
    mixed = MixStyle(1.0, seed=3)(x)
    (gradient,) = torch.autograd.grad(mixed.sum(), x)
    scale = statistics(mixed)[:, 5:] / statistics(x)[:, 5:]
    torch.testing.assert_close(gradient, scale[:, :, None, None].expand_as(x), rtol=1e-3, atol=1e-3)
    assert MixStyle(1.0, seed=3)(maps().bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("name", ["resnet18", "resnet18_ibn_a", "mobilenetv2_035", "mobilenetv2_035_ibn_a"])
@pytest.mark.parametrize("recompute", [False, True])
def test_backbones_mix_after_two_stages_in_training_alone(name: str, recompute: bool) -> None:
    net, mixed = appearance_net(name, 16, "none"), []

    class Counting(MixStyle):
        def __call__(self, x: torch.Tensor) -> torch.Tensor:
            mixed.append(64 // x.shape[2])
            return super().__call__(x)

    def output(mixstyle: MixStyle | None, **mode: Any) -> torch.Tensor:
        torch.nn.Module.train(net, **mode)
        net.mixstyle = mixstyle
        found: torch.Tensor = net(IMAGES)
        found.sum().backward()
        return found

    net.recompute = recompute
    plain = output(None, mode=True)
    found = output(Counting(1.0, 0), mode=True)
    assert mixed == [4, 8]  # pixels for a cell
    assert not torch.allclose(plain, found, atol=1e-3)
    expected = output(None, mode=False)
    assert torch.equal(output(Counting(1.0, 0), mode=False), expected)
    assert mixed == [4, 8]
    output(None, mode=True)
    assert mixed == [4, 8]
