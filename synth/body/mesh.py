"""Meshes of a dressed person: pieces cut from the base mesh or built separately, and merged."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from alignnet_common.arrays import Floats, Ints, Rgb
from alignnet_common.coco18 import PARTS
from synth.body.anatomy import ARM, HAND, HEAD, TRUNK, Anatomy

SURFACES = ("skin", "eyes", "hair", "top", "under", "bottom", "shoes", "soles", "worn", "carried")
"""Surfaces of a dressed person, which faces refer to by index. The materials of "worn" (hats, scarves, tights) and
"carried" are white: each thing has its own colour as the mesh's tint."""


@dataclass(frozen=True)
class Mesh:
    """Part of a dressed person over T frames."""

    vertices: Floats
    """(T, N, 3) metres."""
    rest: Floats
    """(N, 3) metres: reference pose, to which patterns are attached."""
    quads: Ints
    """(F, 4) indices of vertices."""
    surface: Ints
    """(F,) index into SURFACES."""
    part: Ints
    """(F,) index into `alignnet_common.coco18.PARTS`: the paper's composite part that the face belongs to."""
    tint: Floats
    """(N, 3) factor on the surface's colour (lips, brows, beard); for "worn" and "carried" the colour itself."""


def painted(piece: Mesh, colour: Rgb) -> Mesh:
    """The piece with the tint `colour` at all vertices."""
    return replace(piece, tint=np.broadcast_to(np.array(colour), piece.rest.shape).copy())


def joined(pieces: list[Mesh]) -> Mesh:
    """Merge several meshes of equal T into one."""
    offsets = np.cumsum([0] + [piece.vertices.shape[1] for piece in pieces[:-1]])
    return Mesh(
        vertices=np.concatenate([piece.vertices for piece in pieces], axis=1),
        rest=np.concatenate([piece.rest for piece in pieces]),
        quads=np.concatenate([piece.quads + offset for piece, offset in zip(pieces, offsets, strict=True)]),
        surface=np.concatenate([piece.surface for piece in pieces]),
        part=np.concatenate([piece.part for piece in pieces]),
        tint=np.concatenate([piece.tint for piece in pieces]),
    )


def surface_piece(
    anatomy: Anatomy,
    quads: Ints,
    surface: str,
    vertices: Floats,
    inside: Floats | None = None,
    tint: Floats | None = None,
) -> Mesh:
    """The faces `quads` of the base mesh as a piece, with only their vertices.

    `vertices` (T, V, 3) metres; `inside` (V,): signed distance to the piece's edge, positive inside. Faces across the
    edge are cut there, so that hems and cuffs are straight. `tint` (V, 3), by default 1.
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


def part_of_faces(anatomy: Anatomy, quads: Ints) -> Ints:
    """(F,) part of each face: 0 upper (head, neck), 1 middle (trunk, arms, hands), 2 lower (below the hips)."""
    region, along = anatomy.region[quads[:, 0]], anatomy.along[quads].mean(1)
    middle = np.isin(region, (TRUNK, ARM, HAND)) & ~((region == TRUNK) & (along < 0.12))
    return np.where(region == HEAD, 0, np.where(middle, 1, 2))


@dataclass(frozen=True)
class Edge:
    """New vertices on lines between pairs of old ones, numbered from V: (1 - share) * outer + share * inner."""

    outer: Ints
    inner: Ints
    share: Floats


def cut(quads: Ints, inside: Floats) -> tuple[Ints, Edge]:
    """Quads (F, 4) with their outer corners (`inside` (V,) <= 0) moved to the zero crossing of `inside`.

    A corner moves towards its inner neighbour, or towards the opposite corner if both or neither neighbours are inside.
    Every quad must have an inner corner.
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
        # If both neighbours are inside and the opposite corner is not, either neighbour serves.
        target = np.where(good[rows, target], target, after)
        faces[rows, corner] = len(inside) + sum(len(rows) for rows in outer_of) + np.arange(len(rows))
        outer_of.append(quads[rows, corner])
        inner_of.append(quads[rows, target])
    outer, inner = np.concatenate(outer_of), np.concatenate(inner_of)
    share = inside[outer] / (inside[outer] - inside[inner])
    return faces, Edge(outer, inner, share)


def _with_edge(vertices: Floats, edge: Edge) -> Floats:
    """Vertices (T, V, 3) followed by the edge's new ones."""
    share = edge.share[None, :, None]
    return np.concatenate([vertices, (1 - share) * vertices[:, edge.outer] + share * vertices[:, edge.inner]], axis=1)


def eased(vertices: Floats, quads: Ints, ease: Floats, smoothing: int) -> Floats:
    """Vertices (T, V, 3) with those of `quads` smoothed `smoothing` times and moved out by `ease` (V,) metres.

    Smoothing removes the anatomy from the cloth, since garments span hollows of the body.
    """
    used, local = np.unique(quads, return_inverse=True)
    local = local.reshape(quads.shape)
    cloth = vertices[:, used]
    for _ in range(smoothing):
        cloth = 0.5 * cloth + 0.5 * _mixed(_neighbours(local, len(used)), cloth)
    out = vertices.copy()
    out[:, used] = cloth + ease[used, None] * _normals(cloth, local)
    return out


