"""Eqs. 2 to 6 against loops over channels and cells, with the part groups written out from the paper's text."""

import math

import pytest
import torch

from reid.models.alignnet import part_attention
from reid.models.part_pooling import (
    area_average,
    area_maximum,
    composite_part_maps,
    frame_descriptor,
    part_features,
    spatial_softmax,
)

# Heat map channels as they are; PAF channels counted from 19 on.
GROUPS = [
    [0, 1, 14, 15, 16, 17, *(19 + c for c in (28, 29, 30, 31, 32, 33, 34, 35, 36, 37))],
    [2, 5, 3, 6, 4, 7, *(19 + c for c in (14, 15, 16, 17, 0, 1, 22, 23, 24, 25, 6, 7))],
    [8, 11, 9, 12, 10, 13, *(19 + c for c in (2, 3, 4, 5, 8, 9, 10, 11))],
]


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_eq2_is_the_mean_over_each_group() -> None:
    pose = numbers(2, 57, 3, 2)
    found = composite_part_maps(pose)
    assert found.shape == (2, 3, 3, 2)
    for n in range(2):
        for part, group in enumerate(GROUPS):
            for y in range(3):
                for x in range(2):
                    expected = sum(float(pose[n, k, y, x]) for k in group) / len(group)
                    assert float(found[n, part, y, x]) == pytest.approx(expected, abs=1e-12)


def test_eq2_leaves_background_and_shoulder_limbs_out() -> None:
    unused = [18, *(19 + c for c in (12, 13, 20, 21, 18, 19, 26, 27))]
    pose = torch.zeros(1, 57, 2, 2)
    pose[:, unused] = 1.0
    assert float(composite_part_maps(pose).abs().max()) == 0.0


# Pairs of PAF channels of each part's limbs, as above; each pair is one limb.
LIMBS = [
    [(47, 48), (49, 50), (51, 52), (53, 54), (55, 56)],
    [(33, 34), (35, 36), (19, 20), (41, 42), (43, 44), (25, 26)],
    [(21, 22), (23, 24), (27, 28), (29, 30)],
]


def test_eq2_with_magnitudes_is_the_mean_over_joints_and_lengths() -> None:
    pose = numbers(2, 57, 3, 2)
    found = composite_part_maps(pose, "magnitude")
    assert found.shape == (2, 3, 3, 2)
    for n in range(2):
        for part, limbs in enumerate(LIMBS):
            for y in range(3):
                for x in range(2):
                    at = pose[n, :, y, x].tolist()
                    values = [at[k] for k in GROUPS[part][:6]] + [math.hypot(at[a], at[b]) for a, b in limbs]
                    assert len(values) == (11, 12, 10)[part]
                    assert float(found[n, part, y, x]) == pytest.approx(sum(values) / len(values), abs=1e-12)


def test_limbs_that_point_opposite_ways_cancel_only_when_signed() -> None:
    pose = torch.zeros(1, 57, 4, 2)
    pose[0, 49], pose[0, 51] = 1.0, -1.0  # nose to right eye, nose to left eye: along x
    assert float(composite_part_maps(pose).abs().max()) == 0.0
    torch.testing.assert_close(composite_part_maps(pose, "magnitude")[0, 0], torch.full((4, 2), 2 / 11))
    # Nor do those of cells that are averaged afterwards.
    pose = torch.zeros(1, 57, 4, 2)
    pose[0, 49, 0, 0], pose[0, 49, 0, 1] = 5.0, -5.0
    even = torch.full((1, 2, 1), 0.5)
    torch.testing.assert_close(part_attention(pose, 2, 1)[:, 0], even)
    expected = math.exp(10 / 11 / 4) / (math.exp(10 / 11 / 4) + 1)
    assert float(part_attention(pose, 2, 1, limb_fields="magnitude")[0, 0, 0, 0]) == pytest.approx(expected)


def test_a_field_of_no_length_has_a_gradient_of_no_length() -> None:
    pose = torch.zeros(1, 57, 2, 2, requires_grad=True)
    composite_part_maps(pose, "magnitude").sum().backward()
    assert pose.grad is not None
    assert bool(pose.grad.isfinite().all())
    assert float(pose.grad[:, 19:].abs().max()) == 0.0


