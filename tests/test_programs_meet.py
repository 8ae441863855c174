"""What `synth.render` really writes is what `reid` learns from: real frames, truth and manifest, no stand-ins."""

import json

import numpy as np
import pytest

from reid import attention, pretrain
from reid_folders import TINY, command, flags, pose
from synth_runs import rows, truth_of

SMALL = TINY | {"overlap": 0, "max_steps": 2, "validation_ids": 2}


@pytest.fixture(scope="module")
def trained(rendered, tmp_path_factory):
    """Two steps on two of the four people, with everything that training takes from the truth: joints, masks (another
    place behind the person) and visible ratios (attention, covers)."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    learnt_from_truth = {"new_place": 0.5, "attention_weight": 1, "cover": 0.5}
    assert command(pretrain, flags(SMALL | learnt_from_truth | {"data": rendered.out, "run": folder})) == 0
    return folder


def test_pre_training_reads_the_whole_set_and_names_it(trained, rendered):
    result = json.loads((trained / "result.json").read_text())
    assert result["data"]["counts"]["train"] == {"ids": 2, "tracklets": 4, "frames": 12}
    assert result["validation"]["queries"] == 2
    steps = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert len(steps) == 2
    for step in steps:
        assert step["pose"] > 0
        assert 0 < step["attention"] < 1


def test_attention_is_measured_against_the_sets_own_visible_ratios(trained, rendered, tmp_path):
    words = {"data": rendered.out, "checkpoint": trained, "json": tmp_path / "a.json", "chunk": 3}
    assert command(attention, flags(words | {"covered": "[0.0,0.4]", "least_change": 0.001})) == 0
    result = json.loads((tmp_path / "a.json").read_text())
    assert [row["share"] for row in result["covered"]] == [0.0, 0.4]
    clips = [row["clip"] for row in rows(rendered.out / "manifest.jsonl")]
    changing = [clip for clip in clips if np.ptp(truth_of(rendered.out, clip).visible_ratio) >= 0.001]
    assert 0 < result["correlation"]["clips"] == len(changing) < len(clips)


def test_a_pose_network_is_measured_against_the_sets_own_joints(rendered, tmp_path):
    weights = "assets/weights/pose-small.safetensors"
    assert pose("evaluate", "--data", rendered.out, "--weights", weights, "--json", tmp_path / "p.json") == 0
    result = json.loads((tmp_path / "p.json").read_text())
    assert result["pckh50"] > 40  # of two samples a pixel; truth that is out of step with its frames gives next to none
