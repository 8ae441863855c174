"""Meshes of accessories that a person carries: bags, trolleys, umbrellas, phones.

To add an accessory, add its mesh to `carried` and its row to `synth.people.accessories.ACCESSORIES`. The tints of a
mesh are its colours. Points are in metres; `body.rest` is the reference pose.
"""

import functools

import numpy as np

from alignnet_common.arrays import Floats, Ints, Rgb
from synth.body.anatomy import HAND, LEG, TRUNK, Anatomy
from synth.body.mesh import Mesh, joined, painted, rigid_piece, trunk_band
from synth.body.model import BakedBody
from synth.body.primitives import grid_quads, superellipsoid, tube
from synth.people.accessories import Carried, Side

BLACK: Rgb = (0.012, 0.012, 0.013)
STRAP = 0.012
"""Metres between clothes and the outside of a strap."""


def carried(anatomy: Anatomy, body: BakedBody, thing: Carried, cloth: Floats, sole: float) -> Mesh:
    """The mesh of `thing`. `cloth` (V,): metres between skin and the clothes below it; `sole`: of the shoes' soles."""
    if thing.kind == "backpack":
        return backpack(anatomy, body, thing, cloth)
    if thing.kind in ("shoulder bag", "tote bag"):
        return shoulder_bag(anatomy, body, thing, cloth)
    if thing.kind in ("hand bag", "shopping bag"):
        return hand_bag(anatomy, body, thing)
    if thing.kind == "trolley":
        return trolley(anatomy, body, thing, sole)
    if thing.kind == "umbrella":
        return umbrella(anatomy, body, thing)
    return phone(anatomy, body, thing)


def backpack(anatomy: Anatomy, body: BakedBody, bag: Carried, cloth: Floats) -> Mesh:
    """A backpack along the back, with a front pocket and two straps over the shoulders."""
    ease = float(cloth[anatomy.region == TRUNK].min())
    used = np.unique(anatomy.quads["body"])
    trunk = body.rest[used[anatomy.region[used] == TRUNK]]
    shoulder = trunk[:, 2].max() - 0.1
    trunk = trunk[np.abs(trunk[:, 0]) < 0.12]
    middle_z = shoulder - bag.height / 2 + 0.02
    heights = middle_z + bag.height * np.linspace(-0.5, 0.5, 7)
    back = np.array([trunk[np.abs(trunk[:, 2] - height) < 0.04][:, 1].max() for height in heights]) + ease
    # A straight line along the back: the backpack spans its hollow.
    line = np.polyfit(heights, back, 1)
    size = (bag.width / 2, bag.depth / 2, bag.height / 2)
    main, main_quads = superellipsoid(np.array([0, bag.depth / 2 - 0.015, middle_z]), size, 0.5)
    low = np.clip((middle_z - main[:, 2]) / bag.height, 0, 0.5)
    main[:, 1] *= 1 + 0.5 * low
    pocket, pocket_quads = superellipsoid(
        np.array([0, 1.12 * bag.depth - 0.015, middle_z - 0.2 * bag.height]),
        (0.4 * bag.width, 0.035, 0.22 * bag.height),
        0.5,
    )
    for points in (main, pocket):
        points[:, 1] += np.polyval(line, points[:, 2])
    pieces = [
        painted(_on_chest(body, (main, main_quads)), bag.colour),
        painted(_on_chest(body, (pocket, pocket_quads)), bag.accent),
    ]
    for sign in (-1, 1):
        strap = trunk_band(
            anatomy, body.vertices, functools.partial(on_backpack_strap, sign=sign), cloth, STRAP, "carried"
        )
        pieces.append(painted(strap, bag.colour))
    return joined(pieces)


def on_backpack_strap(points: Floats, sign: int) -> Floats:
    """Signed distances (N,) of points (N, 3) of the average body to the edge of a backpack's strap.

    It goes over the shoulder down to the chest, and from there under the arm back to the lower end of the bag.
    """
    x, y, z = points.T
    over_shoulder = np.minimum(0.023 - np.abs(sign * x - 0.105), z - 0.27)
    under_arm = np.minimum(0.014 - 0.74 * np.abs(z - 0.19 + 0.9 * y), sign * x - 0.09)
    return np.maximum(over_shoulder, under_arm)


