"""Meshes of caps, hats, headscarves, hoods and scarves. Metres.

Hats are rigid shells around the skull, so that ears and hair do not deform them. To add one, add its shell to
`headwear` and its kind to `synth.people.headwear`.
"""

from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Floats, Ints, Rgb
from synth.body.anatomy import HEAD, TRUNK, Anatomy
from synth.body.hair_mesh import Skull, skull
from synth.body.mesh import Mesh, joined, painted, rigid_piece, trunk_band
from synth.body.model import BakedBody
from synth.body.primitives import grid_quads, superellipsoid
from synth.people.headwear import Headwear

COLUMNS = 36
AROUND = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)
"""(COLUMNS,) angles about the vertical of the columns of hats and collars: 0 is the face, positive the left side."""


def headwear(anatomy: Anatomy, body: BakedBody, worn: Headwear) -> Mesh:
    """The mesh of headwear, tinted in its colours."""
    head = skull(anatomy, body.rest)
    neck = throat(anatomy, body.rest)
    if worn.kind == "headscarf":
        return painted(headscarf(body, head, neck), worn.colour)
    if worn.kind == "woollen hat":
        rim = head.eye + np.interp(np.abs(AROUND), [0, 1.2, 1.8, np.pi], [0.055, 0.035, 0.0, -0.01])
        pieces = [painted(_on_head(body, shell(head, neck, rim, 0.016)), worn.colour)]
        if worn.bobble:
            pieces.append(painted(_on_head(body, _bobble(head)), worn.accent))
        return joined(pieces)
    rim = head.eye + np.interp(np.abs(AROUND), [0, 1.2, 1.8, np.pi], [0.062, 0.05, 0.035, 0.02])
    if worn.kind == "backwards cap":
        rim = np.roll(rim, COLUMNS // 2)
    pieces = [painted(_on_head(body, shell(head, neck, rim, 0.013)), worn.colour)]
    if worn.kind == "brimmed hat":
        pieces.append(painted(_on_head(body, _brim(head, rim, np.full(COLUMNS, 0.075))), worn.colour))
    else:
        facing = AROUND if worn.kind == "cap" else AROUND - np.pi
        reach = 0.085 * np.sqrt(np.clip((np.cos(facing) - 0.45) / 0.55, 0, 1))
        pieces.append(painted(_on_head(body, _brim(head, rim, reach)), worn.accent))
    return joined(pieces)


@dataclass(frozen=True)
class Throat:
    """Position and size of the neck at the height of a collar, in the reference pose, metres."""

    centre: Floats
    half_width: float
    half_depth: float


def throat(anatomy: Anatomy, rest: Floats) -> Throat:
    """The neck of a body in the reference pose `rest` (V, 3)."""
    used = np.unique(anatomy.quads["body"])
    near = np.isin(anatomy.region[used], (HEAD, TRUNK)) & (np.abs(anatomy.along[used] - 1.04) < 0.04)
    points = rest[used[near & (np.abs(anatomy.reference[used, 0]) < 0.09)]]
    low, high = points.min(0), points.max(0)
    width = np.quantile(np.abs(points[:, 0]), 0.9)
    return Throat((low + high) / 2 * np.array([0, 1, 1]), float(width), float(high[1] - low[1]) / 2)


def shell(head: Skull, neck: Throat, rim: Floats, margin: float) -> tuple[Floats, Ints]:
    """Points and quads of a dome `margin` metres around the skull, down to the heights `rim` (COLUMNS,).

    Below the jaw the dome narrows to the neck.
    """
    rows = 10
    top = head.crown + margin
    up = np.sin(np.linspace(0, np.pi / 2, rows))[:, None]
    z = rim + (top - rim) * up
    dome = (1 - np.clip((z - head.centre[2]) / (top - head.centre[2]), 0, 1) ** 2.7) ** (1 / 2.7)
    low = np.clip((head.eye - 0.07 - z) / (head.eye - 0.07 - neck.centre[2]), 0, 1)
    wide = (1 - low) * (head.half_width + margin) + low * (neck.half_width + 1.5 * margin)
    deep = (1 - low) * (head.half_depth + margin) + low * (neck.half_depth + 1.5 * margin)
    middle = (1 - low) * head.centre[1] + low * neck.centre[1]
    x = dome * wide * np.sin(AROUND)
    y = middle - dome * deep * np.cos(AROUND)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3), grid_quads(rows, COLUMNS, closed=True)


def hood_up(anatomy: Anatomy, body: BakedBody) -> Mesh:
    """A hood over the head with an opening for the face, down to the collar."""
    head, neck = skull(anatomy, body.rest), throat(anatomy, body.rest)
    return _on_head(body, shell(head, neck, _face_opening(head, neck, 0.72, 0.08), 0.028))


