"""Losses: identity (paper, Section 3.4), batch-hard triplet loss (Eq. 10), attention and pose."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from reid.functional.pose_targets import PoseTargets


def identity_loss(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Softmax cross-entropy over K classes (paper, Section 3.4), mean over the batch; a scalar.

    logits -- (N, K). labels -- (N,) int64 in 0..K-1. smoothing -- 0 <= s < 1, label smoothing (Szegedy et al. 2016):
    the target of the right class is 1 - s + s / K, that of each other class s / K.
    """
    return F.cross_entropy(logits, labels, label_smoothing=smoothing)


def margin_ranking(positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Triplet loss (A,) of each anchor: max(0, -(d_an - d_ap) + m) (paper, Eq. 10 with y = 1).

    positive, negative -- (A,) Euclidean distances d_ap and d_an. margin -- m, in the same unit.
    """
    return torch.relu(-(negative - positive) + margin)


def batch_hard_ranking_loss(descriptors: Tensor, labels: Tensor, margin: float = 0.3) -> Tensor:
    """Batch-hard triplet loss (paper, Eq. 10; Hermans et al. 2017, the paper's [7]), mean over the anchors; a scalar.

    descriptors -- (N, D). labels -- (N,). margin -- in the unit of the descriptors.
    Each descriptor is the anchor of one triplet: d_ap is the Euclidean distance to the farthest descriptor of the same
    label, d_an to the nearest of another label. Anchors without a positive or a negative are left out; without any
    anchor the loss is 0 and attached to the graph. Equal descriptors have a gradient of 0, not NaN.
    """
    # cdist without matrix multiplication keeps the precision of small distances, and its gradient at 0 is 0.
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
    """Mean squared error between frame weights (M, 4), 0..1, and the visible shares (M,), 0..1; a scalar."""
    return (frame_weights - seen[:, None]).square().mean()


def pose_loss(heat: Sequence[Tensor], paf: Sequence[Tensor], targets: PoseTargets) -> Tensor:
    """Squared error of heat maps and part affinity fields, summed over the stages; a scalar.

    heat, paf -- maps (N, 19, h, w) and (N, 38, h, w) of each stage, as in `reid.models.openpose.PoseMaps`.
    The error of a stage and branch is the squared error summed over channels and averaged over cells and frames.
    Channels that the targets mask out (unlabelled joints and limbs) are ignored. Cao et al. 2017, Section 2.1.
    """
    of_heat = [_squared_error(maps, targets.heat, targets.heat_mask) for maps in heat]
    of_paf = [_squared_error(maps, targets.paf, targets.paf_mask) for maps in paf]
    return torch.stack(of_heat + of_paf).sum()


def _squared_error(maps: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Squared error of maps (N, c, h, w) under a mask (N, c, 1, 1), summed over c, averaged over frames and cells."""
    return ((maps - target).square() * mask).sum(dim=1).mean()