def shoulder_bag(anatomy: Anatomy, body: BakedBody, bag: Carried, cloth: Floats) -> Mesh:
    """A bag at the hip with a strap from the other shoulder, or a tote bag under the arm with a strap from the same
    shoulder."""
    ease = float(cloth[anatomy.region == TRUNK].min())
    sign = _sign(bag.side)
    tote = bag.kind == "tote bag"
    top = 0.16 if tote else 0.06
    middle = top - bag.height / 2
    used = np.unique(anatomy.quads["body"])
    near = used[np.isin(anatomy.region[used], (TRUNK, LEG)) & (np.abs(anatomy.reference[used, 2] - middle) < 0.12)]
    hip = (sign * body.rest[near, 0]).max() + ease - 0.01
    # Scales a height of the average body to this body.
    scale = np.ptp(body.rest[anatomy.region == TRUNK, 2]) / np.ptp(anatomy.reference[anatomy.region == TRUNK, 2])
    centre = np.array([sign * (hip + 0.4 * bag.depth), 0.07, scale * middle])
    size = (bag.depth / 2, bag.width / 2, bag.height / 2)
    pieces = [painted(_on_chest(body, superellipsoid(centre, size, 0.45)), bag.colour)]
    flap = superellipsoid(
        centre + np.array([sign * 0.3 * bag.depth, 0, 0.24 * bag.height]),
        (0.28 * bag.depth, 0.51 * bag.width, 0.27 * bag.height),
        0.45,
    )
    pieces.append(painted(_on_chest(body, flap), bag.accent))
    shoulder = np.array([0.125 if tote else -0.075, 0.6])
    hip_end = np.array([0.155, top - 0.04])
    along = (hip_end - shoulder) / np.linalg.norm(hip_end - shoulder)

    def on_shoulder_strap(points: Floats) -> Floats:
        x, _, z = points.T
        off = np.abs((sign * x - shoulder[0]) * along[1] - (z - shoulder[1]) * along[0])
        return np.minimum(0.02 - off, z - hip_end[1])

    pieces.append(painted(trunk_band(anatomy, body.vertices, on_shoulder_strap, cloth, STRAP, "carried"), bag.colour))
    return joined(pieces)


def hand_bag(anatomy: Anatomy, body: BakedBody, bag: Carried) -> Mesh:
    """A bag that hangs from the hand by two handles."""
    motion = _upright(body, fist(anatomy, body, bag.side))
    drop = 0.1 if bag.kind == "hand bag" else 0.13
    out = _sign(bag.side) * 0.03
    size = (bag.depth / 2, bag.width / 2, bag.height / 2)
    pieces = [superellipsoid(np.array([out, 0, -drop - bag.height / 2]), size, 0.4)]
    for side in (-0.3, 0.3):
        pieces.append(_loop(out + side * bag.depth, 0.3 * bag.width, drop + 0.02))
    meshes = [painted(rigid_piece(*pieces[0], motion, "carried", "middle"), bag.colour)]
    meshes += [painted(rigid_piece(*loop, motion, "carried", "middle"), bag.accent) for loop in pieces[1:]]
    return joined(meshes)


def trolley(anatomy: Anatomy, body: BakedBody, case: Carried, sole: float) -> Mesh:
    """A wheeled case pulled behind, tilted, with its handle in the hand and its wheels on the ground."""
    turn = body.ground[:, :3, :3]
    hand = np.einsum("tji,tj->ti", turn, fist(anatomy, body, case.side) - _over_ground(body))
    reach = case.height + 0.42
    wheel = 0.03
    high = hand[:, 2].mean() + sole - wheel
    axle = hand.mean(0) + np.array([0, np.sqrt(max(reach**2 - high**2, 0.3**2)), 0])
    axle[2] = wheel - sole
    upwards = hand - axle
    length = float(np.linalg.norm(upwards, axis=1).mean())
    upwards /= np.linalg.norm(upwards, axis=1, keepdims=True)
    across = np.array([1.0, 0.0, 0.0]) - upwards * upwards[:, :1]
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    motion = np.broadcast_to(np.eye(4), (len(hand), 4, 4)).copy()
    motion[:, :3, :3] = turn @ np.stack([across, np.cross(upwards, across), upwards], axis=-1)
    motion[:, :3, 3] = _over_ground(body) + np.einsum("tij,j->ti", turn, axle)
    size = (case.width / 2, case.depth / 2, case.height / 2)
    # The tilted case stands on the wheels at its lower edge.
    centre = np.array([0, case.depth / 2 - 0.02, case.height / 2 + 0.025])
    shapes = [(superellipsoid(centre, size, 0.3), case.colour)]
    for x in (-0.07, 0.07):
        rod = tube(np.array([x, 0, case.height]), np.array([x, 0, length]), 0.009)
        shapes.append((rod, (0.2, 0.2, 0.21)))
    grip = tube(np.array([-0.08, 0, length]), np.array([0.08, 0, length]), 0.014)
    shapes.append((grip, BLACK))
    for x in (-0.4, 0.4):
        disc = superellipsoid(np.array([x * case.width, 0, 0]), (0.016, wheel, wheel), 1.0)
        shapes.append((disc, BLACK))
    return joined([painted(rigid_piece(*shape, motion, "carried", "middle"), colour) for shape, colour in shapes])


