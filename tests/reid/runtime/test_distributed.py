"""Two processes that torchrun starts train what one does: real Gloo between them, on this machine."""

import json
import os
import socket
import subprocess
import sys
from itertools import chain

import pytest
import torch
import torch.distributed as dist
from torch import nn

from alignnet_common.errors import UserError
from alignnet_common.files import PROJECT_ROOT
from reid.configs.groups.training import TrainConfig
from reid.data.loading.chunks import Chunk
from reid.data.loading.sampler import PKSampler
from reid.models.batch_norm import SynchronisedBatchNorm, freeze_norms, synchronise_norms
from reid.models.weights import read_weights_file
from reid.runtime.distributed import ProcessGroup, all_gather
from reid.training.batches import check_divisible, remaining_draws
from reid.training.flags import FlagNames
from reid.training.setup import build_model, prepare_model
from reid_folders import TINY, command, flags, write_prid, write_rendered

# Small steps of plain descent: sums over two halves differ in the last digit, and Adam, or steps at which a training
# from random weights is unstable, would make much of that.
DESCENT = {"optimizer": "sgd", "lr_appearance": 1e-5, "lr_pose": 1e-5, "lr_tap": 1e-5, "lr_classifier": 1e-4}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    return write_rendered(tmp_path_factory.mktemp("rendered"), persons=6, frames=5)


def two(module, options):
    """Run a command on two processes."""
    words = ["--standalone", "--nproc-per-node", "2", "-m", "--", module, *flags(options)]
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words],
        cwd=PROJECT_ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("norms", ["synchronised", pytest.param("frozen", marks=pytest.mark.slow)])
def test_two_processes_are_one(rendered, tmp_path, norms):
    options = TINY | DESCENT | {"data": rendered, "max_steps": 10, "batch_norm": norms}
    assert command("pretrain", flags(options | {"run": tmp_path / "start", "max_steps": 0})) == 0
    assert command("pretrain", flags(options | {"run": tmp_path / "one"})) == 0
    finished = two("reid.pretrain", options | {"run": tmp_path / "two"})
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("10 steps on cpu (1 threads each of 2 processes)") == 1
    alone, shared = rows(tmp_path / "one"), rows(tmp_path / "two")
    assert [row["step"] for row in shared] == list(range(1, 11))
    for ours, theirs in zip(shared, alone, strict=True):
        for part in ("loss", "identity", "ranking", "pose"):
            assert ours[part] == pytest.approx(theirs[part], rel=3e-5)
    one, other, start = (weights(tmp_path / name) for name in ("one", "two", "start"))
    learned = [name for name in one if "running" not in name]
    assert distance(one, other, learned) < 1e-6
    assert distance(one, other, one.keys()) < 1e-5
    assert distance(one, start, ["appearance.conv1.weight"]) > 5e-6


