"""Model files: what comes back is what was saved, and a file that does not fit is one line and changes nothing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from alignnet_common.errors import UserError
from reid.configs.groups.model import PAPER_SETTINGS, ModelConfig
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_into, load_model, load_pose_weights, model_record, save_model
from reid.models.openpose import PoseNet
from reid.models.weights import metadata_of, read_pose_weights, read_torch_file, write_torch_file

TINY = ModelConfig(appearance="resnet18", appearance_weights="none", pose_stages=1, pose_width=0.125, tap_channels=8)
VALID = torch.ones(1, 2, dtype=torch.bool)
METADATA: dict[str, Any] = {"dataset": "synthetic", "step": 12, "rates": [0.1, 0.2]}


def tiny(seed: int, classes: int = 4, **changes: Any) -> AlignNet:
    return AlignNet(replace(TINY, **changes), classes, torch.Generator().manual_seed(seed))


def frames() -> torch.Tensor:
    return torch.rand(1, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An align-tap network of seed 1, with four classes."""
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    save_model(tiny(seed=1), path, METADATA)
    return path


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network in a file as earlier versions wrote it."""
    path = tmp_path_factory.mktemp("models") / "model.pt"
    write_torch_file(path, model_record(tiny(seed=1), METADATA))
    return path


def assert_one_line(caught: pytest.ExceptionInfo[UserError], path: Path, said: str) -> None:
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert said in message


@pytest.mark.parametrize("kind", ["saved", "old"])
def test_what_comes_back_is_what_was_saved(kind: str, request: pytest.FixtureRequest) -> None:
    model, metadata = load_model(request.getfixturevalue(kind))
    assert not model.training
    assert metadata["dataset"] == "synthetic"
    assert (metadata["step"], metadata["rates"], metadata["classes"]) == (12, [0.1, 0.2], 4)
    assert "state" not in metadata
    assert model.config == TINY
    source = tiny(seed=1).eval()
    with torch.no_grad():
        assert torch.equal(model(frames(), VALID).logits, source(frames(), VALID).logits)


def test_file_holds_tensors_and_a_json_record(saved: Path, tmp_path: Path) -> None:
    with safetensors.safe_open(saved, "np") as file:
        record = json.loads(file.metadata()["alignnet"])
        names = set(file.keys())
    assert record["format"] == "alignnet-2" and record["rates"] == [0.1, 0.2]
    assert record["model_config"]["variant"] == "align-tap"
    assert all(type(value) in (str, int, float, bool, type(None)) for value in record["model_config"].values())
    assert names == set(tiny(seed=1).state_dict())
    save_model(tiny(seed=1), tmp_path / "again.safetensors", METADATA)
    assert (tmp_path / "again.safetensors").read_bytes() == saved.read_bytes()


def test_a_network_with_channels_last_is_the_same_file(saved: Path, tmp_path: Path) -> None:
    model = tiny(seed=1).to(memory_format=torch.channels_last)
    save_model(model, tmp_path / "a.safetensors", METADATA)
    assert (tmp_path / "a.safetensors").read_bytes() == saved.read_bytes()


def test_the_kind_of_a_file_is_read_off_its_content(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "model.pt"
    other.write_bytes(saved.read_bytes())
    assert load_model(other)[1]["step"] == 12


def test_half_precision_stores_layers_in_half_the_bytes_and_norms_exactly(saved: Path, tmp_path: Path) -> None:
    path, model = tmp_path / "half.safetensors", tiny(seed=1, neck="batch-norm", pooling="gem")
    model.neck.weight.data.uniform_(generator=torch.Generator().manual_seed(0))
    save_model(model, path, half=True)
    assert path.stat().st_size < 0.52 * saved.stat().st_size
    stored = safetensors.torch.load_file(path)
    layers = [name for name, tensor in stored.items() if tensor.dtype == torch.float16]
    assert {"appearance.conv1.weight", "part_tap.conv1.weight", "classifier.weight"} < set(layers)
    assert not any("bn" in name or "neck" in name or "power" in name or name.endswith("bias") for name in layers)
    loaded, _ = load_model(path)
    for name, tensor in model.state_dict().items():
        back = loaded.state_dict()[name]
        assert back.dtype == tensor.dtype
        torch.testing.assert_close(back, tensor, rtol=1e-3 if name in layers else 0, atol=1e-7 if name in layers else 0)


@pytest.mark.parametrize("neck", ["none", "batch-norm"])
def test_a_file_without_classifier_describes_and_gives_no_logits(tmp_path: Path, neck: str) -> None:
    path, model = tmp_path / "bare.safetensors", tiny(seed=1, neck=neck).eval()
    save_model(model, path, METADATA, classifier=False)
    bare, metadata = load_model(path)
    assert bare.classifier is None and metadata["classes"] == 0
    with torch.no_grad():
        found = bare(frames(), VALID)
        assert found.logits is None
        assert torch.equal(found.descriptor, model(frames(), VALID).descriptor)
    target = tiny(seed=5, neck=neck)
    before = target.classifier.weight.clone()
    assert load_into(target, path)["classes"] == 0
    assert torch.equal(target.classifier.weight, before)
    assert torch.equal(target.appearance.conv1.weight, model.appearance.conv1.weight)
    with pytest.raises(UserError) as caught:
        load_into(tiny(seed=5, neck=neck), path, replace_classifier=False)
    assert_one_line(caught, path, "0 classes")


@pytest.mark.parametrize("kind", ["saved", "old"])
def test_the_pose_network_and_the_record_of_a_file_can_be_read_alone(kind: str, request: pytest.FixtureRequest) -> None:
    path, pose = request.getfixturevalue(kind), PoseNet(1, 0.125)
    load_pose_weights(pose, path)
    expected = tiny(seed=1).pose.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in pose.state_dict().items())
    assert read_pose_weights(path).keys() == expected.keys()
    assert metadata_of(path)["step"] == 12


def test_a_file_from_before_an_option_has_its_default_or_the_papers_letter(old: Path, tmp_path: Path) -> None:
    record = torch.load(old, weights_only=True)
    for name in ("pose_scale", "tap_input", "pooling", "neck", "unit_length", *PAPER_SETTINGS):
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


@pytest.mark.parametrize(
    "value", [np.float64(0.5), np.int64(3), Path("x"), (1, 2), {"deep": [np.float32(1)]}, {4: "a number as a key"}]
)
def test_metadata_that_would_not_load_again_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError, match="metadata"):
        save_model(tiny(seed=0, variant="baseline"), tmp_path / "model.pt", {"value": value})
    assert not any(tmp_path.iterdir())


def test_metadata_that_json_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        save_model(tiny(seed=0, variant="baseline"), tmp_path / "model.safetensors", {"loss": float("nan")})
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
        ({"pooling": "gem"}, "--pooling average"),
        ({"neck": "batch-norm"}, "--neck none"),
        ({"appearance": "mobilenetv2_035"}, "--appearance resnet18"),
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
    model.config = replace(model.config, frame_gain=6.0, unit_length=True)
    load_into(model, saved)
    assert model.config.frame_gain == 6.0 and model.config.unit_length
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
        (lambda: broken_record(classes=-1), "lacks classes"),
        (lambda: broken_record(classes=0), "2 are unknown, the first classifier.weight"),
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


def with_header(path: Path, metadata: dict[str, str], tensors: dict[str, torch.Tensor] | None = None) -> Path:
    safetensors.torch.save_file(tensors or {"a": torch.ones(1)}, path, metadata)
    return path


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({}, "not a model file of this project"),
        ({"format": "pt"}, "not a model file of this project"),
        ({"alignnet": "{"}, "cannot be read"),
        ({"alignnet": "[" * 100_000}, "cannot be read"),
        ({"alignnet": "[1, 2]"}, "not a model file of this project"),
        ({"alignnet": '{"format": "alignnet-9"}'}, "alignnet-9"),
        ({"alignnet": '{"format": "alignnet-2", "state": 5}'}, "lacks model_config, classes"),
        ({"alignnet": '{"format": "alignnet-2", "model_config": {"appearance": 3}, "classes": 2}'}, "unknown"),
    ],
)
def test_headers_of_another_kind_are_one_line(tmp_path: Path, header: dict[str, str], said: str) -> None:
    path = with_header(tmp_path / "model.safetensors", header)
    with pytest.raises(UserError) as caught:
        load_model(path)
    assert_one_line(caught, path, said)


def test_a_file_of_an_unknown_backbone_is_one_line(saved: Path, tmp_path: Path) -> None:
    with safetensors.safe_open(saved, "pt") as file:
        record = json.loads(file.metadata()["alignnet"])
    record["model_config"]["appearance"] = "resnet19"
    path = with_header(tmp_path / "model.safetensors", {"alignnet": json.dumps(record)})
    with pytest.raises(UserError) as caught:
        load_model(path)
    assert_one_line(caught, path, "resnet19")


@pytest.mark.parametrize("kind", ["saved", "old"])
@pytest.mark.parametrize("kept", [0, 1, 100, 5000, 0.5, 0.99])
def test_a_truncated_file_is_one_line(kind: str, request: pytest.FixtureRequest, tmp_path: Path, kept: float) -> None:
    source = request.getfixturevalue(kind)
    whole = source.read_bytes()
    path = tmp_path / source.name
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
            load_model(path)
        assert_one_line(caught, path, "cannot be read")


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
