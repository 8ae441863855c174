"""python -m reid.export: files that give PyTorch's descriptors, reports, int8, and errors of one line."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import reid
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import PROJECT_ROOT, sha256_of_file
from benchmarks import export as benchmark
from reid.data.datasets.prid import load_prid
from reid.data.loading.frame_store import FrameStore
from reid.evaluation.descriptors import tracklet_descriptors
from reid.exporting import export as steps
from reid.exporting.int8 import chosen_images
from reid.exporting.torch_file import open_program
from reid.exporting.verification import check_differences
from reid.inference.network.onnx_network import OnnxFile, OnnxNetwork
from reid.models.checkpoint import load_model, save_model
from reid_folders import command, write_prid
from small_networks import IMAGES, random_frames, small_network, write_network

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

NECKED = {"appearance": "resnet18", "pooling": "gem", "neck": "batch-norm", "unit_length": True}
ATTENTIVE = {"part_visibility": "pose", "frame_gain": 2.0, "tap_input": "joints"}
SHAPES = [(1, 1), (3, 7), (1, 15), (2, 40)]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return write_prid(tmp_path_factory.mktemp("people"), persons=6, frames=4)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory, people):
    """A baseline with a neck, as ONNX and int8."""
    folder = tmp_path_factory.mktemp("baseline")
    model = write_network(folder / "net.safetensors", "baseline", **NECKED)
    out = folder / "net.onnx"
    words = ["--int8", str(people), "--calibration-images", "24"]
    assert command("export", ["--weights", str(folder / "net.safetensors"), "--out", str(out), *words]) == 0
    return SimpleNamespace(model=model, weights=folder / "net.safetensors", out=out)


@pytest.fixture(scope="module")
def attentive(tmp_path_factory):
    """A network with temporal attention in a run's folder: ONNX, a graph each for frames and for pooling."""
    folder = tmp_path_factory.mktemp("runs") / "walkers"
    folder.mkdir()
    model = write_network(folder / "model.safetensors", "align-tap", **ATTENTIVE)
    out = folder / "net.onnx"
    assert command("export", ["--weights", str(folder), "--out", str(out), "--graph", "both"]) == 0
    return SimpleNamespace(model=model, weights=folder / "model.safetensors", out=out)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """A network as a program of torch.export."""
    folder = tmp_path_factory.mktemp("program")
    model = write_network(folder / "net.safetensors", "baseline")
    words = ["--weights", str(folder / "net.safetensors"), "--out", str(folder / "net.pt2"), "--format", "torch-export"]
    assert command("export", words) == 0
    run, properties = open_program(folder / "net.pt2")
    return SimpleNamespace(model=model, out=folder / "net.pt2", run=run, properties=properties)


def assert_equal(found, expected):
    """Equal to 1e-4 of the largest value."""
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= 1e-4 * float(expected.abs().max())


@pytest.mark.parametrize(("chunks", "length"), SHAPES)
@torch.no_grad()
def test_onnx_gives_pytorchs_descriptors(baseline, chunks, length):
    frames, valid = random_frames(chunks, length, seed=length)
    assert_equal(OnnxFile(baseline.out)(frames, valid)[0], baseline.model(frames, valid).descriptor)


@pytest.mark.parametrize(("chunks", "length"), SHAPES)
@torch.no_grad()
def test_a_program_gives_pytorchs_descriptors(program, chunks, length):
    frames, valid = random_frames(chunks, length, seed=length)
    assert_equal(program.run(frames, valid)[0], program.model(frames, valid).descriptor)
    assert (program.properties["model"], program.properties["graph"]) == ("net", "video")


@pytest.mark.parametrize(("chunks", "length"), SHAPES)
@torch.no_grad()
def test_two_graphs_give_pytorchs_frame_descriptors_weights_and_descriptors(attentive, chunks, length):
    describe, pool = (OnnxFile(attentive.out.with_name(name)) for name in ("net-frames.onnx", "net-pooling.onnx"))
    frames, valid = random_frames(chunks, length, seed=length)
    expected = attentive.model(frames, valid)
    described, weights = describe(frames.flatten(0, 1))
    descriptors, weights = described.unflatten(0, valid.shape), weights.unflatten(0, valid.shape)
    assert_equal(descriptors[valid], expected.frame_descriptors[valid])
    assert_equal(weights[valid], expected.frame_weights[valid])
    assert (weights[valid].std() > 0.001) or chunks * length == 1
    assert_equal(pool(descriptors, weights, valid)[0], expected.descriptor)


