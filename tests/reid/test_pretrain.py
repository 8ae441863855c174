"""python -m reid.pretrain on a tiny rendered set: files, learning, and resuming to the bit."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import yaml

from alignnet_common.files import PROJECT_ROOT, sha256_of_file
from reid.models.checkpoint import load_model
from reid.models.weights import read_weights_file
from reid_folders import TINY, command, flags, write_rendered


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    return write_rendered(tmp_path_factory.mktemp("rendered"), persons=6, frames=5)


def run(data, folder, **options):
    return command("pretrain", flags(TINY | {"data": data, "run": folder} | options))


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def losses(folder):
    return {row["step"]: row["loss"] for row in rows(folder)}


@pytest.fixture(scope="module")
def whole(rendered, tmp_path_factory):
    """A run of six steps that was never stopped."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert run(rendered, folder, max_steps=6, held_out=2) == 0
    return folder


def test_what_a_run_leaves(whole, rendered):
    assert sorted(path.name for path in whole.iterdir()) == [
        *(
            "README.md",
            "best.pt",
            "checkpoint.pt",
            "checkpoints",
            "config.yaml",
            "metrics.jsonl",
            "model.safetensors",
            "result.json",
        ),
        "tensorboard",
    ]
    assert [row["step"] for row in rows(whole)] == [1, 2, 3, 4, 5, 6]
    for row in rows(whole):
        assert row["loss"] == pytest.approx(row["identity"] + row["ranking"] + row["pose"], rel=1e-5)
        assert set(row["lr"]) == {"appearance", "pose", "tap", "classifier"}
        assert 0 <= row["wait"] <= 1
        assert row["seconds"] > 0
    result = json.loads((whole / "result.json").read_text())
    assert result["data"]["name"] == "synthetic"
    assert result["data"]["generators"] == {"not recorded": 12}
    assert result["data"]["counts"]["train"] == {"ids": 4, "tracklets": 8, "frames": 40}
    assert result["training"]["steps"] == 6
    assert result["chance"]["rank1"] == 50.0
    assert {"rank1", "rank5", "rank10", "rank20", "mAP", "cmc"} <= set(result["validation"])
    assert result["model"]["sha256"] == sha256_of_file(whole / "model.safetensors")
    assert {"python", "torch", "torchvision", "numpy", "alignnet-reid"} <= set(result["versions"])
    config = yaml.safe_load((whole / "config.yaml").read_text())
    assert config["data"] == str(rendered)
    assert config["margin"] == 0.3
    assert config["resume"] is False


def test_the_best_checkpoint_is_that_of_the_best_validation(rendered, tmp_path, capsys):
    folder = tmp_path / "run"
    options = {"held_out": 2, "eval_every": 2, "checkpoint_every": 3}
    assert run(rendered, folder, max_steps=2, **options) == 0
    assert run(rendered, folder, max_steps=6, resume=True, **options) == 0
    found = {row["step"]: row["validation"]["mAP"] for row in rows(folder) if "validation" in row}
    assert sorted(found) == [2, 4, 6]
    best = torch.load(folder / "best.pt", weights_only=True)["training"]
    assert best["step"] == max(found, key=lambda step: (found[step], -step))
    assert best["best_validation"] == max(found.values())
    capsys.readouterr()
    assert run(rendered, tmp_path / "none", eval_every=2) == 2
    assert "--held-out" in capsys.readouterr().err


def test_files_load_with_weights_only(whole):
    checkpoint = torch.load(whole / "checkpoint.pt", weights_only=True)
    training = checkpoint["training"]
    assert training["step"] == 6
    assert {"optimizer", "schedule", "rng", "epoch", "batch", "config", "fingerprint"} <= set(training)
    model, metadata = load_model(whole / "model.safetensors")
    assert model.classes == 4
    assert metadata["steps"] == 6
    (training,) = metadata["trained_on"]
    assert len(training["pids"]) == 4
    from_checkpoint, _ = load_model(whole / "checkpoint.pt")
    state = from_checkpoint.state_dict()
    assert all((tensor == state[name]).all() for name, tensor in model.state_dict().items())


def test_a_stopped_run_goes_on_to_the_bit(whole, rendered, tmp_path, capsys):
    folder = tmp_path / "run"
    assert run(rendered, folder, max_steps=3, held_out=2) == 0
    # Rows that were written after the checkpoint are done again.
    with (folder / "metrics.jsonl").open("a") as metrics:
        metrics.write(json.dumps({"step": 4, "loss": -1.0}) + "\n" + '{"step": 5, "lo')
    assert run(rendered, folder, max_steps=6, held_out=2, resume=True) == 0
    assert losses(folder) == losses(whole)
    assert [row["step"] for row in rows(folder)] == [1, 2, 3, 4, 5, 6]
    ours, theirs = (read_weights_file(path / "model.safetensors")["state"] for path in (folder, whole))
    assert all((tensor == theirs[name]).all() for name, tensor in ours.items())
    capsys.readouterr()
    assert run(rendered, folder, max_steps=6, held_out=2, resume=True) == 0
    assert "finished already, 6 steps" in capsys.readouterr().out


