"""Cloth over bodies of extreme build: no skin through it that a person would notice."""

import json

import numpy as np
import pytest
from synth_runs import ROOT, python


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """What `cloth_checks.py` found: square metres of skin through cloth, of every build in a few outfits."""
    pytest.importorskip("bpy")
    out = tmp_path_factory.mktemp("cloth") / "out.json"
    finished = python(ROOT / "tests" / "cloth_checks.py", out)
    assert finished.returncode == 0, finished.stderr
    return json.loads(out.read_text())


def test_the_extremes_of_what_is_drawn_were_dressed(rows):
    weights = [row["build"]["weight"] for row in rows]
    assert len(rows) == 80
    assert min(weights) == 0.15
    assert max(weights) == 0.95
    assert len({row["outfit"] for row in rows}) > 15


def test_next_to_no_skin_stands_out_of_cloth(rows):
    """A pixel of a person 110 pixels high is 2 cm²; what is left lies within a hand's breadth of an edge."""
    found = np.array([row["through"] for row in rows]) * 1e4
    assert found.max() < 40
    assert np.mean(found > 10) < 0.2


def test_skin_through_cloth_is_found_where_there_is_some(rows):
    """The check itself: cloth that is drawn 2 cm too tight lets much more through, though little is left under it."""
    tight = np.array([row["tight"] for row in rows if "tight" in row]) * 1e4
    assert len(tight) == 16
    assert np.median(tight) > 200
