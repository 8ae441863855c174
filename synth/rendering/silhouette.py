"""Area of a mesh's silhouette in an image, without rendering it."""

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats, Ints

FINE = 2
"""Sample points per pixel along each axis."""


def silhouette_area(pixels: Floats, quads: Ints) -> float:
    """Area in pixels of the union of `quads` (F, 4) over points (N, 2) in pixels; the image has no edges."""
    points = ((pixels - pixels.min(0)) * FINE - 0.5).astype(np.float32)
    covered = np.zeros(np.ceil(points.max(0)).astype(int) + 1, dtype=bool)
    triangles = points[np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])]
    # Bounding box of each triangle, in sample points: from `low` to `high`.
    low, high = np.ceil(triangles.min(1)).astype(int), np.floor(triangles.max(1)).astype(int)
    holds = (high >= low).all(1)
    triangles, low, extent = triangles[holds], low[holds], (high - low)[holds]
    # Triangles are processed in groups of similar size (powers of two), which are few.
    size = np.frexp(extent.astype(np.float32))[1]
    kind = size[:, 0] * 64 + size[:, 1]
    for alike in (np.flatnonzero(kind == one) for one in np.unique(kind)):
        offsets = np.indices(2 ** size[alike[0]]).reshape(2, -1).T
        where = low[alike, None] + offsets
        inside = _inside(triangles[alike], where.astype(np.float32))
        covered[tuple(where[inside].T)] = True
    return float(covered.sum() / FINE**2)


def _inside(triangles: Floats, points: Floats) -> NDArray[np.bool_]:
    """(F, P) bool: which of the points (F, P, 2) lie in their triangle (F, 3, 2), of either orientation."""
    sides = []
    for corner in range(3):
        start, edge = triangles[:, corner, None], (triangles[:, corner - 2] - triangles[:, corner])[:, None]
        offset = points - start
        sides.append(edge[..., 0] * offset[..., 1] - edge[..., 1] * offset[..., 0])
    return (np.minimum.reduce(sides) >= 0) | (np.maximum.reduce(sides) <= 0)
