"""Dresses a baked body: clothes and hair are faces of MakeHuman's helper geometry, eased off the skin.

The result is one mesh a person, whose faces say which surface they belong to.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.anatomy import ARM, FOOT, HAND, HEAD, LEG, TRUNK, Anatomy
from synth.body import BakedBody
from synth.wardrobe import Bag, Hair, Outfit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SURFACES = ("skin", "eyes", "hair", "top", "under", "bottom", "shoes", "soles", "bag")
"""Surfaces of a dressed person; a face names one by its index."""
PART_NAMES = ("upper", "middle", "lower")
SOLE = 0.022
"""Thickness of a sole, metres: the ground is this far below the bare foot."""


@dataclass(frozen=True)
class Mesh:
    """Part of a dressed person over T frames."""

    vertices: Floats
    """(T, N, 3) metres."""
    rest: Floats
    """(N, 3) metres: where patterns stick."""
    quads: Ints
    """(F, 4)."""
    surface: Ints
    """(F,) index into SURFACES."""
    part: Ints
    """(F,) index into PART_NAMES: the paper's body part that the face covers."""
    tint: Floats
    """(N, 3) factor on the surface's colour: lips, brows, beard."""


def dress(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """Dress `body` in `outfit`."""
    pieces = [
        skin(anatomy, body, outfit),
        eyes(anatomy, body),
        shoes(anatomy, body, outfit),
        bottom(anatomy, body, outfit),
        top(anatomy, body, outfit),
    ]
    if outfit.hair.style != "bald":
        pieces += hair(anatomy, body, outfit.hair)
    if outfit.backpack:
        pieces.append(backpack(anatomy, body, outfit.backpack, outfit.top.ease))
    return joined(pieces)


def joined(pieces: list[Mesh]) -> Mesh:
    """One mesh of several."""
    offsets = np.cumsum([0] + [piece.vertices.shape[1] for piece in pieces[:-1]])
    return Mesh(
        vertices=np.concatenate([piece.vertices for piece in pieces], axis=1),
        rest=np.concatenate([piece.rest for piece in pieces]),
        quads=np.concatenate([piece.quads + offset for piece, offset in zip(pieces, offsets, strict=True)]),
        surface=np.concatenate([piece.surface for piece in pieces]),
        part=np.concatenate([piece.part for piece in pieces]),
        tint=np.concatenate([piece.tint for piece in pieces]),
    )


def skin(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """The bare body where nothing covers it; faces well inside a garment are left out, so that none pokes through."""
    quads = anatomy.quads["body"]
    inside = covered(anatomy, outfit)
    visible = quads[~inside[quads].all(1)]
    return surface_piece(anatomy, visible, "skin", body.vertices, tint=face_paint(anatomy, outfit))


def covered(anatomy: Anatomy, outfit: Outfit) -> NDArray[np.bool_]:
    """(V,) vertices of the body that lie well inside a garment, where no edge of it can show them."""
    region, along = anatomy.region, anatomy.along
    by_top = (region == TRUNK) & (along > max(outfit.top.hem, 0.0) + 0.08) & (along < outfit.top.neck - 0.14)
    by_top |= (region == ARM) & (along < outfit.top.sleeve - 0.12)
    by_bottom = (region == TRUNK) & (along < outfit.top.hem - 0.02)
    if outfit.bottom.kind != "skirt":
        by_bottom |= (region == LEG) & (along < outfit.bottom.length - 0.1)
    by_shoes = (region == FOOT) & (anatomy.reference[:, 2] < shoe_line(anatomy) - 0.02)
    return by_top | by_bottom | by_shoes


def shoe_line(anatomy: Anatomy) -> float:
    """Height of the ankle in the reference pose, metres."""
    ankle = (anatomy.region == LEG) & (anatomy.along > 0.97)
    return float(anatomy.reference[ankle, 2].mean())


def above(anatomy: Anatomy, along_trunk: float) -> Floats:
    """(V,) metres above the level `along_trunk` (0 crotch, 1 neck) in the reference pose."""
    trunk = anatomy.region == TRUNK
    slope, base = np.polyfit(anatomy.along[trunk], anatomy.reference[trunk, 2], 1)
    return anatomy.reference[:, 2] - (base + slope * along_trunk)


ARM_LENGTH, LEG_LENGTH = 0.55, 0.85
"""Rough lengths, metres: they turn fractions of a limb into the distances that edges are cut by."""


def surface_piece(
    anatomy: Anatomy,
    quads: Ints,
    surface: str,
    vertices: Floats,
    inside: Floats | None = None,
    tint: Floats | None = None,
) -> Mesh:
    """The faces `quads` of the base mesh as a piece, with only the vertices that they use.

    `vertices` (T, V, 3) metres. `inside` (V,): where the piece's edge runs, positive inside; faces across the edge
    are cut there, so that hems and cuffs are straight.
    """
    edge = Edge(np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0))
    faces = quads
    if inside is not None:
        quads = quads[(inside[quads] > 0).any(1)]
        faces, edge = cut(quads, inside)
    used, renumbered = np.unique(faces, return_inverse=True)
    paint = np.ones_like(anatomy.reference) if tint is None else tint
    return Mesh(
        vertices=_with_edge(vertices, edge)[:, used],
        rest=_with_edge(anatomy.reference[None], edge)[0, used],
        quads=renumbered.reshape(quads.shape),
        surface=np.full(len(quads), SURFACES.index(surface)),
        part=part_of_faces(anatomy, quads),
        tint=_with_edge(paint[None], edge)[0, used],
    )


@dataclass(frozen=True)
class Edge:
    """New vertices on the line between two old ones, numbered from V on: (1 - share) * outer + share * inner."""

    outer: Ints
    inner: Ints
    share: Floats


def cut(quads: Ints, inside: Floats) -> tuple[Ints, Edge]:
    """Quads (F, 4) whose corners outside (`inside` (V,) <= 0) are pulled to where `inside` crosses zero.

    A corner is pulled towards the neighbour that is inside, or towards the opposite corner where both or neither
    neighbour is. Every quad must have a corner inside.
    """
    faces = quads.copy()
    outer_of: list[Ints] = []
    inner_of: list[Ints] = []
    good = inside[quads] > 0
    for corner in range(4):
        before, after, opposite = (corner - 1) % 4, (corner + 1) % 4, (corner + 2) % 4
        rows = np.flatnonzero(~good[:, corner])
        one_neighbour = good[rows, before] != good[rows, after]
        neighbour = np.where(good[rows, before], before, after)
        target = np.where(one_neighbour, neighbour, opposite)
        # Both neighbours inside and the opposite corner not: any neighbour serves.
        target = np.where(good[rows, target], target, after)
        faces[rows, corner] = len(inside) + sum(len(rows) for rows in outer_of) + np.arange(len(rows))
        outer_of.append(quads[rows, corner])
        inner_of.append(quads[rows, target])
    outer, inner = np.concatenate(outer_of), np.concatenate(inner_of)
    share = inside[outer] / (inside[outer] - inside[inner])
    return faces, Edge(outer, inner, share)


def _with_edge(vertices: Floats, edge: Edge) -> Floats:
    """(T, V, 3) vertices followed by the edge's new ones."""
    share = edge.share[None, :, None]
    return np.concatenate([vertices, (1 - share) * vertices[:, edge.outer] + share * vertices[:, edge.inner]], axis=1)


def part_of_faces(anatomy: Anatomy, quads: Ints) -> Ints:
    """(F,) the paper's part of each face: head and neck upper; trunk, arms and hands middle; below the hips lower."""
    region, along = anatomy.region[quads[:, 0]], anatomy.along[quads].mean(1)
    middle = np.isin(region, (TRUNK, ARM, HAND)) & ~((region == TRUNK) & (along < 0.12))
    return np.where(region == HEAD, 0, np.where(middle, 1, 2))


def face_paint(anatomy: Anatomy, outfit: Outfit) -> Floats:
    """(V, 3) factors on the skin's colour that draw brows, lips and beard, from places on the average face."""
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
    """Both eyeballs; the iris is the front of each."""
    quads = np.concatenate([anatomy.quads["helper-l-eye"], anatomy.quads["helper-r-eye"]])
    tint = np.ones_like(anatomy.reference)
    for name in ("helper-l-eye", "helper-r-eye"):
        ball = np.unique(anatomy.quads[name])
        depth = anatomy.reference[ball, 1]
        tint[ball[depth < depth.min() + 0.006]] = 0.03
    return surface_piece(anatomy, quads, "eyes", body.vertices, tint=tint)


def eased(vertices: Floats, quads: Ints, ease: Floats, smoothing: int) -> Floats:
    """(T, V, 3) vertices with those of `quads` smoothed `smoothing` times and pushed out along their normals.

    `ease` (V,) metres. Smoothing takes the anatomy out of the cloth: a garment spans hollows, it does not line them.
    """
    used, local = np.unique(quads, return_inverse=True)
    local = local.reshape(quads.shape)
    cloth = vertices[:, used]
    first, second = local.ravel(), np.roll(local, 1, axis=1).ravel()
    ends = np.concatenate([first, second])
    others = np.concatenate([second, first])
    order = np.argsort(ends, kind="stable")
    starts = np.searchsorted(ends[order], np.arange(len(used)))
    count = np.diff(np.append(starts, len(ends)))[None, :, None]
    for _ in range(smoothing):
        neighbours = np.add.reduceat(cloth[:, others[order]], starts, axis=1) / count
        cloth = 0.5 * cloth + 0.5 * neighbours
    corners = cloth[:, local]
    face_normals = np.cross(corners[:, :, 2] - corners[:, :, 0], corners[:, :, 3] - corners[:, :, 1])
    face_of_end = np.tile(np.repeat(np.arange(len(local)), 4), 2)
    normals = np.add.reduceat(face_normals[:, face_of_end[order]], starts, axis=1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-12
    out = vertices.copy()
    out[:, used] = cloth + ease[used, None] * normals
    return out


def top(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """Shirt, jumper, jacket or coat: the tights above the hem, without the arms beyond the sleeve; a coat's skirts
    come from the helper skirt."""
    garment = outfit.top
    region, along = anatomy.region, anatomy.along
    inside = np.minimum(above(anatomy, max(garment.hem, -0.02)), -above(anatomy, garment.neck))
    inside[region == ARM] = ARM_LENGTH * (garment.sleeve - along[region == ARM])
    inside[np.isin(region, (HAND, FOOT))] = -0.02
    ease = np.full(len(region), garment.ease)
    ease[region == ARM] *= 0.75
    # A hem that hangs free stands off what is worn below it.
    low = np.clip((0.45 - along) / 0.45, 0, 1)
    hips = np.isin(region, (TRUNK, LEG))
    ease[hips] += (outfit.bottom.ease + 0.006) * np.where(region == LEG, 1.0, low)[hips]
    quads = anatomy.quads["helper-tights"]
    vertices = eased(body.vertices, quads, ease, smoothing=4)
    pieces = [surface_piece(anatomy, quads, "top", vertices, inside)]
    if garment.hem < 0:
        pieces.append(coat_skirts(anatomy, body, outfit))
    piece = joined(pieces)
    if garment.opening > 0:
        middle = piece.rest[piece.quads].mean(1)
        open_front = (np.abs(middle[:, 0]) < garment.opening / 2) & (middle[:, 1] < 0.0)
        crotch = (anatomy.reference[:, 2] - above(anatomy, 0.0))[0]
        piece.surface[open_front & (middle[:, 2] > crotch)] = SURFACES.index("under")
    return piece


def coat_skirts(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """What of a coat hangs over the thighs."""
    quads = anatomy.quads["helper-skirt"]
    ease = np.full(len(anatomy.region), outfit.top.ease + outfit.bottom.ease + 0.004)
    vertices = eased(body.vertices, quads, ease, smoothing=6)
    return surface_piece(anatomy, quads, "top", vertices, LEG_LENGTH * (-outfit.top.hem - drop(anatomy)))


def drop(anatomy: Anatomy) -> Floats:
    """(V,) how far below the hip a vertex is, as a fraction of the leg."""
    hip = anatomy.reference[(anatomy.region == LEG) & (np.abs(anatomy.along) < 0.03), 2].mean()
    return (hip - anatomy.reference[:, 2]) / (hip - shoe_line(anatomy))


def bottom(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """Trousers and shorts from the tights, skirts from the helper skirt; the top hangs over the waist."""
    garment = outfit.bottom
    region, along = anatomy.region, anatomy.along
    if garment.kind == "skirt":
        quads = anatomy.quads["helper-skirt"]
        inside = LEG_LENGTH * (garment.length - drop(anatomy))
        ease = garment.ease + garment.flare * np.clip(drop(anatomy), 0, 1)
        smoothing = 6
    else:
        quads = anatomy.quads["helper-tights"]
        inside = -above(anatomy, max(outfit.top.hem, 0.0) + 0.14)
        inside[region == LEG] = LEG_LENGTH * (garment.length - along[region == LEG])
        inside[np.isin(region, (ARM, HAND, FOOT))] = -0.02
        ease = garment.ease + garment.flare * np.where(region == LEG, np.clip(along, 0, 1), 0)
        smoothing = 4
    vertices = eased(body.vertices, quads, ease, smoothing)
    piece = surface_piece(anatomy, quads, "bottom", vertices, inside)
    piece.part[:] = PART_NAMES.index("lower")
    return piece


def shoes(anatomy: Anatomy, body: BakedBody, outfit: Outfit) -> Mesh:
    """Shoes from the tights' feet, which have no toes."""
    region, along = anatomy.region, anatomy.along
    inside = np.full(len(region), -0.02)
    inside[region == FOOT] = 0.05
    inside[region == LEG] = LEG_LENGTH * (along[region == LEG] - (1.0 - outfit.shoes.height))
    quads = anatomy.quads["helper-tights"]
    vertices = eased(body.vertices, quads, np.full(len(region), 0.009), smoothing=1)
    piece = surface_piece(anatomy, quads, "shoes", vertices, inside)
    ground = anatomy.reference[region == FOOT, 2].min()
    piece.surface[piece.rest[piece.quads].mean(1)[:, 2] < ground + 0.02] = SURFACES.index("soles")
    return piece


def hair(anatomy: Anatomy, body: BakedBody, style: Hair) -> list[Mesh]:
    """A cap over the scalp, and for long hair a curtain behind, a tail or a knot."""
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
    """Landmarks of a head in the reference pose, metres."""

    centre: Floats
    half_width: float
    half_depth: float
    eye: float
    ear: float
    crown: float


def skull(anatomy: Anatomy, rest: Floats) -> Skull:
    """Measure the head of a body in the reference pose, (V, 3)."""
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
    """The scalp above the hairline, pushed out by the hair's volume, thinning towards the hairline."""
    landmarks = skull(anatomy, body.rest)
    front_to_back = (body.rest[:, 1] - landmarks.centre[1]) / landmarks.half_depth
    # Forehead, above the ears, nape: the hairline falls from front to back.
    hairline = np.interp(front_to_back, [-1, -0.55, -0.1, 0.25, 0.7, 1], [0.075, 0.05, 0.012, -0.015, -0.06, -0.075])
    inside = np.where(anatomy.region == HEAD, body.rest[:, 2] - landmarks.eye - hairline, -0.02)
    quads = anatomy.quads["body"]
    quads = quads[(inside[quads] > -0.05).all(1)]
    ease = 0.003 + style.volume * np.clip(inside / 0.04, 0, 1)
    vertices = eased(body.vertices, quads, ease, smoothing=3)
    piece = surface_piece(anatomy, quads, "hair", vertices, inside)
    piece.part[:] = PART_NAMES.index("upper")
    return piece


def rigid_piece(points: Floats, quads: Ints, motion: Floats, surface: str, part: str) -> Mesh:
    """Points (N, 3) of the body in the reference pose, carried by a rigid motion (T, 4, 4)."""
    vertices = np.einsum("tij,nj->tni", motion[:, :3, :3], points) + motion[:, None, :3, 3]
    return Mesh(
        vertices=vertices,
        rest=points,
        quads=quads,
        surface=np.full(len(quads), SURFACES.index(surface)),
        part=np.full(len(quads), PART_NAMES.index(part)),
        tint=np.ones((len(points), 3)),
    )


def grid_quads(rows: int, columns: int, closed: bool = False) -> Ints:
    """Quads over a grid of rows × columns points; `closed` joins the last column to the first."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns - (not closed)), indexing="ij")
    after = (column + 1) % columns
    corners = [row * columns + column, row * columns + after, (row + 1) * columns + after, (row + 1) * columns + column]
    return np.stack(corners, axis=-1).reshape(-1, 4)


def curtain(anatomy: Anatomy, body: BakedBody, style: Hair) -> Mesh:
    """Hair that hangs behind and beside the head, over the neck and the back."""
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
    """A ponytail: a tapered tube from the back of the head downwards."""
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
    """A knot of hair at the back of the head."""
    landmarks = skull(anatomy, body.rest)
    centre = np.array([0, landmarks.centre[1] + landmarks.half_depth + 0.018, landmarks.eye + 0.06])
    return rigid_piece(*superellipsoid(centre, (0.042, 0.034, 0.042), 1.0), body.head, "hair", "upper")


def superellipsoid(centre: Floats, radii: tuple[float, float, float], roundness: float) -> tuple[Floats, Ints]:
    """Points and quads of a closed rounded box; `roundness` 1 is an ellipsoid, towards 0 a box."""
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
