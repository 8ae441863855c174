"""The benchmarks on small cases."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from alignnet_common.cli import read_config
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import PROJECT_ROOT
from benchmarks import choices, leave_one_out, train
from benchmarks.render import seconds_at_error, summary
from benchmarks.workers.evaluation_job import LABELS, measured
from benchmarks.workers.subprocesses import call
from reid.configs.finetune import FinetuneConfig
from synth_runs import python


@pytest.mark.parametrize("job", ["our-ranking", "our-re-ranking", "our-re-ranking-of-features"])
def test_jobs_of_this_project_report_time_and_memory(tmp_path, job):
    rng = np.random.default_rng(0)
    for side, rows in (("query", 20), ("gallery", 50)):
        np.save(tmp_path / f"{side}_features.npy", rng.normal(size=(rows, 8)))
    for name, rows in zip(LABELS, (20, 50, 20, 50), strict=True):
        np.save(tmp_path / f"{name}.npy", rng.integers(1, 6, rows))
    measured("inputs", tmp_path, tmp_path / "none.npy", 1, None)
    cost = measured(job, tmp_path, tmp_path / "result.npy", 2, None)
    assert cost["seconds"] > 0
    assert cost["peak_mib"] >= cost["peak_mib_before"] > 0
    assert np.load(tmp_path / "result.npy").size == (51 if job == "our-ranking" else 20 * 50)


def clip(ours, bare, errors):
    return {"clip": "cam_a/person_0001", "ours": ours, "bare": bare, "errors": errors}


def test_speed_is_compared_at_equal_error():
    # A bare frame takes 0.1 s and 0.05 s a sample; denoised, 4 samples are as good as 16, in a third of the time.
    bare = {str(n): 0.1 + 0.05 * n for n in (4, 16, 64)}
    errors = {"4": 24.0, "16": 30.0, "64": 36.0, "4+denoise": 30.0, "16+denoise": 40.0}
    found = summary([clip({"4+denoise": 0.3, "16+denoise": 0.9}, bare, errors)] * 2)
    assert found["bare_seconds_a_sample"] == pytest.approx(0.05)
    few, many = found["ours"]["4+denoise"], found["ours"]["16+denoise"]
    assert few["bare_at_equal_error"] == pytest.approx(0.9)
    assert few["times_as_fast_at_equal_error"] == pytest.approx(3.0)
    assert few["outside_sampling"] == pytest.approx(1 - 0.2 / 0.3)
    # Better than anything that the bare loop was measured at: no ratio rather than a guess.
    assert many["bare_at_equal_error"] is None
    assert many["times_as_fast_at_equal_error"] is None


def test_seconds_at_an_error_are_interpolated():
    bare, errors = {"4": 1.0, "16": 4.0}, {"4": 20.0, "16": 30.0}
    assert seconds_at_error(bare, errors, 25.0) == pytest.approx(2.0)
    assert seconds_at_error(bare, errors, 20.0) == pytest.approx(1.0)
    assert seconds_at_error(bare, errors, 31.0) is None


@pytest.mark.slow
def test_the_renderer_is_timed_against_a_bare_loop(tmp_path):
    pytest.importorskip("bpy")
    out = tmp_path / "render.json"
    options = ["--ids", "1", "--frames", "2", "--ours", "[4+denoise,4+denoise+16]", "--bare", "[1,8]"]
    skipped = ["--bare-frames", "1", "--reference", "32", "--memory-ids", "1", "--rate-ids", "0"]
    finished = python("-m", "benchmarks.render", *options, *skipped, "--json", out)
    assert finished.returncode == 0, finished.stderr
    result = json.loads(out.read_text())
    (measured_clip,) = result["clips"]
    assert measured_clip["bare"]["8"] > measured_clip["bare"]["1"] > 0
    errors = measured_clip["errors"]
    assert errors["4+denoise"] > errors["4+denoise+16"] > errors["1"] + 3
    assert "bare loop, 8 samples" in finished.stdout
    assert result["peak_mib"]["after 2 clips"] > 100


def test_leaving_out_goes_on_after_an_interruption_and_lists_the_largest_loss_first(tmp_path, capsys):
    out, called = tmp_path / "sets", []
    config = leave_one_out.LeaveOneOutConfig(
        market=tmp_path / "market", factors=("places", "lights"), workers=2, out=out, json=tmp_path / "table.json"
    )
    scores = {"everything": 9.0, "places": 8.5, "lights": 6.0}
    (tmp_path / "market" / "bounding_box_train").mkdir(parents=True)

    def start(module, words):
        options = dict(word[2:].partition("=")[::2] for word in words)
        called.append((module, options))
        if module == "benchmarks.transfer":
            score = scores[Path(options["data"]).name]
            asked = {key: int(options[key]) for key in ("ids", "frames", "steps", "seed")}
            found = {"trained": {"rank1": 2 * score, "mAP": score}, "loss": {"identity": 1.0}, "config": asked}
            Path(options["json"]).write_text(json.dumps(found))

    leave_one_out.leave_one_out(config, start)
    rendered = [options for module, options in called if module == "synth.render"]
    assert [options.get("without") for options in rendered] == [None, "[places]", "[lights]"]
    assert len({(options["ids"], options["seed"], options["workers"]) for options in rendered}) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| nothing | 18.0 | 9.0 | +0.0 |",
        "| lights | 12.0 | 6.0 | +3.0 |",
        "| places | 17.0 | 8.5 | +0.5 |",
    ]
    (out / "places-seed-0.json").unlink()
    called.clear()
    leave_one_out.leave_one_out(config, start)
    assert [module for module, _ in called] == ["synth.render", "benchmarks.transfer"]
    assert json.loads(config.json.read_text())["results"]["lights"][0]["mAP"] == 6.0
    for other in ({"steps": 1200}, {"samples": 16}, {"seed": 1}):
        with pytest.raises(UserError, match=r"other options \(--[a-z]+ \d+\)"):
            leave_one_out.leave_one_out(dataclasses.replace(config, **other), start)
    with pytest.raises(UserError, match="bounding_box_train"):
        leave_one_out.leave_one_out(dataclasses.replace(config, market=tmp_path))


def test_results_of_several_seeds_are_a_mean_and_a_standard_deviation():
    results = {
        "everything": [{"rank1": 20.0, "mAP": 9.0}, {"rank1": 22.0, "mAP": 10.0}],
        "lights": [{"rank1": 12.0, "mAP": 6.0}, {"rank1": 12.0, "mAP": 7.0}],
    }
    assert leave_one_out.table(results).splitlines()[2:] == [
        "| nothing | 21.0 ± 1.4 | 9.5 ± 0.7 | +0.0 |",
        "| lights | 12.0 ± 0.0 | 6.5 ± 0.7 | +3.0 |",
    ]


def test_a_failing_command_is_reported_with_its_last_line():
    with pytest.raises(JobError, match=r"python -m synth.render --ids=0: .*--ids 0: must be at least 1"):
        call("synth.render", ["--ids=0"])


def test_relative_paths_of_a_command_are_those_of_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text("ids: 1\n")
    call("synth.render", ["--config=job.yaml", "--dry-run"], threads=1)
    with pytest.raises(JobError, match=r"other\.yaml"):
        call("synth.render", ["--config=other.yaml", "--dry-run"])


def test_choices_are_compared_over_the_seeds_and_go_on_after_an_interruption(tmp_path, capsys):
    called = []
    config = choices.ChoicesConfig(
        market=tmp_path / "market", choices=("stride-8", "letter"), seeds=(0, 3), trainers=2, out=tmp_path / "out"
    )
    (tmp_path / "market" / "bounding_box_train").mkdir(parents=True)
    scores = {"as-it-is": 40.0, "stride-8": 42.0, "letter": 35.0}

    def stub(module, words):
        options = dict(word[2:].partition("=")[::2] for word in words)
        called.append(options)
        folder = Path(options["run"])
        folder.mkdir(parents=True, exist_ok=True)
        score = scores[folder.parent.name] + int(options["seed"])
        (folder / "result.json").write_text(json.dumps({"finetuned": {"rank1": score, "mAP": score / 2}}))

    choices.compare_choices(config, stub)
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| as-it-is | 41.5 ± 2.1 | 20.8 ± 1.1 | 2 |",
        "| stride-8 | 43.5 ± 2.1 | 21.8 ± 1.1 | 2 |",
        "| letter | 36.5 ± 2.1 | 18.2 ± 1.1 | 2 |",
    ]
    assert {options["stride"] for options in called if "stride-8" in options["run"]} == {"8"}
    assert not any("stride" in options for options in called if "stride-8" not in options["run"])
    assert {options["part-gain"] for options in called} == {"30", "1"}
    assert not any("resume" in options for options in called)
    called.clear()
    choices.compare_choices(config, stub)
    assert all("resume" in options for options in called)


def test_all_choices_are_options_of_fine_tuning(tmp_path):
    job = PROJECT_ROOT / "jobs/ablation-market-finetune.yaml"
    for changed in choices.CHOICES.values():
        read_config(FinetuneConfig, "test", ["--config", str(job), *choices.OURS, *changed])
    with pytest.raises(SystemExit, match="2"):
        read_config(choices.ChoicesConfig, "test", ["--market", str(tmp_path), "--choices", "[stride-9]"])


JOB = """
variant: align-tap
appearance: resnet18
pose_stages: 1
pose_width: 0.125
tap_channels: 8
height: 48
width: 32
chunk: 2
overlap: 0
ids_per_batch: 2
chunks_per_id: 2
data: nowhere
"""


def test_steps_of_training_are_timed_in_turns(tmp_path, capsys):
    job, result = tmp_path / "job.yaml", tmp_path / "train.json"
    job.write_text(JOB)
    options = ["--job", str(job), "--steps", "1", "--warm-up", "0", "--device", "cpu", "--json", str(result)]
    train.benchmark(read_config(train.TrainBenchmarkConfig, "train", options))
    found = json.loads(result.read_text())
    assert found["frames_a_step"] == 8
    # Laid out otherwise, but the same operations.
    assert found["flops_a_step"]["ours"] == found["flops_a_step"]["plain"] > 1e9
    for name, seconds in found["seconds_a_step"].items():
        assert found["frames_a_second"][name] == pytest.approx(8 / seconds)
    times = found["times_as_fast"]["ours, of plain"]
    assert times == pytest.approx(found["seconds_a_step"]["plain"] / found["seconds_a_step"]["ours"])
    assert f"times as fast: ours, of plain: {times:.2f}" in capsys.readouterr().out
    assert found["flops_a_step"]["ours, cached maps"] < found["flops_a_step"]["ours"]
    rate = found["flops_a_step"]["ours"] / found["seconds_a_step"]["ours"]
    assert found["share_of_peak"] == pytest.approx(rate / found["measured_peak_flops"]["torch.float32"])


def test_a_folder_that_is_no_clone_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"has no torchreid/models/resnet.py: name a clone"):
        train.from_clone(tmp_path, "models/resnet.py")
    with pytest.raises(UserError, match=r"no such file: .*absent.yaml"):
        train.job_of(tmp_path / "absent.yaml")


def test_a_job_is_timed_with_the_defaults_of_its_command():
    tuned, weight = train.job_of(PROJECT_ROOT / "jobs" / "ablation-market-finetune.yaml")
    assert (tuned.lr_pose, weight) == (0.0, 0.0)
    taught, weight = train.job_of(PROJECT_ROOT / "jobs" / "demo-pretrain.yaml")
    assert (taught.lr_pose, weight) == (0.001, 1.0)


def evidence(*words, python):
    """jobs/evidence-gpu.sh with something else in Python's place: its exit code and what it prints."""
    script = ["bash", PROJECT_ROOT / "jobs" / "evidence-gpu.sh", *words]
    done = subprocess.run(
        script, cwd=PROJECT_ROOT, env={**os.environ, "PYTHON": python}, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def test_the_evidence_script_names_the_failed_step_and_takes_paths_with_spaces(tmp_path):
    out = tmp_path / "my out"
    for name in ("everything", "lights"):
        (out / "leave" / name).mkdir(parents=True)
        (out / "leave" / name / "manifest.jsonl").touch()
    words = ["my people", "my clips", "my market", out]
    assert evidence(*words, "transfer leave", python="echo") == (0, "")
    assert (out / "leave-lights-2.log").read_text().split("--")[1:3] == [
        f"data={out}/leave/lights ",
        "market=my market ",
    ]
    code, printed = evidence(*words, "transfer", python="false")
    assert (code, printed.count("failed (1): transfer-")) == (1, 9)
    assert evidence(tmp_path, tmp_path, tmp_path, tmp_path / "new", "pose chioces", python="true") == (
        2,
        "error: no such part: chioces\n",
    )
    assert not (tmp_path / "new").exists()
