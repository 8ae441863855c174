"""The nearest tracklets of other cameras, for the page: what is found before and after."""

from collections.abc import Sequence

import numpy as np

from alignnet_common.arrays import Singles
from alignnet_common.images import spread_over
from reid.adapt.clustering.clusters import Labels

SHOWN, NEAREST = 12, 5
"""Tracklets on the page, and their nearest ones."""


def shown_tracklets(count: int) -> list[int]:
    """Numbers of the tracklets on the page, evenly spread over all `count`."""
    return list(spread_over(range(count), SHOWN))


def nearest_elsewhere(descriptors: Singles, cameras: Labels, numbers: Sequence[int]) -> list[list[int]]:
    """The nearest tracklets of other cameras, nearest first, of some tracklets.

    descriptors -- (N, D) of length 1. cameras -- (N,).
    """
    found = []
    for number in numbers:
        similarity = descriptors @ descriptors[number]
        similarity[cameras == cameras[number]] = -np.inf
        order = np.argsort(-similarity, kind="stable")
        found.append([other for other in order[:NEAREST].tolist() if np.isfinite(similarity[other])])
    return found
