"""benchmarks.adapt.repair: tracklets with faults and times, and how splits and joins are counted."""

import numpy as np

from benchmarks.adapt.repair import change_of, counts, faulty, person_of
from reid.repair.plan import CameraPlan, Joined, Plan, Split

NAMES = [
    f"{person:04d}_c{camera}s1_{1000 * person + 50 * image:06d}_0{image}.jpg"
    for person in range(1, 41)
    for camera in (1, 2)
    for image in range(6)
]


def test_mixed_tracklets_have_ascending_times_and_one_change():
    tracks = faulty(NAMES, 80, 0.2, 0.0, 0)
    every = [track for some in tracks.values() for track in some]
    assert len(every) == 80 and sum(change_of(track) == 3 for track in every) == 16
    for track in every:
        times = [crop.time for crop in track.crops]
        assert (np.diff(times) > 0).all() and times[-1] - times[0] < 20


def test_broken_tracklets_are_of_one_person_each():
    every = [track for some in faulty(NAMES, 80, 0.0, 0.3, 0).values() for track in some]
    assert len(every) == 80 + 24 and not any(map(change_of, every))


def test_splits_and_joins_are_counted_against_the_names():
    tracks = faulty(NAMES, 80, 0.2, 0.0, 0)
    some = tracks["c1"]
    mixed = [track for track in some if change_of(track)]
    clean = [track for track in some if not change_of(track)]
    splits = (Split(mixed[0], 4, 0.0), Split(mixed[1], 5, 0.0), Split(clean[0], 3, 0.0))
    joins = (Joined("a", clean[0], clean[0], 1.0), Joined("b", clean[0], clean[1], 1.0))
    found = counts(tracks, Plan({"c1": CameraPlan(tuple(some), splits, joins, 9)}, None, None, 99), 10.0)
    assert person_of(clean[0].crops[0].path) != person_of(clean[1].crops[0].path)
    assert found["mixed"] == 16 and found["mixed and split"] == 2
    assert found["mixed and split at the change, within one image"] == 1
    assert found["of one person and split"] == 1 and found["joins"] == 2 and found["right joins"] == 1


def test_halves_of_a_broken_tracklet_follow_each_other():
    tracks = faulty(NAMES, 80, 0.0, 0.3, 0)
    found = counts(tracks, Plan({}, None, None, 0), 10.0)
    assert found["parts of one tracklet within reach"] == 24
