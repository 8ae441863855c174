"""Areas of silhouettes of shapes with known areas."""

import numpy as np
import pytest

from synth.body.primitives import superellipsoid
from synth.rendering.silhouette import silhouette_area


def test_a_square_has_its_area_at_any_position_and_orientation():
    square = np.array([[0, 0], [10, 0], [10, 20], [0, 20.0]])
    for start in ([0, 0], [-300.3, 17.7], [0.25, 0.25]):
        for quad in ([0, 1, 2, 3], [3, 2, 1, 0]):
            # Its edges lie on points of the grid or between them.
            assert silhouette_area(square + start, np.array([quad])) == pytest.approx(200, rel=0.08)


def test_a_ball_of_many_faces_is_a_disc():
    points, quads = superellipsoid(np.zeros(3), (40.0, 40.0, 40.0), 1.0)
    corners = 40 * np.exp(2j * np.pi * np.arange(20) / 20)
    polygon = 0.5 * abs((corners.conj() * np.roll(corners, -1)).imag.sum())
    assert silhouette_area(points[:, :2], quads) == pytest.approx(polygon, rel=0.01)


def test_overlapping_faces_count_once_and_separate_ones_add_up():
    points, quads = superellipsoid(np.zeros(3), (30.0, 20.0, 20.0), 1.0)
    one = silhouette_area(points[:, :2], quads)
    for shift, times in ((0, 1), (100, 2)):
        both = np.concatenate([points, np.add(points, [shift, 0, 0])])[:, :2]
        assert silhouette_area(both, np.concatenate([quads, quads + len(points)])) == pytest.approx(
            times * one, rel=0.01
        )


def test_faces_smaller_than_the_grid_cover_their_union():
    rng = np.random.default_rng(0)
    columns, rows = np.meshgrid(np.linspace(0, 20, 201), np.linspace(0, 20, 201))
    points = np.stack([columns.ravel(), rows.ravel()], axis=1) + rng.normal(0, 0.005, (201 * 201, 2))
    first = (np.arange(200)[:, None] * 201 + np.arange(200)).ravel()
    quads = np.stack([first, first + 1, first + 202, first + 201], axis=1)
    assert silhouette_area(points, quads) == pytest.approx(400, rel=0.06)
    assert silhouette_area(points, quads[::2]) < 250
