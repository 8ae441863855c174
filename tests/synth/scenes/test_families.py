"""Families of scenes, free space for the walk, occluders and light."""

import dataclasses
import json

import numpy as np
import pytest

from synth.cameras.camera import Camera, camera_rand
from synth.rendering.solid_meshes import placed
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
    """Twelve scenes of every family."""
    return [family(np.random.default_rng(seed)) for family, seed in DRAWS]


def test_equal_seeds_give_equal_scenes_and_other_seeds_others(drawn):
    for (family, seed), place in zip(DRAWS, drawn, strict=True):
        assert place == family(np.random.default_rng(seed))
        assert place != family(np.random.default_rng(seed + 100))


def test_families_have_their_probabilities():
    found = [place_rand(np.random.default_rng(seed)).family for seed in range(600)]
    names = {family(np.random.default_rng(0)).family: share for family, share in FAMILIES}
    assert sum(names.values()) == pytest.approx(1)
    assert set(found) == set(names)
    for name, share in names.items():
        assert found.count(name) / len(found) == pytest.approx(share, abs=0.05)


def test_scenes_survive_json(drawn):
    for place in drawn:
        row = dataclasses.asdict(place)
        read = json.loads(json.dumps(row))
        assert read["light"]["sun"] == place.light.sun
        assert len(read["solids"]) == len(place.solids)


def test_no_solid_blocks_the_walk_or_the_line_of_sight(drawn):
    for place in drawn:
        for solid in place.solids:
            assert not blocks_walk([solid]), (place.family, solid)


def test_blocks_walk_finds_obstacles_near_the_walk():
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


def test_every_scene_has_a_background(drawn):
    """A solid behind the person is higher than a person."""
    for place in drawn:
        walls = [
            solid for solid in place.solids if solid.centre[1] > 1.5 and solid.size[2] > 1.0 and is_obstacle(solid)
        ]
        assert walls, place.family
        assert max(solid.centre[2] + solid.size[2] / 2 for solid in walls) > 1.9


def test_solids_are_not_below_the_ground(drawn):
    for place in drawn:
        for solid in place.solids:
            if solid.shape != "leaves":
                assert placed(solid).points[:, 2].min() > -0.35
        lowest = min(placed(solid).points[:, 2].min() for solid in place.solids)
        assert lowest < 0.05


def test_occluders_are_in_front_of_the_person_and_off_the_path():
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


def test_hidden_share_of_a_board():
    level, high = Camera(8, 0, 0, 0.9), Camera(8, 30, 0, 0.9)

    def board(x, z, size, y=-1.0):
        return (Solid((x, y, z), size, 0, GREY),)

    assert hidden_share(board(0, 1, (3, 0.1, 4)), level) == 1
    assert hidden_share(board(1.5, 1, (3, 0.1, 4)), level) == pytest.approx(0.5, abs=0.06)
    assert hidden_share(board(0, 0.45, (3, 0.1, 0.9)), level) == pytest.approx(0.5, abs=0.06)
    assert hidden_share(board(2, 1, (3, 0.1, 4)), level) == 0
    # A camera above sees over the board.
    assert hidden_share(board(0, 0.25, (3, 0.1, 0.5)), high) == 0
    assert 0 < hidden_share(board(0, 0.45, (3, 0.1, 0.9)), high) < 0.3


def test_shares_of_daylight_dusk_night_rain_fog_and_shadows():
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


def test_shadow_casters_are_between_the_person_and_the_sun():
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


def test_lamps_are_red_at_low_and_blue_at_high_colour_temperatures():
    for temperature in (2000, 2700, 3500, 5000, 6500, 9000):
        assert max(kelvin(temperature)) == 1.0
        assert min(kelvin(temperature)) > 0.05
    ratio = [kelvin(temperature)[2] / kelvin(temperature)[0] for temperature in (2000, 2700, 3500, 5000, 6500, 9000)]
    assert ratio == sorted(ratio)
    assert kelvin(6500) == pytest.approx((1, 1, 1), abs=0.04)
