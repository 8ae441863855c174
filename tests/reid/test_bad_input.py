"""Errors of users: exit code 2, one line on standard error, and no files."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from alignnet_common.files import PROJECT_ROOT
from reid.configs.groups.model import ModelConfig
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model
from reid_folders import TINY, command, flags, write_market, write_prid, write_rendered, write_splits

CUT = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """A complete data set in each layout; not to be modified."""
    folder = tmp_path_factory.mktemp("sets")
    write_rendered(folder / "rendered", persons=4, frames=3)
    write_prid(folder / "prid", persons=4, frames=3)
    write_market(folder / "market", persons=12)
    return folder


def refused(name, capsys, folder, argv, complaint):
    """The command exits with 2 after one line that contains `complaint`, and does not change `folder`."""
    before = sorted(path for path in folder.rglob("*"))
    code = command(name, argv)
    printed = capsys.readouterr()
    assert code == 2, printed
    assert len(printed.err.splitlines()) == 1, printed.err
    assert printed.err.startswith("error: ")
    assert complaint in printed.err
    assert sorted(path for path in folder.rglob("*")) == before


def pretrain_argv(data, folder, **options):
    return flags(TINY | {"data": data, "run": folder / "run", "max_steps": 1} | options)


def finetune_argv(root, folder, **options):
    return flags(
        TINY | {"root": root, "run": folder / "run", "max_steps": 1, "init": "none", "min_frames": 1} | options
    )


def test_missing_root(sets, tmp_path, capsys):
    absent = tmp_path / "absent"
    refused("pretrain", capsys, tmp_path, pretrain_argv(absent, tmp_path), "python -m synth.render")
    for dataset, hint in (("prid", "put PRID2011 there"), ("market", "put Market-1501 there"), ("synthetic", "synth")):
        refused("finetune", capsys, tmp_path, finetune_argv(absent, tmp_path, dataset=dataset), hint)


@pytest.mark.parametrize("dataset", ["prid", "market", "synthetic"])
def test_wrong_layout(sets, tmp_path, capsys, dataset):
    (tmp_path / "data" / "people").mkdir(parents=True)
    refused("finetune", capsys, tmp_path, finetune_argv(tmp_path / "data", tmp_path, dataset=dataset), "not")
    refused("pretrain", capsys, tmp_path, pretrain_argv(tmp_path / "data", tmp_path), "not a rendered set")


def test_the_layout_of_another_data_set(sets, tmp_path, capsys):
    refused(
        "finetune", capsys, tmp_path, finetune_argv(sets / "market", tmp_path, dataset="prid"), "not PRID2011's layout"
    )
    refused("finetune", capsys, tmp_path, finetune_argv(sets / "prid", tmp_path, dataset="market"), "not Market-1501's")
    refused("pretrain", capsys, tmp_path, pretrain_argv(sets / "prid", tmp_path), "not a rendered set")


@pytest.mark.parametrize("camera", ["cam_a", "cam_b"])
def test_an_unreadable_image(tmp_path, capsys, camera):
    rendered = write_rendered(tmp_path / "rendered", persons=4, frames=3)
    path = rendered / "multi_shot" / camera / "person_0003" / "0002.png"
    path.write_bytes(CUT)
    refused("pretrain", capsys, tmp_path, pretrain_argv(rendered, tmp_path), f"{path}: unreadable image")
    refused("finetune", capsys, tmp_path, finetune_argv(rendered, tmp_path), f"{path}: unreadable image")


def test_an_empty_tracklet(tmp_path, capsys):
    prid = write_prid(tmp_path / "prid", persons=4, frames=2)
    folder = prid / "multi_shot" / "cam_a" / "person_0002"
    for path in folder.iterdir():
        path.unlink()
    refused("finetune", capsys, tmp_path, finetune_argv(prid, tmp_path), f"{folder}: an empty tracklet")


def test_a_folder_that_is_no_person(tmp_path, capsys):
    prid = write_prid(tmp_path / "prid", persons=4, frames=1)
    (prid / "multi_shot" / "cam_a" / "somebody").mkdir()
    refused("finetune", capsys, tmp_path, finetune_argv(prid, tmp_path), "not a person's folder")


def test_split_files(tmp_path, capsys):
    prid = write_prid(tmp_path / "prid", persons=4, frames=1)
    argv = finetune_argv(prid, tmp_path, split_source="json")
    refused("finetune", capsys, tmp_path, argv, f"no splits_prid2011.json in {prid}")
    file = write_splits(prid, persons=6)
    refused("finetune", capsys, tmp_path, argv, "persons who are not in both cameras")
    file.write_text(json.dumps([{"train": ["person_0001"], "test": ["person_0002", "person_0003", "person_0004"]}]))
    refused("finetune", capsys, tmp_path, argv, "not two halves")
    file.write_text("not JSON")
    refused("finetune", capsys, tmp_path, argv, "not a JSON file")
    write_splits(prid, persons=4, count=3)
    refused("finetune", capsys, tmp_path, finetune_argv(prid, tmp_path, split=5), "has splits 0-2, not 5")
    refused("finetune", capsys, tmp_path, finetune_argv(prid, tmp_path, split=10), "--split must be 0 to 9")


def test_weights_of_another_network(sets, tmp_path, capsys):
    prid = sets / "prid"
    config = ModelConfig(
        appearance="resnet34", appearance_weights="none", pose_stages=1, pose_width=0.125, tap_channels=8
    )
    save_model(AlignNet(config, 2), tmp_path / "other.pt")
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "body.pth")
    for text in ("text.pt", "net.onnx"):
        (tmp_path / text).write_text("hello")
    for name, complaint in (
        ("other.pt", "appearance resnet34, this run has resnet18"),
        ("body.pth", "not a model file of this project"),
        ("text.pt", "cannot be read as PyTorch weights"),
        ("net.onnx", "only reid extract and reid.load read ONNX files"),
        ("absent.pt", "no such file of weights"),
    ):
        refused("finetune", capsys, tmp_path, finetune_argv(prid, tmp_path, init=tmp_path / name), complaint)
    for name in ("body.pth", "text.pt", "net.onnx", "absent.pt"):
        argv = flags({"root": prid, "weights": tmp_path / name, "json": tmp_path / "out.json", "min_frames": 1})
        refused("evaluate", capsys, tmp_path, argv, name)
    argv = finetune_argv(prid, tmp_path, pose_weights=tmp_path / "body.pth")
    refused("finetune", capsys, tmp_path, argv, "not the weights of this pose net")
    argv = finetune_argv(prid, tmp_path, appearance_weights=tmp_path / "body.pth")
    refused("finetune", capsys, tmp_path, argv, "not the weights of torchvision's resnet18")


def test_too_few_people_for_a_batch(sets, tmp_path, capsys):
    argv = pretrain_argv(sets / "rendered", tmp_path, ids_per_batch=5)
    refused("pretrain", capsys, tmp_path, argv, "a batch of 5 identities, but there are 4")
    argv = finetune_argv(sets / "prid", tmp_path, ids_per_batch=3)
    refused("finetune", capsys, tmp_path, argv, "a batch of 3 identities, but there are 2")
    argv = pretrain_argv(sets / "rendered", tmp_path, held_out=3)
    refused("pretrain", capsys, tmp_path, argv, "too few to keep 3 out")
    argv = pretrain_argv(sets / "rendered", tmp_path, ids=5)
    refused("pretrain", capsys, tmp_path, argv, "4 persons to train on, fewer than --ids 5")


def test_annotations_that_do_not_fit(tmp_path, capsys):
    rendered = write_rendered(tmp_path / "rendered", persons=4, frames=3)
    path = rendered / "annotations" / "cam_b" / "person_0001.npz"
    np.savez(path, joints2d=np.zeros((2, 18, 2)), joints_visible=np.ones((2, 18), bool))
    refused("pretrain", capsys, tmp_path, pretrain_argv(rendered, tmp_path), "not fit")
    path.unlink()
    refused("pretrain", capsys, tmp_path, pretrain_argv(rendered, tmp_path), "annotations are not there")


def test_invalid_run_folders(sets, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    argv = [*pretrain_argv(sets / "rendered", tmp_path), "--run", str(tmp_path / "file" / "run")]
    refused("pretrain", capsys, tmp_path, argv, "is a file")


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--epochs", "many"], "epochs"),
        (["--no-such-option", "1"], "no-such-option"),
        (["--variant", "best"], "variant"),
        (["--chunk", "0"], "--chunk must be at least 1"),
        (["--overlap", "15"], "--overlap must be less than --chunk"),
        (["--config", "absent.yaml"], "absent.yaml"),
        (["--seed", str(2**64)], "--seed must be at most"),
        (["--pose-maps", "cached", "--width", "60"], "--width times --pose-scale must be a multiple of 8"),
    ],
)
def test_options(tmp_path, capsys, argv, complaint):
    refused("pretrain", capsys, tmp_path, argv, complaint)


def test_in_a_process_of_its_own(tmp_path):
    """The commands without options, without any data."""
    for command_line, hint in (
        ("reid.pretrain", "data/synthetic: render a set first (python -m synth.render"),
        ("reid.finetune --dataset prid", "data/prid2011: put PRID2011 there"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command_line.split()],
            cwd=tmp_path,
            env={"PYTHONPATH": str(PROJECT_ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert hint in done.stderr
        assert list(tmp_path.iterdir()) == []
