"""How near found joints are to true ones: PCKh and OKS, and average precision over OKS. Pure functions of arrays."""

from collections.abc import Sequence

import numpy as np

from alignnet_common.arrays import AnyFloats, Bools
from alignnet_common.coco18 import JOINTS

HEAD_SHARE = 1 / 7.5
"""A head's length as a share of the body's height: an adult is seven to eight heads tall."""

SIGMAS = {
    "nose": 0.026,
    "neck": 0.079,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
    "eye": 0.025,
    "ear": 0.035,
}
"""How far people who label a joint disagree, in units of the root of the person's area (cocodataset.org, keypoint
evaluation). COCO does not label the neck, which has the shoulders' here: it lies between them."""

SIGMA = np.array([SIGMAS[joint.rpartition("_")[2]] for joint in JOINTS])
THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Of OKS, as COCO averages its precision over."""


def distances(found: AnyFloats, true: AnyFloats) -> AnyFloats:
    """Pixels (N, 18) between found and true joints (N, 18, 2)."""
    return np.linalg.norm(found - true, axis=-1)


def within_head(error: AnyFloats, body_height: AnyFloats, share: float = 0.5) -> Bools:
    """PCKh: which errors (N, 18) are at most `share` of the head's length, for bodies of `body_height` (N,) pixels.

    Andriluka et al. 2014 measure the head's box; here its length is 1/7.5 of the whole body's height, which is known
    for hidden heads too, and does not shrink where a head is bent.
    """
    return error <= share * HEAD_SHARE * body_height[:, None]


def rate(right: Bools, counted: Bools) -> float | None:
    """Per cent of the counted that are right; None where nothing is counted."""
    return 100 * float(right[counted].mean()) if counted.any() else None


def keypoint_similarity(error: AnyFloats, area: AnyFloats, visible: Bools) -> AnyFloats:
    """OKS (N,) of persons of `area` (N,) square pixels, over their visible joints (N, 18); NaN where none is visible.

    The mean of exp(-d^2 / (2 area k^2)), k = 2 sigma (cocodataset.org, keypoint evaluation).
    """
    variance = 2 * (2 * SIGMA) ** 2 * np.maximum(area, 1.0)[:, None]
    similarity = np.where(visible, np.exp(-(error**2) / variance), 0.0)
    with np.errstate(invalid="ignore"):
        return similarity.sum(axis=1) / visible.sum(axis=1)


def average_precision(
    similarity: AnyFloats, score: AnyFloats, thresholds: Sequence[float] | AnyFloats = THRESHOLDS
) -> float:
    """OKS-AP in per cent: one person and one find an image, the finds in order of their `score` (N,).

    As COCO's: precision made monotonous from the right and read at 101 recalls, averaged over the thresholds.
    """
    order = np.argsort(-score, kind="stable")
    found = []
    for threshold in thresholds:
        right = similarity[order] >= threshold
        hits = np.cumsum(right)
        precision = np.maximum.accumulate((hits / np.arange(1, len(right) + 1))[::-1])[::-1]
        position = np.searchsorted(hits / len(right), np.linspace(0, 1, 101), side="left")
        found.append(np.append(precision, 0.0)[np.minimum(position, len(right))].mean())
    return 100 * float(np.mean(found))
