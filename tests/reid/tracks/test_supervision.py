"""Tracks as supervision.Detections and back."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from alignnet_common.errors import UserError
from reid.tracks.boxes import of_supervision
from reid.tracks.crops import COLUMNS
from reid.tracks.supervision import to_supervision

ROWS = (
    ("yard", "0001", 1, "0.000", 10, 20, 30, 60, "0.900", "yard/0001/000001.jpg"),
    ("yard", "0001", 3, "0.200", 12, 20, 30, 60, "0.800", "yard/0001/000003.jpg"),
    ("yard", "0002", 3, "0.200", 90.5, 20, 30, 60, "0.700", "yard/0002/000003.jpg"),
    ("gate", "0001", 3, "0.200", 1, 2, 3, 4, "0.600", "gate/0001/000003.jpg"),
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tracks.csv").write_text("\n".join(",".join(map(str, row)) for row in (COLUMNS, *ROWS)) + "\n")
    return tmp_path


@pytest.fixture
def supervision(monkeypatch):
    """supervision where it is installed, else the part of its Detections that is used (0.31.2)."""
    try:
        import supervision  # noqa: F401
    except ImportError:
        module = SimpleNamespace(Detections=lambda **fields: SimpleNamespace(**fields))
        monkeypatch.setitem(sys.modules, "supervision", module)


def test_tracks_of_a_camera_by_frame(folder, supervision):
    found = to_supervision(folder, "yard")
    assert list(found) == [1, 3]
    third = found[3]
    np.testing.assert_allclose(third.xyxy, [[12, 20, 42, 80], [90.5, 20, 120.5, 80]])
    assert third.tracker_id.tolist() == [1, 2] and third.data["time"].tolist() == [0.2, 0.2]
    np.testing.assert_allclose(third.confidence, [0.8, 0.7])
    back = of_supervision(third)
    assert back.tracks.tolist() == [1, 2] and back.sides.tolist() == third.xyxy.tolist()


def test_the_camera_must_be_known(folder, supervision):
    with pytest.raises(UserError, match="has cameras gate, yard: name one of them"):
        to_supervision(folder)
    with pytest.raises(UserError, match=r"has no camera roof \(cameras: gate, yard\)"):
        to_supervision(folder, "roof")
    with pytest.raises(UserError, match="no such file"):
        to_supervision(folder / "none")


def test_without_supervision_the_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(UserError, match="pip install supervision"):
        to_supervision(Path("tracks"))
