"""The losses against loops in float64, and edge cases."""

import math

import pytest
import torch

from reid.functional.losses import batch_hard_ranking_loss, identity_loss, margin_ranking, pose_loss
from reid.functional.pose_targets import PoseTargets
from reid.models.openpose import PoseMaps


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain_batch_hard(descriptors: torch.Tensor, labels: list[int], margin: float) -> float:
    """Mean over the anchors of the hardest triplet, by loops over all triplets."""
    rows = descriptors.tolist()
    losses = []
    for a, anchor in enumerate(rows):
        worst = None
        for p, positive in enumerate(rows):
            for n, negative in enumerate(rows):
                if p != a and labels[p] == labels[a] and labels[n] != labels[a]:
                    loss = max(0.0, math.dist(anchor, positive) - math.dist(anchor, negative) + margin)
                    worst = loss if worst is None else max(worst, loss)
        if worst is not None:
            losses.append(worst)
    return sum(losses) / len(losses) if losses else 0.0


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_smoothed_labels_share_a_part_of_the_target(smoothing: float) -> None:
    logits = torch.tensor([[1.0, -0.5, 2.0], [0.3, 0.1, -1.0]], dtype=torch.float64)
    total = 0.0
    for row, label in zip(logits.tolist(), (2, 0), strict=True):
        norm = math.log(sum(math.exp(value) for value in row))
        targets = [smoothing / 3 + (1 - smoothing) * (place == label) for place in range(3)]
        total -= sum(target * (value - norm) for target, value in zip(targets, row, strict=True))
    assert float(identity_loss(logits, torch.tensor([2, 0]), smoothing)) == pytest.approx(total / 2)


def test_identity_loss_is_softmax_cross_entropy() -> None:
    logits, labels = numbers(4, 5), [3, 0, 4, 3]
    plain = [
        -math.log(math.exp(row[k]) / sum(map(math.exp, row))) for row, k in zip(logits.tolist(), labels, strict=True)
    ]
    assert float(identity_loss(logits, torch.tensor(labels))) == pytest.approx(sum(plain) / 4)


def test_eq10_for_each_anchor() -> None:
    positive, negative = [1.0, 2.0, 0.5], [1.2, 1.0, 2.0]
    expected = [max(0.0, -1 * (n - p) + 0.3) for p, n in zip(positive, negative, strict=True)]
    found = margin_ranking(torch.tensor(positive), torch.tensor(negative), margin=0.3)
    assert found.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(30))
def test_batch_hard_loss_uses_the_hardest_triplet_of_each_anchor(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    size = int(torch.randint(1, 12, (1,), generator=generator))
    labels = torch.randint(0, 4, (size,), generator=generator)
    descriptors = numbers(size, 3, seed=seed)
    found = batch_hard_ranking_loss(descriptors, labels, margin=0.7)
    assert float(found) == pytest.approx(plain_batch_hard(descriptors, labels.tolist(), 0.7), abs=1e-12)


def test_batch_hard_gradient_is_right() -> None:
    labels = torch.tensor([0, 0, 1, 1, 2])
    descriptors = numbers(5, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda d: batch_hard_ranking_loss(d, labels, 3.0), (descriptors,))


@pytest.mark.parametrize("labels", [[4, 4, 4], [0, 1, 2], [7]])
def test_without_anchors_the_loss_is_zero_and_keeps_the_graph(labels: list[int]) -> None:
    descriptors = numbers(len(labels), 3).requires_grad_()
    loss = batch_hard_ranking_loss(descriptors, torch.tensor(labels), 0.3)
    assert loss.item() == 0.0
    loss.backward()
    assert descriptors.grad is not None
    assert float(descriptors.grad.abs().max()) == 0.0


def test_equal_descriptors_give_the_margin_and_a_finite_gradient() -> None:
    descriptors = torch.full((4, 3), 2.0, requires_grad=True)
    loss = batch_hard_ranking_loss(descriptors, torch.tensor([0, 0, 1, 1]), 0.3)
    assert loss.item() == pytest.approx(0.3)
    loss.backward()
    assert descriptors.grad is not None
    assert bool(descriptors.grad.isfinite().all())


def test_close_descriptors_far_from_the_origin_keep_their_distance() -> None:
    descriptors = torch.full((3, 512), 100.0)
    descriptors[1, 0] += 0.01
    descriptors[2, 0] += 0.05
    loss = batch_hard_ranking_loss(descriptors, torch.tensor([0, 0, 1]), 0.1)
    expected = plain_batch_hard(descriptors, [0, 0, 1], 0.1)
    assert float(loss) == pytest.approx(expected, rel=1e-3)


def pose_case() -> tuple[PoseMaps, PoseTargets]:
    pose = PoseMaps(
        heat=tuple(numbers(2, 19, 3, 2, seed=s).requires_grad_() for s in (0, 1)),
        paf=tuple(numbers(2, 38, 3, 2, seed=s).requires_grad_() for s in (2, 3)),
    )
    masks = numbers(2, 57, 1, 1, seed=6) > 0
    targets = PoseTargets(numbers(2, 19, 3, 2, seed=4), numbers(2, 38, 3, 2, seed=5), masks[:, :19], masks[:, 19:])
    return pose, targets


def test_pose_loss_is_the_squared_error_of_all_stages_and_both_branches() -> None:
    pose, targets = pose_case()
    total = 0.0
    for stages, target, mask in (
        (pose.heat, targets.heat, targets.heat_mask),
        (pose.paf, targets.paf, targets.paf_mask),
    ):
        for maps in stages:
            for n in range(2):
                for c in range(maps.shape[1]):
                    if mask[n, c]:
                        errors = (maps[n, c] - target[n, c]).flatten().tolist()
                        total += sum(error**2 for error in errors) / (2 * 3 * 2)
    assert pose_loss(pose.heat, pose.paf, targets).item() == pytest.approx(total)


def test_every_stage_learns_and_masked_maps_do_not() -> None:
    pose, targets = pose_case()
    pose_loss(pose.heat, pose.paf, targets).backward()
    for stages, mask in ((pose.heat, targets.heat_mask), (pose.paf, targets.paf_mask)):
        for maps in stages:
            assert maps.grad is not None
            learns = maps.grad.abs().sum(dim=(2, 3)) > 0
            assert torch.equal(learns, mask[:, :, 0, 0])
