"""Ground footprints of solids, and the space that a scene leaves free for the walk."""

import functools
from collections.abc import Sequence

import numpy as np

from alignnet_common.arrays import Floats
from synth.scenes.elements import Solid


def rotation(solid: Solid) -> Floats:
    """(3, 3) rotation from the axes of the solid to the world, read-only."""
    return _rotation(solid.pitch, solid.roll, solid.yaw)


@functools.lru_cache(maxsize=1024)
def _rotation(pitch: float, roll: float, yaw: float) -> Floats:
    (cx, cy, cz), (sx, sy, sz) = (function(np.radians([pitch, roll, yaw])) for function in (np.cos, np.sin))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    turn: Floats = about_z @ about_y @ about_x
    return _shared(turn)


FREE_RADIUS = 1.9
"""Distance kept free around the origin, and to both sides of the line from there to the camera, metres: a person walks
in any direction within a clip."""
FLAT, OVERHEAD = 0.04, 2.7
"""A solid whose top is below FLAT or whose bottom is above OVERHEAD does not obstruct people, metres."""


def footprint(solid: Solid, spacing: float = 0.5) -> Floats:
    """(N, 2) points on the ground, at most `spacing` metres apart, that a solid and its copies cover.

    Pitch and roll are ignored. The array is read-only: solids of the same place and size share it.
    """
    turned = (solid.pitch, solid.roll, solid.yaw)
    return _footprint(solid.centre[:2], solid.size[:2], turned, solid.count, solid.step[:2], spacing)


@functools.lru_cache(maxsize=2048)
def _footprint(
    centre: tuple[float, float],
    size: tuple[float, float],
    angles: tuple[float, float, float],
    count: int,
    step: tuple[float, float],
    spacing: float,
) -> Floats:
    """`footprint` of a solid with these fields, which is asked for several times while a scene is drawn."""
    extents = np.maximum(size, 0.01)
    grid = _unit_grid(*(2 + int(extent / spacing) for extent in extents)) * extents
    turned = grid @ _rotation(*angles)[:2, :2].T + np.array(centre)
    if count == 1:
        return _shared(turned)
    shift = np.arange(count)[:, None] * np.array(step)
    points: Floats = (shift[:, None] + turned[None]).reshape(-1, 2)
    return _shared(points)


@functools.lru_cache(maxsize=256)
def _unit_grid(columns: int, rows: int) -> Floats:
    """(rows × columns, 2) points of a regular grid over the unit square about the origin, row by row."""
    across, along = (np.linspace(-0.5, 0.5, number) for number in (columns, rows))
    return _shared(np.column_stack([np.tile(across, rows), np.repeat(along, columns)]))


def _shared(array: Floats) -> Floats:
    """The array, read-only: several callers get the same one from a cache."""
    array.setflags(write=False)
    return array


def is_obstacle(solid: Solid) -> bool:
    """Whether a solid obstructs people: neither flat on the ground nor overhead."""
    low, high = solid.centre[2] - solid.size[2] / 2, solid.centre[2] + solid.size[2] / 2
    return high > FLAT and low < OVERHEAD


def blocks_walk(solids: Sequence[Solid]) -> bool:
    """Whether an obstacle is within FREE_RADIUS of the origin or of the line of sight to the camera."""
    ground = [footprint(solid) for solid in solids if is_obstacle(solid)]
    if not ground:
        return False
    x, y = np.concatenate(ground).T
    return bool(((np.hypot(x, y) < FREE_RADIUS) | ((y < 0) & (np.abs(x) < FREE_RADIUS))).any())
