"""Places: every family, what may stand where, light, and the solids they are made of."""

import dataclasses
import json

import numpy as np
import pytest

from synth.cameras.camera import Camera, camera_rand
from synth.rendering.solid_meshes import assembled, placed
from synth.scenes import lighting as lights
from synth.scenes.colours import kelvin
from synth.scenes.elements import Solid, Surface
from synth.scenes.families import FAMILIES, occluders_rand, place_rand
from synth.scenes.footprints import FREE_RADIUS, blocks_walk, footprint, is_obstacle
from synth.scenes.occluders import hidden_share

GREY = Surface("plain", (0.3, 0.3, 0.3), (0.2, 0.2, 0.2), 1.0, 0.8)
DRAWS = [(family, seed) for family, _ in FAMILIES for seed in range(12)]


@pytest.fixture(scope="module")
def drawn():
    """A dozen places of every family."""
    return [family(np.random.default_rng(seed)) for family, seed in DRAWS]


def test_a_place_is_the_same_again_and_another_by_another_seed(drawn):
    for (family, seed), place in zip(DRAWS, drawn, strict=True):
        assert place == family(np.random.default_rng(seed))
        assert place != family(np.random.default_rng(seed + 100))


def test_every_family_is_drawn_about_as_often_as_it_should_be():
    found = [place_rand(np.random.default_rng(seed)).family for seed in range(600)]
    names = {family(np.random.default_rng(0)).family: share for family, share in FAMILIES}
    assert sum(names.values()) == pytest.approx(1)
    assert set(found) == set(names)
    for name, share in names.items():
        assert found.count(name) / len(found) == pytest.approx(share, abs=0.05)


def test_places_survive_json(drawn):
    for place in drawn:
        row = dataclasses.asdict(place)
        read = json.loads(json.dumps(row))
        assert read["light"]["sun"] == place.light.sun
        assert len(read["solids"]) == len(place.solids)


def test_nothing_stands_where_people_walk_or_between_them_and_the_camera(drawn):
    for place in drawn:
        for solid in place.solids:
            assert not blocks_walk([solid]), (place.family, solid)


def test_what_is_in_the_way_is_found():
    def box(x, y, z=0.5, size=(0.2, 0.2, 1.0), **rest):
        return [Solid((x, y, z), size, 0, GREY, **rest)]

    assert blocks_walk(box(0, 0))
    assert blocks_walk(box(0.5, -6))
    assert blocks_walk(box(-3, 0, size=(4.0, 0.2, 1.0)))
    assert blocks_walk(box(-6, 0, count=5, step=(1.5, 0, 0)))
    assert not blocks_walk(box(0, FREE_RADIUS + 0.2))
    assert not blocks_walk(box(FREE_RADIUS + 0.2, -6))
    assert not blocks_walk(box(0, 0, 0.003, (1, 1, 0.006)))
    assert not blocks_walk(box(0, 0, 5))


def test_nobody_faces_a_void(drawn):
    """Behind the person something closes the view, or a ground with things on it runs far."""
    for place in drawn:
        walls = [
            solid for solid in place.solids if solid.centre[1] > 1.5 and solid.size[2] > 1.0 and is_obstacle(solid)
        ]
        assert walls, place.family
        assert max(solid.centre[2] + solid.size[2] / 2 for solid in walls) > 1.9


def test_things_rest_on_the_ground_or_on_each_other(drawn):
    for place in drawn:
        for solid in place.solids:
            if solid.shape != "leaves":
                assert placed(solid).points[:, 2].min() > -0.35
        lowest = min(placed(solid).points[:, 2].min() for solid in place.solids)
        assert lowest < 0.05


def test_occluders_stand_before_the_person_not_on_their_way():
    missed, hidden = 0, []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        camera, heading = camera_rand(rng), rng.uniform(-180, 180)
        way = np.linspace(-1.4, 1.4, 29)[:, None] * [np.sin(np.radians(heading)), -np.cos(np.radians(heading))]
        solids = occluders_rand(rng, camera, way)
        way = way[2:-2]
        ground = np.concatenate([footprint(solid) for solid in solids])
        missed += np.linalg.norm(ground[:, None] - way, axis=-1).min() < 0.3
        distance = camera.distance * np.cos(np.radians(camera.pitch))
        assert all(-distance < solid.centre[1] < -0.3 for solid in solids)
        hidden.append(hidden_share(solids, camera))
    assert missed <= 3
    assert np.mean([0.05 < share < 0.75 for share in hidden]) > 0.85


