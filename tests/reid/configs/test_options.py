"""Options of reid: presets, devices, splits by number, old names in files and checkpoints."""

from pathlib import Path

import pytest
import torch
import yaml

from alignnet_common.cli import as_plain, read_config, read_config_file
from alignnet_common.errors import UserError
from alignnet_common.options import with_current_names
from reid.configs.evaluate import EvaluateConfig, split_numbers
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.checks import check_device
from reid.configs.groups.model import PAPER_SETTINGS, SMALL_POSE_WEIGHTS
from reid.configs.pretrain import PretrainConfig
from reid.recipes.finetune import with_shipped_pose
from reid.runtime.device import pick_device

SHIPPED = {"pose_weights": SMALL_POSE_WEIGHTS, "pose_stages": 3, "pose_width": 0.25}


@pytest.mark.parametrize("config_type", [PretrainConfig, FinetuneConfig])
def test_the_paper_preset_undoes_every_difference(config_type):
    paper = read_config(config_type, "train", ["--preset", "paper"])
    assert {name: getattr(paper, name) for name in PAPER_SETTINGS} == PAPER_SETTINGS
    assert (paper.frame_pooling, paper.frame_gain, paper.part_visibility) == ("sum", 1.0, "ignored")
    assert paper.lr_pose == (1e-4 if config_type is FinetuneConfig else 1e-2)
    changed = {name for name, value in as_plain(paper).items() if value != as_plain(config_type())[name]}
    assert changed <= {*PAPER_SETTINGS, "frame_pooling", "lr_pose", "preset"}


@pytest.mark.parametrize("config_type", [PretrainConfig, FinetuneConfig])
def test_a_preset_gives_way_to_options_and_is_saved_with_its_values(config_type, tmp_path):
    small = read_config(config_type, "train", ["--preset", "small", "--epochs", "3"])
    assert (small.appearance, small.pose_weights, small.epochs) == ("resnet18", SMALL_POSE_WEIGHTS, 3)
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(as_plain(small)))
    assert read_config_file(config_type, tmp_path / "job.yaml") == small


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("all", tuple(range(10))), ("0-2", (0, 1, 2)), ("3", (3,)), ("5,0-1", (0, 1, 5)), (" 1, 2", (1, 2))],
)
def test_splits_are_named_by_number(text, numbers):
    assert split_numbers(text, 9) == numbers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"splits": "some"}, "--splits some: must be all"),
        ({"splits": "8-12"}, "splits are 0 to 9"),
        ({"splits": "1", "split": 2}, "leave one out"),
        ({"device": "gpu"}, "--device gpu: must be"),
    ],
)
def test_wrong_splits_and_devices_are_one_line(options, message):
    with pytest.raises(ValueError, match=message):
        EvaluateConfig(**options)


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "cuda:1", "1", "mps"])
def test_names_of_devices(name):
    check_device(name)
    if name in ("auto", "cpu"):
        assert pick_device(name).type in ("cpu", "cuda")
    elif not torch.cuda.is_available() and not torch.backends.mps.is_available():
        with pytest.raises(UserError, match=f"--device {name}"):
            pick_device(name)


@pytest.mark.parametrize(
    ("config_type", "old", "new"),
    [
        (PretrainConfig, {"validation_ids": 5}, {"held_out": 5}),
        (FinetuneConfig, {"held_out": 0.2, "splits": "all"}, {"test_share": 0.2, "split_source": "published"}),
        (FinetuneConfig, {"splits": "random"}, {"split_source": "random"}),
        (EvaluateConfig, {"splits": "random", "checkpoint": "x"}, {"split_source": "random", "weights": "x"}),
        (EvaluateConfig, {"splits": "all"}, {"splits": "all"}),
    ],
)
def test_saved_options_of_older_versions(config_type, old, new):
    assert with_current_names(config_type, old) == new


def test_the_shipped_pose_network_is_taken_where_nothing_is_pre_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # without runs/pretrain
    taken = with_shipped_pose(FinetuneConfig())
    assert {name: getattr(taken, name) for name in SHIPPED} == SHIPPED
    for kept in (
        FinetuneConfig(variant="baseline"),
        FinetuneConfig(pose_stages=2),
        FinetuneConfig(pose_weights=Path("own.pth")),
    ):
        assert with_shipped_pose(kept) == kept
    assert with_shipped_pose(FinetuneConfig(pose_weights=Path("none"))) == FinetuneConfig()
    (tmp_path / "runs/pretrain").mkdir(parents=True)
    (tmp_path / "runs/pretrain/model.safetensors").touch()
    assert with_shipped_pose(FinetuneConfig()) == FinetuneConfig()
