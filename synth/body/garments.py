"""Dresses a baked body: clothes are faces of MakeHuman's helper geometry, moved off the skin and cut at their hems.

The result is one mesh per person. Functions named `*_edge` give the signed distance (V,) in metres of each vertex to
the edge of a garment, positive inside.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats, Ints, Rgb
from alignnet_common.coco18 import PARTS
from synth.body.accessory_mesh import carried
from synth.body.anatomy import ARM, FOOT, HAND, HEAD, LEG, TRUNK, Anatomy, above, drop, shoe_line
from synth.body.hair_mesh import hair
from synth.body.headwear_mesh import headwear, hood_down, hood_up, scarf
from synth.body.mesh import SURFACES, Mesh, eased, joined, normals_of, painted, surface_piece
from synth.body.model import BakedBody
from synth.people.fabric import Fabric
from synth.people.outfit import Outfit

SOLE = 0.022
"""Thickness of a sole in metres: distance between the bare foot and the ground."""

ARM_LENGTH, LEG_LENGTH = 0.55, 0.85
"""Approximate lengths in metres, which convert fractions of a limb to distances from an edge."""
HIDDEN = 0.1
"""Depth inside a trouser leg or skirt from which nothing is visible, as a fraction of the leg."""
OVER_LEGS = ("leggings", "skirt")
"""Bottoms over which boots are worn; they are worn under others."""
OUTSIDE = -0.02
"""Signed distance to the edge, in metres, of vertices that do not belong to the garment."""
TUCK, TUCKED = 0.5, 0.02
"""Skin under a garment is moved inwards by TUCK × its distance inside the edge, up to TUCKED metres, because a garment
is smoother than the body, which would intersect it."""


def dress(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """The mesh of `body` dressed in `outfit`: T frames in metres, in the world."""
    pieces = [
        skin(anatomy, body, outfit),
        eyes(anatomy, body),
        shoes(anatomy, body, outfit),
        bottom(anatomy, body, outfit),
        top(anatomy, body, outfit),
        *hair_under(anatomy, body, outfit),
    ]
    if outfit.tights:
        pieces.append(tights(anatomy, body, outfit.tights, shown_from(outfit)))
    if outfit.top.hood != "none":
        hood = hood_up if outfit.top.hood == "up" else hood_down
        pieces.append(painted(hood(anatomy, body), outfit.top.fabric.colour))
    if outfit.headwear:
        pieces.append(headwear(anatomy, body, outfit.headwear))
    if outfit.scarf:
        pieces.append(scarf(anatomy, body, top_ease(anatomy, outfit), outfit.scarf))
    pieces += [carried(anatomy, body, thing, top_ease(anatomy, outfit), SOLE) for thing in outfit.carried]
    return joined(pieces)


def hair_under(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> list[Mesh]:
    """The visible hair: flat under a hat, short inside a hood, none under a headscarf."""
    style, hat = outfit.hair, outfit.headwear
    if style.style == "bald" or (hat and hat.kind == "headscarf"):
        return []
    if outfit.top.hood == "up" or (hat and style.style == "bun"):
        style = replace(style, style="short")
    if hat or outfit.top.hood == "up":
        style = replace(style, volume=min(style.volume, 0.005))
    return hair(anatomy, body, style)


def skin(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """The uncovered body. Faces well inside a garment are left out; those just inside are moved inwards, so that none
    intersects the garment."""
    quads = anatomy.quads["body"]
    visible = quads[~covered(anatomy, outfit)[quads].all(1)]
    depth = np.clip(TUCK * under_cloth(anatomy, outfit), 0, TUCKED)
    vertices = eased(body.vertices, visible[(depth[visible] > 0).any(1)], -depth, smoothing=0)
    return surface_piece(anatomy, visible, "skin", vertices, tint=face_paint(anatomy, outfit))


def under_cloth(anatomy: Anatomy, outfit: Outfit) -> Floats:
    """(V,) signed distance in metres to the edge of the covering garment, the largest of several; negative if bare."""
    region = anatomy.region
    waist = (region == TRUNK) & (anatomy.along < max(outfit.top.hem, 0.0) + 0.1)
    inside = [
        top_edge(anatomy, outfit),
        np.where((region == LEG) | waist, bottom_edge(anatomy, outfit), OUTSIDE),
        shoe_edge(anatomy, outfit),
    ]
    if outfit.top.hem < 0:
        inside.append(np.where(region == LEG, coat_edge(anatomy, outfit), OUTSIDE))
    if outfit.tights:
        inside.append(tights_edge(anatomy, shown_from(outfit)))
    deepest: Floats = np.max(inside, axis=0)
    return deepest


def covered(anatomy: Anatomy, outfit: Outfit) -> NDArray[np.bool_]:
    """(V,) bool: vertices of the body so far inside a garment that no edge can reveal them."""
    region, along = anatomy.region, anatomy.along
    by_top = (region == TRUNK) & (along > max(outfit.top.hem, 0.0) + 0.08) & (along < outfit.top.neck - 0.14)
    by_top |= (region == TRUNK) & (along > 0.6) & (np.abs(anatomy.reference[:, 0]) > 0.13)
    by_top |= (region == ARM) & (along < outfit.top.sleeve - 0.03)
    # Bottoms reach up under the top, so that there is no gap between them.
    by_bottom = (region == TRUNK) & (along < max(outfit.top.hem, 0.0) + 0.1)
    by_bottom |= (region == LEG) & (along < outfit.bottom.length - HIDDEN)
    if outfit.tights:
        by_bottom |= region == LEG
    by_shoes = (region == FOOT) & (anatomy.reference[:, 2] < shoe_line(anatomy) - 0.02)
    return by_top | by_bottom | by_shoes


def face_paint(anatomy: Anatomy, outfit: Outfit) -> Floats:
    """(V, 3) factors on the skin's colour for brows, lips and beard, by positions on the average face."""
    x, y, z = anatomy.reference.T
    eye = anatomy.reference[np.unique(anatomy.quads["helper-l-eye"])].mean(0)
    face = (anatomy.region == HEAD) & (y < eye[1] + 0.05)
    tint = np.ones((len(x), 3))
    jaw = face & (z < eye[2] - 0.045) & (z > eye[2] - 0.15) & ((np.abs(x) > 0.02) | (z < eye[2] - 0.055))
    hair_colour = np.array(outfit.hair.colour) / np.array(outfit.skin)
    tint[jaw] = 1 + outfit.beard * 0.8 * (hair_colour - 1)
    lips = face & (np.abs(x) < 0.026) & (np.abs(z - (eye[2] - 0.072)) < 0.011) & (y < eye[1] - 0.005)
    tint[lips] = np.array(outfit.lips) / np.array(outfit.skin)
    brows = face & (np.abs(np.abs(x) - 0.034) < 0.022) & (np.abs(z - (eye[2] + 0.021)) < 0.006)
    tint[brows] = 0.3 + 0.5 * hair_colour
    return np.clip(tint, 0.02, 3.0)


