"""Every file in jobs/ is a valid configuration of its command."""

import dataclasses
from pathlib import Path

import pytest

from alignnet_common.cli import read_config_file
from alignnet_common.files import PROJECT_ROOT
from reid.ablation.run import AblationConfig
from reid.configs.adapt import AdaptConfig
from reid.configs.finetune import FinetuneConfig
from reid.configs.pretrain import PretrainConfig
from reid.pose.train import PoseTrainConfig
from synth.planning.config import RenderConfig

JOBS = PROJECT_ROOT / "jobs"

COMMANDS = {
    "ablation": AblationConfig,
    "ablation-market": AblationConfig,
    "ablation-market-finetune": FinetuneConfig,
    "ablation-market-full": AblationConfig,
    "ablation-market-pretrain": PretrainConfig,
    "ablation-small": AblationConfig,
    "attention": PretrainConfig,
    "demo-adapt": AdaptConfig,
    "demo-finetune": FinetuneConfig,
    "demo-people": RenderConfig,
    "demo-pretrain": PretrainConfig,
    "demo-standin": RenderConfig,
    "finetune-ilids": FinetuneConfig,
    "finetune-market": FinetuneConfig,
    "finetune-market-small": FinetuneConfig,
    "finetune-mars": FinetuneConfig,
    "finetune-prid": FinetuneConfig,
    "finetune-small": FinetuneConfig,
    "ingredients": PretrainConfig,
    "pose-full": PoseTrainConfig,
    "pose-small": PoseTrainConfig,
    "pretrain": PretrainConfig,
    "sample": RenderConfig,
    "small": PretrainConfig,
}
"""Options of the command that each file in jobs/ is for."""

NEEDED = {"demo-adapt": {"root": "data/demo/standin"}}
"""Options that have no default."""


def test_every_job_is_tested_here():
    assert {path.stem for path in JOBS.glob("*.yaml")} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_job_is_a_valid_configuration_and_two_jobs_are_the_defaults(name, monkeypatch):
    """Unknown keys, values of another type and values out of range would raise."""
    monkeypatch.chdir(JOBS.parent)
    job = read_config_file(COMMANDS[name], JOBS / f"{name}.yaml")
    defaults = COMMANDS[name](**NEEDED.get(name, {}))
    if name == "finetune-prid":  # the defaults of these two depend on --dataset
        defaults = dataclasses.replace(defaults, root=Path("data/prid2011"), run=Path("runs/finetune-prid"))
    assert (job == defaults) == (name in ("pretrain", "finetune-prid"))
