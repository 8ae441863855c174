"""Descriptors of tracklets made comparable between cameras."""

import numpy as np
import pytest

from reid.adapt.clustering.across_cameras import FEWEST, comparable, means_of_cameras
from reid.adapt.clustering.description import Described, unit

PERSONS, CAMERAS, SIZE, VARYING = 90, 3, 64, 16


def described_as(rows, directions=None):
    rows = unit(rows.astype(np.float32))
    return Described(rows, (rows, rows), np.ones(len(rows), bool), directions)


@pytest.fixture(scope="module")
def seen():
    """Descriptors (N, D) of 90 persons by each of three cameras, persons and cameras (N,).

    A camera moves all of its descriptors alike, and each person's strongly along `VARYING` directions.
    """
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(PERSONS, SIZE)), CAMERAS, axis=0)
    persons, cameras = np.repeat(np.arange(PERSONS), CAMERAS), np.tile(np.arange(CAMERAS), PERSONS)
    rows = rows + rng.normal(size=(CAMERAS, SIZE))[cameras] + 0.5 * rng.normal(size=rows.shape)
    rows[:, :VARYING] += 2 * rng.normal(size=(len(rows), VARYING))
    return rows, persons, cameras


def found_first(rows, persons, cameras):
    """Share of rows whose nearest row of another camera is of the same person."""
    similarity = np.where(cameras[:, None] == cameras, -np.inf, rows @ rows.T)
    return (persons[similarity.argmax(1)] == persons).mean()


def test_persons_are_found_in_other_cameras_more_often(seen):
    rows, persons, cameras = seen
    before = described_as(rows)
    after = comparable(before, cameras)
    one = found_first(before.whole, persons, cameras)
    centred = unit(before.whole - means_of_cameras(before.whole, cameras)[cameras])
    two, three = found_first(centred, persons, cameras), found_first(after.whole, persons, cameras)
    assert one + 0.1 < two < three - 0.1  # 0.61, 0.81, 0.99
    assert np.allclose(np.linalg.norm(after.whole, axis=1), 1, atol=1e-5)
    assert np.array_equal(after.halves[0], after.whole)
    assert np.array_equal(before.whole, described_as(rows).whole)


def test_each_camera_is_centred_by_its_own_mean_where_it_has_enough_tracklets():
    rng = np.random.default_rng(0)
    cameras = np.repeat([0, 1, 2], [FEWEST, FEWEST + 8, FEWEST - 1])
    rows = rng.normal(size=(len(cameras), 4)).astype(np.float32) + cameras[:, None]
    means = means_of_cameras(rows, cameras)
    assert means[0] == pytest.approx(rows[cameras == 0].mean(0))
    assert means[1] == pytest.approx(rows[cameras == 1].mean(0))
    assert means[2] == pytest.approx((means[0] + means[1]) / 2)


def test_where_no_camera_has_enough_tracklets_all_have_one_mean():
    rows = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    means = means_of_cameras(rows, np.array([0, 0, 0, 0, 0, 2, 2, 2]))
    assert means == pytest.approx(np.tile(rows.mean(0), (3, 1)))


def test_components_are_centred_without_a_square_root():
    rng = np.random.default_rng(0)
    cameras = np.repeat([0, 1], FEWEST)
    given = described_as(rng.normal(size=(2 * FEWEST, 3)), directions=np.eye(3, 8, dtype=np.float32))
    found = comparable(given, cameras)  # too few pairs for directions between cameras
    expected = unit(given.whole - means_of_cameras(given.whole, cameras)[cameras])
    assert found.whole == pytest.approx(expected, abs=1e-6)
