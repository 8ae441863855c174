"""One's own data: folders, a CSV, names as numbers, splits of one's own."""

import json

import pytest

from alignnet_common.errors import UserError
from reid.data.datasets.folder import folder_splits
from reid.data.fingerprint import fingerprint
from reid_folders import write_dots, write_own, write_own_csv


def test_folders(tmp_path):
    write_own(tmp_path)
    splits = folder_splits(tmp_path, "all", seed=0)
    assert len(splits) == 10
    for data in splits:
        assert {t.pid for t in data.tracklets} == {1, 2, 3, 4}
        assert {t.pid for t in data.train}.isdisjoint({t.pid for t in data.gallery})
        assert len(data.train) == len(data.query) == len(data.gallery) == 4
        assert data.query == data.gallery
    assert [path.name for path in splits[0].train[0].frames] == ["img_9.png", "img_10.png"]
    assert splits[0].name == f"own data ({tmp_path.name})"
    assert "seeded random halves" in splits[0].notes[0]
    assert len({fingerprint(data) for data in splits}) == 1


def test_a_csv_says_the_same(tmp_path):
    path = write_own_csv(tmp_path)
    from_folders = {(t.pid, t.camera, t.frames) for t in folder_splits(tmp_path, "auto", 0)[0].tracklets}
    assert {(t.pid, t.camera, t.frames) for t in folder_splits(path, "auto", 0)[0].tracklets} == from_folders


def test_a_csv_of_folders_and_sequences(tmp_path):
    write_own(tmp_path, persons=("anna", "bo", "cem", "dora", "eve"))
    write_dots(tmp_path / "yard" / "anna-again", ["1.png", "2.png"])
    rows = [f"{camera}/{person},{person},{camera},1" for camera in ("entrance", "yard") for person in ("anna", "bo")]
    rows += [f"{camera}/{person},{person},{camera}," for camera in ("entrance", "yard") for person in ("cem", "dora")]
    rows += ["yard/anna-again,anna,yard,2", "yard/eve,eve,yard,1"]
    path = tmp_path / "rows.csv"
    path.write_text("\ufeffpath,person,camera,sequence\r\n" + "\r\n".join(rows) + "\r\n")
    data = folder_splits(path, "random", 0)[0]
    anna = [t for t in data.tracklets if t.pid == 1]
    assert [(t.camera, t.sequence, len(t.frames)) for t in anna] == [(0, 0, 2), (1, 0, 2), (1, 1, 2)]
    assert [t.pid for t in data.train].count(5) == 1  # eve, whom one camera saw, can only be trained on


def test_splits_of_ones_own(tmp_path):
    write_own(tmp_path)
    rows = [{"train": ["anna", "bo"], "test": ["cem", "dora"]}, {"train": ["anna", "cem"], "test": ["bo", "dora"]}]
    (tmp_path / "splits.json").write_text(json.dumps(rows))
    first, second = folder_splits(tmp_path, "all", seed=0)
    assert {t.pid for t in first.query} == {3, 4}
    assert {t.pid for t in second.query} == {2, 4}
    assert second.split == "split 1 of splits.json"
    assert len(folder_splits(tmp_path, "random", seed=0)) == 10
    (tmp_path / "splits.json").write_text(json.dumps([{"train": ["dora"], "test": ["anna", "bo", "cem"]}]))
    (uneven,) = folder_splits(tmp_path, "auto", seed=0)
    assert ({t.pid for t in uneven.train}, {t.pid for t in uneven.query}) == ({4}, {1, 2, 3})
    # Whom the file does not name is in neither half.
    write_own(tmp_path / "more", persons=("anna", "bo", "cem", "dora", "eve"))
    (tmp_path / "more" / "splits.json").write_text(json.dumps(rows))
    for data in folder_splits(tmp_path / "more", "auto", seed=0):
        assert {t.pid for t in data.train} | {t.pid for t in data.query} == {1, 2, 3, 4}


