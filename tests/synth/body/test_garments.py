"""Cutting and offsetting cloth, and people dressed in every kind of outfit."""

import dataclasses
import functools

import numpy as np
import pytest
from scipy.spatial import cKDTree

from alignnet_common.coco18 import PARTS
from synth.animation.walk import steady
from synth.body.accessory_mesh import fist, on_backpack_strap
from synth.body.anatomy import FOOT, HEAD, LEG
from synth.body.garments import SOLE, dress, top_ease
from synth.body.mesh import SURFACES, Mesh, cut, divided, eased, joined, trunk_band
from synth.body.primitives import grid_quads, superellipsoid
from synth.cameras.colour import srgb_decode
from synth.people.accessories import ACCESSORIES, accessory_rand, arms_of
from synth.people.fabric import colour_distance, fabric_rand, palette, print_rand
from synth.people.gait_style import gait_rand
from synth.people.garment_kinds import BOTTOMS, TOPS
from synth.people.headwear import Headwear
from synth.people.outfit import outfit_rand, top_rand
from synth.people.phenotype import phenotype_rand

HAIR = ("bald", "short", "bob", "long", "bun", "ponytail")


def sheet(rows, columns):
    """A flat grid of unit squares: points (N, 3) and quads."""
    row, column = np.mgrid[0:rows, 0:columns]
    points = np.stack([column.ravel(), row.ravel(), np.zeros(row.size)], axis=-1).astype(float)
    return points, grid_quads(rows, columns)


def with_new(points, edge):
    share = edge.share[:, None]
    return np.concatenate([points, (1 - share) * points[edge.outer] + share * points[edge.inner]])


@pytest.mark.parametrize("seed", range(5))
def test_a_cut_leaves_no_corner_outside_and_its_edge_on_the_line(seed):
    rng = np.random.default_rng(seed)
    points, quads = sheet(9, 9)
    normal = rng.normal(size=2)
    inside = (points[:, :2] - rng.uniform(2.2, 5.8, 2)) @ normal  # linear, so the line is exact
    quads = quads[(inside[quads] > 0).any(1)]
    faces, edge = cut(quads, inside)
    assert faces.shape == quads.shape
    assert (edge.share >= 0).all()
    assert (edge.share <= 1).all()
    after = with_new(inside[:, None], edge)[:, 0]
    assert after[faces].min() > -1e-9
    np.testing.assert_allclose(after[len(points) :], 0, atol=1e-9)
    assert len(edge.share) == (inside[quads] <= 0).sum() > 0
    # Corners that were inside stay what they were.
    kept = inside[quads] > 0
    np.testing.assert_array_equal(faces[kept], quads[kept])
    assert (faces[~kept] >= len(points)).all()


def test_all_cuts_of_one_quad_by_a_line():
    _, quads = sheet(2, 2)
    for pattern in range(1, 16):
        inside = np.array([1.0 if pattern >> corner & 1 else -3.0 for corner in range(4)])
        faces, edge = cut(quads, inside)
        after = with_new(inside[:, None], edge)[:, 0]
        assert after[faces].min() > -1e-9
        assert len(edge.share) == 4 - inside.tolist().count(1.0)
        np.testing.assert_allclose(edge.share, 0.75)


def test_a_quad_inside_the_edge_is_unchanged():
    points, quads = sheet(4, 4)
    faces, edge = cut(quads, np.ones(len(points)))
    np.testing.assert_array_equal(faces, quads)
    assert len(edge.share) == 0


def ball(radius):
    return superellipsoid(np.array([0.3, -0.2, 1.0]), (radius, radius, radius), 1.0)


def test_easing_a_sphere_makes_it_larger_by_the_ease():
    points, quads = ball(0.5)
    out = eased(points[None], quads, np.full(len(points), 0.03), smoothing=0)[0]
    distance = np.linalg.norm(out - [0.3, -0.2, 1.0], axis=1)
    np.testing.assert_allclose(distance, 0.53, atol=0.001)