def test_the_classifier_has_the_people_that_are_trained_on(rendered, tmp_path, capsys):
    folder = tmp_path / "run"
    assert run(rendered, folder, max_steps=1, held_out=2, ids=3) == 0
    model, metadata = load_model(folder / "model.safetensors")
    assert (model.classes, len(metadata["trained_on"][0]["pids"])) == (3, 3)
    assert json.loads((folder / "result.json").read_text())["data"]["counts"]["query"]["ids"] == 2
    assert run(rendered, folder, max_steps=2, held_out=2, ids=4, resume=True) == 2
    assert "was started with ids 3, not 4" in capsys.readouterr().err


NEWER = {
    "appearance": "mobilenetv2_035_ibn_a",
    "pooling": "gem",
    "neck": "batch-norm",
    "unit_length": True,
    "mixstyle": 0.7,
    "label_smoothing": 0.1,
    "recompute": True,
    "lr_pose": 0,
    "pose_maps": "truth",
}
"""Options of a network and a recipe beside the paper's."""


def test_a_stopped_run_with_mixstyle_and_a_backbone_of_timm_goes_on_to_the_bit(rendered, tmp_path):
    stopped, peace = tmp_path / "stopped", tmp_path / "peace"
    assert run(rendered, peace, max_steps=4, **NEWER) == 0
    assert run(rendered, stopped, max_steps=2, **NEWER) == 0
    assert run(rendered, stopped, max_steps=4, resume=True, **NEWER) == 0
    assert losses(stopped) == losses(peace)
    ours, theirs = (read_weights_file(path / "model.safetensors")["state"] for path in (stopped, peace))
    assert all((tensor == theirs[name]).all() for name, tensor in ours.items())
    assert run(rendered, tmp_path / "plain", max_steps=1, **(NEWER | {"mixstyle": 0})) == 0
    assert losses(tmp_path / "plain")[1] != losses(peace)[1]
    model, _ = load_model(peace / "model.safetensors")
    assert model.power is not None and model.neck is not None and model.config.unit_length


def steps_done(folder):
    """Steps that the log knows, whatever state a kill has left it in."""
    path = folder / "metrics.jsonl"
    return path.read_text().count("\n") if path.is_file() else 0


@pytest.mark.slow
def test_a_run_killed_five_times_goes_on_to_the_bit(rendered, tmp_path):
    """Twenty steps of several epochs, killed in the middle of them, against the same that nobody touched."""
    options = TINY | {"data": rendered, "checkpoint_every": 3, "max_steps": 20}
    peace, folder = tmp_path / "peace", tmp_path / "run"
    assert command("pretrain", flags(options | {"run": peace})) == 0
    argv = [sys.executable, "-m", "reid.pretrain", *flags(options | {"run": folder, "resume": True})]
    for kill in range(1, 6):
        process = subprocess.Popen(argv, cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 100
        while steps_done(folder) < 3 * kill + 1 and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.01)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (folder / "result.json").exists()
        done = torch.load(folder / "checkpoint.pt", weights_only=True)["training"]["step"]
        assert 3 * kill <= done < 20
    assert command("pretrain", flags(options | {"run": folder, "resume": True})) == 0
    assert [row["step"] for row in rows(folder)] == list(range(1, 21))
    assert losses(folder) == losses(peace)
    ours, theirs = (read_weights_file(path / "model.safetensors")["state"] for path in (folder, peace))
    assert all((tensor == theirs[name]).all() for name, tensor in ours.items())