def test_a_tracklet_of_several_chunks_has_the_mean_of_their_descriptors(baseline, people):
    data = load_prid(people, 0, "random", seed=0, min_frames=1)
    store = FrameStore([], IMAGES["height"], IMAGES["width"], 0.0)
    network = OnnxNetwork(baseline.out)
    found, expected = (
        torch.from_numpy(tracklet_descriptors(each, data.tracklets[:3], store, 3, torch.device("cpu")))
        for each in (network, baseline.model)
    )
    assert_equal(found, expected)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))


def test_an_onnx_file_describes_images_and_tracklets_as_its_source_does(baseline, people, tmp_path):
    files = sorted(people.rglob("*.png"))[:5]
    ours, theirs = (reid.load(weights, "cpu") for weights in (baseline.out, baseline.weights))
    assert (ours.input_size, ours.chunk) == (theirs.input_size, theirs.chunk)
    for found, expected in (
        (ours.describe_images(files), theirs.describe_images(files)),
        (ours.describe(files), theirs.describe(files)),
    ):
        assert_equal(torch.from_numpy(found), torch.from_numpy(expected))
    flipped = [
        reid.load(weights, flip_test=True).describe_images(files) for weights in (baseline.out, baseline.weights)
    ]
    assert_equal(*map(torch.from_numpy, flipped))
    out = tmp_path / "features.npz"
    assert command("extract", [str(people), "--weights", str(baseline.out), "--out", str(out)]) == 0
    assert np.load(out)["features"].shape[1] == baseline.model.descriptor_size


def test_an_onnx_file_that_does_not_fit_is_one_clear_line(baseline, attentive, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"--height 128: .*net\.onnx was exported for 64 pixels: export"):
        reid.load(baseline.out, height=128)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    with pytest.raises(UserError, match="onnxruntime computes an ONNX file on the CPU"):
        reid.load(baseline.out, "mps")
    frames = attentive.out.with_name("net-frames.onnx")
    with pytest.raises(UserError, match="no network of whole tracklets by reid export"):
        reid.load(frames)
    (tmp_path / "broken.onnx").write_bytes(b"not a network")
    with pytest.raises(UserError, match=r"broken\.onnx: no ONNX file"):
        reid.load(tmp_path / "broken.onnx")


def test_a_file_says_what_it_is_and_nothing_of_the_machine(baseline, program):
    file = OnnxFile(baseline.out)
    assert [(each.name, each.shape, each.type) for each in file.session.get_inputs()] == [
        ("frames", ["batch", "frames", 3, 64, 32], "tensor(float)"),
        ("valid", ["batch", "frames"], "tensor(bool)"),
    ]
    assert [(each.name, each.shape) for each in file.session.get_outputs()] == [("descriptor", ["batch", 512])]
    said = file.properties
    assert said["model_sha256"] == sha256_of_file(baseline.weights)
    assert said["tracklets"].endswith("scaled to length 1")
    assert (said["model"], said["distance"], said["chunk"], said["descriptor_size"]) == (
        "net",
        "euclidean",
        "15",
        "512",
    )
    with zipfile.ZipFile(program.out) as archive:
        contents = [baseline.out.read_bytes(), *map(archive.read, archive.namelist())]
    for path in (str(PROJECT_ROOT), str(baseline.out.parent), "site-packages"):
        assert not any(path.encode() in content for content in contents)


def test_the_report_names_differences_sizes_and_versions(baseline, attentive):
    report = json.loads(baseline.out.with_suffix(".json").read_text())
    (file,) = report["files"]
    assert file["bytes"] == baseline.out.stat().st_size
    assert file["sha256"] == sha256_of_file(baseline.out)
    assert list(file["differences"]) == ["1×1", "2×7", "1×15", "1×40"]
    assert 0 < file["largest_difference"] == max(file["differences"].values()) <= 1e-4
    assert report["versions"]["onnxruntime"] == onnxruntime.__version__
    assert report["network"]["model_sha256"] == sha256_of_file(baseline.weights)
    two = json.loads(attentive.out.with_suffix(".json").read_text())
    assert [each["file"] for each in two["files"]] == ["net-frames.onnx", "net-pooling.onnx"]
    assert two["network"]["model"] == "walkers"
    assert two["files"][1]["bytes"] < 100_000 < two["files"][0]["bytes"]


