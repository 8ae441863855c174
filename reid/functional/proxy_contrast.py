"""Contrastive losses against camera proxies: one memory vector for each pair of a cluster and a camera.

A cluster that is seen by three cameras has three proxies, so that what a camera does to all of its images does not pull
apart, or hold together, what belongs to a person. Wang et al., AAAI 2021, https://arxiv.org/abs/2012.10674 (CAP).
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def within_camera_loss(
    similarity: Tensor, proxies: Tensor, cameras: Tensor, camera_of: Tensor, temperature: float
) -> Tensor:
    """Cross-entropy of each descriptor's own proxy among the proxies of its camera (CAP, Eq. 4); a scalar.

    Args:
        similarity: (B, P) cosines of descriptors and proxies.
        proxies: (B,) number of each descriptor's proxy.
        cameras: (B,) camera of each descriptor.
        camera_of: (P,) camera of each proxy.
        temperature: divides the cosines, above 0.
    """
    logits = (similarity / temperature).masked_fill(cameras[:, None] != camera_of[None], -torch.inf)
    return F.cross_entropy(logits, proxies)


def across_cameras_loss(
    similarity: Tensor,
    clusters: Tensor,
    cameras: Tensor,
    cluster_of: Tensor,
    camera_of: Tensor,
    temperature: float,
    negatives: int = 50,
) -> Tensor:
    """Mean over a cluster's proxies of other cameras of the cross-entropy of each among them and the hardest negatives
    (CAP, Eq. 6); a scalar.

    Args:
        similarity: (B, P) cosines of descriptors and proxies.
        clusters, cameras: (B,) of each descriptor.
        cluster_of, camera_of: (P,) of each proxy.
        temperature: divides the cosines, above 0.
        negatives: number of proxies of other clusters that are compared with, those with the highest cosines.

    A descriptor whose cluster is seen by its camera alone is left out; without any other the loss is 0 and attached to
    the graph.
    """
    own = clusters[:, None] == cluster_of[None]
    positive = own & (cameras[:, None] != camera_of[None])
    anchors = positive.any(dim=1)
    if not bool(anchors.any()):
        return similarity.sum() * 0.0
    logits, own, positive = (similarity / temperature)[anchors], own[anchors], positive[anchors]
    others = logits.masked_fill(own, -torch.inf)
    hardest = others.topk(min(negatives, others.shape[1]), dim=1).values
    everything = torch.cat([logits.masked_fill(~positive, -torch.inf), hardest], dim=1).logsumexp(dim=1, keepdim=True)
    gains = (logits - everything).masked_fill(~positive, 0.0).sum(dim=1) / positive.sum(dim=1)
    return -gains.mean()


@torch.no_grad()
def update_proxies(memory: Tensor, descriptors: Tensor, proxies: Tensor, momentum: float) -> None:
    """Move each descriptor's proxy towards it, one after another, and scale it to length 1 (CAP, Eq. 3); in place.

    memory -- (P, D). descriptors -- (B, D). proxies -- (B,). momentum -- weight of the old value, 0..1.
    """
    for descriptor, proxy in zip(descriptors, proxies.tolist(), strict=True):
        memory[proxy] = F.normalize(momentum * memory[proxy] + (1 - momentum) * descriptor, dim=0)


def proxies_of(descriptors: Tensor, proxies: Tensor, count: int) -> Tensor:
    """The mean of each proxy's descriptors, scaled to length 1: (count, D).

    descriptors -- (N, D). proxies -- (N,) number of each descriptor's proxy, from 0; -1: of none.
    """
    kept = proxies >= 0
    sums = descriptors.new_zeros(count, descriptors.shape[1]).index_add_(0, proxies[kept], descriptors[kept])
    return F.normalize(sums, dim=1)
