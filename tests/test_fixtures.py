"""A set, a run and a model file that an earlier version of the code wrote open and go on: tests/fixtures.

`python tests/fixtures/make_fixtures.py` makes them.
"""

import json

import pytest
import torch

import golden_values
import kept_fixtures
import synth_runs
from alignnet_common.files import PROJECT_ROOT

VALUES = json.loads((kept_fixtures.FIXTURES / "values.json").read_text())
SAME_MACHINE = golden_values.machine() == VALUES["machine"]


@pytest.fixture
def folder(tmp_path):
    """A folder with copies of the fixtures."""
    for name in ("set", "run", "finished"):
        kept_fixtures.copied(name, tmp_path)
    return tmp_path


def check_losses(run):
    """The run has the losses that the earlier version got; on another machine, to 0.1 %."""
    for name, losses in golden_values.losses_of(run).items():
        wanted = VALUES["resumed"][name]
        assert losses == (wanted if SAME_MACHINE else pytest.approx(wanted, rel=1e-3, abs=1e-6))


def remove_newer_fields(run):
    """Take out of the run's checkpoint every field that checkpoints did not have at first."""
    checkpoint = torch.load(run / "checkpoint.pt", weights_only=True)
    for name in kept_fixtures.PAPER_FORM:
        del checkpoint["model_config"][name], checkpoint["training"]["config"][name]
    for name in ("division", "lowest"):
        del checkpoint["training"][name]
    torch.save(checkpoint, run / "checkpoint.pt")


def remove_newer_hashes(manifest):
    """Take the hashes of annotations, which manifests did not have at first, out of a manifest."""
    rows = synth_runs.rows(manifest)
    for row in rows:
        del row["annotations_sha256"]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("newer_fields", [True, False])
def test_a_rendered_set_is_read(folder, newer_fields):
    data, found = folder / "set", folder / "found.json"
    if not newer_fields:
        remove_newer_hashes(data / "manifest.jsonl")
    golden_values.run_in_turn(
        PROJECT_ROOT,
        [
            ["reid.data", "--root", data, "--dataset", "synthetic", "--decode", "--json", found],
            ["synth.verify", data],
            ["synth.preview", "--data", data, "--people", "2", "--clips", "2"],
        ],
    )
    counts = json.loads(found.read_text())
    assert (counts["identities"], counts["tracklets"], counts["frames"]) == (4, 8, 16)
    assert (data / "preview" / "index.html").is_file()


@pytest.mark.parametrize("newer_fields", [True, False])
def test_a_run_resumes_and_a_model_file_is_evaluated(folder, newer_fields):
    if not newer_fields:
        remove_newer_fields(folder / "run")
    golden_values.run_in_turn(
        PROJECT_ROOT,
        [
            kept_fixtures.resume_command(folder / "set", folder / "run"),
            kept_fixtures.evaluate_command(folder / "set", folder / "finished/model.pt", folder / "numbers.json"),
        ],
    )
    check_losses(folder / "run")
    assert kept_fixtures.numbers_of(folder / "numbers.json") == pytest.approx(VALUES["evaluated"])