def test_distractors_are_in_the_gallery_alone(tmp_path):
    write_own(tmp_path, persons=("0", "1", "2", "3", "4"))
    for data in folder_splits(tmp_path, "random", 0):
        assert sum(t.pid == 0 for t in data.gallery) == 2
        assert 0 not in {t.pid for t in (*data.query, *data.train)}


@pytest.mark.parametrize(
    ("spoiled", "complaint"),
    [
        ({"L1": "path,person"}, "no column camera"),
        ({"L1": "file,person,camera"}, "no column path"),
        ({"L3": "entrance/anna/img_9.png,,entrance,1"}, "line 3: person is empty"),
        ({"L3": "entrance/anna/img_99.png,anna,entrance,1"}, "line 3: no such image or folder"),
        ({"L3": "entrance/anna/img_10.png,anna,entrance,1"}, "is in line 2 already"),
        ({"L4": "entrance/bo/img_10.png,anna,entrance,1"}, "entrance/bo/img_10.png are both frame 10"),
    ],
)
def test_csv_files_that_are_wrong(tmp_path, spoiled, complaint):
    path = write_own_csv(tmp_path, **spoiled)
    with pytest.raises(UserError, match=complaint):
        folder_splits(path, "auto", 0)


def test_other_mistakes(tmp_path):
    for content in ("", "path,person,camera\n"):
        (tmp_path / "a.csv").write_text(content)
        with pytest.raises(UserError, match=r"no column path|no row below"):
            folder_splits(tmp_path / "a.csv", "auto", 0)
    (tmp_path / "a.csv").write_bytes(b"path,person,camera\n\xff\xfe\x00,a,b\n")
    with pytest.raises(UserError, match="not a CSV"):
        folder_splits(tmp_path / "a.csv", "auto", 0)
    with pytest.raises(UserError, match="no such folder or CSV"):
        folder_splits(tmp_path / "absent", "auto", 0)
    with pytest.raises(UserError, match="no camera/person/frames"):
        folder_splits(tmp_path, "auto", 0)
    write_own(tmp_path, persons=("anna", "bo", "cem"))
    with pytest.raises(UserError, match="3 persons were seen by more than one camera; halves need 4"):
        folder_splits(tmp_path, "auto", 0)
    with pytest.raises(UserError, match=r"no splits.json in"):
        folder_splits(tmp_path, "json", 0)
    (tmp_path / "yard" / "bo" / "img_9.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="are both frame 9"):
        folder_splits(tmp_path, "auto", 0)


def write_outfits(root, rows, header="path,person,camera,outfit"):
    """A CSV file of four persons by two cameras; `rows` maps the number of an image to its outfit."""
    write_own(root, frames=4)
    lines = [header]
    for camera in ("entrance", "yard"):
        for person in ("anna", "bo", "cem", "dora"):
            for number, outfit in enumerate(rows):
                lines.append(f"{camera}/{person}/img_{9 + number}.png,{person},{camera},{outfit}")
    (root / "own.csv").write_text("\n".join(lines) + "\n")
    return root / "own.csv"


def test_outfits_of_a_csv_divide_tracklets_and_queries(tmp_path):
    data = folder_splits(write_outfits(tmp_path, ["red", "blue", "blue", "red"]), "auto", 0)[0]
    anna = [tracklet for tracklet in data.tracklets if tracklet.pid == 1]
    assert [(t.camera, t.sequence, t.outfit, len(t.frames)) for t in anna] == [
        (camera, number, number, 2) for camera in (0, 1) for number in (0, 1)
    ]
    assert [path.name for path in anna[0].frames] == ["img_10.png", "img_11.png"]  # blue is number 0
    assert len(data.query) == 2 * 2 * 2  # persons, cameras, outfits
    assert "outfit" in data.protocol


def test_outfits_that_are_not_named_are_not_known(tmp_path):
    rows = ["red", "red", "", "nan"]
    data = folder_splits(write_outfits(tmp_path, rows, "path;person;camera;Outfit".replace(";", ",")), "auto", 0)[0]
    assert {tracklet.outfit for tracklet in data.tracklets} == {0, None}
    assert {tracklet.outfit for tracklet in folder_splits(tmp_path, "auto", 0)[0].tracklets} == {None}
