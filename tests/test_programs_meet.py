"""`reid` trains on and evaluates with a set that `synth.render` wrote: real frames, annotations and manifest."""

import json

import numpy as np
import pytest

from reid_folders import TINY, command, flags, pose
from synth_runs import rows, truth_of

SMALL = TINY | {"overlap": 0, "max_steps": 2, "held_out": 2}


@pytest.fixture(scope="module")
def trained(rendered, tmp_path_factory):
    """A run of two steps on two of the four persons that uses every annotation: joints (pose loss), masks (background
    replacement) and visible ratios (attention loss, occlusion augmentation)."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    from_annotations = {"new_place": 0.5, "attention_weight": 1, "cover": 0.5}
    assert command("pretrain", flags(SMALL | from_annotations | {"data": rendered.out, "run": folder})) == 0
    return folder


def test_pretraining_reads_the_whole_set_and_evaluates_held_out_persons(trained, rendered):
    result = json.loads((trained / "result.json").read_text())
    assert result["data"]["counts"]["train"] == {"ids": 2, "tracklets": 4, "frames": 12}
    assert result["validation"]["queries"] == 2
    steps = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert len(steps) == 2
    for step in steps:
        assert step["pose"] > 0
        assert 0 < step["attention"] < 1


def test_attention_is_compared_with_the_visible_ratios_of_the_set(trained, rendered, tmp_path):
    words = {"data": rendered.out, "weights": trained, "json": tmp_path / "a.json", "chunk": 3}
    assert command("attention", flags(words | {"covered": "[0.0,0.4]", "least_change": 0.001})) == 0
    result = json.loads((tmp_path / "a.json").read_text())
    assert [row["share"] for row in result["covered"]] == [0.0, 0.4]
    clips = [row["clip"] for row in rows(rendered.out / "manifest.jsonl")]
    changing = [clip for clip in clips if np.ptp(truth_of(rendered.out, clip).visible_ratio) >= 0.001]
    assert 0 < result["correlation"]["clips"] == len(changing) < len(clips)


def test_a_pose_network_is_evaluated_on_the_joints_of_the_set(rendered, tmp_path):
    weights = "assets/weights/pose-small.safetensors"
    assert pose("evaluate", "--data", rendered.out, "--weights", weights, "--json", tmp_path / "p.json") == 0
    result = json.loads((tmp_path / "p.json").read_text())
    assert result["pckh50"] > 40  # with 2 samples a pixel; joints of other frames would give about 0


def test_a_set_of_several_outfits_is_evaluated_by_clothes(rendered_outfits, tmp_path):
    words = {"dataset": "synthetic", "root": rendered_outfits, "weights": "small", "json": tmp_path / "e.json"}
    assert command("evaluate", flags(words | {"clothes": "all", "device": "cpu"})) == 0
    found = json.loads((tmp_path / "e.json").read_text())["by_clothes"]
    # Two people in two outfits, both seen by both cameras: four queries with a match in every setting.
    assert [found[name]["valid_queries"] for name in ("general", "same", "changed")] == [4, 4, 4]
    assert found["same"]["rank1"] >= found["changed"]["rank1"]
