"""Keypoint metrics: PCKh, OKS, and average precision over OKS. Pure functions of arrays."""

from collections.abc import Sequence

import numpy as np

from alignnet_common.arrays import AnyFloats, Bools
from alignnet_common.coco18 import JOINTS

HEAD_SHARE = 1 / 7.5
"""Length of the head as a share of the height of the body (an adult is seven to eight heads tall)."""

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
"""Standard deviation of human annotations by joint, in units of the square root of the person's area (cocodataset.org,
keypoint evaluation). COCO has no neck: the value of the shoulders is used."""

SIGMA = np.array([SIGMAS[joint.rpartition("_")[2]] for joint in JOINTS])
THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Thresholds of OKS over which COCO averages the precision."""


def distances(found: AnyFloats, true: AnyFloats) -> AnyFloats:
    """Distances (N, 18), pixels, between predicted and ground-truth joints (N, 18, 2)."""
    return np.linalg.norm(found - true, axis=-1)


def within_head(error: AnyFloats, body_height: AnyFloats, share: float = 0.5) -> Bools:
    """PCKh: mask (N, 18) of the errors (N, 18) that are at most `share` of the length of the head.

    body_height -- (N,) height of the whole body, pixels. The length of the head is 1/7.5 of it, whereas Andriluka et
    al. 2014 measure the head's box: the body's height is known for occluded and bent heads too.
    """
    return error <= share * HEAD_SHARE * body_height[:, None]


def rate(right: Bools, counted: Bools) -> float | None:
    """Percentage of `right` among `counted`; None if nothing is counted."""
    return 100 * float(right[counted].mean()) if counted.any() else None


def keypoint_similarity(error: AnyFloats, area: AnyFloats, visible: Bools) -> AnyFloats:
    """OKS (N,), 0..1, over the visible joints (N, 18) of persons of `area` (N,) square pixels; NaN if none is visible.

    OKS is the mean of exp(-d^2 / (2 area k^2)) with k = 2 sigma and the error d (N, 18) in pixels (cocodataset.org,
    keypoint evaluation).
    """
    variance = 2 * (2 * SIGMA) ** 2 * np.maximum(area, 1.0)[:, None]
    similarity = np.where(visible, np.exp(-(error**2) / variance), 0.0)
    with np.errstate(invalid="ignore"):
        return similarity.sum(axis=1) / visible.sum(axis=1)


def average_precision(
    similarity: AnyFloats, score: AnyFloats, thresholds: Sequence[float] | AnyFloats = THRESHOLDS
) -> float:
    """OKS-AP in percent, for one person and one detection per image; detections are ranked by `score` (N,).

    similarity -- (N,) OKS. As in COCO, precision is made monotonic from the right and read at 101 values of recall; the
    result is the mean over the thresholds.
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