def test_int8_is_smaller_and_near(baseline, people):
    small = baseline.out.with_suffix(".int8.onnx")
    (record,) = json.loads(baseline.out.with_suffix(".json").read_text())["int8"]
    assert record["bytes"] == small.stat().st_size < 0.3 * baseline.out.stat().st_size
    assert record["calibration_images"] == record["cosine_to_float"]["images"] == 24
    assert record["cosine_to_float"]["other_images"]
    others = chosen_images(people, 24)[1]
    pixels = torch.from_numpy(FrameStore([], 64, 32, 0.0).read(others)[0]).permute(0, 3, 1, 2)[:, None].float() / 255
    both = [OnnxFile(file)(pixels, torch.ones(len(others), 1, dtype=torch.bool))[0] for file in (small, baseline.out)]
    cosines = torch.nn.functional.cosine_similarity(*both)
    assert float(cosines.mean()) == pytest.approx(record["cosine_to_float"]["mean"], abs=1e-4)
    assert 0.95 < float(cosines.min()) < 1
    said, of_float = (OnnxFile(file).properties for file in (small, baseline.out))
    assert {name: said.get(name) for name in of_float} == of_float


def test_images_to_measure_on_are_spread_and_others_remain(people, tmp_path):
    measured, others = chosen_images(people, 12)
    names = sorted(people.rglob("*.png"))
    assert (measured[0], measured[-1], len(measured)) == (names[0], names[-1], 12)
    assert len(others) == 36
    assert not set(measured) & set(others)
    assert chosen_images(people, 100) == (names, [])
    with pytest.raises(UserError, match="no images"):
        chosen_images(tmp_path, 3)


def test_a_file_that_differs_from_pytorch_is_refused(attentive, baseline, tmp_path, monkeypatch, capsys):
    """The content of one network's file in place of another's."""
    other = write_network(tmp_path / "other.safetensors", "baseline", **NECKED | {"stride": 32})
    assert other.descriptor_size == baseline.model.descriptor_size
    monkeypatch.setattr(steps, "program_of", lambda *arguments: None)
    monkeypatch.setattr(steps, "onnx_bytes", lambda *arguments: baseline.out.read_bytes())
    out = tmp_path / "other.onnx"
    out.write_bytes(b"earlier")
    assert command("export", ["--weights", str(tmp_path / "other.safetensors"), "--out", str(out)]) == 1
    assert "differs from PyTorch" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.json"))
    assert not list(tmp_path.glob(".*"))
    assert out.read_bytes() == b"earlier"


def test_a_model_file_to_share_describes_as_its_source_and_names_no_folder(tmp_path):
    model = small_network("align-tap", **NECKED, **ATTENTIVE)
    model.config = replace(model.config, appearance_weights="data/imagenet.pth", pose_weights=Path("data/pose.pth"))
    started = {"appearance": "data/imagenet.pth", "pose": "none", "weights": {}}
    metadata = {"images": IMAGES | {"chunk": 1}, "started_from": started, "steps": 7}
    save_model(model, tmp_path / "whole.safetensors", metadata)
    words = ["--weights", str(tmp_path / "whole.safetensors"), "--format", "safetensors", "--chunk", "15"]
    assert command("export", [*words, "--out", str(tmp_path / "small.safetensors")]) == 0
    found, record = load_model(tmp_path / "small.safetensors")
    assert record["images"] == IMAGES and record["steps"] == 7 and record["classes"] == 0
    assert record["started_from"] == {"appearance": "imagenet.pth", "pose": "none", "weights": {}}
    assert found.config.appearance_weights == "imagenet.pth" and found.config.pose_weights == Path("pose.pth")
    frames, valid = random_frames(3, 4)
    with torch.inference_mode():
        pair = [net(frames, valid).descriptor for net in (model, found)]
    assert torch.cosine_similarity(*pair).min() > 0.9999
    assert not torch.equal(*pair)
    report = json.loads((tmp_path / "small.json").read_text())["files"][0]
    assert report["lowest_cosine"] > 0.9999
    assert report["bytes"] < 0.6 * (tmp_path / "whole.safetensors").stat().st_size
    assert report["sha256"] == sha256_of_file(tmp_path / "small.safetensors")


def test_a_model_file_may_keep_float32(tmp_path):
    model = write_network(tmp_path / "net.safetensors", "baseline")
    words = ["--weights", str(tmp_path / "net.safetensors"), "--format", "safetensors", "--no-float16"]
    assert command("export", [*words, "--out", str(tmp_path / "same.safetensors")]) == 0
    found = load_model(tmp_path / "same.safetensors")[0].state_dict()
    assert all(torch.equal(tensor, found[name]) for name, tensor in model.state_dict().items() if name in found)


def test_a_model_file_that_differs_is_not_written(tmp_path, monkeypatch, capsys):
    write_network(tmp_path / "net.safetensors", "baseline")
    monkeypatch.setattr("reid.exporting.model_file.LEAST_COSINE", 1.1)
    words = ["--weights", str(tmp_path / "net.safetensors"), "--format", "safetensors"]
    assert command("export", [*words, "--out", str(tmp_path / "small.safetensors")]) == 1
    assert "--no-float16" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]


