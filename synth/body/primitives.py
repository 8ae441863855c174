"""Meshes of simple shapes: tubes, grids, superellipsoids."""

import numpy as np

from alignnet_common.arrays import Floats, Ints


def tube(start: Floats, end: Floats, radius: float) -> tuple[Floats, Ints]:
    """Points (12, 3) and quads of an open tube between two points (3,), in metres."""
    axis = (end - start) / np.linalg.norm(end - start)
    across = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
    across /= np.linalg.norm(across)
    around = np.linspace(0, 2 * np.pi, 6, endpoint=False)[:, None]
    ring = radius * (np.cos(around) * across + np.sin(around) * np.cross(axis, across))
    return np.concatenate([start + ring, end + ring]), grid_quads(2, 6, closed=True)


def grid_quads(rows: int, columns: int, closed: bool = False) -> Ints:
    """Quads (F, 4) over a grid of rows × columns points; `closed` connects the last column to the first."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns - (not closed)), indexing="ij")
    after = (column + 1) % columns
    corners = [row * columns + column, row * columns + after, (row + 1) * columns + after, (row + 1) * columns + column]
    return np.stack(corners, axis=-1).reshape(-1, 4)


def superellipsoid(centre: Floats, radii: tuple[float, float, float], roundness: float) -> tuple[Floats, Ints]:
    """Points (N, 3) and quads of a superellipsoid: `roundness` 1 is an ellipsoid, near 0 a box."""
    rows, columns = 11, 20

    def power(value: Floats) -> Floats:
        return np.sign(value) * np.abs(value) ** roundness

    height = np.linspace(-np.pi / 2, np.pi / 2, rows)[:, None]
    around = np.linspace(-np.pi, np.pi, columns, endpoint=False)[None]
    x = power(np.cos(height)) * power(np.cos(around))
    y = power(np.cos(height)) * power(np.sin(around))
    z = np.broadcast_to(power(np.sin(height)), x.shape)
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3) * np.array(radii) + centre
    return points, grid_quads(rows, columns, closed=True)
