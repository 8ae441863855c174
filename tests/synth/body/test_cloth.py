"""Cloth over bodies of extreme build: no skin through it that a person would notice."""

import json

import numpy as np
import pytest

from synth_runs import PROJECT_ROOT, python


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """What `cloth_checks.py` found: pixels of skin through cloth, of every build in a few outfits."""
    pytest.importorskip("bpy")
    out = tmp_path_factory.mktemp("cloth") / "out.json"
    finished = python(PROJECT_ROOT / "tests" / "helpers" / "cloth_checks.py", out)
    assert finished.returncode == 0, finished.stderr
    return json.loads(out.read_text())


def test_the_extremes_of_what_is_drawn_were_dressed(rows):
    assert len(rows) == 80
    for name, low, high in (
        ("gender", 0, 1),
        ("weight", 0.15, 0.95),
        ("muscle", 0.15, 0.9),
        ("age", 0.62, 0.95),
        ("height", 0.2, 0.6),
    ):
        assert {row["build"][name] for row in rows} == {low, high}
    # Tight, wide and open, short and long.
    assert {"t-shirt", "sleeveless", "hoodie", "padded jacket", "coat", "dress"} < {row["top"] for row in rows}
    assert {row["bottom"] for row in rows} == {"trousers", "leggings", "shorts", "skirt"}
    assert len({(row["top"], row["bottom"]) for row in rows}) > 15


def test_no_skin_stands_out_of_cloth_that_would_fill_a_pixel(rows):
    """From eight sides, at two moments of a stride; closer to a hem than a pixel, it cannot be told from the hem."""
    found = np.array([row["through"] for row in rows])
    assert found.max() < 1


def test_skin_through_cloth_is_found_where_there_is_some(rows):
    """The check itself: cloth that is drawn 4 cm too tight lets skin through, though little is left under it."""
    tight = np.array([row["tight"] for row in rows if "tight" in row])
    assert len(tight) == 16
    assert tight.min() > 4
    assert np.median(tight) > 20
