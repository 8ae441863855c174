"""The query's own tracklet: found by its box, and who is seen at the same time is another person."""

import json

import numpy as np
import pytest

from reid.index.store import IndexRow, Store
from reid.search.own import at_once, lines_of, tracklet_at
from reid.tracks.records import fingerprint


def row(track, start, end, source="here", camera="yard"):
    return IndexRow(source, camera, track, track, 9, start, end)


def test_at_once_is_overlap_in_one_camera_of_one_folder():
    own = row("1", 10.0, 20.0)
    assert at_once(row("2", 19.9, 30.0), own) and at_once(row("2", 0.0, 99.0), own)
    assert at_once(row("2", 20.0, 30.0), own) is False and at_once(row("2", 1.0, 10.0), own) is False
    assert at_once(own, own) is False
    assert at_once(row("2", 12.0, 15.0, camera="gate"), own) is False
    assert at_once(row("1", 12.0, 15.0, source="repaired"), own) is False
    assert at_once(row("2", None, None), own) is None and at_once(row("2", 12.0, 15.0), None) is None


@pytest.fixture
def recorded(tmp_path):
    """An index of two recordings of one camera, and the second video: a text file will do, it is not decoded."""
    source, video = tmp_path / "tracks", tmp_path / "late.mp4"
    source.mkdir()
    video.write_text("late")
    recordings = [{"start": 0.0, "fingerprint": "another"}, {"start": 3600.0, "fingerprint": fingerprint(video)}]
    (source / "result.json").write_text(json.dumps({"cameras": {"yard": {"recordings": recordings}}}))
    lines = ["camera,track,frame,time,x,y,w,h,score,path"]
    for frame in range(0, 30, 3):
        lines += [
            f"yard,0001,{frame + 1},{frame / 10},100,50,20,60,1,p",
            f"yard,0002,{frame + 1},{3600 + frame / 10},{100 + frame},50,20,60,1,p",
            f"yard,0003,{frame + 1},{3600 + frame / 10},200,50,20,60,1,p",
            f"yard2,0002,{frame + 1},{3600 + frame / 10},100,50,20,60,1,p",
        ]
    (source / "tracks.csv").write_text("\n".join(lines) + "\n")
    store = Store(tmp_path / "index")
    rows = [row("0001", 0.0, 2.7, str(source)), *(row(f"000{n}", 3600.0, 3602.7, str(source)) for n in (2, 3))]
    store.add("yard-1", rows, np.eye(3, 8, dtype=np.float16), [b""] * 3)
    return store, video, source


def test_a_box_is_that_of_the_tracklet_it_overlaps_by_the_clock_of_the_recording(recorded):
    store, video, source = recorded
    for time, box, track in (
        (0.0, (100, 50, 20, 60), "0002"),
        (2.75, (127, 50, 20, 60), "0002"),  # between two boxes
        (2.75, (100, 50, 20, 60), None),
        (1.0, (202, 52, 20, 60), "0003"),
        (9.0, (200, 50, 20, 60), None),
    ):
        found = tracklet_at(store, "yard", video, time, box)
        assert (None if found is None else found.track) == track
    assert tracklet_at(store, "gate", video, 0.0, (100, 50, 20, 60)) is None
    video.write_text("another")
    assert tracklet_at(store, "yard", video, 0.0, (100, 50, 20, 60)) is None
    video.write_text("late")
    (source / "tracks.csv").unlink()
    assert tracklet_at(store, "yard", video, 0.0, (100, 50, 20, 60)) is None


def test_names_with_commas_and_beginnings_of_others_are_told_apart(tmp_path):
    table = tmp_path / "tracks.csv"
    table.write_text('camera,track,frame,time\n"yard, left",1,5,0.4\nyard,1,6,0.5\nyard,10,7,0.6\n')
    assert [each["frame"] for each in lines_of(table, "yard, left", ["1"])] == ["5"]
    assert [each["frame"] for each in lines_of(table, "yard", ["1"])] == ["6"]
    assert list(lines_of(table, "yard", [])) == []
    table.write_text("path,camera\nyard,1\n")
    assert list(lines_of(table, "yard", ["1"])) == []
