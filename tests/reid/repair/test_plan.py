"""Names, paths and likeness of repaired tracks; where they are cut."""

import numpy as np
import pytest

from reid.configs.video.repair import RepairConfig
from reid.repair.changes import Place
from reid.repair.describe import Described, directions, of_cameras, spaced
from reid.repair.plan import cut, likeness, new_names, plan, together
from reid.repair.table import Crop, Track, new_paths

BOX = (0.0, 0.0, 20.0, 50.0)


def track(name, times, first=1, camera="yard"):
    crops = [Crop(time, BOX, {"path": f"{camera}/{name}/{first + n:06d}.jpg"}) for n, time in enumerate(times)]
    return Track(camera, name, tuple(crops))


def described(some, rows):
    rows = np.asarray(rows, np.float32)
    return Described(some, tuple(range(len(rows))), rows, np.zeros(rows.shape[1], np.float32))


def test_crops_are_described_at_most_so_often():
    assert spaced(track("1", [0, 0.1, 0.2, 0.3, 0.4, 1.7, 1.8]), 5.0) == (0, 2, 4, 5)
    assert spaced(track("1", [n / 25 for n in range(5)]), 25.0) == (0, 1, 2, 3, 4)


def test_a_cut_between_described_crops_is_in_the_middle_of_the_gap():
    some = Described(track("1", range(9)), (0, 4, 8), np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    assert [some.boundary(place) for place in (1, 2)] == [2, 6]


def test_what_a_camera_has_in_common_is_taken_from_its_descriptors():
    rng = np.random.default_rng(0)
    light = 5 * rng.normal(size=32)
    people = np.repeat(rng.normal(size=(6, 32)), 4, axis=0)
    tracks = {"yard": [track(f"{n}", range(4)) for n in range(6)]}
    chosen = {("yard", f"{n}"): (0, 1, 2, 3) for n in range(6)}
    found = of_cameras(tracks, chosen, directions(people + light))
    rows = np.stack([each.rows[0] for each in found["yard"]])
    cosines = rows @ rows.T
    assert np.abs(cosines[~np.eye(6, dtype=bool)]).max() < 0.7
    assert (directions(people + light) @ directions(people + light).T).min() > 0.8


def test_pieces_have_the_means_of_their_ends():
    rows = np.eye(8, dtype=np.float32)
    pieces = cut(3, described(track("5", range(8)), rows), [Place(5, -0.1)], window=2)
    assert [len(piece.track.crops) for piece in pieces] == [5, 3]
    assert [(piece.part.track, piece.part.place) for piece in pieces] == [(3, 0), (3, 1)]
    half = np.sqrt(0.5)
    np.testing.assert_allclose(pieces[0].first, [half, half, 0, 0, 0, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(pieces[0].last, [0, 0, 0, half, half, 0, 0, 0], atol=1e-6)
    assert pieces[1].part.start == 5.0 and pieces[0].part.end == 4.0


def test_likeness_is_the_lesser_of_the_whole_and_of_where_two_pieces_meet():
    a, b = np.eye(2, dtype=np.float32)
    mixed = cut(0, described(track("1", range(8)), [a] * 6 + [b] * 2), [], window=2)[0]
    later = cut(1, described(track("2", range(10, 14)), [a] * 4), [], window=2)[0]
    assert mixed.mean @ later.mean > 0.9 and likeness(mixed, later) == 0
    assert likeness(later, mixed) == pytest.approx(float(mixed.mean @ later.mean))


def test_later_parts_have_new_numbers_and_other_names_are_kept():
    rows = np.eye(4, dtype=np.float32)
    some = cut(0, described(track("0007", range(4)), rows), [Place(2, 0.0)], window=2)
    other = cut(1, described(track("0003", range(4)), rows), [], window=2)
    assert new_names([*some, *other], {"0007", "0003", "0009"}) == ["0007", "0010", "0003"]
    named = cut(0, described(track("anna", range(4)), rows), [Place(2, 0.0)], window=2)
    assert new_names(named, {"anna"}) == ["anna", "0001"]


def test_files_keep_their_names_unless_they_are_out_of_order():
    assert new_paths(track("0004", [0, 1], first=7)) == ["yard/0004/000007.jpg", "yard/0004/000008.jpg"]
    early, late = track("0001", [0, 1], first=500), track("0002", [2, 3])
    both = Track("yard", "0001", early.crops + late.crops)  # of two recordings
    assert new_paths(both) == [f"yard/0001/00000{n}.jpg" for n in (1, 2, 3, 4)]


def test_tracks_at_the_same_time():
    assert together([track("1", [0, 5]), track("2", [4, 8]), track("3", [8, 9])]) == [(0, 1)]
    assert together([]) == []


def test_nothing_is_planned_without_enough_pairs(tmp_path):
    rng = np.random.default_rng(0)
    some = {"yard": [described(track(f"{n}", range(12)), directions(rng.normal(size=(12, 8)))) for n in range(5)]}
    found = plan(some, RepairConfig(tmp_path, tmp_path / "out"))
    assert found.split is None and found.join is None and found.together == 10
    assert [each.name for each in found.cameras["yard"].tracks] == ["0", "1", "2", "3", "4"]
