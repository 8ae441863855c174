"""What training minimises: identity (Section 3.4), margin ranking with batch-hard mining (Eq. 10), and pose."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from reid.functional.pose_targets import PoseTargets


def identity_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """K-way softmax cross entropy (Section 3.4), the mean over the batch of -log softmax(logits)[label].

    `logits` (N, K), `labels` (N,) int64 in 0..K-1; a scalar.
    """
    return F.cross_entropy(logits, labels)


def margin_ranking(positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Eq. 10 with y = 1, max(0, -(d_an - d_ap) + m), for each anchor.

    `positive` (A,) holds d_ap and `negative` (A,) d_an, Euclidean distances; `margin` m is in the same unit, that of
    the descriptors.
    """
    return torch.relu(-(negative - positive) + margin)


def batch_hard_ranking_loss(descriptors: Tensor, labels: Tensor, margin: float = 0.3) -> Tensor:
    """Eq. 10 over batch-hard triplets (Hermans et al. 2017, the paper's [7]), the mean over anchors; a scalar.

    Each descriptor (N, D) is an anchor once: d_ap is its Euclidean distance to the farthest other of its label
    (N,), d_an to the nearest of another label. `margin` is how much farther, in the descriptors' own unit, the
    nearest stranger must be. Anchors without a positive or without a negative are left out; where none is left the
    loss is 0, still attached to the graph. Descriptors that coincide get a gradient of 0, not NaN.
    """
    # Not by the scalar product, which loses all digits between close descriptors; cdist's gradient at 0 is 0.
    distances = torch.cdist(descriptors, descriptors, compute_mode="donot_use_mm_for_euclid_dist")
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positives, negatives = same & ~itself, ~same
    anchors = positives.any(dim=1) & negatives.any(dim=1)
    if not bool(anchors.any()):
        return descriptors.sum() * 0.0
    hardest_positive = distances.masked_fill(~positives, -torch.inf)[anchors].amax(dim=1)
    hardest_negative = distances.masked_fill(~negatives, torch.inf)[anchors].amin(dim=1)
    return margin_ranking(hardest_positive, hardest_negative, margin).mean()


def attention_loss(frame_weights: Tensor, seen: Tensor) -> Tensor:
    """Mean squared error between what M frames weigh, (M, 4) in 0..1, and how much of the person each shows, (M,)."""
    return (frame_weights - seen[:, None]).square().mean()


def pose_loss(heat: Sequence[Tensor], paf: Sequence[Tensor], targets: PoseTargets) -> Tensor:
    """Squared error of both branches, summed over every stage (intermediate supervision); a scalar.

    `heat` holds each stage's (N, 19, h, w) and `paf` each stage's (N, 38, h, w), as in `models.pose.PoseMaps`. At one
    stage and branch: the squared length of the error over the channels, averaged over cells and frames. What
    the targets mask out (joints and limbs that are not labelled) adds nothing.
    """
    of_heat = [_squared_error(maps, targets.heat, targets.heat_mask) for maps in heat]
    of_paf = [_squared_error(maps, targets.paf, targets.paf_mask) for maps in paf]
    return torch.stack(of_heat + of_paf).sum()


def _squared_error(maps: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Maps and target (N, c, h, w), mask (N, c, 1, 1) bool: sum over channels, mean over frames and cells."""
    return ((maps - target).square() * mask).sum(dim=1).mean()
