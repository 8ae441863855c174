"""What a training leaves besides its network: checkpoints, curves, and the batch that broke it."""

import copy
import errno
import itertools
import json
import math
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from alignnet_common.errors import UserError
from alignnet_common.files import write_jsonl
from reid.configs.groups.training import TrainConfig
from reid.data.datasets.synthetic import read_clips
from reid.data.loading.frame_store import FrameStore
from reid.evaluation.descriptors import stream_descriptors
from reid.models.checkpoint import load_model
from reid.pose.inference import maps_of_frames
from reid.runtime.distributed import SINGLE_PROCESS
from reid.runtime.run_dir import training_summary
from reid.training.checkpointing import lay_out_as_parameters
from reid.training.flags import FlagNames
from reid.training.loop import step_errors
from reid.training.pose_cache import frozen_maps
from reid_folders import TINY, command, flags, write_rendered
from tensorboard_files import scalars


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    return write_rendered(tmp_path_factory.mktemp("rendered"), persons=6, frames=5)


def run(data, folder, **options):
    return command("pretrain", flags(TINY | {"data": data, "run": folder} | options))


@pytest.fixture(scope="module")
def recorded(rendered, tmp_path_factory):
    """Seven steps, a checkpoint after every second and after the last, stopped once after five."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert run(rendered, folder, max_steps=5, checkpoint_every=2, keep=2) == 0
    assert run(rendered, folder, max_steps=7, checkpoint_every=2, keep=2, resume=True) == 0
    return folder


def test_momenta_follow_the_layout_of_their_weights():
    """A run of a GPU, whose channels lie innermost, goes on where they do not, and the other way round."""

    def optimizer_of(layout):
        layer = torch.nn.Conv2d(3, 4, 3, bias=False).to(memory_format=layout)
        with torch.no_grad():
            layer.weight.copy_(torch.arange(108.0).view(4, 3, 3, 3))
        return layer.weight, torch.optim.AdamW([layer.weight], lr=0.1, fused=True)

    def step(weight, optimizer, number):
        gradient = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(number))
        weight.grad = torch.empty_like(weight).copy_(gradient)
        optimizer.step()

    for first, second in itertools.permutations((torch.channels_last, torch.contiguous_format)):
        (here, stopped), (there, resumed) = optimizer_of(first), optimizer_of(second)
        step(here, stopped, 0)
        with torch.no_grad():
            there.copy_(here)
        resumed.load_state_dict(copy.deepcopy(stopped.state_dict()))
        lay_out_as_parameters(resumed)
        step(here, stopped, 1)
        step(there, resumed, 1)
        torch.testing.assert_close(there, here)
        assert resumed.state[there]["exp_avg"].stride() == there.stride()


def step_of(path):
    return torch.load(path, weights_only=True)["training"]["step"]


def test_the_last_checkpoints_are_kept(recorded):
    kept = sorted((recorded / "checkpoints").iterdir())
    assert [path.name for path in kept] == ["step-00000006.pt", "step-00000007.pt"]
    assert [step_of(path) for path in kept] == [6, 7]
    assert step_of(recorded / "checkpoint.pt") == 7


def test_the_best_is_the_one_before_which_the_mean_loss_was_lowest(recorded):
    losses = [json.loads(line)["loss"] for line in (recorded / "metrics.jsonl").read_text().splitlines()]
    stretches = {2: losses[0:2], 4: losses[2:4], 5: losses[4:5], 6: losses[5:6], 7: losses[6:7]}
    means = {step: sum(part) / len(part) for step, part in stretches.items()}
    assert step_of(recorded / "best.pt") == min(means, key=means.get)
    model, metadata = load_model(recorded / "best.pt")
    assert model.classes == 6 and metadata["images"]["height"] == TINY["height"]


def test_tensorboard_draws_every_step(recorded):
    curves = scalars(recorded / "tensorboard")
    for line in (recorded / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        for name in ("loss", "identity", "ranking", "pose", "accuracy"):
            assert curves[row["step"], name] == pytest.approx(row[name], rel=1e-5)
        assert curves[row["step"], "lr/pose"] == pytest.approx(row["lr"]["pose"])
    assert max(step for step, _ in curves) == 7


def test_a_loss_that_is_no_number_stops_the_run_and_its_batch_is_kept(rendered, tmp_path, capsys):
    folder = tmp_path / "run"
    assert run(rendered, folder, optimizer="sgd", lr_classifier=1e30, max_steps=9, checkpoint_every=1) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert f"at step {len(rows) + 1}: its batch is in {folder / 'bad_batch.pt'}; lower" in line
    assert all(math.isfinite(row["loss"]) for row in rows)
    batch = torch.load(folder / "bad_batch.pt", weights_only=True)
    assert batch["frames"].shape == (4, 3, 3, 48, 32) and batch["label"].shape == (4,)
    assert step_of(folder / "checkpoint.pt") == len(rows)


def test_a_gradient_that_is_no_number_changes_nothing(rendered, recorded, tmp_path, monkeypatch, capsys):
    """Of a finite loss: a step by it would leave a network of nothing but NaN."""
    folder = shutil.copytree(recorded, tmp_path / "run")
    backward = torch.Tensor.backward
    monkeypatch.setattr(torch.Tensor, "backward", lambda loss: backward(1e38 * loss))
    assert run(rendered, folder, max_steps=9, checkpoint_every=2, keep=2, resume=True) == 2
    assert re.search("the gradient is (inf|nan) at step 8: its batch is in", capsys.readouterr().err)
    assert step_of(folder / "checkpoint.pt") == 7
    assert all(tensor.isfinite().all() for tensor in load_model(folder / "model.safetensors")[0].state_dict().values())


BATCH = SimpleNamespace(frames=torch.zeros(4, 15, 3, 128, 64, dtype=torch.uint8), as_dict=dict)
POSE_TRAIN = FlagNames(identities="--batch", per_identity=2, memory="--batch", rates="--lr", has_all=False)


def errors_of(folder, flags=None):
    """`step_errors` of a run in this folder, whose command has these options."""
    run = SimpleNamespace(config=TrainConfig(), folder=folder, group=SINGLE_PROCESS, flags=flags or FlagNames())
    return step_errors(BATCH, 1, run)


def test_short_memory_advises_what_to_lower(tmp_path):
    said = "memory is short for 4 chunks of 15 frames of 128 × 64: pass --recompute, or lower --chunks-per-id"
    for failing in (lambda: torch.empty(1 << 55), lambda: broken(torch.cuda.OutOfMemoryError("CUDA out of memory"))):
        with pytest.raises(UserError, match=said), errors_of(tmp_path):
            failing()
    with pytest.raises(RuntimeError, match="size of tensor"), errors_of(tmp_path):
        torch.zeros(2) + torch.zeros(3)
    with pytest.raises(UserError, match=r"lower --batch$"), errors_of(tmp_path, POSE_TRAIN):
        torch.empty(1 << 55)


def test_a_loss_that_is_not_finite_names_options_of_the_command(tmp_path):
    for names, said in ((None, "--clip-norm$"), (POSE_TRAIN, "lower --lr$")):
        with pytest.raises(UserError, match=said), errors_of(tmp_path, names):
            broken(FloatingPointError("the loss is nan"))


class TooLarge(torch.nn.Module):
    """A network for which no machine has the memory."""

    def forward(self, *_):
        return torch.empty(1 << 55)


def test_short_memory_is_one_line_where_nothing_is_trained(rendered):
    tracklet = read_clips(rendered)[0]
    store, device = FrameStore((), 48, 32, 0), torch.device("cpu")
    with pytest.raises(UserError, match="memory is short for 3 frames of 48 × 32 at a time: lower --chunk"):
        list(stream_descriptors(TooLarge(), [tracklet], store, 3, device))
    with pytest.raises(UserError, match="memory is short for the pose network on 2 frames at a time: lower --scale"):
        maps_of_frames(TooLarge(), np.zeros((2, 48, 32, 3), np.uint8), device)
    with pytest.raises(UserError, match="memory is short for the pose network on 5 frames at a time: lower --pose"):
        frozen_maps(SimpleNamespace(pose=TooLarge()), (tracklet,), store, TrainConfig(height=48, width=32), device)


def broken(failure):
    raise failure


def test_a_finished_run_that_keeps_no_checkpoint_stays_as_it_is(rendered, recorded, tmp_path, capsys):
    """As a grid leaves its trainings: there is nothing to go on from, and nothing may be lost."""
    folder = shutil.copytree(recorded, tmp_path / "run")
    (folder / "checkpoint.pt").unlink()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert run(rendered, folder, max_steps=7, checkpoint_every=2, keep=2, resume=True) == 0
    assert "keeps no checkpoint" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize(
    ("file", "missing"), [("step-00000001.pt", "checkpoint.pt"), ("model.safetensors", "model.safetensors")]
)
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(
    rendered, tmp_path, monkeypatch, capsys, file, missing
):
    """What is written whole is: to a disk that is full when FILE's turn comes, as it is for torch.save of its own."""
    write = Path.write_bytes

    def to_full_disk(path, content):
        if path.name.startswith(f".{file}."):
            write(path, content[:100])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", to_full_disk)
    assert run(rendered, tmp_path / "run", max_steps=1) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: the disk is full (")
    left = {path.name for path in (tmp_path / "run").rglob("*")}
    assert not {name for name in left if "partial" in name}
    assert not {file, missing} & left


def test_a_summary_has_every_loss(tmp_path):
    parts = {"loss": 2.0, "identity": 1.0, "ranking": 0.5, "pose": 0.25, "attention": 0.25, "accuracy": 0.5}
    write_jsonl(tmp_path / "metrics.jsonl", [parts | {"step": 1, "seconds": 1.0, "wait": 0.0}])
    assert training_summary(tmp_path)["last_tenth"] == parts