def test_a_board_hides_the_share_of_a_person_that_it_covers():
    level, high = Camera(8, 0, 0, 0.9), Camera(8, 30, 0, 0.9)

    def board(x, z, size, y=-1.0):
        return (Solid((x, y, z), size, 0, GREY),)

    assert hidden_share(board(0, 1, (3, 0.1, 4)), level) == 1
    assert hidden_share(board(1.5, 1, (3, 0.1, 4)), level) == pytest.approx(0.5, abs=0.06)
    assert hidden_share(board(0, 0.45, (3, 0.1, 0.9)), level) == pytest.approx(0.5, abs=0.06)
    assert hidden_share(board(2, 1, (3, 0.1, 4)), level) == 0
    # From above the camera sees over it.
    assert hidden_share(board(0, 0.25, (3, 0.1, 0.5)), high) == 0
    assert 0 < hidden_share(board(0, 0.45, (3, 0.1, 0.9)), high) < 0.3


def test_most_clips_are_by_day_some_by_night_some_in_the_rain_and_some_in_a_shadow():
    places = [place_rand(np.random.default_rng(seed)) for seed in range(400)]
    outdoors = [place for place in places if place.light.sky_colour[2] > place.light.sky_colour[0] + 1e-9]
    assert 0.4 < len(outdoors) / 400 < 0.8
    assert np.mean([place.light.sky >= 0.5 for place in outdoors]) > 0.75
    dusk = [place for place in outdoors if 0.1 < place.light.sky <= 0.4 and place.light.sun_elevation <= 12]
    assert 0.02 < len(dusk) / len(outdoors) < 0.15
    night = [place for place in places if place.light.sun == 0 and place.light.sky < 0.1]
    assert 0.02 < len(night) / 400 < 0.15
    assert all(place.light.lamps for place in night)
    assert 0.02 < np.mean([place.ground.wet > 0 for place in places]) < 0.2
    assert 0.05 < np.mean([place.light.haze > 0 for place in places]) < 0.2
    sunny = [place for place in places if place.light.sun >= 0.8 and place.light.sun_size <= 8]
    assert 0.15 < np.mean([bool(place.shades) for place in sunny]) < 0.4


def test_shades_lie_between_the_person_and_the_sun():
    found = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        day = lights.clear_rand(rng)
        for solid in lights.shades_rand(rng, day):
            elevation, azimuth = np.radians([day.sun_elevation, day.sun_azimuth])
            ray = np.array(
                [np.cos(elevation) * np.sin(azimuth), -np.cos(elevation) * np.cos(azimuth), np.sin(elevation)]
            )
            points = placed(solid).points - [0, 0, 1.0]
            assert (points @ ray).max() > 1.0
            aside = np.linalg.norm(points - (points @ ray)[:, None] * ray, axis=1)
            found += aside.min() < 1.5
    assert found > 20


def test_warm_lamps_are_red_and_cold_ones_blue():
    for temperature in (2000, 2700, 3500, 5000, 6500, 9000):
        assert max(kelvin(temperature)) == 1.0
        assert min(kelvin(temperature)) > 0.05
    ratio = [kelvin(temperature)[2] / kelvin(temperature)[0] for temperature in (2000, 2700, 3500, 5000, 6500, 9000)]
    assert ratio == sorted(ratio)
    assert kelvin(6500) == pytest.approx((1, 1, 1), abs=0.04)


