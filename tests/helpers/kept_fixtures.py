"""The set, the run and the model file in tests/fixtures, which an earlier version of the code wrote.

The files of the network lack every tensor that the seed gives anyway (the appearance network was not trained), so that
they are small: `strip` takes these tensors out, `restore` puts them back.
"""

import json
import shutil

import torch

from alignnet_common.files import PROJECT_ROOT
from reid.configs.pretrain import PretrainConfig
from reid.training.setup import build_model
from reid_folders import TINY, flags

FIXTURES = PROJECT_ROOT / "tests" / "fixtures"

PERSONS = 4
RENDER = ["--ids", str(PERSONS), "--frames", "2", "--samples", "2", "--no-denoise", "--seed", "3"]
"""Options of `synth.render` of the set."""

PAPER_FORM = {"limb_fields": "signed", "part_gain": 1.0, "part_pooling": "mean"}
"""Options of the network that files did not hold at first, with the values that they then had."""

NETWORK = TINY | PAPER_FORM | {"pose_width": 0.06, "lr_appearance": 0}
"""Options of the smallest network."""

TRAIN = NETWORK | {"chunk": 2, "overlap": 0, "checkpoint_every": 2}
"""Options of `reid.pretrain`."""

STOPPED_AT, STEPS = 4, 8
"""Steps after which the run was interrupted, and of the resumed run."""


def resume_command(data, run):
    """The command, a module and its options, that goes on with a run."""
    options = TRAIN | {"data": data, "run": run, "max_steps": STEPS, "resume": True}
    return ["reid.pretrain", *flags(options)]


def initial_state():
    """The tensors of the network before its training, by name."""
    return build_model(PretrainConfig(**NETWORK), classes=PERSONS).state_dict()


def strip(path):
    """Take out of a file of the network each tensor that is as it was before training."""
    record, initial = torch.load(path, weights_only=True), initial_state()
    record["state"] = {
        name: tensor.clone() for name, tensor in record["state"].items() if not torch.equal(tensor, initial[name])
    }
    torch.save(record, path)


def restore(path):
    """Put the tensors that `strip` took out of a file back into it."""
    record = torch.load(path, weights_only=True)
    record["state"] = initial_state() | record["state"]
    torch.save(record, path)


def copied(name, folder):
    """A copy below `folder` of the fixture `name`, with whole files of the network."""
    copy = folder / name
    shutil.copytree(FIXTURES / name, copy)
    for path in copy.rglob("*.pt"):
        restore(path)
    return copy


def evaluate_command(data, model, out):
    """The command that ranks two of the set's persons by a model file and writes JSON to `out`."""
    options = {"dataset": "synthetic", "root": data, "checkpoint": model, "split": 0, "device": "cpu", "json": out}
    return ["reid.evaluate", *flags(options)]


def numbers_of(path):
    """The numbers of a result of `evaluate_command`."""
    result = json.loads(path.read_text())
    return {name: result[name] for name in ("rank1", "mAP", "mINP", "queries")}
