"""PRID2011: both roots, numeric order, published and random splits, stand-ins named as such."""

import json
import os
from pathlib import Path

import pytest

from alignnet_common.errors import UserError
from alignnet_common.files import PROJECT_ROOT
from reid.data.datasets.prid import load_prid
from reid.data.datasets.splits import random_halves, read_json_splits
from reid_folders import write_prid, write_rendered, write_splits

SHARED = Path(os.environ.get("REID_DATA", PROJECT_ROOT.parent / "shared" / "data"))


def names(tracklets):
    return {f"person_{tracklet.pid:04d}" for tracklet in tracklets}


@pytest.mark.parametrize("inner", ["multi_shot", "prid_2011/multi_shot"])
def test_both_roots_and_the_published_split(tmp_path, inner):
    write_prid(tmp_path, persons=6, frames=2, inner=inner)
    file = write_splits(tmp_path, persons=6)
    data = load_prid(tmp_path, split=2, splits="auto", seed=0, min_frames=1)
    published = json.loads(file.read_text())[2]
    assert names(data.train) == set(published["train"])
    assert names(data.query) == names(data.gallery) == set(published["test"])
    assert {t.camera for t in data.query} == {0}
    assert {t.camera for t in data.gallery} == {1}
    assert len(data.train) == 2 * len(published["train"])
    assert data.name == "PRID2011"
    assert data.notes == ()
    assert "splits_prid2011.json" in data.split


def test_the_splits_file_may_lie_where_the_archive_was_unpacked(tmp_path):
    write_prid(tmp_path, persons=4, frames=1, inner="prid_2011/multi_shot")
    write_splits(tmp_path / "prid_2011", persons=4)
    assert "splits_prid2011.json" in load_prid(tmp_path, 0, "json", seed=0).split


def test_frames_come_in_numeric_order(tmp_path):
    write_prid(tmp_path, persons=4, frames=1)
    folder = tmp_path / "multi_shot" / "cam_a" / "person_0001"
    source = (folder / "0001.png").read_bytes()
    for name in ("10.png", "9.png", "0100.png", ".hidden.png", "Thumbs.db"):
        (folder / name).write_bytes(source)
    data = load_prid(tmp_path, 0, "random", seed=0, min_frames=1)
    tracklet = next(t for t in data.tracklets if t.pid == 1 and t.camera == 0)
    assert [path.name for path in tracklet.frames] == ["0001.png", "9.png", "10.png", "0100.png"]


def test_without_the_file_auto_makes_seeded_halves_and_says_so(tmp_path):
    write_prid(tmp_path, persons=6, frames=1)
    data = load_prid(tmp_path, 0, "auto", seed=0, min_frames=1)
    assert any("seeded random halves" in note and "splits_prid2011.json" in note for note in data.notes)
    assert "seed 0" in data.split
    assert names(data.train).isdisjoint(names(data.query))
    assert len(names(data.train)) == len(names(data.query)) == 3
    again = load_prid(tmp_path, 0, "auto", seed=0, min_frames=1)
    assert again == data


def test_random_wins_over_the_file_when_asked_for(tmp_path):
    write_prid(tmp_path, persons=4, frames=1)
    write_splits(tmp_path, persons=4)
    assert any("asked for" in note for note in load_prid(tmp_path, 0, "random", seed=0, min_frames=1).notes)


def test_json_is_demanded_and_its_absence_names_file_and_place(tmp_path):
    write_prid(tmp_path, persons=4, frames=1)
    with pytest.raises(UserError, match=rf"splits_prid2011.json in {tmp_path}"):
        load_prid(tmp_path, 0, "json", seed=0)


def test_only_persons_up_to_200_are_the_same_in_both_views(tmp_path):
    write_prid(tmp_path, frames=1, names=[f"person_{pid:04d}" for pid in (1, 2, 3, 200, 201, 300)])
    data = load_prid(tmp_path, 0, "random", seed=0, min_frames=1)
    assert {t.pid for t in data.tracklets} == {1, 2, 3, 200}