def test_boxes_cylinders_and_balls_have_their_size_place_and_turn():
    for shape in ("box", "rounded", "cylinder", "ball"):
        points = placed(Solid((1, 2, 3), (0.4, 0.8, 1.2), 0, GREY, shape)).points
        np.testing.assert_allclose(np.ptp(points, axis=0), (0.4, 0.8, 1.2), atol=0.02)
        np.testing.assert_allclose((points.max(0) + points.min(0)) / 2, (1, 2, 3), atol=0.01)
        turned = placed(Solid((1, 2, 3), (0.4, 0.8, 1.2), 90, GREY, shape)).points
        np.testing.assert_allclose(np.ptp(turned, axis=0), (0.8, 0.4, 1.2), atol=0.02)
        lying = placed(Solid((1, 2, 3), (0.4, 0.8, 1.2), 0, GREY, shape, pitch=90)).points
        np.testing.assert_allclose(np.ptp(lying, axis=0), (0.4, 1.2, 0.8), atol=0.02)
    wheel = placed(Solid((0, 0, 0.3), (0.6, 0.6, 0.05), 0, GREY, "ring", pitch=90)).points
    np.testing.assert_allclose(np.ptp(wheel, axis=0), (0.6, 0.05, 0.6), atol=0.02)
    assert np.linalg.norm(wheel - [0, 0, 0.3], axis=1).min() > 0.2


def test_normals_of_boxes_and_cylinders_point_out():
    for shape in ("box", "cylinder"):
        patch = placed(Solid((0, 0, 0), (1, 1, 1), 0, GREY, shape))
        corners = patch.points[patch.quads]
        normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
        assert ((normals * corners.mean(1)).sum(1) > 0).all()


def test_a_taper_narrows_the_top_alone():
    points = placed(Solid((0, 0, 0.5), (1, 1, 1), 0, GREY, taper=0.5)).points
    assert np.ptp(points[points[:, 2] > 0.9][:, 0]) == pytest.approx(0.5)
    assert np.ptp(points[points[:, 2] < 0.1][:, 0]) == pytest.approx(1.0)


def test_copies_stand_in_a_row():
    patch = placed(Solid((0, 0, 0.5), (0.2, 0.2, 1), 0, GREY, count=4, step=(1.0, 0.5, 0)))
    np.testing.assert_allclose(np.ptp(patch.points, axis=0), (3.2, 1.7, 1.0))
    assert len(patch.quads) == 24
    assert sorted(np.unique(patch.quads)) == list(range(len(patch.points)))


def test_leaves_fill_their_ellipsoid_with_gaps():
    leafy = Surface("foliage", (0.1, 0.2, 0.05), (0.2, 0.3, 0.1), 0.1, 0.7)
    patch = placed(Solid((0, 0, 1), (1.0, 1.0, 2.0), 0, leafy, "leaves"))
    middle = patch.points[patch.quads].mean(1) - [0, 0, 1]
    assert (np.linalg.norm(middle / [0.5, 0.5, 1.0], axis=1) < 1.05).all()
    assert 100 < len(patch.quads) < 2000
    own = patch.where[patch.quads][:, :, 2]
    assert (own == own[:, :1]).all()
    assert np.ptp(own) > 0.9


def test_patterns_are_measured_in_metres_and_turn_with_their_surface():
    wall = Solid((5, 3, 1), (4, 0.2, 2), 0, GREY)
    where = placed(wall).where
    assert np.ptp(where[:, 0]) == pytest.approx(4)
    assert where[:, 1].max() == pytest.approx(2)
    turned = placed(dataclasses.replace(wall, surface=dataclasses.replace(GREY, yaw=30.0))).where
    expected = np.cos(np.radians(30)) * where[:, 0] + np.sin(np.radians(30)) * where[:, 1]
    np.testing.assert_allclose(turned[:, 0], expected)


def test_an_assembly_keeps_each_face_with_its_surface():
    red = dataclasses.replace(GREY, colour=(0.5, 0, 0))
    ball, box = Solid((0, 0, 1), (1, 1, 1), 0, red, "ball"), Solid((3, 0, 1), (1, 1, 1), 0, GREY)
    whole = assembled([ball, box, dataclasses.replace(box, centre=(6, 0, 1))])
    assert whole.surfaces == (red, GREY)
    middle = whole.points[whole.quads].mean(1)
    assert ((middle[:, 0] < 1) == (whole.surface == 0)).all()
    assert (whole.smooth == (whole.surface == 0)).all()
