"""benchmarks.search: speed of exact search, a day of cameras, and an index that is killed while it is written."""

import json

import numpy as np
import pytest

from alignnet_common.errors import JobError
from benchmarks.search import speed, survival
from benchmarks.search.day import DayConfig, fill
from benchmarks.search.speed import SpeedConfig, measure, measure_way, table, written_rows, written_truth
from benchmarks.search.survival import SurvivalConfig, content, differences, survive
from benchmarks.search.synthetic import descriptors
from reid.index.calibration import write_tables
from reid.index.store import IndexRow, Store


def test_synthetic_descriptors_are_as_alike_as_measured_ones():
    rows = descriptors(np.random.default_rng(0), 1000)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    cosines = rows[::5] @ rows[1::5].T  # the first two tracklets of each person
    others = cosines[~np.eye(200, dtype=bool)]
    assert abs(others.mean() - 0.32) < 0.03 and abs(others.std() - 0.08) < 0.02
    assert np.diag(cosines).mean() > others.mean() + 0.2


def test_exact_ways_find_all_and_are_rows_of_the_table(tmp_path):
    config = SpeedConfig(rows=1000, out=tmp_path, ways=["reid", "product"], repeats=1)
    config.folder.mkdir()
    written_truth(config, written_rows(config))
    for way in config.ways:
        measure_way(config, written_rows(config), way)
        record = json.loads((config.folder / f"{way}.json").read_text())
        assert record["found of the best 100"] == record["found of the best 100, 1 query"] == 1
    lines = table(config).splitlines()
    assert len(lines) == 4 and "this project" in lines[2] and "100.00%" in lines[2]
    measure_way(config, written_rows(config), "reid")  # is not built again
    assert {"build seconds", "open seconds"} <= set(json.loads((config.folder / "reid.json").read_text()))


def test_each_way_runs_in_a_process_of_its_own(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(speed, "call", lambda module, words: started.append((module, words)))
    measure(SpeedConfig(rows=1000, out=tmp_path, ways=["reid", "faiss-flat"], only_build=True))
    assert [words[2] for _, words in started] == ["--ways=reid", "--ways=faiss-flat"]
    assert all(module == "benchmarks.search.speed" and "--only-build" in words for module, words in started)
    with pytest.raises(ValueError, match="--ways annoy: not one of"):
        SpeedConfig(ways=["annoy"])


def test_a_day_is_a_row_an_hour(tmp_path, capsys):
    fill(DayConfig(tmp_path, cameras=2, hours=3, rate=20, searches=1))
    rows = json.loads((tmp_path / "day.json").read_text())["rows"]
    assert [row["tracklets"] for row in rows] == [40, 80, 120]
    assert all(row["peak of a search, MB"] > 0 for row in rows)
    store = Store(tmp_path / "index")
    assert sum(len(block) for block in store.blocks()) == 120 and (tmp_path / "index/false-matches.json").is_file()
    assert "false match rates, s" in capsys.readouterr().out


def written(folder, vectors):
    store = Store(folder)
    rows = [IndexRow("tracks", "c0", str(number), f"{number:032x}", 2, None, None) for number in range(len(vectors))]
    store.add("c0-block", rows, vectors, [b"jpeg"] * len(vectors))
    write_tables(store)
    return folder


def test_differences_of_indexes_are_named(tmp_path):
    vectors = np.eye(3)
    first = written(tmp_path / "first", vectors)
    assert not differences(first, written(tmp_path / "same", vectors))
    assert differences(first, written(tmp_path / "other", vectors[[0, 2, 1]])) == ["c0/1", "c0/2"]
    more = written(tmp_path / "more", np.eye(4)[:, :3])
    assert differences(first, more) == ["c0/3"]
    (more / "blocks/.c0-x.partial").mkdir()
    assert "blocks" in differences(first, more)


@pytest.mark.slow
def test_an_index_survives_kills(tmp_path, capsys):
    survive(SurvivalConfig(4, tmp_path))
    assert "4 kills: 32 tracklets in 16 blocks, 0 differ" in capsys.readouterr().out
    assert len(content(tmp_path / "killed")) == 32


def test_a_command_that_fails_is_not_a_kill(tmp_path, monkeypatch):
    monkeypatch.setattr(survival, "words", lambda *_: ["false"])
    with pytest.raises(JobError, match="the command had ended before"):
        survival.kill_while_writing(SurvivalConfig(2, tmp_path), tmp_path, tmp_path, 1, 0.0, np.random.default_rng(0))
