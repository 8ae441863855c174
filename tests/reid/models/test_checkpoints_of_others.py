"""Weights in the checkpoints of other programs: wrappers, prefixes, NumPy scalars, and what cannot be read."""

import argparse
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision

from alignnet_common.errors import UserError
from reid.configs.groups.model import ModelConfig
from reid.models.alignnet import AlignNet
from reid.models.appearance import AppearanceNet, appearance_net
from reid.models.checkpoint import save_model
from reid.models.openpose import PoseNet
from reid.models.weights import load_pose_weights

SOURCE = dict(torchvision.models.resnet18(weights=None).state_dict())
BODY = {name: tensor for name, tensor in SOURCE.items() if not name.startswith("fc.")}
HEADS = {"classifier.weight": torch.ones(4, 512), "bottleneck.running_mean": torch.ones(512)}


def prefixed(prefix: str, state: dict[str, Any]) -> dict[str, Any]:
    return {prefix + name: tensor for name, tensor in state.items()}


TORCHREID = {
    "state_dict": BODY | HEADS,
    "epoch": 60,
    "rank1": np.float64(0.917),
    "optimizer": {"state": {0: {"step": 3}}, "param_groups": [{"lr": np.float32(3e-4)}]},
    "scheduler": {"milestones": Counter({20: 1}), "last_epoch": np.int64(60), "done": np.bool_(True)},
}
CHECKPOINTS = {
    "torchreid": TORCHREID,
    "torchvision": SOURCE,
    "module": prefixed("module.", SOURCE),
    "module in state_dict": {"state_dict": prefixed("module.", BODY | HEADS)},
    "fastreid": {"model": prefixed("backbone.", BODY) | prefixed("heads.", HEADS), "iteration": 9},
    "strong baseline": prefixed("base.", BODY) | HEADS,
    "MoCo": {"state_dict": prefixed("module.encoder_q.", BODY) | prefixed("module.encoder_k.", BODY), "arch": "r"},
    "options": {"model": BODY, "args": argparse.Namespace(lr=0.1, name="x")},
    "two wrappers": {"model": {"state_dict": BODY}},
}


def test_torchreids_checkpoint_holds_a_numpy_scalar(tmp_path: Path) -> None:
    torch.save(TORCHREID, tmp_path / "model.pth.tar-60")
    assert b"multiarray" in (tmp_path / "model.pth.tar-60").read_bytes()


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_backbone_in_a_checkpoint(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.pth.tar-60"
    torch.save(CHECKPOINTS[name], path)
    found = AppearanceNet("resnet18", 16, path).state_dict()
    assert all(torch.equal(tensor, BODY[name]) for name, tensor in found.items())
    halves = appearance_net("resnet18_ibn_a", 16, path).state_dict()
    assert torch.equal(halves["layer1.0.bn1.IN.weight"], BODY["layer1.0.bn1.weight"][:32])


def test_a_numpy_scalar_as_numpy_2_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.save({"state_dict": BODY, "rank1": np.float64(0.5)}, path, _use_new_zipfile_serialization=False)
    old, new = b"cnumpy.core.multiarray\n", b"cnumpy._core.multiarray\n"
    content = path.read_bytes()
    other = content.replace(old, new) if old in content else content.replace(new, old)
    assert other != content
    path.write_bytes(other)
    assert torch.equal(AppearanceNet("resnet18", 16, path).state_dict()["conv1.weight"], BODY["conv1.weight"])


def test_a_model_file_of_this_project_as_appearance_weights(tmp_path: Path) -> None:
    network = AlignNet(ModelConfig(appearance="resnet18", appearance_weights="none", variant="baseline"), 4)
    save_model(network, tmp_path / "model.safetensors")
    found = AppearanceNet("resnet18", 16, tmp_path / "model.safetensors").state_dict()
    assert all(torch.equal(tensor, found[name]) for name, tensor in network.appearance.state_dict().items())


def test_a_network_of_timm(tmp_path: Path) -> None:
    net = appearance_net("mobilenetv2_050", 16, "none", torch.Generator().manual_seed(7))
    state = net.net.state_dict()  # type: ignore[union-attr]
    torch.save({"state_dict": prefixed("module.", state | {"classifier.weight": torch.ones(3)})}, tmp_path / "m.pth")
    found = appearance_net("mobilenetv2_050", 16, tmp_path / "m.pth").net.state_dict()  # type: ignore[union-attr]
    assert all(torch.equal(tensor, found[name]) for name, tensor in state.items())


def test_pose_weights_in_wrappers(tmp_path: Path) -> None:
    state = PoseNet(1, 0.125).state_dict()
    torch.save({"state_dict": prefixed("module.", state), "loss": np.float32(1)}, tmp_path / "pose.pth")
    net = PoseNet(1, 0.125)
    load_pose_weights(net, tmp_path / "pose.pth")
    assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())


class Trainer:
    """An object of another program."""


class Harmful:
    """An object that runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return open, ("ran", "w")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"model": torch.nn.Linear(2, 2)}, "holds objects of torch.nn.modules.linear.Linear"),
        ({"state_dict": BODY, "trainer": Trainer()}, r"holds objects of [\w.]*Trainer, which could run code: save"),
        ({"state_dict": BODY, "trainer": Harmful()}, r"holds objects of (_?io|builtins)\.open"),
        ({"epoch": 3, "optimizer": {}}, "not a state dict .*, it holds epoch, optimizer"),
        ({"state_dict": prefixed("module.", torchvision.models.resnet34(weights=None).state_dict())}, "are unknown"),
        ({"state_dict": {"conv1.weight": BODY["conv1.weight"]}}, "tensors are missing"),
        ([BODY], "not a state dict"),
    ],
)
def test_what_a_checkpoint_is_of_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content, "model.pth")
    with pytest.raises(UserError, match=complaint) as refused:
        AppearanceNet("resnet18", 16, "model.pth")
    assert len(str(refused.value).splitlines()) == 1
    assert not Path("ran").exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_plain_pickle_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.pth").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(UserError):
        AppearanceNet("resnet18", 16, "model.pth")
    assert not Path("ran").exists()
