"""Meshes of the solids of a scene."""

import dataclasses

import numpy as np
import pytest

from synth.rendering.solid_meshes import assembled, placed
from synth.scenes.elements import Solid, Surface

GREY = Surface("plain", (0.3, 0.3, 0.3), (0.2, 0.2, 0.2), 1.0, 0.8)


def test_shapes_have_their_size_position_and_rotation():
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


def test_normals_point_outwards():
    for shape in ("box", "cylinder"):
        patch = placed(Solid((0, 0, 0), (1, 1, 1), 0, GREY, shape))
        corners = patch.points[patch.quads]
        normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
        assert ((normals * corners.mean(1)).sum(1) > 0).all()


def test_a_taper_narrows_the_top_only():
    points = placed(Solid((0, 0, 0.5), (1, 1, 1), 0, GREY, taper=0.5)).points
    assert np.ptp(points[points[:, 2] > 0.9][:, 0]) == pytest.approx(0.5)
    assert np.ptp(points[points[:, 2] < 0.1][:, 0]) == pytest.approx(1.0)


def test_copies_are_in_a_row():
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


def test_pattern_coordinates_are_in_metres_and_rotate_with_the_surface():
    wall = Solid((5, 3, 1), (4, 0.2, 2), 0, GREY)
    where = placed(wall).where
    assert np.ptp(where[:, 0]) == pytest.approx(4)
    assert where[:, 1].max() == pytest.approx(2)
    turned = placed(dataclasses.replace(wall, surface=dataclasses.replace(GREY, yaw=30.0))).where
    expected = np.cos(np.radians(30)) * where[:, 0] + np.sin(np.radians(30)) * where[:, 1]
    np.testing.assert_allclose(turned[:, 0], expected)


def test_assembled_faces_keep_their_surface():
    red = dataclasses.replace(GREY, colour=(0.5, 0, 0))
    ball, box = Solid((0, 0, 1), (1, 1, 1), 0, red, "ball"), Solid((3, 0, 1), (1, 1, 1), 0, GREY)
    whole = assembled([ball, box, dataclasses.replace(box, centre=(6, 0, 1))])
    assert whole.surfaces == (red, GREY)
    middle = whole.points[whole.quads].mean(1)
    assert ((middle[:, 0] < 1) == (whole.surface == 0)).all()
    assert (whole.smooth == (whole.surface == 0)).all()
