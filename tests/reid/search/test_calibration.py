"""The sample of which false match rates are made: of every camera, within a bound for all cameras together."""

import numpy as np

from reid.index import calibration
from reid.index.calibration import drawn
from reid.index.store import IndexRow, Store


def made(folder, cameras, blocks=3, rows=20):
    """An index of synthetic tracklets whose first number tells them apart."""
    store = Store(folder)
    for camera in range(cameras):
        for block in range(blocks):
            names = [f"{number:04d}" for number in range(block * rows, (block + 1) * rows)]
            vectors = np.array([[camera * 1000 + int(name), 1.0] for name in names])
            some = [IndexRow("tracks", f"c{camera}", name, f"{camera}-{name}", 9, 0.0, 1.0) for name in names]
            store.add(f"c{camera}-{block}", some, vectors, [b"jpeg"] * rows)
    return store


def test_a_small_index_is_used_as_a_whole(tmp_path):
    found = drawn(made(tmp_path, 2), np.random.default_rng(0))
    assert list(found) == ["c0", "c1"]
    assert found["c1"][:, 0].tolist() == list(range(1000, 1060))


def test_a_sample_has_distinct_tracklets_of_all_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "MOST", 30)
    found = drawn(made(tmp_path, 2), np.random.default_rng(0))["c0"][:, 0]
    assert len(found) == len(set(found.tolist())) == 30
    assert {int(number) // 20 for number in found} == {0, 1, 2}


def test_many_cameras_share_the_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "MOST_OF_ALL", 40)
    found = drawn(made(tmp_path, 8), np.random.default_rng(0))
    assert [len(some) for some in found.values()] == [5] * 8
