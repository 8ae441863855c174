"""Which file of a run's folder is its network, in runs of this and of earlier versions."""

import pytest

from alignnet_common.errors import UserError
from reid.provenance.start import initial_model
from reid.runtime.run_dir import MODEL, OLD_MODEL, check_run_folder, finished_for_good, model_file


def test_the_file_of_today_goes_before_that_of_earlier_versions(tmp_path):
    assert model_file(tmp_path) == tmp_path / MODEL  # where there is none
    (tmp_path / OLD_MODEL).touch()
    assert model_file(tmp_path) == tmp_path / OLD_MODEL
    (tmp_path / MODEL).touch()
    assert model_file(tmp_path) == tmp_path / MODEL
    assert model_file(tmp_path / OLD_MODEL) == tmp_path / OLD_MODEL


def test_a_run_of_an_earlier_version_is_a_run(tmp_path):
    (tmp_path / OLD_MODEL).touch()
    with pytest.raises(UserError, match=r"holds a run already \(model\.pt\)"):
        check_run_folder(tmp_path, resume=False)
    assert not finished_for_good(tmp_path)
    (tmp_path / "result.json").touch()
    assert finished_for_good(tmp_path)
    assert initial_model(str(tmp_path)) == tmp_path / OLD_MODEL


def test_fine_tuning_starts_from_a_shipped_network_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "reid.provenance.start.shipped_networks", lambda: {"small": tmp_path / "reid-small.safetensors"}
    )
    assert initial_model("small") == tmp_path / "reid-small.safetensors"
    with pytest.raises(UserError, match="no such file"):
        initial_model("smaller")
