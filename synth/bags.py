"""What a person carries."""

import numpy as np

from synth.anatomy import TRUNK, Anatomy
from synth.body import BakedBody
from synth.mesh import Mesh, eased, joined, rigid_piece, superellipsoid, surface_piece
from synth.wardrobe import Bag


def backpack(anatomy: Anatomy, body: BakedBody, bag: Bag, ease: float) -> Mesh:
    """A backpack on the back: a body and a front pocket, with two straps over the shoulders."""
    trunk = body.rest[(anatomy.region == TRUNK) & (np.abs(body.rest[:, 0]) < 0.12)]
    shoulder = body.rest[anatomy.region == TRUNK][:, 2].max() - 0.1
    middle_z = shoulder - bag.height / 2 + 0.02
    behind = trunk[np.abs(trunk[:, 2] - middle_z) < 0.12][:, 1].max() + ease
    main = superellipsoid(
        np.array([0, behind + bag.depth / 2, middle_z]), (bag.width / 2, bag.depth / 2, bag.height / 2), 0.45
    )
    pocket = superellipsoid(
        np.array([0, behind + bag.depth, middle_z - 0.2 * bag.height]),
        (0.4 * bag.width, 0.04, 0.22 * bag.height),
        0.5,
    )
    pieces = [rigid_piece(*main, body.chest, "bag", "middle"), rigid_piece(*pocket, body.chest, "bag", "middle")]
    pieces[1].tint[:] = np.array(bag.accent) / np.array(bag.colour)
    pieces += [strap(anatomy, body, sign, ease) for sign in (-1, 1)]
    return joined(pieces)


def strap(anatomy: Anatomy, body: BakedBody, sign: int, ease: float) -> Mesh:
    """One strap: the tights' faces in a band over the shoulder and down the chest, eased over the top."""
    x, _, z = anatomy.reference.T
    trunk = anatomy.region == TRUNK
    inside = np.minimum(0.028 - np.abs(sign * x - 0.105), z - z[trunk].max() + 0.36)
    quads = anatomy.quads["helper-tights"]
    quads = quads[trunk[quads].all(1)]
    vertices = eased(body.vertices, quads, np.full(len(trunk), ease + 0.008), smoothing=4)
    return surface_piece(anatomy, quads, "bag", vertices, inside)
