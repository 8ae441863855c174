"""The image pipeline, one parameter of the sensor at a time."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from synth.cameras.image_pipeline import automatic_gains, develop, incident_light, tone_curve
from synth.cameras.sensor import Sensor, sensor_rand

WHITE = np.ones(3)
NEUTRAL = Sensor(
    exposure=0,
    auto_white=0,
    white_balance=(1, 1, 1),
    contrast=1,
    gamma=1,
    black_level=0,
    saturation=1,
    vignette=(0, 0),
    source_height=128,
    blur=0,
    motion_blur=0,
    sharpen=0,
    noise=0,
    codec="jpeg",
    loss=20,
)


def smooth_scene():
    """(128, 64, 3) smooth linear light below the highlights."""
    row, column = np.mgrid[0:128, 0:64]
    return np.stack([0.05 + 0.4 * row / 127, 0.1 + 0.3 * column / 63, np.full(row.shape, 0.2)], axis=-1)


def seen(scene, gain=1.0, seed=0, **changes):
    """The frame of a neutral sensor with `changes`, as floats."""
    (frame,) = develop(scene[None], gain * WHITE, dataclasses.replace(NEUTRAL, **changes), np.random.default_rng(seed))
    assert frame.dtype == np.uint8
    assert frame.shape == scene.shape
    return frame.astype(float)


def srgb(linear):
    """sRGB (IEC 61966-2-1) in 0..255."""
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_a_neutral_sensor_encodes_the_light_as_srgb():
    difference = np.abs(seen(smooth_scene()) - srgb(smooth_scene()))
    assert difference.mean() < 1.5
    assert difference.max() < 8


def test_highlights_are_compressed_and_never_wrap():
    light = np.linspace(0, 50, 2000)
    curve = tone_curve(light, 1.0)
    assert (np.diff(curve) >= 0).all()
    assert curve[0] == 0
    assert curve[-1] <= 1
    assert tone_curve(np.array([0.9]), 1.0) < srgb(np.array([0.9])) / 255
    assert seen(np.full((128, 64, 3), 1e6)).min() > 250
    assert seen(np.full((128, 64, 3), -1.0)).max() < 5


def test_one_stop_doubles_the_light():
    scene = smooth_scene() / 4
    np.testing.assert_array_equal(seen(scene, exposure=1.0), seen(2 * scene))
    np.testing.assert_array_equal(seen(scene, gain=2.0), seen(2 * scene))
    assert seen(scene, exposure=1.0).mean() > seen(scene).mean() + 20


def test_white_balance_scales_its_channel():
    plain = seen(smooth_scene()).mean((0, 1))
    warm = seen(smooth_scene(), white_balance=(1.2, 1.0, 0.8)).mean((0, 1))
    assert warm[0] > plain[0] + 5
    assert abs(warm[1] - plain[1]) < 3
    assert warm[2] < plain[2] - 5


def test_contrast_keeps_middle_grey():
    grey = np.full((128, 64, 3), 0.18)
    assert abs(seen(grey, contrast=1.3).mean() - seen(grey).mean()) < 2
    assert seen(smooth_scene(), contrast=1.3).std() > 1.2 * seen(smooth_scene()).std()
    assert seen(smooth_scene(), contrast=0.7).std() < 0.8 * seen(smooth_scene()).std()


def test_zero_saturation_is_grey():
    frame = seen(smooth_scene(), saturation=0.0)
    assert np.ptp(frame, axis=-1).max() <= 2
    coloured = np.ptp(seen(smooth_scene()), axis=-1).mean()
    assert np.ptp(seen(smooth_scene(), saturation=0.5), axis=-1).mean() == pytest.approx(coloured / 2, rel=0.1)


def test_black_level_brightens_black():
    black = np.zeros((128, 64, 3))
    assert seen(black).max() <= 2
    assert seen(black, black_level=0.2).mean() == pytest.approx(51, abs=2)


def steepness(frame):
    """The largest difference between neighbours in a row."""
    return np.abs(np.diff(frame.mean(-1), axis=1)).max()


def edge():
    scene = np.full((128, 64, 3), 0.05)
    scene[:, 32:] = 0.5
    return scene


def test_blur_and_a_low_resolution_soften_an_edge_and_sharpening_steepens_it():
    plain = steepness(seen(edge()))
    assert steepness(seen(edge(), blur=1.5)) < 0.5 * plain
    assert steepness(seen(edge(), source_height=40)) < 0.7 * plain
    assert steepness(seen(edge(), source_height=1000)) == pytest.approx(plain, rel=0.02)
    assert steepness(seen(edge(), blur=1.5, sharpen=1.0)) > 1.1 * steepness(seen(edge(), blur=1.5))


def test_noise_has_about_its_standard_deviation():
    grey = np.full((128, 64, 3), 0.18)
    spread = [seen(grey, noise=noise).std() / 255 for noise in (0, 0.01, 0.03, 0.06)]
    assert spread[0] < 0.002
    assert spread == sorted(spread)
    # JPEG removes some of it.
    assert 0.5 * 0.03 < spread[2] < 1.3 * 0.03


def test_noise_is_stronger_in_bright_areas():
    dark, bright = (seen(np.full((128, 64, 3), light), noise=0.03).std() for light in (0.01, 0.5))
    assert bright > 1.3 * dark


@pytest.mark.parametrize("codec", ["jpeg", "h264"])
def test_strong_compression_loses_detail(codec):
    rng = np.random.default_rng(0)
    scene = np.clip(smooth_scene() + rng.normal(0, 0.05, (128, 64, 1)), 0, 1)
    fine, coarse = (np.abs(seen(scene, codec=codec, loss=loss) - srgb(scene)).mean() for loss in (20, 40))
    assert coarse > 1.3 * fine
    assert fine < 8


def test_h264_keeps_the_order_of_frames_and_static_frames_static():
    steps = np.linspace(0.05, 0.6, 12)
    brightening = np.stack([np.full((64, 32, 3), light) for light in steps])
    video = dataclasses.replace(NEUTRAL, codec="h264", loss=30)
    frames = develop(brightening, WHITE, video, np.random.default_rng(0)).astype(float)
    np.testing.assert_allclose(frames.mean((1, 2, 3)), srgb(steps), atol=5)
    # A video codec removes most of the noise that JPEG keeps.
    still = np.repeat(smooth_scene()[None], 8, axis=0)
    flicker = [
        np.diff(develop(still, WHITE, dataclasses.replace(NEUTRAL, noise=0.01, codec=codec, loss=30),
                        np.random.default_rng(0)).astype(float), axis=0).std()
        for codec in ("h264", "jpeg")
    ]  # fmt: skip
    assert flicker[0] < 0.8 * flicker[1]


def test_gains_may_differ_between_frames():
    clip = np.repeat(smooth_scene()[None], 2, axis=0)
    gains = np.array([[1.0, 1.0, 1.0], [2.0, 1.0, 0.5]])

    def taken(gain):
        return develop(clip, gain, NEUTRAL, np.random.default_rng(0))

    own = taken(gains)
    np.testing.assert_array_equal(own[0], taken(gains[0])[0])
    np.testing.assert_array_equal(own[1], taken(gains[1])[1])
    assert (own[0] != own[1]).any()


def test_compression_is_deterministic():
    clip = np.clip(smooth_scene() + np.random.default_rng(0).normal(0, 0.1, (6, 128, 64, 3)), 0, 1)
    video = dataclasses.replace(NEUTRAL, codec="h264", loss=26, source_height=75.3)
    first, second = (develop(clip, WHITE, video, np.random.default_rng(0)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_motion_blur_acts_along_its_direction_only():
    scene = np.full((128, 64, 3), 0.05)
    scene[:, 32:] = 0.5
    scene[64:] = scene[64:, ::-1]
    plain, moved = (seen(scene, motion_blur=length) for length in (0, 6))
    assert steepness(moved) < 0.4 * steepness(plain)
    down = [np.abs(np.diff(frame.mean(-1), axis=0)).max() for frame in (plain, moved)]
    assert down[1] > 0.6 * down[0]
    assert abs(moved.mean() - plain.mean()) < 1


def test_a_vignette_darkens_one_side():
    grey = np.full((128, 64, 3), 0.18)
    frame = seen(grey, vignette=(0.4, -0.2))
    assert frame[:, -8:].mean() > frame[:, :8].mean() + 8
    assert frame[-16:].mean() < frame[:16].mean() - 4
    assert abs(frame.mean() - seen(grey).mean()) < 2


def test_gamma_changes_the_shadows():
    dark = np.full((128, 64, 3), 0.05)
    assert seen(dark, gamma=0.8).mean() > seen(dark).mean() + 8
    assert seen(dark, gamma=1.25).mean() < seen(dark).mean() - 8


def test_the_same_generator_gives_the_same_frame():
    sensor = dataclasses.replace(sensor_rand(np.random.default_rng(3)), noise=0.02, loss=20)
    clip = smooth_scene()[None]
    frames = [develop(clip, WHITE, sensor, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(frames[0], frames[1])
    assert (frames[0] != frames[2]).mean() > 0.1


def lit_clip(light, seed=0):
    """Radiance and albedo (2, 8, 4, 3) of surfaces in `light` (3,), some in shadow, under a bright sky."""
    rng = np.random.default_rng(seed)
    albedo = rng.uniform(0.03, 0.8, (2, 8, 4, 3))
    shade = np.exp(rng.normal(0, 0.3, (2, 8, 4, 1)))
    shade /= np.exp(np.log(shade[:, 2:]).mean())
    radiance = albedo * shade * light
    albedo[:, :2], radiance[:, :2] = 0, 50.0
    return radiance, albedo


def test_automatic_exposure_depends_on_the_light_and_not_on_the_albedo():
    light = np.array([3.0, 2.0, 0.5])
    for factor in (0.01, 1, 100):
        for seed in range(3):
            np.testing.assert_allclose(incident_light(*lit_clip(factor * light, seed)), factor * light)
    radiance, albedo = lit_clip(light)
    albedo[:, 4:], radiance[:, 4:] = 0.5 * albedo[:, 4:], 0.5 * radiance[:, 4:]
    np.testing.assert_allclose(incident_light(radiance, np.maximum(albedo, 0.021 * (albedo > 0))), light, rtol=0.1)
    assert np.isfinite(incident_light(np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 3)))).all()


def test_unlit_surfaces_do_not_raise_the_exposure():
    light = np.array([3.0, 2.0, 0.5])
    radiance, albedo = lit_clip(light)
    radiance[:, 6:] = 0
    np.testing.assert_allclose(incident_light(radiance, albedo), light, rtol=0.2)
    assert np.isfinite(incident_light(np.zeros_like(radiance), albedo)).all()


def test_automatic_white_balance_removes_a_share_of_the_colour_and_keeps_the_brightness():
    light = np.array([3.0, 2.0, 0.5])
    gains = {share: automatic_gains(light, dataclasses.replace(NEUTRAL, auto_white=share)) for share in (0, 0.5, 1)}
    np.testing.assert_allclose(gains[1] * light, 1)
    assert np.ptp(gains[0]) == 0
    assert (gains[0] * light) @ np.array([0.2126, 0.7152, 0.0722]) == pytest.approx(1)
    cast = {share: np.log(gain * light) for share, gain in gains.items()}
    np.testing.assert_allclose(cast[0.5] - cast[0.5].mean(), 0.5 * (cast[0] - cast[0].mean()), atol=1e-12)


def test_drawn_sensors_differ_and_are_plausible():
    sensors = [sensor_rand(np.random.default_rng(seed)) for seed in range(300)]
    assert sensors[0] == sensor_rand(np.random.default_rng(0))
    for name, low, high in (
        ("exposure", -3, 3),
        ("contrast", 0.5, 1.5),
        ("black_level", 0, 0.5),
        ("saturation", 0.3, 1.5),
        ("source_height", 30, 400),
        ("blur", 0, 3),
        ("motion_blur", 0, 12),
        ("gamma", 0.5, 1.7),
        ("sharpen", 0, 1),
        ("noise", 0.001, 0.04),
        ("loss", 20, 40),
    ):
        values = np.array([getattr(sensor, name) for sensor in sensors])
        assert low <= values.min() < values.max() <= high, name
        assert values.std() > 0.02 * (high - low), name
    balance = np.array([sensor.white_balance for sensor in sensors])
    assert 0.6 < balance.min() < balance.max() < 1.6
    assert {sensor.codec for sensor in sensors} == {"jpeg", "h264"}
    assert abs(np.mean([sensor.vignette for sensor in sensors])) < 0.02


def test_two_cameras_differ_more_than_two_frames_of_one_camera():
    first, second = (sensor_rand(np.random.default_rng(seed)) for seed in (10, 11))
    frames = [
        develop(smooth_scene()[None], WHITE, sensor, np.random.default_rng(seed))[0].astype(float)
        for sensor, seed in ((first, 0), (first, 1), (second, 0))
    ]
    small = [np.asarray(Image.fromarray(frame.astype(np.uint8)).resize((4, 8))).astype(float) for frame in frames]
    assert np.abs(small[0] - small[2]).mean() > 3 * np.abs(small[0] - small[1]).mean()
