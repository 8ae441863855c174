"""Model files: what comes back is what was saved, and a file that does not fit is one line and changes nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alignnet_common.errors import UserError
from reid.configs.groups.model import PAPER_SETTINGS, ModelConfig
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_into, load_model, load_pose_weights, model_record, save_model
from reid.models.openpose import PoseNet
from reid.models.weights import read_torch_file

TINY = ModelConfig(appearance="resnet18", appearance_weights="none", pose_stages=1, pose_width=0.125, tap_channels=8)
VALID = torch.ones(1, 2, dtype=torch.bool)


def tiny(seed: int, classes: int = 4, **changes: Any) -> AlignNet:
    return AlignNet(replace(TINY, **changes), classes, torch.Generator().manual_seed(seed))


def frames() -> torch.Tensor:
    return torch.rand(1, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An align-tap network of seed 1, with four classes."""
    path = tmp_path_factory.mktemp("models") / "model.pt"
    save_model(tiny(seed=1), path, {"dataset": "synthetic", "step": 12, "rates": [0.1, 0.2]})
    return path


def assert_one_line(caught: pytest.ExceptionInfo[UserError], path: Path, said: str) -> None:
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert said in message


def test_what_comes_back_is_what_was_saved(saved: Path) -> None:
    model, metadata = load_model(saved)
    assert not model.training
    assert metadata["dataset"] == "synthetic"
    assert (metadata["step"], metadata["rates"], metadata["classes"]) == (12, [0.1, 0.2], 4)
    assert "state" not in metadata
    assert model.config == TINY
    source = tiny(seed=1).eval()
    with torch.no_grad():
        assert torch.equal(model(frames(), VALID).logits, source(frames(), VALID).logits)


def test_file_holds_tensors_and_plain_values(saved: Path) -> None:
    record = torch.load(saved, weights_only=True)
    assert record["format"] == "alignnet-2"
    assert record["model_config"]["variant"] == "align-tap"
    assert all(type(value) in (str, int, float, bool, type(None)) for value in record["model_config"].values())
    assert list(record["state"]) == list(tiny(seed=1).state_dict())


def test_a_file_from_before_an_option_has_its_default_or_the_papers_letter(saved: Path, tmp_path: Path) -> None:
    record = torch.load(saved, weights_only=True)
    for name in ("pose_scale", "tap_input", *PAPER_SETTINGS):
        del record["model_config"][name]
    torch.save(record, tmp_path / "older.pt")
    assert load_model(tmp_path / "older.pt")[0].config == replace(TINY, **PAPER_SETTINGS)
    load_into(tiny(seed=5, **PAPER_SETTINGS), tmp_path / "older.pt")
    newer = {"pose_scale": 2.0, "tap_input": "joints"}
    save_model(tiny(seed=1, **newer), tmp_path / "newer.pt")
    assert load_model(tmp_path / "newer.pt")[0].config == replace(TINY, **newer)


def test_weights_the_network_started_from_are_not_needed_to_load_it(tmp_path: Path) -> None:
    pose = tmp_path / "body_pose_model.pth"
    torch.save(PoseNet(1, 0.125, torch.Generator().manual_seed(7)).state_dict(), pose)
    model = tiny(seed=0, pose_weights=pose)
    model.config = replace(model.config, appearance_weights="imagenet")
    save_model(model, tmp_path / "model.pt")
    pose.unlink()
    loaded, _ = load_model(tmp_path / "model.pt")
    assert loaded.config == model.config
    assert loaded.pose is not None
    expected = PoseNet(1, 0.125, torch.Generator().manual_seed(7)).state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.pose.state_dict().items())


def test_a_training_checkpoint_with_more_in_it_loads_too(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    torch.save(model_record(tiny(seed=2)) | {"optimizer": {"momentum": [torch.ones(2)]}}, path)
    model, metadata = load_model(path)
    assert torch.equal(model.classifier.weight, tiny(seed=2).classifier.weight)
    assert list(metadata["optimizer"]) == ["momentum"]


@pytest.mark.parametrize("value", [np.float64(0.5), np.int64(3), Path("x"), (1, 2), {"deep": [np.float32(1)]}])
def test_metadata_that_would_not_load_again_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError, match="metadata"):
        save_model(tiny(seed=0, variant="baseline"), tmp_path / "model.pt", {"value": value})
    assert not any(tmp_path.iterdir())


def test_metadata_cannot_hide_the_networks_own_entries() -> None:
    with pytest.raises(ValueError, match="state"):
        model_record(tiny(seed=0, variant="baseline"), {"state": "mine"})


def test_load_into_keeps_the_classifier_of_other_people(saved: Path) -> None:
    model, source = tiny(seed=5, classes=9), tiny(seed=1)
    before = model.classifier.weight.clone()
    metadata = load_into(model, saved)
    assert metadata["classes"] == 4
    assert torch.equal(model.classifier.weight, before)
    for name, tensor in source.state_dict().items():
        if not name.startswith("classifier."):
            assert torch.equal(model.state_dict()[name], tensor), name