def test_a_run_killed_between_its_last_checkpoint_and_its_result_ends_as_it_would_have(whole, rendered, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "run")
    (folder / "model.safetensors").unlink()
    (folder / "result.json").unlink()
    assert run(rendered, folder, resume=True, max_steps=6, held_out=2) == 0
    assert (folder / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    ours, theirs = (json.loads((path / "result.json").read_text()) for path in (folder, whole))
    assert ours["model"] == theirs["model"]
    assert ours["validation"] == theirs["validation"]


def test_workers_change_nothing(whole, rendered, tmp_path):
    folder = tmp_path / "run"
    assert run(rendered, folder, max_steps=3, held_out=2, workers=2, cache_gib=0) == 0
    assert losses(folder) == {step: loss for step, loss in losses(whole).items() if step <= 3}


def test_a_finished_run_is_not_overwritten(whole, rendered, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in whole.iterdir()}
    assert run(rendered, whole, max_steps=1) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert {path.name: path.stat().st_mtime_ns for path in whole.iterdir()} == before


def test_resuming_with_other_options_or_data_is_refused(whole, rendered, tmp_path, capsys):
    before = losses(whole)
    assert run(rendered, whole, max_steps=8, held_out=2, resume=True, margin=0.5) == 2
    assert "was started with margin 0.3, not 0.5" in capsys.readouterr().err
    other = write_rendered(tmp_path / "other", persons=6, frames=4)
    assert run(other, whole, max_steps=8, held_out=2, resume=True) == 2
    assert "other data" in capsys.readouterr().err
    assert losses(whole) == before


def test_a_run_from_before_an_option_goes_on(whole, rendered, tmp_path, capsys):
    folder = tmp_path / "run"
    assert run(rendered, folder, max_steps=1, held_out=2) == 0
    checkpoint = torch.load(folder / "checkpoint.pt", weights_only=True)
    del checkpoint["training"]["config"]["pose_scale"]
    torch.save(checkpoint, folder / "checkpoint.pt")
    assert run(rendered, folder, max_steps=2, held_out=2, resume=True, pose_scale=1.5) == 2
    assert "was started with pose_scale 1.0, not 1.5" in capsys.readouterr().err
    assert run(rendered, folder, max_steps=2, held_out=2, resume=True) == 0
    assert losses(folder) == {step: losses(whole)[step] for step in (1, 2)}


def test_resuming_before_the_first_checkpoint_starts_at_the_beginning(whole, rendered, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text("")
    (folder / "metrics.jsonl").write_text(json.dumps({"step": 1, "loss": -1.0}) + "\n")
    assert run(rendered, folder, max_steps=1, held_out=2, resume=True) == 0
    assert losses(folder) == {1: losses(whole)[1]}


def test_the_resolved_options_give_the_same_run_again(whole, tmp_path):
    folder = tmp_path / "again"
    argv = ["--config", str(whole / "config.yaml"), "--run", str(folder), "--max-steps", "2"]
    assert command("pretrain", argv) == 0
    assert losses(folder) == {step: loss for step, loss in losses(whole).items() if step <= 2}


def test_the_seed_changes_the_run(whole, rendered, tmp_path):
    folder = tmp_path / "run"
    assert run(rendered, folder, max_steps=1, held_out=2, seed=1) == 0
    assert losses(folder)[1] != losses(whole)[1]


def test_the_pose_net_learns_the_joints(rendered, tmp_path):
    folder = tmp_path / "run"
    options = {"identity_weight": 0, "ranking_weight": 0, "lr_appearance": 0, "lr_tap": 0, "lr_pose": 3e-3}
    assert run(rendered, folder, max_steps=25, **options) == 0
    pose = [row["pose"] for row in rows(folder)]
    assert sum(pose[-5:]) < 0.5 * sum(pose[:2]) / 2 * 5


@pytest.mark.parametrize("pose_maps", ["truth", "cached"])
def test_with_maps_that_are_given_the_pose_net_stays_as_it_was(rendered, tmp_path, capsys, pose_maps):
    folder = tmp_path / "run"
    assert run(rendered, folder, max_steps=2, pose_maps=pose_maps) == 0
    assert "note: the pose network is random and stays so" in capsys.readouterr().out
    assert all(set(row["lr"]) == {"appearance", "tap", "classifier"} for row in rows(folder))
    start = tmp_path / "start"
    assert run(rendered, start, max_steps=0) == 0
    after, before = (read_weights_file(path / "model.safetensors")["state"] for path in (folder, start))
    same = {name: bool((tensor == before[name]).all()) for name, tensor in after.items()}
    assert all(held for name, held in same.items() if name.startswith("pose."))
    assert not any(
        held for name, held in same.items() if name.endswith("conv1.weight") and not name.startswith("pose.")
    )


@pytest.mark.parametrize("cover", [0.0, 0.5])
def test_cached_maps_are_those_of_the_frozen_net(rendered, tmp_path, cover):
    """The same losses but for the pose loss, and maps of each frame in the cache; at another scale, other losses.

    Frames that occlusion augmentation covers get new maps.
    """
    cache = tmp_path / "cache"
    kept = {"max_steps": 3, "shift": 0, "flip": 0, "lr_pose": 0, "part_gain": 100, "cover": cover}
    # Slow, since each step makes more of the maps' rounding to 16 bits.
    kept |= {"lr_appearance": 1e-6, "lr_tap": 1e-6, "lr_classifier": 1e-6}
    assert run(rendered, tmp_path / "frozen", **kept) == 0
    assert run(rendered, tmp_path / "cached", pose_maps="cached", cache=cache, **kept) == 0
    (maps,) = (np.load(path, mmap_mode="r") for path in cache.glob("maps-*.maps.npy"))
    assert maps.shape[:2] == (60, 57)
    frozen, cached = rows(tmp_path / "frozen"), rows(tmp_path / "cached")
    for one, other in zip(frozen, cached, strict=True):
        assert "pose" not in other
        assert [other["identity"], other["ranking"]] == pytest.approx([one["identity"], one["ranking"]], rel=1e-3)
    assert run(rendered, tmp_path / "large", pose_maps="cached", pose_scale=2, **kept) == 0
    assert rows(tmp_path / "large")[0]["identity"] != pytest.approx(frozen[0]["identity"], rel=1e-5)


def test_attention_alone_is_taught_on_top_of_another_run(whole, rendered, tmp_path, capsys):
    folder = tmp_path / "taught"
    frozen = {"lr_appearance": 0, "lr_pose": 0, "lr_classifier": 0, "identity_weight": 0, "ranking_weight": 0}
    options = {"attention_weight": 1, "attention_apart": True, "batch_norm": "frozen", "max_steps": 2, "seed": 3}
    assert run(rendered, folder, init=whole, **frozen, **options) == 0
    assert json.loads((folder / "result.json").read_text())["started_from"] == {
        "init": str(whole / "model.safetensors"),
        "sha256": sha256_of_file(whole / "model.safetensors"),
    }
    after, before = (read_weights_file(path / "model.safetensors")["state"] for path in (folder, whole))
    changed = {name.split(".")[0] for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert changed == {"appearance_tap", "part_tap", "classifier"}  # a classifier of its own, which nothing taught
    assert run(rendered, tmp_path / "other", init=whole, tap_channels=16) == 2
    assert "--tap-channels 8" in capsys.readouterr().err
    assert run(rendered, tmp_path / "other", init=tmp_path / "absent") == 2
    assert "no such file of weights" in capsys.readouterr().err


def test_a_start_needs_no_weights_but_its_own_and_its_pose_network_is_not_random(whole, rendered, tmp_path, capsys):
    options = {"appearance_weights": tmp_path / "absent.pth", "pose_weights": tmp_path / "absent.pth", "max_steps": 0}
    assert run(rendered, tmp_path / "run", init=whole, **options) == 0
    assert run(rendered, tmp_path / "frozen", init=whole, pose_maps="cached", max_steps=0) == 0
    assert "note: the pose network" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("frozen", "said"),
    [({"variant": "baseline"}, "baseline has none"), ({"lr_tap": 0}, "--lr-tap 0 keeps it as it is")],
)
def test_attention_that_cannot_learn_is_named(rendered, tmp_path, capsys, frozen, said):
    assert run(rendered, tmp_path / "run", attention_weight=2, max_steps=1, **frozen) == 0
    note = f"--attention-weight 2 teaches no temporal attention: {said}"
    assert f"note: {note}" in capsys.readouterr().out
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["notes"] == [note]
    assert ("attention" in result["training"]["last_tenth"]) == (frozen == {"lr_tap": 0})


def test_persons_kept_out_whom_the_start_saw_are_noticed(whole, rendered, tmp_path, capsys):
    assert run(rendered, tmp_path / "same", init=whole, held_out=2, max_steps=0) == 0
    assert "no valid figures" not in capsys.readouterr().out
    assert run(rendered, tmp_path / "first", max_steps=0) == 0
    assert run(rendered, tmp_path / "second", init=tmp_path / "first", held_out=2, max_steps=0) == 0
    note = "what this starts from was trained on 2 of the 2 persons tested: no valid figures"
    assert f"note: {note}" in capsys.readouterr().out
    result = json.loads((tmp_path / "second" / "result.json").read_text())
    assert (result["trained_on_tested"], result["notes"]) == (2, [note])


def test_cached_maps_are_refused_before_new_places(rendered, tmp_path, capsys):
    assert run(rendered, tmp_path / "run", pose_maps="cached", new_place=0.5) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--new-place changes frames" in error
    assert not (tmp_path / "run").exists()


def test_the_baseline_needs_no_cached_maps(rendered, tmp_path):
    assert run(rendered, tmp_path / "run", max_steps=1, pose_maps="cached", variant="baseline") == 0
