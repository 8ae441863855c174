"""Descriptors of tracklets made comparable between cameras, for clustering: as `--camera-norm` does for frames."""

from dataclasses import replace

import numpy as np
import torch

from alignnet_common.arrays import Singles
from reid.adapt.clustering.clusters import Labels
from reid.adapt.clustering.description import Described, unit
from reid.evaluation.between_cameras import directions_of
from reid.models.part_pooling import rooted, shortened

FEWEST = 32
"""Tracklets of a camera whose mean is subtracted, at least: the mean of fewer is more of their persons than of the
camera (measured in docs/experiments/adaptation.md)."""


def comparable(described: Described, cameras: Labels) -> Described:
    """The N tracklets with centred descriptors, and the directions shortened in which persons differ between cameras.

    Centred: the mean of a camera's tracklets is subtracted from each of them, after the square root of each number;
    components of principal directions are centred without the square root. A camera with fewer than `FEWEST` tracklets
    is centred by the mean of the other cameras' means, or of all tracklets where no camera has as many. The rows are
    no longer descriptors of the network: `lifted` is not for them.

    cameras -- (N,) numbers from 0.
    """
    parts = [described.whole, *described.halves]
    if described.directions is None:
        parts = [rooted(torch.from_numpy(part)).numpy() for part in parts]
    means = means_of_cameras(parts[0], cameras)
    parts = [unit(part - means[cameras]) for part in parts]
    directions = directions_of(
        {str(camera): torch.from_numpy(parts[0][cameras == camera]) for camera in np.unique(cameras)}
    )
    if directions is not None:
        parts = [unit(shortened(torch.from_numpy(part), directions).numpy()) for part in parts]
    whole, first, second = parts
    return replace(described, whole=whole, halves=(first, second))


def means_of_cameras(rows: Singles, cameras: Labels) -> Singles:
    """What is subtracted from the rows (N, D) of each camera, (C, D). cameras -- (N,) numbers below C."""
    counts = np.bincount(cameras)
    found = {camera: rows[cameras == camera].mean(0) for camera in np.flatnonzero(counts >= FEWEST).tolist()}
    others = np.mean(list(found.values()), axis=0) if found else rows.mean(0)
    return np.stack([found.get(camera, others) for camera in range(len(counts))]).astype(np.float32)
