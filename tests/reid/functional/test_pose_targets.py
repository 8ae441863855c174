"""Heat maps and part affinity fields against loops over cells; hidden and unlabelled joints."""

import math

import pytest
import torch

from reid.functional.pose_targets import PoseTargets, TargetSize, pose_targets

# (first joint, second joint) of each pair of PAF channels, from the reference table.
LIMBS = [
    *((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 2), (2, 3), (3, 4), (2, 16)),
    *((1, 5), (5, 6), (6, 7), (5, 17), (1, 0), (0, 14), (0, 15), (14, 16), (15, 17)),
]


def joints_of(frames: int, seed: int = 0) -> torch.Tensor:
    """Joints in and around a 64 x 32 image."""
    spread = torch.rand(frames, 18, 2, generator=torch.Generator().manual_seed(seed))
    return spread * torch.tensor([44.0, 76.0]) - 6


def all_labelled(frames: int) -> torch.Tensor:
    return torch.ones(frames, 18, dtype=torch.bool)


def distance_to_segment(px: float, py: float, a: list[float], b: list[float]) -> float:
    """Distance to the nearest of a thousand points of the segment, refined around the best."""
    best, low, high = math.inf, 0.0, 1.0
    for _ in range(3):
        steps = [low + (high - low) * k / 1000 for k in range(1001)]
        tried = [(math.hypot(px - a[0] - t * (b[0] - a[0]), py - a[1] - t * (b[1] - a[1])), t) for t in steps]
        best, at = min(tried)
        low, high = max(0.0, at - 0.002), min(1.0, at + 0.002)
    return best


def test_heat_maps_are_gaussians_at_cell_centres() -> None:
    joints = joints_of(2)
    found = pose_targets(joints, all_labelled(2), TargetSize(64, 32, sigma=5.0))
    assert found.heat.shape == (2, 19, 8, 4)
    for n in range(2):
        for i in range(8):
            for j in range(4):
                values = []
                for x, y in joints[n].tolist():
                    squared = (8 * j + 3.5 - x) ** 2 + (8 * i + 3.5 - y) ** 2
                    values.append(math.exp(-squared / (2 * 5.0**2)))
                assert found.heat[n, :18, i, j].tolist() == pytest.approx(values, abs=1e-5)
                assert float(found.heat[n, 18, i, j]) == pytest.approx(1 - max(values), abs=1e-5)


def test_pafs_are_unit_vectors_within_the_limbs_width() -> None:
    joints, half_width, edges = joints_of(1, seed=1), 6.0, 0
    found = pose_targets(joints, all_labelled(1), TargetSize(64, 32, limb_half_width=half_width))
    assert found.paf.shape == (1, 38, 8, 4)
    for limb, (first, second) in enumerate(LIMBS):
        a, b = joints[0, first].tolist(), joints[0, second].tolist()
        unit = [(b[axis] - a[axis]) / math.dist(a, b) for axis in (0, 1)]
        for i in range(8):
            for j in range(4):
                distance = distance_to_segment(8 * j + 3.5, 8 * i + 3.5, a, b)
                if abs(distance - half_width) < 0.01:
                    edges += 1
                    continue
                expected = unit if distance < half_width else [0.0, 0.0]
                assert found.paf[0, 2 * limb : 2 * limb + 2, i, j].tolist() == pytest.approx(expected, abs=1e-4)
    assert edges < 5


def test_a_joint_on_a_cell_centre_and_a_limb_straight_down() -> None:
    joints = torch.full((1, 18, 2), -500.0)
    joints[0, 1] = torch.tensor([11.5, 3.5])  # neck, in the cell of column 1, row 0
    joints[0, 8] = torch.tensor([11.5, 43.5])  # right hip, five cells below
    found = pose_targets(joints, all_labelled(1), TargetSize(64, 32, limb_half_width=4.0))
    assert float(found.heat[0, 1, 0, 1]) == 1.0
    assert float(found.heat[0, 18, 0, 1]) == 0.0
    assert found.paf[0, 1, :, 1].tolist() == [1.0] * 6 + [0.0] * 2  # y grows downwards
    assert float(found.paf[0, 0].abs().max()) == 0.0
    assert float(found.paf[0, 1, :, [0, 2, 3]].abs().max()) == 0.0