def test_ease_is_per_vertex_and_moves_only_cloth():
    points, quads = ball(0.5)
    upper = (points[quads][..., 2] > 1.05).all(1)
    ease = np.where(points[:, 0] > 0.3, 0.05, 0.0)
    out = eased(points[None], quads[upper], ease, smoothing=0)[0]
    used = np.unique(quads[upper])
    others = np.setdiff1d(np.arange(len(points)), used)
    np.testing.assert_array_equal(out[others], points[others])
    moved = np.linalg.norm(out - points, axis=1)
    np.testing.assert_allclose(moved, np.where(np.isin(np.arange(len(points)), used), ease, 0), atol=1e-9)


def test_smoothing_flattens_a_bump_and_keeps_the_sheet():
    points, quads = sheet(9, 9)
    points[40, 2] = 1.0
    out = eased(points[None], quads, np.zeros(len(points)), smoothing=4)[0]
    assert 0 < out[40, 2] < 0.4
    assert out[:, 2].min() >= 0


def test_frames_are_offset_independently():
    points, quads = ball(0.5)
    both = np.stack([points, 2 * points])
    ease = np.full(len(points), 0.03)
    out = eased(both, quads, ease, smoothing=2)
    for frame in (0, 1):
        np.testing.assert_array_equal(out[frame], eased(both[frame : frame + 1], quads, ease, smoothing=2)[0])


def test_joined_pieces_keep_their_faces():
    pieces = []
    for number in (0, 1):
        points, quads = sheet(2, 3)
        points[:, 2] = number
        marks = np.full(len(quads), number)
        pieces.append(Mesh(points[None], points, quads, marks, marks, np.ones_like(points)))
    whole = joined(pieces)
    assert whole.vertices.shape == (1, 12, 3)
    for face, surface in zip(whole.quads, whole.surface, strict=True):
        assert (whole.rest[face, 2] == surface).all()


@pytest.fixture(scope="module")
def walker(body_model):
    """A woman in two frames of her walk."""
    phenotype = dataclasses.replace(phenotype_rand(np.random.default_rng(5)), gender=0.9)
    style = gait_rand(np.random.default_rng(5))
    return body_model.bake(phenotype, style, steady(np.array([0.1, 0.35]), np.zeros(2)))


def outfit(**changes):
    """A plain outfit but for `changes` of its top, bottom, hair or bag."""
    plain = outfit_rand(np.random.default_rng(8), 0.9, 0.7)
    rng = np.random.default_rng(9)
    top = dataclasses.replace(
        top_rand(rng, True, 0.5), kind="t-shirt", sleeve=0.4, hem=0.1, neck=1.0, ease=0.014, opening=0.0, hood="none"
    )
    bottom = dataclasses.replace(plain.bottom, kind="trousers", length=0.97, ease=0.01, flare=0.01)
    hair = dataclasses.replace(plain.hair, style="short", length=0.0)
    return dataclasses.replace(
        plain, top=top, bottom=bottom, hair=hair, tights=None, headwear=None, scarf=None, carried=(), **changes
    )


