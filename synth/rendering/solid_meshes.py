"""Meshes of the solids of a scene, merged into one mesh."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats, Ints
from synth.body.primitives import grid_quads, superellipsoid
from synth.scenes.elements import Shape, Solid, Surface
from synth.scenes.footprints import rotation

COLUMNS = 20
"""Faces around a cylinder."""
MOST_LEAVES = 700
"""Largest number of leaves of one solid."""
LEAF = 0.6
"""Ratio of a leaf's width to its length."""
COVER = 1.1
"""Mean number of leaves behind each other, over the surface of the solid."""


@dataclass(frozen=True)
class Assembly:
    """One mesh of several solids."""

    points: Floats
    """(N, 3) metres, world."""
    quads: Ints
    """(F, 4) indices into `points`."""
    where: Floats
    """(N, 3) pattern coordinates: metres across and along the surface, and for leaves a random number, 0..1."""
    surface: Ints
    """(F,) index into `surfaces`."""
    smooth: NDArray[np.bool_]
    """(F,) whether the face is shaded smooth."""
    surfaces: tuple[Surface, ...]


def assembled(solids: Sequence[Solid]) -> Assembly:
    """One mesh of `solids`, at least one."""
    surfaces = tuple(dict.fromkeys(solid.surface for solid in solids))
    number = {surface: index for index, surface in enumerate(surfaces)}
    points, quads, where, surface, smooth = [], [], [], [], []
    start = 0
    for solid in solids:
        mesh = placed(solid)
        points.append(mesh.points)
        quads.append(mesh.quads + start)
        where.append(mesh.where)
        surface.append(np.full(len(mesh.quads), number[solid.surface]))
        smooth.append(np.full(len(mesh.quads), solid.shape not in ("box", "leaves")))
        start += len(mesh.points)
    return Assembly(
        np.concatenate(points),
        np.concatenate(quads),
        np.concatenate(where),
        np.concatenate(surface),
        np.concatenate(smooth),
        surfaces,
    )


@dataclass(frozen=True)
class Patch:
    """Points (N, 3) in metres, quads (F, 4) and pattern coordinates (N, 3)."""

    points: Floats
    quads: Ints
    where: Floats


def placed(solid: Solid) -> Patch:
    """The mesh of a solid and its copies, in the world."""
    if solid.shape == "leaves":
        one = leafy(solid)
    elif solid.shape == "ring":
        one = ring(solid.size)
    else:
        one = shaped(solid.shape, solid.size, solid.taper)
    turned = one.points @ rotation(solid).T + np.array(solid.centre)
    shift = np.arange(solid.count)[:, None] * np.array(solid.step)
    points = (shift[:, None] + turned[None]).reshape(-1, 3)
    offsets = np.arange(solid.count)[:, None, None] * len(turned)
    quads = (offsets + one.quads[None]).reshape(-1, 4)
    where = np.tile(turned_pattern(one.where, solid.surface.yaw), (solid.count, 1))
    return Patch(points, quads, where)


def turned_pattern(where: Floats, degrees: float) -> Floats:
    """Pattern coordinates (N, 3) rotated by `degrees` in the surface."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    out = where.copy()
    out[:, 0] = cosine * where[:, 0] + sine * where[:, 1]
    out[:, 1] = cosine * where[:, 1] - sine * where[:, 0]
    return out


def shaped(shape: Shape, size: tuple[float, float, float], taper: float) -> Patch:
    """A box, cylinder, ball or rounded box around the origin, `size` in metres; pattern coordinates start at its foot.

    `taper` is the ratio of the top's width to the bottom's.
    """
    unit, quads, across = unit_shape(shape)
    metres = np.array(size)
    points = unit * metres
    points[:, :2] *= 1 + (taper - 1) * (unit[:, 2:] + 0.5)
    if shape == "box":
        # Corners are not shared between faces; each face spans two of the three axes.
        along = points - [0, 0, -size[2] / 2]
        where = np.column_stack([np.take_along_axis(along, across.astype(np.int64), axis=1), np.zeros(len(points))])
    else:
        where = np.column_stack(
            [across[:, 0] * (size[0] + size[1]) / 4, points[:, 2] + size[2] / 2, np.zeros(len(points))]
        )
    return Patch(points, quads, where)


@functools.cache
def unit_shape(shape: Shape) -> tuple[Floats, Ints, Floats]:
    """Points (N, 3) in a cube of edge 1, quads (F, 4), and the pattern's directions.

    The directions of a box are the two axes of each point's face (N, 2), of others the angle about the vertical (N, 1).
    """
    if shape == "box":
        return unit_box()
    if shape == "cylinder":
        points, quads = unit_cylinder()
    else:
        points, quads = superellipsoid(np.zeros(3), (0.5, 0.5, 0.5), 1.0 if shape == "ball" else 0.3)
    return points, quads, np.arctan2(points[:, 1], points[:, 0])[:, None]


def unit_box() -> tuple[Floats, Ints, Floats]:
    """A cube of edge 1 with six separate faces: points, quads, and the axes of each point's face."""
    points, axes = [], []
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    for axis, (first, second) in enumerate(((1, 2), (0, 2), (0, 1))):
        for side in (-0.5, 0.5):
            face = np.full((4, 3), side)
            # Corners run anticlockwise as seen from outside, so that normals point outwards.
            outward = (side > 0) != (axis == 1)
            face[:, [first, second]] = square if outward else square[::-1]
            points.append(face)
            axes.append(np.tile([first, second], (4, 1)))
    return np.concatenate(points), np.arange(24).reshape(6, 4), np.concatenate(axes).astype(np.float64)