def test_targets_of_an_enlarged_image_equal_those_of_a_large_image() -> None:
    joints = torch.full((1, 18, 2), -500.0)
    joints[0, 1] = torch.tensor([5.5, 1.5])  # the edge between pixels 5 and 6 is, twice as large, between 11 and 12
    joints[0, 8] = torch.tensor([5.5, 21.5])
    found = pose_targets(joints, all_labelled(1), TargetSize(32, 16, limb_half_width=4.0, scale=2.0))
    assert found.maps.shape == (1, 57, 8, 4)
    assert float(found.heat[0, 1, 0, 1]) == 1.0
    assert float(found.heat[0, 1, 0, 2]) == pytest.approx(math.exp(-(8**2) / (2 * 7**2)))  # as wide as ever
    assert found.paf[0, 1, :, 1].tolist() == [1.0] * 6 + [0.0] * 2
    large = pose_targets(1.5 * joints_of(2) + 0.25, all_labelled(2), TargetSize(96, 48))
    found = pose_targets(joints_of(2), all_labelled(2), TargetSize(64, 32, scale=1.5))
    torch.testing.assert_close(found.maps, large.maps, rtol=0, atol=1e-5)


def test_maps_put_heat_first() -> None:
    found = pose_targets(joints_of(2), all_labelled(2), TargetSize(64, 32))
    assert found.maps.shape == (2, 57, 8, 4)
    assert torch.equal(found.maps[:, :19], found.heat)
    assert torch.equal(found.maps[:, 19:], found.paf)


def test_unlabelled_joints_are_masked_and_may_have_any_value() -> None:
    joints, labelled = joints_of(2), all_labelled(2)
    labelled[0, 3] = False
    joints[0, 3] = float("nan")
    found = pose_targets(joints, labelled, TargetSize(64, 32))
    whole = pose_targets(joints_of(2), all_labelled(2), TargetSize(64, 32))
    assert bool(found.maps.isfinite().all())
    assert [c for c in range(19) if not found.heat_mask[0, c]] == [3, 18]  # the background is not known either
    assert [c for c in range(38) if not found.paf_mask[0, c]] == [14, 15, 16, 17]
    assert bool(found.heat_mask[1].all())
    assert bool(found.paf_mask[1].all())
    kept = torch.cat([found.heat_mask, found.paf_mask], dim=1).expand_as(found.maps)
    torch.testing.assert_close(found.maps[kept], whole.maps[kept], rtol=0, atol=0)


def test_hidden_joints_have_empty_maps_that_are_not_masked() -> None:
    visible = all_labelled(1)
    visible[0, 3] = False
    found = pose_targets(joints_of(1), all_labelled(1), TargetSize(64, 32), visible=visible)
    whole = pose_targets(joints_of(1), all_labelled(1), TargetSize(64, 32))
    assert float(found.heat[0, 3].abs().max()) == 0.0
    assert float(found.paf[0, 14:18].abs().max()) == 0.0
    assert bool(found.heat_mask.all())
    assert bool(found.paf_mask.all())
    torch.testing.assert_close(found.heat[0, 18], 1 - found.heat[0, :18].amax(dim=0), rtol=0, atol=0)
    assert torch.equal(found.paf[0, :14], whole.paf[0, :14])


def test_a_limb_of_no_length_has_no_direction() -> None:
    joints = torch.full((1, 18, 2), 11.5)
    found = pose_targets(joints, all_labelled(1), TargetSize(32, 32))
    assert float(found.paf.abs().max()) == 0.0


def test_sizes_are_rounded_up_to_whole_cells() -> None:
    found: PoseTargets = pose_targets(joints_of(1), all_labelled(1), TargetSize(30, 13))
    assert found.maps.shape == (1, 57, 4, 2)
