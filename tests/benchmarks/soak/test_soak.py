"""The soak: its two lanes, its figures, and one cycle as a whole."""

import json
import random
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("the soak reads /proc", allow_module_level=True)

from alignnet_common.errors import UserError
from alignnet_common.files import asset
from benchmarks.soak.__main__ import SoakConfig, soak
from benchmarks.soak.cycle import KEPT, commands, expected_in_index
from benchmarks.soak.figures import figures, parts, slope, table
from benchmarks.soak.lanes import KILLS_AT_MOST, Steady, run_with_kills

VERIFY = ("synth", "verify", str(asset("sample")))


def row(at, memory=1e6, losses=()):
    return {
        "at": at,
        "seconds": {"render": 3.0, "index": 1.0},
        "processor_seconds": {"render": 1.0, "index": 0.5},
        "memory": memory,
        "open_files": 12,
        "threads": 4,
        "kills": 2,
        "losses": list(losses),
    }


def test_slopes_leave_the_first_cycles_out():
    rows = [row(600 * number, memory=9e9 if number < 3 else 1e9 + 5e6 * number) for number in range(12)]
    found = figures(rows)
    assert found["memory_mb_an_hour"] == pytest.approx(30, abs=0.01)
    assert found["open_files_an_hour"] == 0
    assert (found["cycles"], found["kills"], found["losses"], found["commands"]) == (12, 24, 0, 24)
    assert slope(rows[:2], "memory", 1e6) is None


def test_parts_are_medians_of_half_hours():
    rows = [row(100), row(1700), row(1900, losses=["differs: set/manifest.jsonl"])]
    first, second = parts(rows, 1800)
    assert (first["cycles"], second["cycles"]) == (2, 1)
    assert (first["losses"], second["losses"]) == (0, 1)
    assert first["processor_seconds"] == 1.5 and second["minutes"] == [30, 60]
    assert "| 30 to 60 | 1 | 1.5 | 4 | 1 MB | 12 | 4 | 2 | 1 |" in table(figures(rows))


def test_the_index_grows_to_its_size_and_then_one_set_goes_for_each_that_comes():
    assert "remove" not in commands(KEPT - 1)
    assert "cycle-00001" in " ".join(commands(KEPT + 1)["remove"])
    assert [expected_in_index(number) for number in (0, KEPT - 1, KEPT, KEPT + 5)] == [8, 8 * KEPT, 8 * KEPT, 8 * KEPT]


def test_a_command_is_killed_and_run_again_until_it_ends_by_itself(tmp_path):
    code, kills = run_with_kills(VERIFY, tmp_path, tmp_path / "log", seconds=0.1, rng=random.Random(0))
    assert (code, kills) == (0, KILLS_AT_MOST)
    assert (tmp_path / "log").read_text().count("are as they were rendered") == 1
    broken = ("synth", "verify", "nowhere")
    assert run_with_kills(broken, tmp_path, tmp_path / "log", seconds=100, rng=random.Random(1)) == (2, 0)


def test_one_process_runs_command_after_command(tmp_path):
    process = Steady(tmp_path / "log")
    try:
        found = [process.run(words, tmp_path) for words in (VERIFY, ("synth", "verify", "nowhere"), VERIFY)]
    finally:
        process.close()
    assert [held["code"] for held in found] == [0, 2, 0]
    assert found[2]["memory"] > 10e6 and found[2]["open_files"] == found[0]["open_files"]
    assert (tmp_path / "log").read_text().count("error:") == 1


def test_a_folder_that_is_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="is there already"):
        soak(SoakConfig(out=tmp_path))


@pytest.mark.slow
def test_a_cycle_with_kills_loses_nothing(tmp_path):
    pytest.importorskip("bpy")
    soak(SoakConfig(hours=0, out=tmp_path / "soak"))
    (found,) = (json.loads(line) for line in (tmp_path / "soak" / "cycles.jsonl").read_text().splitlines())
    assert found["losses"] == [] and found["kills"] > 0
    assert json.loads((tmp_path / "soak" / "soak.json").read_text())["cycles"] == 1
