"""The model file that --weights names: shipped networks, run folders, files, and their order of precedence."""

import pytest

from alignnet_common.errors import UserError
from reid.runtime import weights_source
from reid.runtime.weights_source import find_weights, shipped_networks


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """A folder of assets with one shipped network; the current folder is another one."""
    (tmp_path / "assets/weights").mkdir(parents=True)
    (tmp_path / "assets/weights/reid-small.safetensors").touch()
    (tmp_path / "assets/weights/pose-small.safetensors").touch()
    monkeypatch.setattr(weights_source, "asset", lambda name: tmp_path / "assets" / name)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "assets"


def test_a_shipped_name_wins_unless_a_path_is_written(assets, tmp_path):
    shipped = assets / "weights/reid-small.safetensors"
    assert shipped_networks() == {"small": shipped}
    assert find_weights("small") == shipped
    (tmp_path / "here/small").touch()
    assert find_weights("small") == shipped
    assert find_weights("./small").absolute() == tmp_path / "here/small"
    assert find_weights(tmp_path / "here/small") == tmp_path / "here/small"


def test_run_folders_and_files(assets, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(UserError, match=r"run: no model.safetensors or model.pt in this folder; .*\(small\)"):
        find_weights(run)
    (run / "model.pt").touch()
    assert find_weights(run) == run / "model.pt"
    (run / "model.safetensors").touch()
    assert find_weights(str(run)) == run / "model.safetensors"
    assert find_weights(run / "model.pt") == run / "model.pt"


def test_unknown_weights_are_one_line_with_the_shipped_names(assets, monkeypatch, tmp_path):
    with pytest.raises(UserError, match=r"^large: no such file of weights; .* a shipped network \(small\)$"):
        find_weights("large")
    monkeypatch.setattr(weights_source, "asset", lambda name: tmp_path / "nothing" / name)
    with pytest.raises(UserError, match=r"\(none is installed\)"):
        find_weights("small")