def normals_of(vertices: Floats, quads: Ints) -> Floats:
    """(T, V, 3) unit normals at vertices (T, V, 3); zero at vertices that no quad uses."""
    used, local = np.unique(quads, return_inverse=True)
    normals = np.zeros_like(vertices)
    normals[:, used] = _normals(vertices[:, used], local.reshape(quads.shape))
    return normals


def _neighbours(quads: Ints, points: int) -> sparse.csr_array:
    """(points, points) weights of the mean over each point's neighbours; an edge counts once per quad."""
    first, second = quads.ravel(), np.roll(quads, 1, axis=1).ravel()
    near, far = np.concatenate([first, second]), np.concatenate([second, first])
    return sparse.csr_array((1 / np.bincount(near)[near], (near, far)), shape=(points, points))


def _normals(points: Floats, quads: Ints) -> Floats:
    """(T, N, 3) unit normals, each the normalised sum over the adjacent faces."""
    corners = points[:, quads]
    (ax, ay, az), (bx, by, bz) = (np.moveaxis(corners[:, :, k + 2] - corners[:, :, k], -1, 0) for k in (0, 1))
    face_normals = np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)
    faces = np.repeat(np.arange(len(quads)), 4)
    about = sparse.csr_array((np.ones(quads.size), (quads.ravel(), faces)), shape=(points.shape[1], len(quads)))
    normals = _mixed(about, face_normals)
    return normals / (np.sqrt(np.einsum("tni,tni->tn", normals, normals))[..., None] + 1e-12)


def _mixed(weights: sparse.csr_array, points: Floats) -> Floats:
    """(T, M, 3) weighted sums of points (T, N, 3), by `weights` (M, N)."""
    frames = np.ascontiguousarray(np.moveaxis(points, 0, 1)).reshape(points.shape[1], -1)
    return np.moveaxis((weights @ frames).reshape(-1, len(points), 3), 1, 0)


def rigid_piece(points: Floats, quads: Ints, motion: Floats, surface: str, part: str) -> Mesh:
    """A piece of points (N, 3) in the reference pose that follows a rigid motion (T, 4, 4)."""
    vertices = np.einsum("tij,nj->tni", motion[:, :3, :3], points) + motion[:, None, :3, 3]
    return Mesh(
        vertices=vertices,
        rest=points,
        quads=quads,
        surface=np.full(len(quads), SURFACES.index(surface)),
        part=np.full(len(quads), PARTS.index(part)),
        tint=np.ones((len(points), 3)),
    )


def trunk_band(
    anatomy: Anatomy, vertices: Floats, inside: Callable[[Floats], Floats], cloth: Floats, lift: float, surface: str
) -> Mesh:
    """A band on the trunk's clothes, such as a strap.

    `vertices` (T, V, 3) metres of the body; `inside`: signed distances (N,) to the band's edge in metres, positive
    inside, of points (N, 3) of the average body; `cloth` (V,) metres between skin and clothes; `lift` metres between
    clothes and band.
    """
    quads = anatomy.quads["helper-tights"]
    # Smoothed with the arms, as the clothes are: a surface that ends at the armpits would sink into them there.
    lifted = eased(vertices, quads, cloth + lift, smoothing=4)
    quads = quads[~np.isin(anatomy.region[quads], (ARM, HAND)).any(1)]
    quads = quads[(anatomy.reference[quads, 2] > -0.1).all(1)]
    # A band may be narrower than a quad.
    fine, weights = divided(quads, len(anatomy.reference))
    rest = weights @ anatomy.reference
    distance = inside(rest)
    used, local = np.unique(fine[(distance[fine] > 0).any(1)], return_inverse=True)
    faces, edge = cut(local.reshape(-1, 4), distance[used])
    kept, faces = np.unique(faces, return_inverse=True)
    return Mesh(
        vertices=_with_edge(_mixed(weights[used], lifted), edge)[:, kept],
        rest=_with_edge(rest[None, used], edge)[0, kept],
        quads=faces.reshape(-1, 4),
        surface=np.full(len(faces) // 4, SURFACES.index(surface)),
        part=np.full(len(faces) // 4, PARTS.index("middle")),
        tint=np.ones((len(kept), 3)),
    )


def divided(quads: Ints, points: int, times: int = 4) -> tuple[Ints, sparse.csr_array]:
    """Quads (F, 4), each divided into `times` × `times`, and the weights (N, points) of their vertices."""
    steps = np.arange(times + 1) / times
    across, along = (each.ravel() for each in np.meshgrid(steps, steps))
    shares = np.stack([(1 - across) * (1 - along), across * (1 - along), across * along, (1 - across) * along], axis=1)
    row, column = (each.ravel() for each in np.meshgrid(np.arange(times), np.arange(times), indexing="ij"))
    first = row * (times + 1) + column
    cells = np.stack([first, first + 1, first + times + 2, first + times + 1], axis=1)
    starts = len(shares) * np.arange(len(quads))
    fine = (starts[:, None, None] + cells).reshape(-1, 4)
    rows = np.repeat(np.arange(len(quads) * len(shares)), 4)
    columns = np.repeat(quads, len(shares), axis=0).ravel()
    weights = sparse.csr_array((np.tile(shares, (len(quads), 1)).ravel(), (rows, columns)), (rows[-1] + 1, points))
    return fine, weights
