"""Frames, strips and overlays as small JPEG data URLs."""

import base64
import io

import numpy as np
from PIL import Image

from reid.visualisation.pictures import COLOURS, GAP, fitted, jpeg, overlay, strip


def test_large_frames_are_reduced_and_small_ones_stay():
    assert fitted(np.zeros((256, 100, 3), np.uint8)).shape == (128, 50, 3)
    assert fitted(np.zeros((64, 32, 3), np.uint8)).shape == (64, 32, 3)


def test_a_picture_is_a_jpeg_that_decodes():
    source = jpeg(np.full((20, 10, 3), 90, np.uint8))
    head, _, content = source.partition(",")
    assert head == "data:image/jpeg;base64"
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    assert picture.shape == (20, 10, 3) and abs(picture.mean() - 90) < 2


def test_a_strip_brings_frames_of_other_sizes_to_that_of_the_first():
    frames = [np.zeros((20, 10, 3), np.uint8), np.zeros((40, 30, 3), np.uint8)]
    assert strip(frames).shape == (20, 10 + GAP + 10, 3)


def test_an_overlay_is_bright_where_attention_is_high():
    frame = np.full((40, 20, 3), 100, np.uint8)
    drawn = overlay(frame, np.array([[1.0, 1.0], [3.0, 3.0]], np.float32), 1.0, 3.0)
    assert drawn.shape == frame.shape and drawn.dtype == np.uint8
    grey, bright = (
        0.75 * 100 + 0.25 * 255 * np.array(COLOURS(0.0)[:3]),
        0.15 * 100 + 0.85 * 255 * np.array(COLOURS(1.0)[:3]),
    )
    np.testing.assert_allclose(drawn[0, 10], grey, atol=2)
    np.testing.assert_allclose(drawn[-1, 10], bright, atol=2)


def test_an_overlay_of_uniform_attention_is_even():
    drawn = overlay(np.full((40, 20, 3), 100, np.uint8), np.ones((4, 2), np.float32), 1.0, 1.0)
    assert (drawn == drawn[0, 0]).all()