def kinds():
    plain = outfit()
    for kind in TOPS:
        hem = -0.4 if kind == "coat" else 0.1
        opening = 0.1 if kind in ("jacket", "coat") else 0.0
        top = dataclasses.replace(plain.top, kind=kind, hem=hem, sleeve=0.95, opening=opening)
        skirt = dataclasses.replace(plain.bottom, kind="skirt", length=0.6, fabric=top.fabric)
        yield kind, dataclasses.replace(plain, top=top, bottom=skirt if kind == "dress" else plain.bottom)
    yield "short sleeves", plain
    for kind, length in zip(BOTTOMS, (0.97, 0.95, 0.4, 0.5), strict=True):
        yield kind, dataclasses.replace(plain, bottom=dataclasses.replace(plain.bottom, kind=kind, length=length))
    for style in HAIR:
        length = {"bob": 0.1, "long": 0.3, "ponytail": 0.25}.get(style, 0.0)
        hair = dataclasses.replace(plain.hair, style=style, length=length)
        yield style, dataclasses.replace(plain, hair=hair)
    for kind in ACCESSORIES:
        yield kind, dataclasses.replace(plain, carried=(accessory_rand(np.random.default_rng(1), kind),))
    for kind in ("cap", "backwards cap", "woollen hat", "brimmed hat", "headscarf"):
        yield kind, dataclasses.replace(plain, headwear=Headwear(kind, (0.2, 0.1, 0.1), (0.1, 0.1, 0.1), True))
    for hood in ("down", "up"):
        yield f"hood {hood}", dataclasses.replace(plain, top=dataclasses.replace(plain.top, hood=hood))
    yield "scarf", dataclasses.replace(plain, scarf=(0.3, 0.1, 0.1))
    yield (
        "tights",
        dataclasses.replace(
            dataclasses.replace(plain, bottom=dataclasses.replace(plain.bottom, kind="skirt", length=0.5)),
            tights=(0.01, 0.01, 0.01),
        ),
    )


KINDS = dict(kinds())


def extent(mesh, surface, axis=2):
    """Lowest and highest rest position of a surface."""
    faces = mesh.quads[mesh.surface == SURFACES.index(surface)]
    return mesh.rest[faces, axis].min(), mesh.rest[faces, axis].max()


@pytest.mark.parametrize("name", KINDS)
def test_a_dressed_person_is_a_valid_mesh(body_model, walker, name):
    mesh = dress(body_model.anatomy, walker, KINDS[name])
    points, faces = mesh.vertices.shape[1], len(mesh.quads)
    assert mesh.vertices.shape == (2, points, 3)
    assert mesh.rest.shape == mesh.tint.shape == (points, 3)
    assert mesh.quads.shape == (faces, 4)
    assert mesh.surface.shape == mesh.part.shape == (faces,)
    assert 0 <= mesh.quads.min() <= mesh.quads.max() < points
    assert len(np.unique(mesh.quads)) == points
    for values, names in ((mesh.surface, SURFACES), (mesh.part, PARTS)):
        assert 0 <= values.min() <= values.max() < len(names)
    assert set(np.unique(mesh.part)) == {0, 1, 2}
    assert np.isfinite(mesh.vertices).all()
    assert mesh.tint.min() > 0
    wanted = {"skin", "eyes", "top", "bottom", "shoes", "soles"}
    clothes = KINDS[name]
    wanted |= {"hair"} if name not in ("bald", "headscarf") else set()
    wanted |= {"carried"} if clothes.carried else set()
    wanted |= {"worn"} if clothes.headwear or clothes.scarf or clothes.tights or clothes.top.hood != "none" else set()
    wanted |= {"under"} if name in ("jacket", "coat", "vest") else set()
    wanted -= {"bottom"} if name == "dress" else set()
    assert {SURFACES[number] for number in np.unique(mesh.surface)} == wanted


@pytest.mark.parametrize("name", KINDS)
def test_clothes_stay_close_to_the_body_and_shoes_on_the_ground(body_model, walker, name):
    mesh = dress(body_model.anatomy, walker, KINDS[name])
    for frame in (0, 1):
        bare = walker.vertices[frame, np.unique(body_model.anatomy.quads["body"])]
        beyond = {"trolley": [0.15, 1.1, 0.06], "umbrella": [0.7, 0.7, 0.6]}.get(name, [0.2, 0.35, 0.1])
        assert (mesh.vertices[frame].min(0) > bare.min(0) - beyond).all()
        assert (mesh.vertices[frame].max(0) < bare.max(0) + beyond).all()
        assert abs(mesh.vertices[frame, :, 2].min() + SOLE) < 0.003