def hood_down(anatomy: Anatomy, body: BakedBody) -> Mesh:
    """A hood rolled around the collar, thick at the nape."""
    neck = throat(anatomy, body.rest)
    behind = 0.5 - 0.5 * np.cos(AROUND)
    points = collar(
        neck,
        off=0.016 + 0.03 * behind,
        rise=-0.045 + 0.04 * behind,
        thick=0.014 + 0.024 * behind,
        tall=0.018 + 0.04 * behind,
    )
    return rigid_piece(*points, body.chest, "worn", "middle")


def scarf(anatomy: Anatomy, body: BakedBody, cloth: Floats, colour: Rgb) -> Mesh:
    """A scarf around the neck with an end down the front; `cloth` (V,): metres between skin and the clothes below."""
    neck = throat(anatomy, body.rest)
    even = np.ones(COLUMNS)
    ring = rigid_piece(*collar(neck, 0.026 * even, 0.0 * even, 0.026 * even, 0.044 * even), body.chest, "worn", "upper")
    end = trunk_band(anatomy, body.vertices, on_scarf, cloth, 0.014, "worn")
    return painted(joined([ring, end]), colour)


def on_scarf(points: Floats) -> Floats:
    """Signed distances (N,) of points (N, 3) of the average body to the edge of a scarf's end."""
    x, y, z = points.T
    return np.minimum(0.045 - np.abs(x - 0.055), np.minimum(z - 0.2, -y))


def headscarf(body: BakedBody, head: Skull, neck: Throat) -> Mesh:
    """A scarf over hair and neck with an opening for the face."""
    over = _on_head(body, shell(head, neck, _face_opening(head, neck, 0.8, 0.07), 0.017))
    rows = 5
    down = np.linspace(0, 1, rows)[:, None]
    z = head.eye - 0.1 + down * (neck.centre[2] - 0.075 - (head.eye - 0.1)) + 0 * AROUND
    wide = neck.half_width + 0.016 + 0.05 * down**1.5
    deep = neck.half_depth + 0.02 + 0.02 * down**1.5
    x, y = wide * np.sin(AROUND), neck.centre[1] - 0.012 * (1 - down) - deep * np.cos(AROUND)
    drape = np.stack([x, y, z], axis=-1).reshape(-1, 3), grid_quads(rows, COLUMNS, closed=True)
    return joined([over, rigid_piece(*drape, body.chest, "worn", "upper")])


def collar(neck: Throat, off: Floats, rise: Floats, thick: Floats, tall: Floats) -> tuple[Floats, Ints]:
    """Points and quads of a roll around the neck. All parameters are (COLUMNS,) in metres.

    `off` and `rise`: distance of the roll's centre from the neck, and above the neck's height; `thick` and `tall`: half
    of its extent outwards and upwards.
    """
    section = np.linspace(0, 2 * np.pi, 8, endpoint=False)[:, None]
    out = off + thick * np.cos(section)
    x = (neck.half_width + out) * np.sin(AROUND)
    y = neck.centre[1] - (neck.half_depth + out) * np.cos(AROUND)
    z = neck.centre[2] + rise + tall * np.sin(section)
    points = np.stack([x, y, z], axis=-1)
    closed = np.concatenate([points, points[:1]])
    return closed.reshape(-1, 3), grid_quads(len(closed), COLUMNS, closed=True)


def _face_opening(head: Skull, neck: Throat, half_angle: float, forehead: float) -> Floats:
    """(COLUMNS,) heights of a rim over the forehead (`forehead` metres above the eyes) and down beside the face."""
    open_ = np.interp(np.abs(AROUND), [half_angle, half_angle + 0.3], [1.0, 0.0])
    return neck.centre[2] - 0.005 + open_ * (head.eye + forehead - neck.centre[2])


def _on_head(body: BakedBody, shape: tuple[Floats, Ints]) -> Mesh:
    """A piece that moves with the head."""
    return rigid_piece(*shape, body.head, "worn", "upper")


def _brim(head: Skull, rim: Floats, reach: Floats) -> tuple[Floats, Ints]:
    """A brim that extends `reach` (COLUMNS,) metres from the rim, slightly downwards."""
    out = np.linspace(0, 1, 3)[:, None] * reach
    x = (head.half_width + 0.012 + out) * np.sin(AROUND)
    y = head.centre[1] - (head.half_depth + 0.012 + out) * np.cos(AROUND)
    z = rim - 0.25 * out
    return np.stack([x, y, z], axis=-1).reshape(-1, 3), grid_quads(3, COLUMNS, closed=True)


def _bobble(head: Skull) -> tuple[Floats, Ints]:
    """A bobble on the crown."""
    return superellipsoid(np.array([0, head.centre[1], head.crown + 0.045]), (0.038, 0.038, 0.036), 1.0)
