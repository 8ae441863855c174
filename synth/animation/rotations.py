"""Rotations: matrices (..., 3, 3) that act on column vectors, angles in degrees."""

import numpy as np

from alignnet_common.arrays import Floats

DOWN = np.array([0.0, 0.0, -1.0])
FORWARD = np.array([0.0, -1.0, 0.0])
"""Direction that a body in the reference pose faces."""


def about_x(degrees: Floats) -> Floats:
    """(..., 3, 3) rotations about X; a positive angle takes +Y to +Z."""
    return _about(degrees, 0)


def about_y(degrees: Floats) -> Floats:
    """(..., 3, 3) rotations about Y; a positive angle takes +Z to +X."""
    return _about(degrees, 1)


def about_z(degrees: Floats) -> Floats:
    """(..., 3, 3) rotations about Z; a positive angle takes +X to +Y."""
    return _about(degrees, 2)


def _about(degrees: Floats, axis: int) -> Floats:
    angle = np.radians(np.atleast_1d(degrees))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.zeros((*angle.shape, 3, 3))
    rotation[..., axis, axis] = 1
    rotation[..., first, first] = rotation[..., second, second] = np.cos(angle)
    rotation[..., second, first] = np.sin(angle)
    rotation[..., first, second] = -np.sin(angle)
    return rotation


def about(axis: Floats, degrees: float) -> Floats:
    """(3, 3) right-handed rotation by `degrees` about the direction `axis` (3,) (Rodrigues' formula)."""
    unit = axis / np.linalg.norm(axis)
    skew = np.cross(np.eye(3), unit)
    angle = np.radians(degrees)
    turned: Floats = np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew
    return turned


def aligning(source: Floats, target: Floats) -> Floats:
    """(..., 3, 3) smallest rotations that take the directions `source` to the directions `target`, (..., 3)."""
    a, b = np.broadcast_arrays(_unit(source), _unit(target))
    cross, cosine = np.cross(a, b), (a * b).sum(-1)
    skew = np.zeros((*a.shape, 3))
    for row, column, axis, sign in ((0, 1, 2, -1), (0, 2, 1, 1), (1, 2, 0, -1)):
        skew[..., row, column] = sign * cross[..., axis]
        skew[..., column, row] = -sign * cross[..., axis]
    # The smallest rotation between opposite directions is not unique: the result is finite but arbitrary.
    return np.eye(3) + skew + skew @ skew / np.maximum(1 + cosine, 1e-6)[..., None, None]


def axes(up: Floats, left: Floats) -> Floats:
    """(..., 3, 3) rotation that takes +Z to `up` and +X as close to `left` as possible, both (..., 3)."""
    z = _unit(up)
    x = _unit(left - (left * z).sum(-1, keepdims=True) * z)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def halfway(first: Floats, second: Floats) -> Floats:
    """(..., 3, 3) rotation midway between two rotations less than 180 degrees apart."""
    between = first + second
    return axes(between[..., 2], between[..., 0])


def two_bone_ik(
    start: Floats, end: Floats, upper: float, lower: float, pole: Floats, bends: int
) -> tuple[Floats, Floats]:
    """Two-bone inverse kinematics: rotations (T, 3, 3) of both bones, relative to hanging straight down.

    `start`: (T, 3) shoulder or hip. `end`: (T, 3) target of the wrist or ankle; out of two_bone_ik, the limb is nearly
    straight towards it. `upper`, `lower`: lengths of the bones, metres. `pole`: (T, 3) direction of the middle joint.
    `bends`: +1 for a knee, -1 for an elbow, which bend to opposite sides.
    """
    way = end - start
    length = np.linalg.norm(way, axis=-1, keepdims=True)
    along = way / length
    distance = np.clip(length, abs(upper - lower) + 1e-6, (upper + lower) * (1 - 1e-6))
    side = _unit(pole - (pole * along).sum(-1, keepdims=True) * along)
    cosine = np.clip((upper**2 + distance**2 - lower**2) / (2 * upper * distance), -1, 1)
    first = cosine * along + np.sqrt(1 - cosine**2) * side
    second = _unit(distance * along - upper * first)
    hinge = np.cross(side, along).astype(np.float64) * bends
    return axes(-first, hinge), axes(-second, hinge)


def _unit(vectors: Floats) -> Floats:
    """Vectors (..., 3) scaled to length 1."""
    unit: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit
