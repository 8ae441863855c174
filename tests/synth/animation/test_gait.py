"""Gait: fit of the published curves, periodicity, and the ranges of styles and bodies."""

import dataclasses
import json

import numpy as np
import pytest

from gait_bands import ANGLES, body_angles, childrens_band, published_band
from synth.animation.gait import (
    CURVES,
    HARMONICS,
    STANDING,
    foot_contact,
    foot_load,
    foot_pitch,
    joint_angles,
    normative_series,
    strides_a_second,
)
from synth.animation.walk import steady
from synth.people.gait_style import GaitStyle, gait_rand
from synth.people.phenotype import phenotype_rand, stature

PLAIN = GaitStyle(
    cadence=110,
    stride=1,
    knee=1,
    asymmetry=0,
    arm_swing=20,
    elbow=15,
    arm_spread=5,
    lean=2,
    head_pitch=3,
    toe_out=6,
    pelvis_list=4,
    pelvis_turn=4,
    step_width=0.1,
    arm_asymmetry=0,
    sway=1.5,
    bob=1,
    shoulders=2,
)
ROUND = np.arange(200) / 200
FIELDS = [field.name for field in dataclasses.fields(joint_angles(PLAIN, ROUND))]
BOTH_LEGS = ("hip", "knee", "ankle", "swing", "elbow")


def fourier(coefficients, phase):
    """The series a0 + sum a_k cos + b_k sin."""
    value = np.full(len(phase), coefficients[0])
    for k in range(1, HARMONICS + 1):
        value += coefficients[2 * k - 1] * np.cos(2 * np.pi * k * phase)
        value += coefficients[2 * k] * np.sin(2 * np.pi * k * phase)
    return value


def extremum(curve, find, start, end):
    """Value and position, in per cent of the stride, of the extremum of a curve between two positions."""
    place = 100 * ROUND
    inside = np.flatnonzero((place >= start) & (place <= end))
    at = inside[find(curve[inside])]
    return curve[at], place[at]


@pytest.mark.parametrize("joint", ["hip", "knee", "ankle"])
def test_five_harmonics_reproduce_the_sampled_curve(joint):
    samples = np.array(json.loads(CURVES.read_text())[joint], dtype=float)
    series = normative_series()[joint]
    assert series.shape == (11,)
    found = fourier(series, np.arange(len(samples)) / len(samples))
    assert np.corrcoef(found, samples)[0, 1] > 0.99
    assert np.abs(found - samples).max() < 3.5


def test_extrema_of_normal_walking():
    angles = joint_angles(PLAIN, ROUND)
    hip, knee, ankle = angles.hip[:, 0], angles.knee[:, 0], angles.ankle[:, 0]
    value, place = extremum(hip, np.argmax, 0, 100)
    assert 27 < value < 36
    assert place > 80 or place < 5
    value, place = extremum(hip, np.argmin, 0, 100)
    assert -15 < value < -9
    assert 45 < place < 58
    value, place = extremum(knee, np.argmax, 5, 30)
    assert 15 < value < 20
    assert 9 < place < 18
    value, place = extremum(knee, np.argmax, 50, 95)
    assert 60 < value < 66
    assert 69 < place < 76
    value, place = extremum(ankle, np.argmin, 50, 75)
    assert -21 < value < -14
    assert 58 < place < 70
    assert -5 < ankle[ROUND < 0.4].min() < -2
    assert 7 < ankle[ROUND < 0.5].max() < 12


@pytest.mark.parametrize("name", FIELDS)
def test_strides_repeat(name):
    style = gait_rand(np.random.default_rng(3))
    first, later = (getattr(joint_angles(style, ROUND + stride), name) for stride in (0, 7))
    assert np.ptp(first) > 1
    np.testing.assert_allclose(first, later, atol=1e-9)