def test_a_difference_that_is_no_number_is_refused():
    check_differences({"1×1": 1e-4, "2×7": 0.0}, "F.onnx")
    for worst in (1.1e-4, float("nan"), float("inf")):
        with pytest.raises(JobError, match="2×7"):
            check_differences({"1×1": 1e-5, "2×7": worst}, "F.onnx")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--out", "{}/net.bin"], "ends in .onnx"),
        (["--out", "{}/net.onnx", "--format", "torch-export"], "ends in .pt2"),
        (["--out", "{}/absent/net.onnx"], "no folder"),
        (["--out", "{}/folder.onnx"], "is a folder"),
        (["--out", "{}/net.onnx", "--int8", "{}"], "no images"),
        (["--out", "{}/net.onnx", "--int8", "{}/absent"], "no such folder"),
        (["--out", "{}/net.onnx", "--int8", "{}", "--graph", "pooling"], "no convolutions"),
        (["--out", "{}/net.pt2", "--int8", "{}", "--format", "torch-export"], "needs --format onnx"),
        (["--out", "{}/net.onnx", "--weights", "{}/absent.pt"], "no such file"),
        (["--out", "{}/net.onnx", "--weights", "{}/text.pt"], "cannot be read"),
        (["--out", "{}/net.onnx", "--opset", "17"], "at least 18"),
        (["--out", "{}/net.safetensors", "--format", "safetensors", "--graph", "both"], "--graph both needs"),
        ([], "--out is needed"),
    ],
)
def test_mistakes_are_one_line(words, complaint, tmp_path, capsys):
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "text.pt").write_text("hello")
    before = sorted(tmp_path.iterdir())
    assert command("export", [word.format(tmp_path) for word in words]) == 2
    printed = capsys.readouterr().err
    assert complaint in printed
    assert len(printed.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_missing_extra_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("reid.exporting.onnx_file.MODULES", ("onnx", "onnx_of_nobody"))
    assert command("export", ["--out", str(tmp_path / "net.onnx")]) == 2
    assert "onnx_of_nobody: pip install 'alignnet-reid[export]'" in capsys.readouterr().err


def test_a_network_without_a_size_needs_one(tmp_path, capsys):
    save_model(small_network("baseline"), tmp_path / "net.safetensors")
    assert command("export", ["--weights", str(tmp_path / "net.safetensors"), "--out", str(tmp_path / "net.onnx")]) == 2
    assert "--height and --width" in capsys.readouterr().err


def test_the_benchmark_ranks_with_each_network_and_refuses_other_weights(baseline, people, tmp_path, capsys):
    config = benchmark.ExportBenchmarkConfig(
        dataset="prid",
        root=people,
        split_source="random",
        min_frames=1,
        weights=str(baseline.weights),
        onnx=baseline.out,
        int8=baseline.out.with_suffix(".int8.onnx"),
        rounds=2,
        batch_frames=2,
        threads=1,
        json=tmp_path / "result.json",
    )
    benchmark.benchmark(config)
    found = json.loads(config.json.read_text())["networks"]
    assert list(found) == ["PyTorch", "ONNX", "int8"]
    assert found["ONNX"]["mAP"] == found["PyTorch"]["mAP"] > 0
    assert found["ONNX"]["cosine"]["lowest"] == pytest.approx(1, abs=1e-5)
    assert 0.9 < found["int8"]["cosine"]["lowest"] < 0.99999
    assert all(row["images_per_second"] > 0 for row in found.values())
    assert "images/s" in capsys.readouterr().out
    write_network(tmp_path / "other.safetensors", "baseline")
    with pytest.raises(UserError, match="of other weights"):
        benchmark.benchmark(replace(config, weights=str(tmp_path / "other.safetensors")))


@torch.no_grad()
def test_openvino_gives_pytorchs_descriptors(baseline, attentive):
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not among the packages of the tests")
    compiled = openvino.compile_model(baseline.out, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for chunks, length in SHAPES:
        frames, valid = random_frames(chunks, length, seed=length)
        found = torch.from_numpy(np.array(compiled([frames.numpy(), valid.numpy()])[0]))
        assert_equal(found, baseline.model(frames, valid).descriptor)
    describe = openvino.compile_model(
        attentive.out.with_name("net-frames.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    images = random_frames(1, 6)[0][0]
    expected = attentive.model(images[None], torch.ones(1, 6, dtype=torch.bool))
    found = describe([images.numpy()])
    assert_equal(torch.from_numpy(np.array(found[0])), expected.frame_descriptors[0])
    assert_equal(torch.from_numpy(np.array(found[1])), expected.frame_weights[0])