def test_garments_end_at_their_hems(body_model, walker):
    dressed = {name: dress(body_model.anatomy, walker, clothes) for name, clothes in KINDS.items()}
    anatomy = body_model.anatomy
    knee = anatomy.reference[(anatomy.region == LEG) & (np.abs(anatomy.along - 0.5) < 0.02), 2].mean()
    ankle = anatomy.reference[(anatomy.region == LEG) & (anatomy.along > 0.97), 2].mean()
    assert extent(dressed["trousers"], "bottom")[0] == pytest.approx(ankle, abs=0.06)
    assert extent(dressed["shorts"], "bottom")[0] > knee
    assert extent(dressed["skirt"], "bottom")[0] == pytest.approx(knee, abs=0.06)
    assert extent(dressed["coat"], "top")[0] < extent(dressed["shirt"], "top")[0] - 0.1
    reach = {name: np.abs(extent(dressed[name], "top", axis=0)).max() for name in ("short sleeves", "shirt")}
    assert reach["short sleeves"] < reach["shirt"] - 0.1
    assert extent(dressed["long"], "hair")[0] < extent(dressed["bob"], "hair")[0] < extent(dressed["short"], "hair")[0]
    assert extent(dressed["backpack"], "carried", axis=1)[1] > extent(dressed["short"], "top", axis=1)[1] + 0.05
    assert (dressed["shorts"].surface == SURFACES.index("skin")).sum() > (
        dressed["trousers"].surface == SURFACES.index("skin")
    ).sum()


def test_parts_are_head_trunk_with_arms_and_legs(body_model, walker):
    anatomy = body_model.anatomy
    mesh = dress(anatomy, walker, KINDS["short sleeves"])
    centre = mesh.rest[mesh.quads].mean(1)[:, 2]
    upper, middle, lower = (centre[mesh.part == number] for number in range(3))
    assert upper.min() > np.quantile(middle, 0.8) - 0.25
    assert upper.mean() > middle.mean() > lower.mean()
    surface = {name: mesh.part[mesh.surface == SURFACES.index(name)] for name in SURFACES}
    assert (surface["hair"] == PARTS.index("upper")).all()
    assert (surface["eyes"] == PARTS.index("upper")).all()
    assert (surface["bottom"] == PARTS.index("lower")).all()
    assert (surface["shoes"] == PARTS.index("lower")).all()
    assert np.mean(surface["top"] == PARTS.index("middle")) > 0.8


def test_hidden_skin_that_could_intersect_clothes_is_left_out(body_model, walker):
    anatomy = body_model.anatomy
    mesh = dress(anatomy, walker, KINDS["shirt"])
    skin = mesh.quads[mesh.surface == SURFACES.index("skin")]
    bare = len(anatomy.quads["body"])
    assert len(skin) < 0.8 * bare
    region_height = (
        anatomy.reference[anatomy.region == FOOT, 2].max(),
        anatomy.reference[anatomy.region == HEAD, 2].min(),
    )
    centre = mesh.rest[skin].mean(1)
    trunk = (
        (centre[:, 2] > region_height[0] + 0.25)
        & (centre[:, 2] < region_height[1] - 0.3)
        & (np.abs(centre[:, 0]) < 0.1)
    )
    assert trunk.sum() < 0.02 * bare


def test_the_same_generator_gives_the_same_outfit():
    for gender in (0.1, 0.9):
        first, same, other = (outfit_rand(np.random.default_rng(seed), gender, 0.7) for seed in (0, 0, 1))
        assert first == same
        assert first != other


def test_outfits_cover_all_kinds_and_street_colours():
    rng = np.random.default_rng(0)
    outfits = [outfit_rand(rng, gender, 0.7) for gender in (0.1, 0.9) for _ in range(300)]
    assert {clothes.top.kind for clothes in outfits} == set(TOPS)
    assert {clothes.bottom.kind for clothes in outfits} == set(BOTTOMS)
    assert {clothes.hair.style for clothes in outfits} == set(HAIR)
    assert "skirt" not in {clothes.bottom.kind for clothes in outfits[:300]}
    assert 0.38 < np.mean([bool(clothes.carried) for clothes in outfits]) < 0.52
    assert {thing.kind for clothes in outfits for thing in clothes.carried} == set(ACCESSORIES)
    colours = np.array([clothes.top.fabric.colour for clothes in outfits])
    assert 0 < colours.min() < colours.max() < 1
    # Black, grey, navy and white dominate a street; saturated colours are rare.
    saturation = np.ptp(colours, axis=1) / colours.max(1)
    assert np.mean(saturation < 0.5) > 0.4