@pytest.mark.parametrize("name", BOTH_LEGS)
def test_without_asymmetry_the_left_side_is_half_a_stride_behind(name):
    style = dataclasses.replace(gait_rand(np.random.default_rng(4)), asymmetry=0, arm_asymmetry=0)
    angles = getattr(joint_angles(style, ROUND), name)
    np.testing.assert_allclose(angles[:, 1], np.roll(angles[:, 0], len(ROUND) // 2), atol=1e-9)


@pytest.mark.parametrize("name", ["pelvis_list", "pelvis_turn", "trunk_turn"])
def test_without_asymmetry_the_pelvis_is_mirrored_after_half_a_stride(name):
    curve = getattr(joint_angles(PLAIN, ROUND), name)
    np.testing.assert_allclose(curve, -np.roll(curve, len(ROUND) // 2), atol=1e-9)


def test_asymmetry_makes_the_right_step_longer():
    hip = joint_angles(dataclasses.replace(PLAIN, asymmetry=0.1), ROUND).hip
    right, left = np.ptp(hip, axis=0)
    assert right / left == pytest.approx(1.05 / 0.95, rel=1e-6)


def test_an_arm_swings_opposite_to_its_leg_and_the_trunk_opposite_to_the_pelvis():
    angles = joint_angles(PLAIN, ROUND)
    for side in (0, 1):
        assert np.corrcoef(angles.swing[:, side], angles.hip[:, side])[0, 1] < -0.8
    assert np.corrcoef(angles.trunk_turn, angles.pelvis_turn)[0, 1] < -0.99


@pytest.mark.parametrize(("name", "field"), [("hip", "stride"), ("knee", "knee"), ("swing", "arm_swing")])
def test_a_larger_style_moves_more(name, field):
    larger = dataclasses.replace(PLAIN, **{field: 1.1 * getattr(PLAIN, field)})
    ranges = [np.ptp(getattr(joint_angles(style, ROUND), name)[:, 0]) for style in (PLAIN, larger)]
    assert ranges[1] / ranges[0] == pytest.approx(1.1, abs=0.03)


def test_knees_never_bend_backwards():
    for seed in range(50):
        assert joint_angles(gait_rand(np.random.default_rng(seed)), ROUND).knee.min() >= 0


def test_two_steps_make_a_stride():
    assert strides_a_second(PLAIN) == pytest.approx(110 / 60 / 2)


def test_equal_generators_give_equal_styles_and_others_others():
    assert gait_rand(np.random.default_rng(0)) == gait_rand(np.random.default_rng(0))
    assert gait_rand(np.random.default_rng(0)) != gait_rand(np.random.default_rng(1))


def test_styles_are_within_human_ranges():
    styles = [gait_rand(np.random.default_rng(seed)) for seed in range(400)]
    for name, low, high in (
        ("cadence", 95, 125),
        ("arm_swing", 10, 25),
        ("elbow", 10, 30),
        ("pelvis_turn", 3, 6),
        ("stride", 0.82, 1.12),
        ("step_width", 0.08, 0.16),
        ("sway", 0.5, 3),
        ("bob", 0.3, 2),
    ):
        values = np.array([getattr(style, name) for style in styles])
        assert low <= values.min() < values.max() <= high
        assert np.ptp(values) > 0.9 * (high - low)


@pytest.mark.parametrize("band", [published_band, childrens_band])
@pytest.mark.parametrize("joint", ANGLES)
def test_every_style_is_within_two_standard_deviations_of_people(joint, band):
    mean, sd = band(joint, ROUND)
    styles = [gait_rand(np.random.default_rng([6, seed])) for seed in range(200)]
    away = np.array([getattr(joint_angles(style, ROUND), joint)[:, 0] - mean for style in styles]) / sd
    assert np.abs(away).max() < 2
    assert np.abs(away).max() > 0.5  # people differ


@pytest.mark.parametrize("name", FIELDS)
def test_without_amplitude_and_steps_a_person_stands_still(name):
    angles = getattr(joint_angles(PLAIN, ROUND, 0.0, 0.0), name)
    assert np.ptp(angles, axis=0).max() < 1e-9
    if name in STANDING:
        np.testing.assert_allclose(angles, STANDING[name])


def test_a_short_step_moves_less_but_lifts_the_foot():
    full, half = joint_angles(PLAIN, ROUND), joint_angles(PLAIN, ROUND, 0.5)
    assert np.ptp(half.hip[:, 0]) == pytest.approx(0.5 * np.ptp(full.hip[:, 0]), rel=0.01)
    assert np.ptp(half.knee[:, 0]) > 0.6 * np.ptp(full.knee[:, 0])


def test_the_foot_is_flat_in_mid_stance_heel_first_at_strike_and_toes_last_at_toe_off():
    pitch = foot_pitch(joint_angles(PLAIN, ROUND))[:, 0]
    assert np.abs(pitch[(ROUND > 0.1) & (ROUND < 0.38)]).max() < 3
    assert -25 < pitch[0] < -10
    assert 40 < pitch[ROUND == 0.6] < 65
    assert foot_pitch(joint_angles(PLAIN, ROUND, 0.0, 0.0)) == pytest.approx(0)


def test_load_changes_over_in_double_support():
    load, contact = foot_load(ROUND), foot_contact(ROUND)
    np.testing.assert_allclose(load.sum(1), 1)
    assert (contact[load > 0] == 1).all()
    both = (contact == 1).all(1).mean()
    assert 0.12 < both < 0.24  # published: 20 to 24 % of the stride
    assert (contact[(ROUND > 0.65) & (ROUND < 0.85), 0] == 0).all()


def test_shorter_people_have_a_higher_cadence():
    short, tall = (gait_rand(np.random.default_rng(0), stature=stature) for stature in (1.5, 1.9))
    assert short.cadence / tall.cadence == pytest.approx((1.9 / 1.5) ** 0.5)
    assert dataclasses.replace(short, cadence=tall.cadence) == tall


def test_arms_mostly_swing():
    arms = [gait_rand(np.random.default_rng([2, seed])).arms for seed in range(500)]
    assert np.mean([pair == ("swing", "swing") for pair in arms]) == pytest.approx(0.9, abs=0.05)
    assert {pose for pair in arms for pose in pair} == {"swing", "pocket"}


def test_arm_asymmetry_swings_one_arm_wider():
    right, left = np.ptp(joint_angles(dataclasses.replace(PLAIN, arm_asymmetry=0.2), ROUND).swing, axis=0)
    assert right / left == pytest.approx(1.1 / 0.9)


WALKERS, A_STRIDE = 6, 40
"""Number of people, and frames of one stride."""


@pytest.fixture(scope="module")
def away(body_model):
    """By angle (2 * WALKERS, A_STRIDE): standard deviations from adults' mean at which the legs of drawn people are
    over a stride from its heel strike, as their posed bodies show it; and the same from the children's."""
    found = {band: {name: [] for name in ANGLES} for band in (published_band, childrens_band)}
    phase = np.arange(0, 2, 1 / A_STRIDE)
    still = dataclasses.replace(steady(phase[:1], phase[:1]), amplitude=phase[:1], stepping=phase[:1])
    for number in range(WALKERS):
        rng = np.random.default_rng([40, number])
        phenotype = phenotype_rand(rng)
        style = gait_rand(rng, stature(phenotype))
        walking, standing = (
            body_angles(body_model.anatomy, body_model.bake(phenotype, style, course))
            for course in (steady(phase, 0 * phase), still)
        )
        for name in ANGLES:
            # The joints of the rig differ from anatomical ones: hip and knee are measured relative to standing.
            angle = walking[name] - standing[name] + (STANDING[name] if name != "ankle" else 0.0)
            for column, later in enumerate((0, A_STRIDE // 2)):
                stride = np.roll(angle[A_STRIDE:, column], later)
                for band in found:
                    mean, sd = band(name, phase[:A_STRIDE])
                    found[band][name].append((stride - mean) / sd)
    return {band: {name: np.array(legs) for name, legs in angles.items()} for band, angles in found.items()}


@pytest.mark.parametrize("band", [published_band, childrens_band])
@pytest.mark.parametrize("joint", ANGLES)
def test_walking_bodies_are_within_two_standard_deviations_of_people(away, joint, band):
    """Except around heel strike, where knees and ankles of some people are outside of the band of adults."""
    legs = np.abs(away[band][joint])
    assert np.mean(legs < 2) > 0.97
    assert np.mean(legs < 2, axis=1).min() > 0.9
    assert np.mean(legs < 2, axis=0).min() > 0.7
    assert legs.max() < 3.5
    # The mean of the drawn people is close to the published mean.
    assert np.abs(away[band][joint].mean(0)).max() < 1.75
