"""Every job file is one that its command takes."""

import dataclasses
from pathlib import Path

import pytest

from alignnet_common.cli import read_config_file
from alignnet_common.files import PROJECT_ROOT
from reid.ablation.run import AblationConfig
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
    "demo-finetune": FinetuneConfig,
    "demo-people": RenderConfig,
    "demo-pretrain": PretrainConfig,
    "demo-standin": RenderConfig,
    "finetune-ilids": FinetuneConfig,
    "finetune-market": FinetuneConfig,
    "finetune-market-small": FinetuneConfig,
    "finetune-mars": FinetuneConfig,
    "finetune-prid": FinetuneConfig,
    "pose-full": PoseTrainConfig,
    "pose-small": PoseTrainConfig,
    "pretrain": PretrainConfig,
}
"""What reads each file of `jobs/`."""


def test_no_job_is_forgotten():
    assert {path.stem for path in JOBS.glob("*.yaml")} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_job_is_read_by_its_command(name, monkeypatch):
    """Unknown keys, values of another type or out of range are refused; two jobs say that they are the defaults."""
    monkeypatch.chdir(JOBS.parent)
    job = read_config_file(COMMANDS[name], JOBS / f"{name}.yaml")
    defaults = COMMANDS[name]()
    if name == "finetune-prid":  # these two fields follow --dataset
        defaults = dataclasses.replace(defaults, root=Path("data/prid2011"), run=Path("runs/finetune-prid"))
    assert (job == defaults) == (name in ("pretrain", "finetune-prid"))