def test_a_person_of_one_camera_is_left_out(tmp_path):
    write_prid(tmp_path, persons=4, frames=1)
    lonely = tmp_path / "multi_shot" / "cam_a" / "person_0009"
    lonely.mkdir()
    (lonely / "0001.png").write_bytes((tmp_path / "multi_shot/cam_a/person_0001/0001.png").read_bytes())
    assert 9 not in {t.pid for t in load_prid(tmp_path, 0, "random", seed=0, min_frames=1).tracklets}


def test_min_frames_counts_in_both_cameras(tmp_path):
    write_prid(tmp_path, persons=6, frames=3)
    for path in sorted((tmp_path / "multi_shot" / "cam_b" / "person_0002").iterdir())[:2]:
        path.unlink()
    data = load_prid(tmp_path, 0, "random", seed=0, min_frames=3)
    assert {t.pid for t in data.tracklets} == {1, 3, 4, 5, 6}


def test_random_splits_are_of_identities_with_27_frames_unless_it_is_a_stand_in(tmp_path):
    write_prid(tmp_path / "prid", persons=4, frames=3)
    with pytest.raises(UserError, match="0 persons with 27 frames in both cameras; halves need 4: lower --min-frames"):
        load_prid(tmp_path / "prid", 0, "auto", seed=0)
    write_rendered(tmp_path / "rendered", persons=4, frames=3)
    assert "3 frames" not in load_prid(tmp_path / "rendered", 0, "auto", seed=0).notes[0]


def test_a_rendered_set_is_named_a_stand_in_and_has_no_limit_of_200(tmp_path):
    write_rendered(tmp_path, persons=4, frames=1, first=300)
    data = load_prid(tmp_path, 0, "auto", seed=0, min_frames=1)
    assert data.name == "synthetic stand-in"
    assert {t.pid for t in data.tracklets} == {300, 301, 302, 303}


def test_random_halves_depend_on_seed_and_number_alone():
    people = [f"person_{pid:04d}" for pid in range(1, 9)]
    first = random_halves(people, seed=0)
    assert len(first) == 10
    assert first == random_halves(people[::-1], seed=0)
    assert first != random_halves(people, seed=1)
    assert len({split.test for split in first}) > 5
    for split in first:
        assert sorted(split.train + split.test) == people
        assert len(split.train) == len(split.test) == 4
    assert all(len(split.test) == 3 for split in random_halves(people[:7], seed=0))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "not a JSON file"),
        ("{}", "must be a list"),
        ("[]", "must be a list"),
        ('[{"train": ["person_0001"]}]', '"test" must be a list'),
        ('[{"train": ["person_0001"], "test": [2]}]', '"test" must be a list'),
        ('[{"train": ["a", "b", "c"], "test": ["d"]}]', "not two halves"),
        ('[{"train": ["a", "b"], "test": ["b", "c"]}]', "named twice"),
    ],
)
def test_a_faulty_split_file(tmp_path, content, complaint):
    path = tmp_path / "splits_prid2011.json"
    path.write_text(content)
    with pytest.raises(UserError, match=complaint):
        read_json_splits(path)


def test_a_split_that_names_absent_people(tmp_path):
    write_prid(tmp_path, persons=4, frames=1)
    write_splits(tmp_path, persons=6)
    with pytest.raises(UserError, match="names 2 persons who are not in both cameras: person_000"):
        load_prid(tmp_path, 0, "auto", seed=0, min_frames=1)


def test_a_split_number_beyond_the_file(tmp_path):
    write_prid(tmp_path, persons=4, frames=1)
    write_splits(tmp_path, persons=4, count=2)
    with pytest.raises(UserError, match="has splits 0-1, not 2"):
        load_prid(tmp_path, 2, "auto", seed=0, min_frames=1)


@pytest.mark.shared
@pytest.mark.skipif(not (SHARED / "splits_prid2011.json").is_file(), reason="the published splits are not here")
def test_the_published_splits():
    splits = read_json_splits(SHARED / "splits_prid2011.json")
    people = {name for split in splits for name in split.train + split.test}
    excluded = {6, 19, 31, 52, 57, 62, 71, 94, 106, 120, 136, 138, 139, 142, 145, 158, 159, 166, 183, 190, 199, 200}
    assert len(splits) == 10
    assert all(len(split.train) == len(split.test) == 89 for split in splits)
    assert people == {f"person_{pid:04d}" for pid in range(1, 201) if pid not in excluded}