def umbrella(anatomy: Anatomy, body: BakedBody, held: Carried) -> Mesh:
    """An open umbrella: a shaft from the hand, inclined towards the head, and a canopy of eight panels."""
    hand = fist(anatomy, body, held.side)
    turn = body.ground[:, :3, :3]
    crown = body.rest[np.unique(anatomy.quads["body"])].max(0)[2]
    head = np.einsum("tij,j->ti", body.head[:, :3, :3], np.array([0, 0, crown])) + body.head[:, :3, 3]
    lean = np.einsum("tji,tj->ti", turn, head - hand).mean(0)
    tip = np.array([0.6 * lean[0], 0.6 * lean[1], lean[2] + 0.1 + held.height])
    motion = _upright(body, hand)
    rows, columns = 6, 32
    out = np.linspace(0.02, 1, rows)[:, None]
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    # The cloth sags between eight ribs.
    radius = held.width / 2 * out * (1 - 0.05 * out * np.abs(np.sin(4 * around)))
    x, y = radius * np.cos(around), radius * np.sin(around)
    z = np.broadcast_to(-held.height * out**2, x.shape)
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3) + tip
    canopy = painted(
        rigid_piece(points, grid_quads(rows, columns, closed=True), motion, "carried", "middle"), held.colour
    )
    canopy.tint[np.tile(np.sin(4 * around) < -0.01, rows)] = held.accent
    shaft = rigid_piece(*tube(-0.12 * tip / np.linalg.norm(tip), tip, 0.008), motion, "carried", "middle")
    return joined([canopy, painted(shaft, BLACK)])


def phone(anatomy: Anatomy, body: BakedBody, held: Carried) -> Mesh:
    """A phone in the palm, parallel to the fingers."""
    used = np.unique(anatomy.quads["body"])
    hand = used[(anatomy.region[used] == HAND) & (anatomy.side[used] == _sign(held.side))]
    points = body.rest[hand]
    middle = points.mean(0)
    # Principal axes: longest along the fingers, shortest through the palm, which faces down in the reference pose.
    axes = np.linalg.svd(points - middle, full_matrices=False)[2]
    axes[2] *= -np.sign(axes[2, 2])
    axes[1] = np.cross(axes[2], axes[0])
    slab, quads = superellipsoid(np.zeros(3), (held.height / 2, held.width / 2, held.depth / 2), 0.2)
    slab = slab @ axes + middle + 0.025 * axes[2] + 0.03 * np.sign(axes[0, 0] * middle[0]) * axes[0]
    motion = body.hands[0 if held.side == "right" else 1]
    return painted(rigid_piece(slab, quads, motion, "carried", "middle"), held.colour)


def fist(anatomy: Anatomy, body: BakedBody, side: Side) -> Floats:
    """(T, 3) centre of a hand, metres."""
    used = np.unique(anatomy.quads["body"])
    hand = used[(anatomy.region[used] == HAND) & (anatomy.side[used] == _sign(side))]
    motion = body.hands[0 if side == "right" else 1]
    moved: Floats = motion[:, :3, :3] @ body.rest[hand].mean(0) + motion[:, :3, 3]
    return moved


def _sign(side: Side) -> int:
    """Sign of X of a side: positive for the person's left."""
    return -1 if side == "right" else 1


def _on_chest(body: BakedBody, shape: tuple[Floats, Ints]) -> Mesh:
    """A piece that moves with the chest."""
    return rigid_piece(*shape, body.chest, "carried", "middle")


def _over_ground(body: BakedBody) -> Floats:
    """(T, 3) position of the person on the ground, metres."""
    return body.ground[:, :3, 3] * np.array([1.0, 1.0, 0.0])


def _upright(body: BakedBody, at: Floats) -> Floats:
    """(T, 4, 4) motion of an upright thing at the points `at` (T, 3) that turns with the person."""
    motion = body.ground.copy()
    motion[:, :3, 3] = at
    return motion


def _loop(x: float, half_width: float, height: float) -> tuple[Floats, Ints]:
    """Points and quads of a handle from the bag's rim up to the hand, at the origin, and down again."""
    along = np.linspace(-1, 1, 9)
    y = half_width * np.sign(along) * np.sqrt(np.abs(along))
    z = -height * along**2
    line = np.stack([np.full(9, x), y, z], axis=-1)
    width = np.array([0.0, 0.008, 0.008])
    return np.stack([line - width, line + width], axis=1).reshape(-1, 3), grid_quads(9, 2)