def eyes(anatomy: Anatomy, body: BakedBody) -> Mesh:
    """Both eyeballs, with a dark iris at the front."""
    quads = np.concatenate([anatomy.quads["helper-l-eye"], anatomy.quads["helper-r-eye"]])
    tint = np.ones_like(anatomy.reference)
    for name in ("helper-l-eye", "helper-r-eye"):
        ball = np.unique(anatomy.quads[name])
        depth = anatomy.reference[ball, 1]
        tint[ball[depth < depth.min() + 0.006]] = 0.03
    return surface_piece(anatomy, quads, "eyes", body.vertices, tint=tint)


def top(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """Shirt, jumper, jacket, coat or upper half of a dress: the helper tights above the hem, with arms up to the cuffs.

    The part of a coat over the thighs is cut from the helper skirt.
    """
    garment = outfit.top
    inside = top_edge(anatomy, outfit)
    quads = anatomy.quads["helper-tights"]
    vertices = eased(body.vertices, quads, top_ease(anatomy, outfit), smoothing=4)
    arms = (anatomy.region[quads] == ARM).any(1)
    sleeves = "under" if garment.kind == "vest" else "top"
    pieces = [
        surface_piece(anatomy, quads[~arms], "top", vertices, inside),
        surface_piece(anatomy, quads[arms], sleeves, vertices, inside),
    ]
    if garment.hem < 0:
        pieces.append(coat_skirts(anatomy, body, outfit))
    piece = joined(pieces)
    if garment.opening > 0:
        middle = piece.rest[piece.quads].mean(1)
        open_front = (np.abs(middle[:, 0]) < garment.opening / 2) & (middle[:, 1] < 0.0)
        crotch = (anatomy.reference[:, 2] - above(anatomy, 0.0))[0]
        piece.surface[open_front & (middle[:, 2] > crotch)] = SURFACES.index("under")
    return piece


def top_ease(anatomy: Anatomy, outfit: Outfit) -> Floats:
    """(V,) metres between skin and top."""
    garment, region = outfit.top, anatomy.region
    ease = np.full(len(region), garment.ease)
    ease[region == ARM] *= 0.4 if garment.kind == "vest" else 0.75
    # A free hem keeps a distance to the garment below it.
    low = np.clip((0.45 - anatomy.along) / 0.45, 0, 1)
    hips = np.isin(region, (TRUNK, LEG))
    ease[hips] += (outfit.bottom.ease + 0.006) * np.where(region == LEG, 1.0, low)[hips]
    return ease


def top_edge(anatomy: Anatomy, outfit: Outfit) -> Floats:
    """(V,) metres inside the hem, neckline and cuffs of the top."""
    garment, region = outfit.top, anatomy.region
    # The neckline rises towards the shoulders.
    rising = 0.8 * np.maximum(np.abs(anatomy.reference[:, 0]) - 0.06, 0)
    inside = np.minimum(above(anatomy, max(garment.hem, -0.02)), rising - above(anatomy, garment.neck))
    inside[region == ARM] = ARM_LENGTH * (garment.sleeve - anatomy.along[region == ARM])
    inside[np.isin(region, (HAND, FOOT))] = OUTSIDE
    return inside


def coat_skirts(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """The part of a coat over the thighs."""
    quads = anatomy.quads["helper-skirt"]
    ease = np.full(len(anatomy.region), outfit.top.ease + outfit.bottom.ease + 0.004)
    vertices = eased(body.vertices, quads, ease, smoothing=6)
    return surface_piece(anatomy, quads, "top", vertices, coat_edge(anatomy, outfit))


def coat_edge(anatomy: Anatomy, outfit: Outfit) -> Floats:
    """(V,) metres inside a coat's hem."""
    edge: Floats = LEG_LENGTH * (-outfit.top.hem - drop(anatomy))
    return edge


def bottom(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """Trousers and shorts from the helper tights, skirts from the helper skirt, up to above the top's hem.

    The skirt of a dress has the top's material.
    """
    garment = outfit.bottom
    region, along = anatomy.region, anatomy.along
    if garment.kind == "skirt":
        quads = anatomy.quads["helper-skirt"]
        ease = garment.ease + garment.flare * np.clip(drop(anatomy), 0, 1)
        smoothing = 6
    else:
        quads = anatomy.quads["helper-tights"]
        ease = garment.ease + garment.flare * np.where(region == LEG, np.clip(along, 0, 1), 0)
        smoothing = 4
    vertices = eased(body.vertices, quads, ease, smoothing)
    surface = "top" if outfit.top.kind == "dress" else "bottom"
    tint = side_stripes(anatomy, quads, garment.fabric) if garment.fabric.pattern == "side-stripes" else None
    piece = surface_piece(anatomy, quads, surface, vertices, bottom_edge(anatomy, outfit), tint)
    piece.part[:] = PARTS.index("lower")
    return piece


def bottom_edge(anatomy: Anatomy, outfit: Outfit) -> Floats:
    """(V,) metres inside the hems of the bottom, and for trousers inside the waist."""
    garment, region = outfit.bottom, anatomy.region
    if garment.kind == "skirt":
        hem: Floats = LEG_LENGTH * (garment.length - drop(anatomy))
        return hem
    inside = -above(anatomy, max(outfit.top.hem, 0.0) + 0.14)
    inside[region == LEG] = LEG_LENGTH * (garment.length - anatomy.along[region == LEG])
    inside[np.isin(region, (ARM, HAND, FOOT))] = OUTSIDE
    return inside


def side_stripes(anatomy: Anatomy, quads: Ints, fabric: Fabric) -> Floats:
    """(V, 3) factors that turn the cloth's colour into its accent along the outer seam of the legs, which is where the
    average body's surface faces sideways."""
    outwards = normals_of(anatomy.reference[None], quads)[0, :, 0] * anatomy.side
    tint = np.ones_like(anatomy.reference)
    tint[(outwards > 0.93) & np.isin(anatomy.region, (LEG, TRUNK))] = np.array(fabric.accent) / np.array(fabric.colour)
    return tint


def shown_from(outfit: Outfit) -> float:
    """Upper end of tights or boots on the leg, 0 hip to 1 ankle: HIDDEN above the hem of the skirt, shorts or coat.

    Higher up they could only intersect the garment.
    """
    return max(outfit.bottom.length, -outfit.top.hem) - HIDDEN


def tights(anatomy: Anatomy, body: BakedBody, colour: Rgb, start: float) -> Mesh:
    """Tights or leggings under a skirt or shorts, from `start` on the leg (0 hip, 1 ankle) to the ankle."""
    quads = anatomy.quads["helper-tights"]
    vertices = eased(body.vertices, quads, np.full(len(anatomy.region), 0.002), smoothing=1)
    piece = surface_piece(anatomy, quads, "worn", vertices, tights_edge(anatomy, start))
    piece.part[:] = PARTS.index("lower")
    return painted(piece, colour)


def tights_edge(anatomy: Anatomy, start: float) -> Floats:
    """(V,) metres inside the edges of tights or leggings from `start` on the leg."""
    along = anatomy.along
    edge: Floats = np.where(anatomy.region == LEG, LEG_LENGTH * np.minimum(1.0 - along, along - start), OUTSIDE)
    return edge


def shoes(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """Shoes from the feet of the helper tights, which have no toes; faces that point down are soles on the ground."""
    region = anatomy.region
    quads = anatomy.quads["helper-tights"]
    downwards = -normals_of(anatomy.reference[None], quads)[0, :, 2]
    ease = np.where((region == FOOT) & (downwards > 0.5), SOLE - 0.002, 0.009)
    if outfit.bottom.kind in OVER_LEGS:
        ease[region == LEG] = 0.014
    else:
        ease[(region == LEG) & (anatomy.along < outfit.bottom.length + 0.02)] = 0.25 * outfit.bottom.ease
    vertices = eased(body.vertices, quads, ease, smoothing=1)
    piece = surface_piece(anatomy, quads, "shoes", vertices, shoe_edge(anatomy, outfit))
    ground = anatomy.reference[region == FOOT, 2].min()
    piece.surface[piece.rest[piece.quads].mean(1)[:, 2] < ground + 0.02] = SURFACES.index("soles")
    return piece


def shoe_edge(anatomy: Anatomy, outfit: Outfit) -> Floats:
    """(V,) metres inside the edge of shoes or boots."""
    region = anatomy.region
    inside = np.full(len(region), OUTSIDE)
    inside[region == FOOT] = 0.05
    edge = 1.0 - outfit.shoes.height
    if outfit.bottom.kind == "skirt":
        edge = max(edge, shown_from(outfit))
    elif outfit.bottom.kind not in OVER_LEGS:
        edge = max(edge, outfit.bottom.length - HIDDEN)
    inside[region == LEG] = LEG_LENGTH * (anatomy.along[region == LEG] - edge)
    return inside
