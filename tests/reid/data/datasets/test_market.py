"""Market-1501 as tracklets: grouping, order, distractors, the held-out identities."""

import os
from pathlib import Path

import pytest

from alignnet_common.errors import UserError
from reid.data.datasets.market import load_market, read_folder
from reid_folders import write_market

MARKET = os.environ.get("REID_MARKET", "")


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_images_are_grouped_by_pid_camera_and_sequence_and_ordered_by_frame(tmp_path):
    folder = tmp_path / "bounding_box_train"
    touch(
        folder,
        "0002_c1s1_000451_03.jpg",
        "0002_c1s1_000051_01.jpg",
        "0002_c1s2_000001_01.jpg",
        "0002_c3s1_000002_01.jpg",
        "0007_c1s1_100000_01.jpg",
        "0007_c1s1_099999_02.jpg",
        "Thumbs.db",
    )
    found = {(t.pid, t.camera, t.sequence): [path.name for path in t.frames] for t in read_folder(folder)}
    assert found == {
        (2, 1, 1): ["0002_c1s1_000051_01.jpg", "0002_c1s1_000451_03.jpg"],
        (2, 1, 2): ["0002_c1s2_000001_01.jpg"],
        (2, 3, 1): ["0002_c3s1_000002_01.jpg"],
        (7, 1, 1): ["0007_c1s1_099999_02.jpg", "0007_c1s1_100000_01.jpg"],
    }


def test_junk_and_distractors_are_never_joined(tmp_path):
    folder = tmp_path / "bounding_box_test"
    touch(folder, *(f"{pid}_c1s1_00000{n}_01.jpg" for pid in ("-1", "0000") for n in (1, 2)), "0003_c1s1_000001_00.jpg")
    tracklets = read_folder(folder)
    assert sorted((t.pid, len(t.frames)) for t in tracklets) == [(-1, 1), (-1, 1), (0, 1), (0, 1), (3, 1)]


def test_held_out_identities(tmp_path):
    write_market(tmp_path, persons=20)
    data = load_market(tmp_path, seed=0, test="held-out")
    trained, tested = {t.pid for t in data.train}, {t.pid for t in data.gallery}
    assert len(tested) == 2
    assert len(trained) == 18
    assert trained.isdisjoint(tested)
    assert {t.pid for t in data.query} == tested
    assert len(data.query) == len({(t.pid, t.camera) for t in data.query}) == 4
    assert data == load_market(tmp_path, seed=0, test="held-out")
    others = [{t.pid for t in load_market(tmp_path, seed=seed, test="held-out").gallery} for seed in range(1, 5)]
    assert any(other != tested for other in others)
    assert len({t.pid for t in load_market(tmp_path, 0, "held-out", held_out=0.5).gallery}) == 10


def test_one_query_a_camera_is_the_first_sequence(tmp_path):
    touch(
        tmp_path / "bounding_box_train",
        *(
            f"{pid:04d}_c{camera}s{sequence}_000001_01.jpg"
            for pid in range(2, 8)
            for camera in (1, 2)
            for sequence in (1, 2)
        ),
    )
    data = load_market(tmp_path, seed=0, test="held-out")
    assert {t.sequence for t in data.query} == {1}
    assert len(data.query) == 4
    assert len(data.gallery) == 8


def test_official(tmp_path):
    write_market(tmp_path, persons=4)
    write_market(tmp_path, persons=2, folder="query")
    write_market(tmp_path, persons=3, folder="bounding_box_test")
    data = load_market(tmp_path, seed=0, test="official")
    assert [len({t.pid for t in side}) for side in (data.train, data.query, data.gallery)] == [4, 2, 3]


@pytest.mark.parametrize(
    ("names", "complaint"),
    [((), "no image in it"), (("0002_c1_f000451.jpg",), "not named as in Market-1501"), (None, "no folder")],
)
def test_another_layout(tmp_path, names, complaint):
    if names is not None:
        touch(tmp_path / "bounding_box_train", *names)
    with pytest.raises(UserError, match=complaint):
        load_market(tmp_path, seed=0, test="held-out")


def test_too_few_identities(tmp_path):
    touch(tmp_path / "bounding_box_train", *(f"{pid:04d}_c1s1_000001_01.jpg" for pid in (2, 3, 4)))
    with pytest.raises(UserError, match="3 identities are too few"):
        load_market(tmp_path, seed=0, test="held-out")


@pytest.mark.shared
@pytest.mark.skipif(not MARKET, reason="REID_MARKET does not name a folder of Market-1501")
def test_the_real_training_half():
    tracklets = read_folder(Path(MARKET) / "bounding_box_train")
    assert len({t.pid for t in tracklets}) == 751
    assert sum(len(t.frames) for t in tracklets) == 12936
    assert 3400 < len(tracklets) < 3700