def test_nobody_wears_a_coat_over_shorts_or_a_scarf_in_summer():
    rng = np.random.default_rng(3)
    outfits = [outfit_rand(rng, gender, 0.7) for gender in (0.1, 0.9) for _ in range(500)]
    wrapped = [clothes for clothes in outfits if clothes.top.kind in ("coat", "padded jacket")]
    assert len(wrapped) > 60
    assert np.mean([clothes.bottom.kind == "shorts" for clothes in wrapped]) < 0.02
    assert min(clothes.warmth for clothes in outfits if clothes.scarf) > 0.35


def test_an_accessory_has_its_own_colour(body_model, walker):
    for kind in ACCESSORIES:
        mesh = dress(body_model.anatomy, walker, KINDS[kind])
        faces = mesh.surface == SURFACES.index("carried")
        tints = np.unique(mesh.tint[mesh.quads[faces]].reshape(-1, 3), axis=0)
        assert (tints == KINDS[kind].carried[0].colour).all(1).any()
        assert (mesh.part[faces] == PARTS.index("middle")).all()


def test_a_trolleys_wheels_stay_on_the_ground_and_bags_hang_below_the_hand(body_model, walker):
    mesh = dress(body_model.anatomy, walker, KINDS["trolley"])
    wheels = mesh.vertices[:, np.unique(mesh.quads[mesh.surface == SURFACES.index("carried")]), 2].min(1)
    np.testing.assert_allclose(wheels, -SOLE, atol=0.004)
    thing = KINDS["shopping bag"].carried[0]
    mesh = dress(body_model.anatomy, walker, KINDS["shopping bag"])
    bag = mesh.vertices[:, np.unique(mesh.quads[mesh.surface == SURFACES.index("carried")]), 2]
    hand = fist(body_model.anatomy, walker, thing.side)[:, 2]
    np.testing.assert_allclose(bag.max(1), hand, atol=0.01)
    np.testing.assert_allclose(bag.min(1), hand - 0.13 - thing.height, atol=0.01)


def test_hands_hold_their_accessories():
    bag, phone, pack = (accessory_rand(np.random.default_rng(2), kind) for kind in ("hand bag", "phone", "backpack"))
    bag, phone = dataclasses.replace(bag, side="left"), dataclasses.replace(phone, side="right", arm="phone-ear")
    assert arms_of((), ("pocket", "swing")) == ("pocket", "swing")
    assert arms_of((), ("umbrella", "hold")) == ("swing", "swing")
    assert arms_of((bag,), ("pocket", "pocket")) == ("pocket", "hold")
    assert arms_of((bag, phone), ("swing", "swing")) == ("phone-ear", "hold")
    assert arms_of((dataclasses.replace(pack, arm="swing"),), ("swing", "pocket")) == ("swing", "pocket")


def test_the_palette_is_one_of_linear_colours_with_shares():
    assert {row.use for row in TOPS.values()} | {row.use for row in ACCESSORIES.values()} <= set(palette())
    assert {"bottoms", "shoes", "hair", "skin", "prints", "headwear"} <= set(palette())
    for colours, shares in palette().values():
        assert colours.shape == (len(shares), 3)
        assert 0 <= colours.min() <= colours.max() <= 1
        assert shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(srgb_decode(np.array([0.0, 0.04045, 0.5, 1.0])), [0, 0.00313, 0.21404, 1], atol=1e-4)