def test_eq3_is_a_softmax_over_the_cells_of_each_map() -> None:
    maps = numbers(2, 3, 4, 2)
    found = spatial_softmax(maps)
    for n in range(2):
        for r in range(3):
            total = sum(math.exp(float(maps[n, r, i, j])) for i in range(4) for j in range(2))
            for k in range(4):
                for m in range(2):
                    assert float(found[n, r, k, m]) == pytest.approx(math.exp(float(maps[n, r, k, m])) / total)


def test_eq3_stands_large_values() -> None:
    maps = torch.tensor([[1e4, 0.0], [-1e4, 1e4]]).expand(1, 3, 2, 2)
    torch.testing.assert_close(spatial_softmax(maps)[0, 0], torch.tensor([[0.5, 0.0], [0.0, 0.5]]))


def test_a_gain_makes_attention_keener() -> None:
    maps = numbers(2, 3, 4, 2)
    torch.testing.assert_close(spatial_softmax(maps, 30.0), spatial_softmax(30 * maps))
    known = torch.zeros(1, 3, 4, 2)
    known[:, :, 1, 0] = 0.2  # about what a part's maps have at most, where the pose is known exactly
    assert float(spatial_softmax(known)[0, 0, 1, 0]) == pytest.approx(math.exp(0.2) / (math.exp(0.2) + 7))  # 0.149
    assert float(spatial_softmax(known, 100.0)[0, 0, 1, 0]) > 0.999


def test_eq4_multiplies_every_channel_by_the_attention() -> None:
    appearance, attention = numbers(2, 5, 3, 2), numbers(2, 3, 3, 2, seed=1)
    found = part_features(appearance, attention)
    assert found.shape == (2, 3, 5, 3, 2)
    for n in range(2):
        for r in range(3):
            for c in range(5):
                for y in range(3):
                    for x in range(2):
                        expected = float(appearance[n, c, y, x]) * float(attention[n, r, y, x])
                        assert float(found[n, r, c, y, x]) == pytest.approx(expected, abs=1e-15)


def test_eqs_5_and_6_average_and_concatenate_appearance_upper_middle_lower() -> None:
    appearance, parts = numbers(2, 5, 3, 2), numbers(2, 3, 5, 3, 2, seed=1)
    found = frame_descriptor(appearance, parts)
    assert found.shape == (2, 20)
    for n in range(2):
        maps = [appearance[n, c] for c in range(5)] + [parts[n, r, c] for r in range(3) for c in range(5)]
        expected = [sum(float(m[y, x]) for y in range(3) for x in range(2)) / 6 for m in maps]
        assert found[n].tolist() == pytest.approx(expected, abs=1e-12)


def test_attended_parts_are_averages_weighted_by_the_attention() -> None:
    appearance = numbers(2, 5, 3, 2)
    attention = spatial_softmax(numbers(2, 3, 3, 2, seed=1))
    found = frame_descriptor(appearance, part_features(appearance, attention), attended=True)
    for n in range(2):
        for r in range(3):
            for c in range(5):
                expected = float((appearance[n, c] * attention[n, r]).sum())
                assert float(found[n, 5 + 5 * r + c]) == pytest.approx(expected, abs=1e-12)
    even = part_features(appearance, torch.full((2, 3, 3, 2), 1 / 6, dtype=torch.float64))
    described = frame_descriptor(appearance, even, attended=True)
    torch.testing.assert_close(described, described[:, :5].repeat(1, 4))
    torch.testing.assert_close(frame_descriptor(appearance, even)[:, 5:], described[:, 5:] / 6)


@pytest.mark.parametrize(("grid", "cell"), [((16, 8), 1), ((8, 4), 2), ((4, 2), 4)])
def test_area_average_is_the_mean_over_each_cells_area(grid: tuple[int, int], cell: int) -> None:
    maps = numbers(1, 3, 16, 8)
    found = area_average(maps, *grid)
    assert found.shape == (1, 3, *grid)
    for r in range(3):
        for y in range(grid[0]):
            for x in range(grid[1]):
                area = [float(maps[0, r, y * cell + i, x * cell + j]) for i in range(cell) for j in range(cell)]
                assert float(found[0, r, y, x]) == pytest.approx(sum(area) / len(area), abs=1e-12)


@pytest.mark.parametrize("grid", [(8, 4), (5, 3), (16, 9), (3, 8), (1, 1)])
def test_area_maximum_is_that_of_adaptive_pooling_on_any_grid(grid: tuple[int, int]) -> None:
    maps = numbers(2, 3, 16, 8)
    assert torch.equal(area_maximum(maps, *grid), torch.nn.functional.adaptive_max_pool2d(maps, grid))
