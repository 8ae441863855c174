"""Optimisations off and on: how differences are measured, and that they hold."""

import json

import numpy as np
import pytest

from alignnet_common.errors import JobError
from benchmarks.optimisations import __main__ as optimisations
from benchmarks.optimisations.__main__ import NAMES, OptimisationsConfig, compare, difference, table
from benchmarks.optimisations.pairs import Pair


def pair(tolerance, of_all="largest"):
    return Pair("a pair", (), (), ("--fast",), lambda out: {}, tolerance, of_all)


def test_differences_are_shares_of_large_values_and_count_as_they_are_below_one():
    off = {"losses": np.array([10.0, 0.5]), "weights": np.array([0.0])}
    on = {"losses": np.array([10.1, 0.503]), "weights": np.array([0.002])}
    found = difference(pair(0.02), off, on)
    assert found["difference"] == pytest.approx(0.01) and found["within"] and found["numbers"] == 3
    assert not difference(pair(0), off, on)["within"]
    assert difference(pair(0), off, off)["within"]
    assert difference(pair(0.02, "mean"), off, on)["difference"] == pytest.approx(0.0065)
    with pytest.raises(AssertionError):
        difference(pair(1.0), off, {"losses": np.array([10.0]), "weights": np.array([0.0])})


def test_the_table_says_what_is_beyond_its_tolerance():
    row = {"name": "bfloat16", "on": "--precision bfloat16", "numbers": 6, "difference": 0.2, "of_all": "largest"}
    text = table(
        [row | {"tolerance": 0.05, "within": False}, row | {"difference": 0.0, "tolerance": 0, "within": True}]
    )
    assert "| 2.0e-01 (largest) | 0.05 | NO |" in text
    assert "| none | the same to the bit | yes |" in text


def test_one_pair_as_a_whole(tmp_path, monkeypatch):
    compare(OptimisationsConfig(only=["large batches of extract"], out=tmp_path / "found"))
    (row,) = json.loads((tmp_path / "found" / "optimisations.json").read_text())["pairs"]
    assert row["within"] and 0 < row["difference"] < 1e-5 and row["numbers"] == 48 * 5120


def test_a_difference_beyond_the_tolerance_is_an_error(tmp_path, monkeypatch):
    """The second run leaves 3 where the first leaves 1."""
    apart = Pair("far apart", ("module",), (), ("--fast",), lambda out: {"n": np.array([1.0 + 2 * int(out.name)])}, 0.1)
    monkeypatch.setattr(optimisations, "PAIRS", (apart,))
    monkeypatch.setattr(optimisations, "NAMES", ("far apart",))
    monkeypatch.setattr(optimisations, "call", lambda module, words, threads: None)
    with pytest.raises(JobError, match="far apart: beyond the tolerance"):
        compare(OptimisationsConfig(only=["far apart"], out=tmp_path / "found"))


@pytest.mark.slow
def test_every_optimisation_stays_within_its_tolerance(tmp_path):
    pytest.importorskip("bpy")
    compare(OptimisationsConfig(only=[name for name in NAMES if name != "torch.compile"], out=tmp_path / "found"))