def test_a_run_goes_on_with_more_processes_and_with_fewer_again(rendered, tmp_path):
    """Stopped within its first epoch, and across the end of an epoch with each number of processes: its batches hold
    the same chunks, so that its losses stay those of one process that is never stopped."""
    options = TINY | DESCENT | {"data": rendered, "batch_norm": "synchronised"}
    assert command("pretrain", flags(options | {"run": tmp_path / "whole", "max_steps": 14})) == 0
    changing = options | {"run": tmp_path / "changing"}
    assert command("pretrain", flags(changing | {"max_steps": 4})) == 0
    finished = two("reid.pretrain", changing | {"max_steps": 9, "resume": True})
    assert finished.returncode == 0, finished.stderr
    assert command("pretrain", flags(changing | {"max_steps": 14, "resume": True})) == 0
    whole, found = rows(tmp_path / "whole"), rows(tmp_path / "changing")
    assert [(row["step"], row["epoch"]) for row in found] == [(step, (step - 1) // 6) for step in range(1, 15)]
    for part in ("loss", "identity", "ranking", "pose"):
        assert [row[part] for row in found] == pytest.approx([row[part] for row in whole], rel=1e-4)
    assert [row["lr"] for row in found] == [row["lr"] for row in whole]


def test_batches_are_the_same_as_sets_wherever_a_run_stops_and_whatever_goes_on():
    chunks = [Chunk(2 * label + camera, (0,), label, camera) for label in range(7) for camera in (0, 1) for _ in "abc"]
    sampler = PKSampler(chunks, ids_per_batch=4, chunks_per_id=2, seed=5)
    whole = [batch for epoch in range(3) for batch in sampler.epoch(epoch)]
    assert len(whole) == 3 * sampler.batches == 15
    for stop in range(len(whole)):
        for size in (1, 2, 4):
            start = divmod(stop, sampler.batches)
            shares = [remaining_draws(sampler, start, 3, ProcessGroup(rank, size)) for rank in range(size)]
            assert [list(chain.from_iterable(parts)) for parts in zip(*shares, strict=True)] == whole[stop:]


def weights(folder):
    """Of a run: every tensor of its network, as it is at the end."""
    return read_weights_file(folder / "model.safetensors")["state"]


def distance(one, other, names):
    """The largest difference of a number; of the largest number of its tensor, where that is above 1."""
    assert one.keys() == other.keys()
    return max(
        float((one[name].double() - other[name].double()).abs().max() / other[name].abs().max().clamp(min=1))
        for name in names
    )


@pytest.fixture
def gloo(tmp_path):
    """This process as the only one of its group."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_norms_over_processes_take_bfloat16_and_reckon_in_float32(gloo):
    torch.manual_seed(0)
    images = (5 + torch.randn(6, 4, 3, 2)).to(torch.bfloat16)
    ours, theirs = (synchronise_norms(nn.Sequential(nn.BatchNorm2d(4)), on_gpu=False).train() for _ in range(2))
    found, expected = ours(images), theirs(images.float())
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected.to(torch.bfloat16))
    assert torch.equal(ours[0].running_var, theirs[0].running_var)
    torch.testing.assert_close(expected, nn.BatchNorm2d(4).train()(images.float()))


def test_norms_of_descriptors_over_processes_are_torchs(gloo):
    """Those of the neck, whose bias is not trained."""
    descriptors = 3 + torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    neck, theirs = nn.BatchNorm1d(4), nn.BatchNorm1d(4).train()
    neck.bias.requires_grad_(False)
    ours = synchronise_norms(nn.Sequential(neck), on_gpu=False).train()
    torch.testing.assert_close(ours(descriptors), theirs(descriptors))
    torch.testing.assert_close(ours[0].running_var, theirs.running_var)
    assert ours[0].weight.requires_grad and not ours[0].bias.requires_grad
    torch.testing.assert_close(ours.eval()(descriptors), theirs.eval()(descriptors))


def slurm_with(folder, srun):
    """The environment of a job of two GPUs on a machine whose `srun` does as told."""
    for name, script in (("srun", srun), ("scontrol", "echo localhost")):
        stub = folder / "bin" / name
        stub.parent.mkdir(exist_ok=True)
        stub.write_text(f"#!/bin/bash\n{script}\n")
        stub.chmod(0o755)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    slurm = {"SLURM_JOB_NODELIST": "here", "SLURM_JOB_NUM_NODES": "1", "SLURM_GPUS_ON_NODE": "2", "SLURM_JOB_ID": "7"}
    environment = os.environ | slurm | {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1", "PORT": str(port)}
    return environment | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}


def test_slurms_script_has_norms_over_all_gpus_unless_told_otherwise(tmp_path):
    (tmp_path / "own.yaml").write_text("epochs: 3\nbatch_norm: frozen\n")
    (tmp_path / "plain.yaml").write_text("epochs: 3  # not batch_norm: frozen\n")
    environment = slurm_with(tmp_path, 'echo "$@"')
    for words, added in (
        (["reid.pretrain", "--data", "OUT"], True),
        (["reid.pretrain", "--config", tmp_path / "plain.yaml"], True),
        (["reid.pretrain", "--config", tmp_path / "own.yaml", "--epochs", "2"], False),
        (["reid.pretrain", f"--config={tmp_path / 'own.yaml'}"], False),
        (["reid.finetune", "--batch-norm", "own"], False),
        (["reid.finetune", "--batch-norm=own"], False),
        (["reid.pose", "train", "--data", "OUT"], False),
    ):
        script = ["bash", PROJECT_ROOT / "jobs" / "cluster" / "train.slurm", *words]
        printed = subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        typed = " ".join(map(str, words))
        assert printed.stdout.strip().endswith(f"-m -- {typed}{' --batch-norm synchronised' * added}"), words


def test_slurms_script_resumes_where_the_folder_holds_a_run(tmp_path):
    """Even one that was stopped before its first checkpoint."""
    environment = slurm_with(tmp_path, 'echo "$@"')
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "config.yaml").touch()
    for words, resumed in (
        (["--run", "begun", "--epochs", "2"], True),
        (["--run=begun"], True),
        (["--run", "new"], False),
        (["--data", "begun"], False),
    ):
        script = ["bash", PROJECT_ROOT / "jobs" / "cluster" / "train.slurm", "reid.pretrain", *words]
        printed = subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        assert ("--resume" in printed.stdout.split()) == resumed, words


@pytest.mark.slow
def test_slurms_script_fine_tunes_on_two_processes_and_goes_on(tmp_path):
    environment = slurm_with(tmp_path, 'exec "$@"')
    prid = write_prid(tmp_path / "prid", persons=8, frames=4)
    for last in (1, 2):
        options = TINY | {
            "root": prid,
            "run": tmp_path / "run",
            "init": "none",
            "split_source": "random",
            "min_frames": 1,
            "max_steps": last,
        }
        finished = subprocess.run(
            ["bash", PROJECT_ROOT / "jobs" / "cluster" / "train.slurm", "reid.finetune", *flags(options)],
            cwd=PROJECT_ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert finished.returncode == 0, finished.stderr
        assert [row["step"] for row in rows(tmp_path / "run")] == list(range(1, last + 1))
        assert finished.stdout.count("result.json are written") == 1
    assert "batch_norm: synchronised" in (tmp_path / "run" / "config.yaml").read_text()
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert {"untrained", "initial", "finetuned"} <= result.keys()


def test_identities_are_dealt_out_evenly_or_not_at_all():
    assert ProcessGroup(1, 2).share(list("aabbccdd")) == list("ccdd")
    check_divisible(4, ProcessGroup(0, 2), FlagNames())
    with pytest.raises(UserError, match=r"5 identities a batch .* 2 processes: use --ids-per-batch 6"):
        check_divisible(5, ProcessGroup(0, 2), FlagNames())
    with pytest.raises(UserError, match=r"5 identities a batch .* 2 processes: use --batch 12"):
        check_divisible(5, ProcessGroup(0, 2), FlagNames("--batch", per_identity=2))


def test_alone_there_is_nothing_to_gather_and_norms_stay_torchs():
    values = torch.ones(3)
    assert all_gather(values, ProcessGroup()) is values
    config = TrainConfig(
        appearance="resnet18", appearance_weights="none", variant="baseline", batch_norm="synchronised"
    )
    model = prepare_model(build_model(config, 2), config, torch.device("cpu"))
    norms = {type(module) for module in model.modules() if isinstance(module, nn.BatchNorm2d)}
    assert norms == {nn.BatchNorm2d}


def test_synchronised_norms_describe_as_torchs_do():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.BatchNorm2d(4)))
    images = torch.rand(5, 3, 4, 4)
    expected = network.eval()(images)
    synchronised = synchronise_norms(network, on_gpu=False)
    assert isinstance(synchronised[1][0], SynchronisedBatchNorm)
    torch.testing.assert_close(synchronised.eval()(images), expected)


def test_frozen_norms_keep_what_they_have():
    network = nn.Sequential(nn.BatchNorm2d(4)).train()
    freeze_norms(network)
    network(torch.rand(5, 4, 2, 2))
    assert torch.equal(network[0].running_mean, torch.zeros(4))