def test_load_into_takes_the_classifier_when_told(saved: Path) -> None:
    model = tiny(seed=5)
    load_into(model, saved, replace_classifier=False)
    assert torch.equal(model.classifier.weight, tiny(seed=1).classifier.weight)
    with pytest.raises(UserError) as caught:
        load_into(tiny(seed=5, classes=9), saved, replace_classifier=False)
    assert_one_line(caught, saved, "4 classes")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"variant": "baseline"}, "--variant align-tap"),
        ({"variant": "align-avg"}, "has variant align-tap, this run has align-avg"),
        ({"appearance": "resnet34"}, "--appearance resnet18"),
        ({"stride": 8}, "--stride 16"),
        ({"pose_stages": 2}, "--pose-stages 1"),
        ({"pose_width": 0.25}, "--pose-width 0.125"),
        ({"tap_channels": 16}, "--tap-channels 8"),
        ({"pose_scale": 2.0}, "--pose-scale 1.0"),
        ({"limb_fields": "signed"}, "--limb-fields magnitude"),
        ({"part_gain": 1.0}, "--part-gain 30.0"),
    ],
)
def test_another_network_is_one_line_and_changes_nothing(saved: Path, change: dict[str, Any], said: str) -> None:
    model = tiny(seed=5, **change)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(UserError) as caught:
        load_into(model, saved)
    assert_one_line(caught, saved, said)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_what_it_started_from_is_no_difference(saved: Path) -> None:
    model = tiny(seed=5)
    model.config = replace(model.config, appearance_weights="imagenet", pose_weights=Path("elsewhere.pth"))
    model.config = replace(model.config, frame_gain=6.0)
    load_into(model, saved)
    assert model.config.frame_gain == 6.0
    assert torch.equal(model.appearance.conv1.weight, tiny(seed=1).appearance.conv1.weight)


def broken_record(**changes: Any) -> dict[str, Any]:
    return model_record(tiny(seed=0, variant="baseline")) | changes


def without_a_tensor() -> dict[str, Any]:
    record = broken_record()
    record["state"] = {name: t for name, t in record["state"].items() if name != "appearance.conv1.weight"}
    return record


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: PoseNet(1, 0.125).state_dict(), "not a model file of this project"),
        (lambda: torch.ones(3), "not a model file of this project"),
        (lambda: broken_record(format="alignnet-9"), "alignnet-9"),
        (lambda: broken_record(state=None), "lacks state"),
        (lambda: broken_record(classes="four"), "lacks classes"),
        (lambda: broken_record(state={"a": 1}), "lacks tensors"),
        (lambda: broken_record(model_config={"variant": "baseline", "heads": 8}), "heads"),
        (lambda: broken_record(model_config={"variant": "align-max"}), "align-max"),
        (lambda: broken_record(classes=7), "classifier.weight is (4, 512) where (7, 512)"),
        (without_a_tensor, "appearance.conv1.weight"),
    ],
)
def test_files_of_another_kind_are_one_line(tmp_path: Path, make: Any, said: str) -> None:
    path = tmp_path / "model.pt"
    torch.save(make(), path)
    with pytest.raises(UserError) as caught:
        load_model(path)
    assert_one_line(caught, path, said)


@pytest.mark.parametrize("kept", [0, 1, 100, 5000, 0.5, 0.99])
def test_a_truncated_file_is_one_line(saved: Path, tmp_path: Path, kept: float) -> None:
    whole = saved.read_bytes()
    path = tmp_path / "model.pt"
    path.write_bytes(whole[: int(kept * len(whole)) if 0 < kept < 1 else int(kept)])
    for load in (load_model, lambda p: load_pose_weights(PoseNet(1, 0.125), p)):
        with pytest.raises(UserError) as caught:
            load(path)
        assert_one_line(caught, path, "cannot be read")


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"{'a': 1}", b"0", bytes(range(256)) * 8, b"PK\x03\x04" + bytes(99)]
)
def test_a_file_that_is_no_weights_is_one_line(tmp_path: Path, content: bytes) -> None:
    for suffix in (".pt", ".pth", ".safetensors"):
        path = tmp_path / f"file{suffix}"
        path.write_bytes(content)
        with pytest.raises(UserError) as caught:
            load_pose_weights(PoseNet(1, 0.125), path)
        assert_one_line(caught, path, "")
    with pytest.raises(UserError) as caught:
        load_model(tmp_path / "file.pt")
    assert_one_line(caught, tmp_path / "file.pt", "cannot be read")


class Touching:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        """Remember which."""
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        """What a pickle of it calls."""
        return Path.touch, (self.path,)


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    path, made = tmp_path / "model.pt", tmp_path / "made"
    torch.save({"format": "alignnet-2", "state": Touching(made)}, path)
    torch.load(path, weights_only=False)
    assert made.exists()  # so it is code indeed
    made.unlink()
    for load in (load_model, read_torch_file, lambda path: load_pose_weights(PoseNet(1, 0.125), path)):
        with pytest.raises(UserError) as caught:
            load(path)
        assert_one_line(caught, path, "cannot be read")
    assert not made.exists()


@pytest.mark.parametrize("name", ["nothing.pt", "nothing.safetensors", "."])
def test_a_missing_file_or_a_folder_is_one_line(tmp_path: Path, name: str) -> None:
    for load in (load_model, lambda p: load_pose_weights(PoseNet(1, 0.125), p)):
        with pytest.raises(UserError) as caught:
            load(tmp_path / name)
        assert_one_line(caught, tmp_path, "no such file")
