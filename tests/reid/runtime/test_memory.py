"""Memory that runs out on a CPU is one line, before the kernel ends the process."""

import pytest
import torch
from torch import nn

from alignnet_common.doctor.machine import group_memory
from reid.models.activation_checkpointing import recomputed
from reid.runtime import memory
from reid.runtime.memory import MemoryShortError, watched_memory
from reid_folders import TINY, command, flags, write_rendered


def kept(width, layers=4):
    """A forward pass that keeps `layers` tensors of 64 × width × 1024 numbers, and its loss."""
    network = nn.Sequential(*[nn.Sequential(nn.Linear(1024, 1024), nn.Tanh()) for _ in range(layers)])
    return network(torch.ones(64 * width, 1024, requires_grad=True)).sum()


def test_a_pass_that_leaves_too_little_is_one_line(monkeypatch):
    monkeypatch.setattr(memory, "LOOK_EVERY", 2**18)
    monkeypatch.setattr(memory, "memory", lambda: (4 * 2**30, 2**28 + 2**18 + 10))
    with watched_memory("8 chunks", "lower --chunk", left_for=10):
        kept(1)
    with (
        pytest.raises(MemoryShortError, match="memory is short for 8 chunks: lower --chunk"),
        watched_memory("8 chunks", "lower --chunk", left_for=11),
    ):
        kept(1)


def test_activations_that_are_computed_again_are_seen_in_the_backward_pass(monkeypatch):
    free = [2**31]
    monkeypatch.setattr(memory, "LOOK_EVERY", 2**18)
    monkeypatch.setattr(memory, "memory", lambda: (4 * 2**30, free[0]))
    stage = nn.Sequential(nn.Linear(1024, 1024), nn.Tanh(), nn.Linear(1024, 1024))
    with watched_memory("8 chunks", "lower --chunk"):
        loss = recomputed(stage, stage, torch.ones(64, 1024, requires_grad=True)).sum()
        free[0] = 2**28
        with pytest.raises(MemoryShortError, match="memory is short for 8 chunks: lower --chunk"):
            loss.backward()
    assert not nn.modules.module._global_forward_hooks


def test_the_gradient_of_the_largest_activation_must_fit(monkeypatch):
    size = 64 * 1024 * 4
    monkeypatch.setattr(memory, "LOOK_EVERY", 2**18)
    monkeypatch.setattr(memory, "memory", lambda: (4 * 2**30, 2**28 + size - 1))
    layer, values = nn.Linear(1024, 1024), torch.ones(64, 1024)
    with watched_memory("8 chunks", "lower --chunk"), torch.no_grad():
        layer(values)
    with pytest.raises(MemoryShortError), watched_memory("8 chunks", "lower --chunk"):
        layer(values)


def test_where_memory_is_not_known_nothing_is_refused_and_gradients_are_the_same(monkeypatch):
    monkeypatch.setattr(memory, "LOOK_EVERY", 1)
    monkeypatch.setattr(memory, "memory", lambda: (None, None))
    torch.manual_seed(0)
    layer, images = nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True), nn.BatchNorm1d(8)), torch.rand(5, 8)
    layer(images).square().sum().backward()
    wanted = [parameter.grad.clone() for parameter in layer.parameters()]
    layer.zero_grad()
    with watched_memory("a batch", "lower it"):
        loss = layer(images).square().sum()
    loss.backward()
    assert all(torch.equal(parameter.grad, each) for parameter, each in zip(layer.parameters(), wanted, strict=True))


def test_a_training_that_does_not_fit_is_one_line_with_advice(tmp_path, monkeypatch, capsys):
    rendered = write_rendered(tmp_path / "set", persons=4, frames=4)
    monkeypatch.setattr(memory, "LOOK_EVERY", 2**10)
    monkeypatch.setattr(memory, "memory", lambda: (2**32, 2**27))
    assert command("pretrain", flags(TINY | {"data": rendered, "run": tmp_path / "run", "max_steps": 1})) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "memory is short for 4 chunks of 3 frames of 48 × 32: pass --recompute, or lower" in line


@pytest.mark.parametrize(
    ("lines", "folder", "names"),
    [
        ("0::/job\n", "job", ("memory.max", "memory.current", "inactive_file", "active_file")),
        ("0::/elsewhere/job\n", "", ("memory.max", "memory.current", "inactive_file", "active_file")),
        (
            "0::/\n4:cpu,memory:/job\n",
            "memory/job",
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file"),
        ),
    ],
)
def test_the_limit_of_a_control_group_counts_without_pages_of_files(tmp_path, lines, folder, names):
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / folder / names[0]).write_text("4000\n")
    (tmp_path / folder / names[1]).write_text("3000\n")
    (tmp_path / folder / "memory.stat").write_text(f"{names[2]} 1000\nanon 1500\n{names[3]} 500\n")
    own = tmp_path / "own"
    own.write_text(lines)
    assert group_memory(tmp_path, own) == (4000, 1500)


def test_no_limit_is_none(tmp_path):
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("3000\n")
    (tmp_path / "own").write_text("0::/\n")
    assert group_memory(tmp_path, tmp_path / "own") is None
    assert group_memory(tmp_path, tmp_path / "nowhere") is None
