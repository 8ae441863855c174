"""reid link: persons across cameras, tracklets at the same time, unknown persons, MOT files."""

import csv

import numpy as np
import pytest

from alignnet_common.errors import UserError
from reid.configs.video.link import LinkConfig
from reid.index.store import IndexRow, Store
from reid.link.run import link

PERSONS, NOISE = 12, 0.15


def made(folder, times):
    """An index of 12 persons, each with a tracklet in two cameras, and a stranger in each camera; times by person."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(PERSONS + 2, 32))
    store = Store(folder)
    store.begin({"model": "none"})
    for camera in range(2):
        people = [*range(PERSONS), PERSONS + camera]
        vectors = centres[people] + NOISE * rng.normal(size=(len(people), 32))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        rows = [
            IndexRow(
                str(folder.parent / "tracks"),
                f"c{camera}",
                f"{person:04d}",
                f"{camera}{person}",
                9,
                *times(person, camera),
            )
            for person in people
        ]
        store.add(f"c{camera}-block", rows, vectors, [b"jpeg"] * len(rows))
    return folder


def persons(path):
    with path.open(newline="") as file:
        return {(row["camera"], row["track"]): row["person"] for row in csv.DictReader(file)}


def test_a_person_has_one_number_in_both_cameras_and_a_stranger_has_none(tmp_path, capsys):
    index = made(tmp_path / "index", lambda person, camera: (None, None))
    link(LinkConfig(index, tmp_path / "persons.csv", k1=3, k2=1))
    found = persons(tmp_path / "persons.csv")
    for person in range(PERSONS):
        assert found["c0", f"{person:04d}"] == found["c1", f"{person:04d}"] != ""
    assert found["c0", "0012"] == found["c1", "0013"] == ""
    assert len(set(found.values())) == PERSONS + 1
    assert "12 persons of 24 tracklets, 12 of them in several cameras; 2 tracklets" in capsys.readouterr().out


def test_with_no_overlap_nobody_is_in_two_cameras_at_once(tmp_path):
    index = made(tmp_path / "index", lambda person, camera: (10.0 * person, 10.0 * person + 5))
    link(LinkConfig(index, tmp_path / "persons.csv", k1=3, k2=1, no_overlap=True))
    assert set(persons(tmp_path / "persons.csv").values()) == {""}


def test_mot_files_have_the_persons_as_ids(tmp_path):
    index = made(tmp_path / "index", lambda person, camera: (None, None))
    tracks = tmp_path / "tracks"
    tracks.mkdir()
    with pytest.raises(UserError, match=r"no tracks\.csv in"):
        link(LinkConfig(index, mot=tmp_path / "mot", k1=3, k2=1))
    lines = ["camera,track,frame,time,x,y,w,h,score,path"]
    lines += [f"c0,{track:04d},{frame},0,{track},2,3,4,0.9,x.jpg" for track in (12, 1, 0) for frame in (2, 1)]
    (tracks / "tracks.csv").write_text("\n".join(lines) + "\n")
    link(LinkConfig(index, tmp_path / "persons.csv", tmp_path / "mot", k1=3, k2=1))
    found = persons(tmp_path / "persons.csv")
    rows = [line.split(",") for line in (tmp_path / "mot/c0.txt").read_text().splitlines()]
    assert [row[0] for row in rows] == ["1", "1", "2", "2"]
    assert {(row[1], row[2]) for row in rows} == {(found["c0", f"{track:04d}"], str(track)) for track in (0, 1)}


def test_an_empty_index_and_options_that_do_not_fit_are_one_line(tmp_path):
    store = Store(tmp_path / "index")
    with pytest.raises(UserError, match="no index there"):
        link(LinkConfig(tmp_path / "index", tmp_path / "persons.csv"))
    store.folder.mkdir()
    store.begin({"model": "none"})
    with pytest.raises(UserError, match="there is nobody to link"):
        link(LinkConfig(tmp_path / "index", tmp_path / "persons.csv"))
    with pytest.raises(ValueError, match="--out or --mot is needed"):
        LinkConfig(tmp_path / "index")
    with pytest.raises(ValueError, match="--eps must lie between 0 and 1"):
        LinkConfig(tmp_path / "index", tmp_path / "persons.csv", eps=1.0)


def test_persons_as_parquet_are_those_of_the_csv(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    index = made(
        tmp_path / "index", lambda person, camera: (10.0 * person + 5 * camera, 10.0 * person + 5 * camera + 2)
    )
    link(LinkConfig(index, tmp_path / "persons.csv", parquet=tmp_path / "persons.parquet", k1=3, k2=1))
    rows = parquet.read_table(tmp_path / "persons.parquet").to_pylist()
    found = {(row["camera"], row["track"]): "" if row["person"] is None else str(row["person"]) for row in rows}
    assert found == persons(tmp_path / "persons.csv") and "" in found.values()
    assert [(row["start"], row["end"]) for row in rows[:2]] == [(0.0, 2.0), (10.0, 12.0)]


def test_the_files_are_there_before_anything_is_printed(tmp_path, monkeypatch):
    def closed(*words, **options):
        raise BrokenPipeError

    index = made(tmp_path / "index", lambda person, camera: (None, None))
    monkeypatch.setattr("builtins.print", closed)
    with pytest.raises(BrokenPipeError):
        link(LinkConfig(index, tmp_path / "persons.csv", k1=3, k2=1))
    assert persons(tmp_path / "persons.csv")