def unit_cylinder() -> tuple[Floats, Ints]:
    """A cylinder of diameter and height 1. Side and lids share no points, so that the edges are shaded sharp."""
    angle = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)
    ring = 0.5 * np.column_stack([np.cos(angle), np.sin(angle)])

    def at(radius: float, height: float) -> Floats:
        return np.column_stack([ring * radius, np.full(COLUMNS, height)])

    side = np.concatenate([at(1, -0.5), at(1, 0.5)])
    lids = [np.concatenate([at(1, 0.5), at(1e-3, 0.5)]), np.concatenate([at(1e-3, -0.5), at(1, -0.5)])]
    quads = grid_quads(2, COLUMNS, closed=True)
    return np.concatenate([side, *lids]), np.concatenate([quads + part * 2 * COLUMNS for part in range(3)])


def ring(size: tuple[float, float, float]) -> Patch:
    """A torus around its Z axis; `size` in metres."""
    around, section = np.meshgrid(
        np.linspace(0, 2 * np.pi, 24, endpoint=False), np.linspace(0, 2 * np.pi, 6, endpoint=False), indexing="ij"
    )
    tube = size[2] / 2
    out = 1 + np.cos(section) * 2 * tube / size[0]
    points = np.stack(
        [
            (size[0] / 2 - tube) * np.cos(around) * out,
            (size[1] / 2 - tube) * np.sin(around) * out,
            tube * np.sin(section),
        ],
        axis=-1,
    ).reshape(-1, 3)
    rows = grid_quads(24, 6, closed=True)
    last = np.column_stack(
        [np.arange(6) + 23 * 6, (np.arange(6) + 1) % 6 + 23 * 6, (np.arange(6) + 1) % 6, np.arange(6)]
    )
    return Patch(points, np.concatenate([rows, last]), np.zeros_like(points))


def leafy(solid: Solid) -> Patch:
    """Leaves in an ellipsoid, most near its surface; `surface.scale` is a leaf's length in metres."""
    size, length = np.array(solid.size), solid.surface.scale
    area = np.pi * (np.prod(size) ** (2 / 3))
    leaves = int(np.clip(COVER * area / (LEAF * length**2), 40, MOST_LEAVES))
    # A plant that is too large for MOST_LEAVES has larger leaves instead of a thinner crown.
    length = max(length, float(np.sqrt(COVER * area / (LEAF * leaves))))
    centres, first, second, own = leaf_cards()
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 0.5 * length
    cards = corners[:, :1] * first[:leaves, None] + LEAF * corners[:, 1:] * second[:leaves, None]
    points = (centres[:leaves, None] * size + cards).reshape(-1, 3)
    where = np.zeros_like(points)
    where[:, 2] = np.repeat(own[:leaves], 4)
    return Patch(points, np.arange(4 * leaves).reshape(-1, 4), where)


@functools.cache
def leaf_cards() -> tuple[Floats, Floats, Floats, Floats]:
    """Leaves in a ball of diameter 1, M = MOST_LEAVES: centres (M, 3), unit vectors along and across (M, 3), and random
    numbers (M,) in 0..1. Always the same leaves: trees differ by size and rotation."""
    rng = np.random.default_rng(0)

    def directions() -> Floats:
        vectors = rng.normal(size=(MOST_LEAVES, 3))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    centres = 0.5 * directions() * rng.random((MOST_LEAVES, 1)) ** 0.25
    # Leaves are drawn towards the nearest of 60 clumps, which leaves gaps, as between boughs.
    clumps = 0.42 * directions()[:60]
    nearest = clumps[np.linalg.norm(centres[:, None] - clumps, axis=2).argmin(1)]
    centres = centres + 0.45 * (nearest - centres)
    first, other = directions(), directions()
    second = np.cross(first, other)
    second /= np.linalg.norm(second, axis=1, keepdims=True) + 1e-9
    return centres, first, second, rng.random(MOST_LEAVES)
