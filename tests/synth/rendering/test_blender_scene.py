"""Blender's camera and passes against the pinhole formula, on balls at known places."""

import dataclasses
import importlib.util
import json
from typing import get_args

import numpy as np
import pytest

from synth.people.fabric import Motif, Pattern
from synth.rendering.blender_scene import Passes, with_haze
from synth.scenes.elements import Light
from synth_runs import PROJECT_ROOT, python

RADIUS = 0.1


@pytest.fixture(scope="module")
def checks(tmp_path_factory):
    """Output of `blender_checks.py`."""
    if importlib.util.find_spec("bpy") is None:
        pytest.skip("needs bpy")
    out = tmp_path_factory.mktemp("blender") / "checks.json"
    finished = python(PROJECT_ROOT / "tests" / "helpers" / "blender_checks.py", out)
    assert finished.returncode == 0, finished.stderr
    # Blender's output is suppressed.
    assert finished.stdout == ""
    return json.loads(out.read_text())


def pinhole(ball):
    """Stored pixel (x, y) of the ball's centre, its distance along the optical axis, and pixels a square metre."""
    x, y, z = np.array(ball["rotation"]) @ ball["point"] + ball["translation"]
    (across, _, centre_x), (_, down, centre_y), _ = ball["intrinsics"]
    return np.array([across * x / z + centre_x - 0.5, down * y / z + centre_y - 0.5]), z, across * down / z**2


def test_balls_are_at_their_pinhole_projections(checks):
    assert len(checks["balls"]) == 8
    for ball in checks["balls"]:
        expected, _, _ = pinhole(ball)
        assert np.abs(np.array(ball["centroid"]) - expected).max() < 0.12
    spread = np.ptp([ball["centroid"] for ball in checks["balls"]], axis=0)
    assert (spread > [20, 80]).all()


def test_balls_have_the_size_of_their_distance(checks):
    for ball in checks["balls"]:
        _, _, scale = pinhole(ball)
        # A ball of few faces is a little smaller than a sphere.
        assert ball["coverage"] == pytest.approx(np.pi * RADIUS**2 * scale, rel=0.08)


def test_depth_is_metres_along_the_optical_axis(checks):
    for ball in checks["balls"]:
        _, distance, _ = pinhole(ball)
        assert ball["nearest"] == pytest.approx(distance - RADIUS, abs=0.02)


def test_the_part_pass_separates_parts(checks):
    for ball in checks["balls"]:
        assert ball["upper"][1] < ball["lower"][1] - 1
        assert ball["middle_coverage"] == 0


def test_a_board_over_one_half_hides_half_of_the_ball(checks):
    found = checks["half_hidden"]
    whole = next(ball for ball in checks["balls"] if ball["point"] == [0, 0, 0.9])
    assert found["seen"] / whole["coverage"] == pytest.approx(0.5, abs=0.04)
    assert found["centroid"][0] < whole["centroid"][0] - 1
    assert found["ball_depth"] == pytest.approx(5.9, abs=0.03)
    assert found["board_depth"] == pytest.approx([2.95, 2.95], abs=0.01)


def test_bystanders_can_hide_the_subject_and_are_not_in_the_part_pass(checks):
    whole = next(ball for ball in checks["balls"] if ball["point"] == [0, 0, 0.9])["coverage"]
    behind, before = checks["others"]["behind"], checks["others"]["before"]
    assert behind["seen"] == pytest.approx(whole, rel=0.02)
    assert before["seen"] < 0.5 * whole
    assert before["nearest"] == pytest.approx(3.9, abs=0.05)


def test_night_is_darker_than_noon_and_shades_are_not_seen(checks):
    found = checks["brightness"]
    assert found["night"]["mean"] < 0.5 * found["noon"]["mean"]
    assert found["shaded"]["mean"] < 0.7 * found["noon"]["mean"]
    assert found["shaded"]["nearest"] == pytest.approx(found["noon"]["nearest"], abs=1e-3)


def test_haze_fades_radiance_to_the_horizons_with_distance():
    far = np.array([[0.0, 10.0, 1e10]])
    light = Light(0, (1, 1, 1), 45, 0, 1, 0.5, (1, 1, 1), (1.0, 0.8, 0.6), (), haze=np.log(2) / 10)
    seen = with_haze(Passes(*np.zeros((1, 1, 3, 3)), far, *np.zeros((3, 1, 3, 3))), light)
    np.testing.assert_allclose(seen.radiance[0], [[0, 0, 0], [0.25, 0.2, 0.15], [0.5, 0.4, 0.3]], atol=1e-6)
    clear = Passes(*np.ones((1, 1, 3, 3)), far, *np.zeros((3, 1, 3, 3)))
    assert (with_haze(clear, dataclasses.replace(light, haze=0.0)).radiance == 1).all()


def test_a_scene_renders_to_the_same_bits_again(checks):
    found = checks["repeats"]
    assert found["again"]
    assert found["after_another"]
    assert found["another_seed"] > 0.05
    assert 0.05 < found["mean"] < 5


def test_rendering_keeps_only_one_thread_busy(checks):
    assert checks["repeats"]["processor_seconds"] < 1.15 * checks["repeats"]["seconds"] + 0.1


def test_denoising_reduces_the_error_and_changes_no_ground_truth(checks):
    grain = checks["grain"]
    assert grain["clean"] < 0.6 * grain["noisy"]
    assert grain["brightness"] == pytest.approx(1, abs=0.05)
    assert grain["again"]
    assert grain["same_truth"]
    assert grain["mixed_differs"] < 1e-9  # there is no haze at night
    assert grain["clean"] < grain["mixed"] < 0.75 * grain["noisy"]


def test_every_pattern_shows_both_colours_of_its_cloth(checks):
    assert set(checks["cloths"]) == set(get_args(Pattern))
    for pattern, found in checks["cloths"].items():
        share = np.mean(found["rows"])
        if pattern in ("plain", "side-stripes"):  # stripes at the seam come with the mesh
            assert share == pytest.approx(0, abs=0.01)
        else:
            assert 0.04 < share < 0.96, pattern


def test_patterns_have_the_directions_of_their_names(checks):
    cloths = checks["cloths"]
    for pattern in ("hoops", "band", "two-tone", "ombre", "quilted"):
        assert np.ptp(cloths[pattern]["columns"]) < 0.1 < np.ptp(cloths[pattern]["rows"]), pattern
    for pattern in ("pinstripes", "stripes"):
        assert np.ptp(cloths[pattern]["rows"]) < 0.1 < np.ptp(cloths[pattern]["columns"]), pattern
    assert (np.diff(cloths["ombre"]["rows"]) < 0.01).all()
    assert cloths["ombre"]["rows"][0] > 0.85 > 0.15 > cloths["ombre"]["rows"][-1]
    # A sash is slanted: above the hip every row has some of it, and no column half.
    assert min(cloths["sash"]["rows"][:70]) > 0.05
    assert max(cloths["sash"]["columns"]) < 0.5


def test_prints_have_their_colours_and_are_only_on_their_side(checks):
    prints = checks["prints"]
    for motif in get_args(Motif):
        assert max(prints[f"{motif} back"]) < 0.01
    (whole, _), (letters, _), (picture, second) = (prints[f"{motif} front"] for motif in get_args(Motif))
    assert whole > 0.15
    assert 0.25 * whole < letters < 0.7 * whole
    assert picture + second == pytest.approx(whole, rel=0.03)
    assert min(picture, second) > 0.15 * whole
    assert prints["plain front"][1] == pytest.approx(0, abs=0.01)
