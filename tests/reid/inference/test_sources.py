"""Images and tracklets that a folder, a pattern or a table names, their order, and what is known of them."""

import numpy as np
import pytest

from alignnet_common.errors import UserError
from reid.inference.output import columns_of, numbers_or_names
from reid.inference.rows import Row
from reid.inference.sources import find_source
from reid_folders import write_dots, write_market, write_own, write_rendered


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Images in a folder and below it, hidden ones, and other files."""
    root = tmp_path_factory.mktemp("crops")
    write_dots(root, ["10.png", "9.png", ".hidden.png"])
    write_dots(root / "b10", ["1.png"])
    write_dots(root / "b9" / "deep", ["1.PNG", "notes.txt"])
    write_dots(root / ".trash", ["1.png"])
    (root / "b9" / "up").symlink_to(root, target_is_directory=True)
    return root


def test_a_folder_is_read_with_all_folders_below_in_natural_order(crops):
    source = find_source(str(crops), tracklets=False)
    assert [row.path for row in source.rows] == ["9.png", "10.png", "b9/deep/1.PNG", "b10/1.png"]
    assert all(row.frames == (row.path,) and row.person == row.camera == "" for row in source.rows)
    assert source.root == crops
    one = find_source(str(crops / "9.png"), tracklets=False)
    assert [one.root / row.path for row in one.rows] == [crops / "9.png"]


def test_a_pattern(crops, monkeypatch):
    monkeypatch.chdir(crops)
    assert [row.path for row in find_source("*.png", tracklets=False).rows] == ["9.png", "10.png"]
    assert [row.path for row in find_source("b*/**/*.png", tracklets=False).rows][-1] == "b10/1.png"
    source = find_source(str(crops / "b1[0]" / "*"), tracklets=False)
    assert [source.root / row.path for row in source.rows] == [crops / "b10/1.png"]
    (row,) = find_source("b9/d*", tracklets=True).rows
    assert row == Row("b9/deep", ("b9/deep/1.PNG",), "", "b9", "deep")


def test_names_of_market_1501_give_person_and_camera(tmp_path):
    write_market(tmp_path, persons=2)
    write_dots(tmp_path / "bounding_box_train", ["-1_c3s1_000451_03.jpg", "0000_c6s2_000451_03.jpg"])
    source = find_source(str(tmp_path / "bounding_box_train"), tracklets=False)
    columns = columns_of(source.rows)
    assert columns["paths"][-1] == "-1_c3s1_000451_03.jpg"
    assert columns["persons"].tolist() == [0] + 4 * [2] + 4 * [3] + [-1]
    assert columns["cameras"].tolist() == [6] + 2 * [1, 1, 2, 2] + [3]
    assert "tracks" not in columns
    write_dots(tmp_path / "bounding_box_train", ["other.jpg"])
    columns = columns_of(find_source(str(tmp_path / "bounding_box_train"), tracklets=False).rows)
    assert columns["persons"].tolist()[0] == "0000"
    assert columns["persons"].tolist()[-2:] == ["-1", ""]


def test_folders_of_cameras_and_tracks(tmp_path):
    own = write_own(tmp_path / "own", persons=("10", "9"), frames=2)
    rows = find_source(str(own), tracklets=True).rows
    assert [row.path for row in rows] == ["entrance/9", "entrance/10", "yard/9", "yard/10"]
    assert rows[1] == Row("entrance/10", ("entrance/10/img_9.png", "entrance/10/img_10.png"), "", "entrance", "10")
    columns = columns_of(rows)
    assert "persons" not in columns
    assert columns["tracks"].tolist() == [9, 10, 9, 10]
    assert columns["frames"].tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("part", ["", "multi_shot", "multi_shot/cam_b"])
def test_a_rendered_set_or_a_part_of_it(tmp_path, part):
    root = write_rendered(tmp_path / "set", persons=3, frames=2)
    write_dots(root / "preview", ["sheet.png"])
    folder, cameras = root / part, 1 if "cam" in part else 2
    images, clips = (find_source(str(folder), tracklets) for tracklets in (False, True))
    assert (len(images.rows), len(clips.rows)) == (cameras * 6, cameras * 3)
    row = clips.rows[-1]
    assert (row.person, row.camera, row.track) == ("3", "cam_b", "person_0003")
    assert [path.name for path in clips.files(row)] == ["0001.png", "0002.png"]
    assert all(path.is_file() for row in images.rows for path in images.files(row))
    assert clips.labels == "the rendered set"


def test_the_sample_set_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, clips = (find_source("sample", tracklets) for tracklets in (False, True))
    assert (len(images.rows), len(clips.rows)) == (192, 48)
    assert {row.camera for row in clips.rows} == {"cam_a", "cam_b"}
    assert all(clips.files(row)[0].is_file() for row in clips.rows)


def table(folder, *lines):
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "list.csv")


def test_a_table_of_images_keeps_its_order(tmp_path):
    write_own(tmp_path, persons=("anna", "bo"))
    text = table(
        tmp_path,
        "camera,path,person,more",
        "yard,yard/bo/img_9.png,bo,x",
        "1,entrance/anna/img_10.png,,x",
        "yard,yard/bo/img_9.png,bo,x",
    )
    rows = find_source(text, tracklets=False).rows
    assert [(row.path, row.person, row.camera) for row in rows] == [
        ("yard/bo/img_9.png", "bo", "yard"),
        ("entrance/anna/img_10.png", "", "1"),
        ("yard/bo/img_9.png", "bo", "yard"),
    ]
    assert columns_of(rows)["persons"].tolist() == ["bo", "", "bo"]


def test_a_table_of_tracklets(tmp_path):
    write_own(tmp_path, persons=("anna", "bo"))
    text = table(
        tmp_path,
        "path,camera,track,person",
        "yard/bo/img_10.png,yard,7,bo",
        "entrance/anna,entrance,,anna",
        "yard/bo/img_9.png,yard,7,bo",
        "yard/anna/img_9.png,yard,,anna",
    )
    assert find_source(text, tracklets=True).rows == [
        Row("yard/bo/img_9.png", ("yard/bo/img_9.png", "yard/bo/img_10.png"), "bo", "yard", "7"),
        Row("entrance/anna", ("entrance/anna/img_9.png", "entrance/anna/img_10.png"), "anna", "entrance", "anna"),
        Row("yard/anna/img_9.png", ("yard/anna/img_9.png",), "anna", "yard", ""),
    ]


def test_the_times_of_tracklets(tmp_path):
    write_own(tmp_path, persons=("anna", "bo"))
    text = table(
        tmp_path,
        "path,camera,track,start,end",
        "yard/bo/img_10.png,yard,7,12.5,12.5",
        "entrance/anna,entrance,,0,3.25",
        "yard/bo/img_9.png,yard,7,12.1,12.1",
        "yard/anna/img_9.png,yard,8,,",
    )
    rows = find_source(text, tracklets=True).rows
    assert [(row.start, row.end) for row in rows] == [(12.1, 12.5), (0, 3.25), (None, None)]


@pytest.mark.parametrize(
    ("lines", "tracklets", "message"),
    [
        (["path,start,end", "yard/bo,1,"], True, "line 2: start and end must both be seconds, not '1' and ''"),
        (["path,start,end", "yard/bo,noon,2"], True, "line 2: start and end must both be seconds, not 'noon' and '2'"),
        (["path,start,end", "yard/bo,2,1"], True, "line 2: ends at 1, before its start at 2"),
        (["path,start,end", "yard/bo,1,nan"], True, "line 2: ends at nan"),
        (["image,person", "a.png,1"], False, "no column path"),
        (["path"], False, "no row below"),
        (["path,person", ",1"], False, "line 2: path is empty"),
        (["path", "absent.png"], False, "line 2: no such image"),
        (["path", "yard/bo"], False, "line 2: yard/bo is a folder: .*--tracklets"),
        (["path", "yard/bo/img_9.png"], True, "line 2: an image without a track"),
        (["path,track", "yard/bo/img_9.png,1", "yard/anna/img_9.png,1"], True, "are both frame 9"),
        (["path", "list.csv"], False, "no such image"),
    ],
)
def test_wrong_tables(tmp_path, lines, tracklets, message):
    write_own(tmp_path, persons=("anna", "bo"))
    with pytest.raises(UserError, match=message):
        find_source(table(tmp_path, *lines), tracklets)


def test_sources_without_images(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("hello")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    write_dots(tmp_path / "flat", ["1.png"])
    for text, tracklets, message in (
        ("absent", False, "no such folder"),
        ("empty", False, "no image in it"),
        ("flat", True, "no camera/track/frames"),
        ("file.txt", False, "not a folder, an image or a .csv"),
        ("bytes.csv", False, "not a CSV text file"),
        ("empty/*.png", False, "no image matches"),
        ("empty/*", True, "no folder of frames matches"),
    ):
        with pytest.raises(UserError, match=message) as found:
            find_source(str(tmp_path / text), tracklets)
        assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("names", "column"),
    [
        (["", ""], None),
        (["0002", "-1", "0000"], [2, -1, 0]),
        (["1", "01"], ["1", "01"]),
        (["1", "a"], ["1", "a"]),
        (["1", ""], ["1", ""]),
        (["9" * 30, "1"], ["9" * 30, "1"]),
    ],
)
def test_columns_are_numbers_where_all_are(names, column):
    found = numbers_or_names(names)
    assert (found is None and column is None) or found.tolist() == column
    assert found is None or found.dtype.kind in ("i" if isinstance(column[0], int) else "U")


def test_large_numbers_of_images_are_in_order(tmp_path):
    names = [f"{number}.png" for number in np.random.default_rng(0).permutation(120)]
    write_dots(tmp_path, names)
    rows = find_source(str(tmp_path), tracklets=False).rows
    assert [row.path for row in rows] == [f"{number}.png" for number in range(120)]
