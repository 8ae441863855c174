"""The small pose network that comes with the code: what its card says of it, and what it finds."""

import hashlib
import json
import re

import pytest

import synth_runs
from reid.configs.groups.model import SMALL_POSE_WEIGHTS
from reid.pose.inference import read_pose_net
from reid_folders import pose

CARD = (SMALL_POSE_WEIGHTS.parent / "README.md").read_text()


def test_the_card_is_of_this_file():
    assert SMALL_POSE_WEIGHTS.stat().st_size <= 10e6
    assert hashlib.sha256(SMALL_POSE_WEIGHTS.read_bytes()).hexdigest() in CARD
    parameters = sum(parameter.numel() for parameter in read_pose_net(SMALL_POSE_WEIGHTS).parameters())
    assert f"{parameters:,} parameters".replace(",", " ") in CARD


@pytest.mark.slow
def test_it_finds_joints_of_people_whom_it_has_not_seen(tmp_path):
    """People of another seed, rendered by this version; twelve points are left for so few of them."""
    pytest.importorskip("bpy")
    options = ["--ids", "5", "--frames", "3", "--sightings", "1", "--samples", "8", "--seed", "77"]
    finished = synth_runs.python("-m", "synth.render", *options, "--out", tmp_path / "set")
    assert finished.returncode == 0, finished.stderr
    assert pose("evaluate", "--data", tmp_path / "set", "--json", tmp_path / "f.json") == 0
    found = json.loads((tmp_path / "f.json").read_text())
    said = float(re.search(r"\| this file \| ([0-9.]+)", CARD)[1])
    assert found["pckh50"] > said - 12
    assert found["confidence_of_visible"] > 2 * found["confidence_of_hidden"]
