"""Meshes of hair: a cap over the scalp, and hanging hair, a ponytail or a bun. Metres."""

from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Floats
from alignnet_common.coco18 import PARTS
from synth.body.anatomy import HEAD, TRUNK, Anatomy
from synth.body.mesh import Mesh, eased, rigid_piece, surface_piece
from synth.body.model import BakedBody
from synth.body.primitives import grid_quads, superellipsoid
from synth.people.hair import Hair


def hair(anatomy: Anatomy, body: BakedBody, style: Hair) -> list[Mesh]:
    """The pieces of a hair style: a cap over the scalp, and hanging hair, a ponytail or a bun."""
    pieces = [scalp_cap(anatomy, body, style)]
    if style.style in ("bob", "long"):
        pieces.append(curtain(anatomy, body, style))
    elif style.style == "ponytail":
        pieces.append(tail(anatomy, body, style))
    elif style.style == "bun":
        pieces.append(bun(anatomy, body))
    return pieces


@dataclass(frozen=True)
class Skull:
    """Landmarks of a head in the reference pose, metres; `eye`, `ear` and `crown` are heights."""

    centre: Floats
    half_width: float
    half_depth: float
    eye: float
    ear: float
    crown: float


def skull(anatomy: Anatomy, rest: Floats) -> Skull:
    """Landmarks of the head of a body in the reference pose `rest` (V, 3)."""
    body_vertices = np.unique(anatomy.quads["body"])
    head = body_vertices[anatomy.region[body_vertices] == HEAD]
    eye = rest[np.unique(anatomy.quads["helper-l-eye"])].mean(0)[2]
    points = rest[head]
    above = points[points[:, 2] > eye]
    low, high = above.min(0), above.max(0)
    return Skull(
        centre=np.array([0.0, (low[1] + high[1]) / 2, eye + 0.02]),
        half_width=(high[0] - low[0]) / 2,
        half_depth=(high[1] - low[1]) / 2,
        eye=eye,
        ear=eye - 0.02,
        crown=high[2],
    )


def scalp_cap(anatomy: Anatomy, body: BakedBody, style: Hair) -> Mesh:
    """The scalp above the hairline, moved out by the hair's volume, less near the hairline."""
    landmarks = skull(anatomy, body.rest)
    front_to_back = (body.rest[:, 1] - landmarks.centre[1]) / landmarks.half_depth
    # The hairline falls from the forehead over the ears to the nape.
    hairline = np.interp(front_to_back, [-1, -0.55, -0.1, 0.25, 0.7, 1], [0.075, 0.05, 0.012, -0.015, -0.06, -0.075])
    inside = np.where(anatomy.region == HEAD, body.rest[:, 2] - landmarks.eye - hairline, -0.02)
    quads = anatomy.quads["body"]
    quads = quads[(inside[quads] > -0.05).all(1)]
    ease = 0.003 + style.volume * np.clip(inside / 0.04, 0, 1)
    vertices = eased(body.vertices, quads, ease, smoothing=3)
    piece = surface_piece(anatomy, quads, "hair", vertices, inside)
    piece.part[:] = PARTS.index("upper")
    return piece


def curtain(anatomy: Anatomy, body: BakedBody, style: Hair) -> Mesh:
    """Hair that hangs behind and beside the head, over neck and back."""
    landmarks = skull(anatomy, body.rest)
    rows, columns = 9, 19
    reach = 115 if style.style == "bob" else 100
    around = np.radians(np.linspace(-reach, reach, columns))
    top_z, bottom_z = landmarks.eye + 0.055, landmarks.ear - style.length
    heights = np.linspace(top_z, bottom_z, rows)
    trunk = body.rest[(anatomy.region == TRUNK) & (np.abs(body.rest[:, 0]) < 0.12)]
    points = []
    for height in heights:
        down = (top_z - height) / (top_z - bottom_z)
        narrow = 1.0 - 0.12 * down
        width = (landmarks.half_width + style.volume + 0.004) * narrow
        depth = landmarks.half_depth + style.volume + 0.002
        back = trunk[np.abs(trunk[:, 2] - height) < 0.03]
        if len(back):
            depth = max(depth * narrow, back[:, 1].max() - landmarks.centre[1] + 0.03)
        ring = np.stack([width * np.sin(around), landmarks.centre[1] + depth * np.cos(around)], axis=-1)
        points.append(np.column_stack([ring, np.full(columns, height)]))
    return rigid_piece(np.concatenate(points), grid_quads(rows, columns), body.head, "hair", "upper")


def tail(anatomy: Anatomy, body: BakedBody, style: Hair) -> Mesh:
    """A ponytail: a tapered tube down from the back of the head."""
    landmarks = skull(anatomy, body.rest)
    rows, columns = 8, 10
    down = np.linspace(0, 1, rows)
    axis_y = landmarks.centre[1] + landmarks.half_depth + np.interp(down, [0, 0.2, 1], [-0.01, 0.035, 0.05])
    axis_z = landmarks.eye + 0.05 - down * (style.length + 0.06)
    radius = np.interp(down, [0, 0.25, 0.7, 1], [0.018, 0.032, 0.026, 0.006])
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    x = radius[:, None] * np.cos(around)
    y = axis_y[:, None] + radius[:, None] * np.sin(around)
    z = np.broadcast_to(axis_z[:, None], x.shape)
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    return rigid_piece(points, grid_quads(rows, columns, closed=True), body.head, "hair", "upper")


def bun(anatomy: Anatomy, body: BakedBody) -> Mesh:
    """A bun at the back of the head."""
    landmarks = skull(anatomy, body.rest)
    centre = np.array([0, landmarks.centre[1] + landmarks.half_depth + 0.018, landmarks.eye + 0.06])
    return rigid_piece(*superellipsoid(centre, (0.042, 0.034, 0.042), 1.0), body.head, "hair", "upper")
