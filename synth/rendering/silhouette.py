"""How large a mesh's silhouette is in a picture, without rendering it."""

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats, Ints

FINE = 2
"""Points a pixel, each way, at which it is looked whether a face covers them."""


def silhouette_area(pixels: Floats, quads: Ints) -> float:
    """Area, in pixels, that faces cover together: `quads` (F, 4) of points (N, 2) in a picture without edges."""
    points = ((pixels - pixels.min(0)) * FINE - 0.5).astype(np.float32)
    covered = np.zeros(np.ceil(points.max(0)).astype(int) + 1, dtype=bool)
    triangles = points[np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])]
    # Points of the grid that may lie in each triangle: from `low` to `high`.
    low, high = np.ceil(triangles.min(1)).astype(int), np.floor(triangles.max(1)).astype(int)
    holds = (high >= low).all(1)
    triangles, low, extent = triangles[holds], low[holds], (high - low)[holds]
    # Triangles are small, and most alike: those of about one size, in powers of two, are looked at together.
    size = np.frexp(extent.astype(np.float32))[1]
    kind = size[:, 0] * 64 + size[:, 1]
    for alike in (np.flatnonzero(kind == one) for one in np.unique(kind)):
        offsets = np.indices(2 ** size[alike[0]]).reshape(2, -1).T
        where = low[alike, None] + offsets
        inside = _inside(triangles[alike], where.astype(np.float32))
        covered[tuple(where[inside].T)] = True
    return float(covered.sum() / FINE**2)


def _inside(triangles: Floats, points: Floats) -> NDArray[np.bool_]:
    """(F, P) which of the points (F, P, 2) lie in their triangle (F, 3, 2), whichever way round that is."""
    sides = []
    for corner in range(3):
        start, edge = triangles[:, corner, None], (triangles[:, corner - 2] - triangles[:, corner])[:, None]
        offset = points - start
        sides.append(edge[..., 0] * offset[..., 1] - edge[..., 1] * offset[..., 0])
    return (np.minimum.reduce(sides) >= 0) | (np.maximum.reduce(sides) <= 0)