def test_patterns_are_drawn_with_their_probability():
    rng = np.random.default_rng(1)
    drawn = [fabric_rand(rng, "tops", {"plain": 0.75, "hoops": 0.25}, 1.0).pattern for _ in range(400)]
    assert 0.18 < drawn.count("hoops") / 400 < 0.32
    assert drawn.count("plain") + drawn.count("hoops") == 400


def test_prints_show_on_their_cloth_and_a_pictures_colours_beside_each_other():
    rng = np.random.default_rng(3)
    white = (0.8, 0.8, 0.8)
    drawn = [print_rand(rng, white) for _ in range(200)]
    assert all(colour_distance(patch.colour, white) > 0.3 for patch in drawn)
    assert all(colour_distance(patch.second, patch.colour) > 0.3 for patch in drawn)
    assert {patch.motif for patch in drawn} == {"plain", "lettering", "picture"}
    assert all(patch.motif == "plain" for patch in drawn if patch.width < 0.1)


@pytest.mark.parametrize("name", ["trousers", "shorts"])
def test_boots_are_under_trousers(body_model, walker, name):
    clothes = dataclasses.replace(KINDS[name], shoes=dataclasses.replace(KINDS[name].shoes, height=0.6))
    mesh = dress(body_model.anatomy, walker, clothes)
    assert extent(mesh, "bottom")[0] < extent(mesh, "shoes")[1] < extent(mesh, "bottom")[0] + 0.12
    over = dress(body_model.anatomy, walker, dataclasses.replace(clothes, bottom=KINDS["leggings"].bottom))
    assert extent(over, "shoes")[1] > extent(dress(body_model.anatomy, walker, KINDS["leggings"]), "shoes")[1] + 0.1


@pytest.mark.parametrize("sign", [-1, 1])
def test_straps_lie_on_the_clothes_and_are_as_wide_everywhere(body_model, walker, sign):
    anatomy = body_model.anatomy
    quads, cloth = anatomy.quads["helper-tights"], top_ease(anatomy, KINDS["backpack"])
    on_it = functools.partial(on_backpack_strap, sign=sign)
    strap = trunk_band(anatomy, walker.vertices, on_it, cloth, 0.012, "carried")
    assert on_it(strap.rest).min() > -1e-3
    chest = sign * strap.rest[(strap.rest[:, 2] > 0.35) & (strap.rest[:, 2] < 0.45) & (strap.rest[:, 1] < 0), 0]
    assert (chest.min(), chest.max()) == (pytest.approx(0.082, abs=0.003), pytest.approx(0.128, abs=0.003))
    on_cloth = trunk_band(anatomy, walker.vertices, on_it, cloth, 0.0, "carried")
    top = eased(walker.vertices, quads, cloth, smoothing=4)
    corners = np.isin(np.round(on_cloth.rest, 9), np.round(anatomy.reference[np.unique(quads)], 9)).all(1)
    assert corners.any()
    assert cKDTree(top[0]).query(on_cloth.vertices[0, corners])[0].max() < 1e-9
    lift = np.linalg.norm(strap.vertices - on_cloth.vertices, axis=2)
    assert 0.008 < lift.min() <= lift.max() < 0.0121


def test_a_divided_quad_covers_the_quad():
    points, quads = sheet(3, 4)
    fine, weights = divided(quads, len(points), times=4)
    assert fine.shape == (16 * len(quads), 4)
    corners = (weights @ points)[fine]
    sides = np.diff(corners[:, [0, 1, 2, 3, 0]], axis=1)
    assert np.allclose(np.linalg.norm(sides, axis=2), 0.25)
    assert (np.cross(sides[:, 0], sides[:, 1])[:, 2] > 0).all() == (
        np.cross(points[quads[0, 1]] - points[quads[0, 0]], points[quads[0, 2]] - points[quads[0, 1]])[2] > 0
    )
    assert np.allclose(corners.mean(1).mean(0), points[quads].mean(1).mean(0))
