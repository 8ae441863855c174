"""reid extract: files and records, interruptions, broken images, and their evaluation without PyTorch."""

import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

import reid
from alignnet_common.files import PROJECT_ROOT, sha256_of_file
from reid.configs.groups.model import ModelConfig
from reid.inference import describer, extraction
from reid.inference.output import Descriptors
from reid.inference.partial_rows import PartialRows
from reid.inference.rows import LEFT_OUT
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model
from reid.runtime import weights_source
from reid.runtime.memory import MemoryShortError
from reid_folders import command, flags, write_market, write_rendered

CUT = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Two model files of random networks, small and other."""
    folder = tmp_path_factory.mktemp("weights")
    for seed, name in enumerate(("small", "other")):
        config = ModelConfig(variant="baseline", appearance="resnet18", appearance_weights="none")
        model = AlignNet(config, 2, torch.Generator().manual_seed(seed))
        save_model(model, folder / f"{name}.pt", {"images": {"height": 32, "width": 32, "chunk": 2}})
    return folder


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """20 images named as in Market-1501."""
    root = tmp_path_factory.mktemp("market")
    write_market(root, persons=5)
    return root / "bounding_box_train"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    return write_rendered(tmp_path_factory.mktemp("rendered") / "set", persons=3, frames=3)


def extract(source, weights, out, /, **options):
    """Exit code of reid extract."""
    words = {"weights": weights / "small.pt", "out": out, "device": "cpu", "batch_size": 4} | options
    return command("extract", [str(source), *flags(words)])


def content(path):
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive}


def refused(capsys, code, *words):
    """The command has ended with exit code 2 and one line, with `words` in it."""
    printed = capsys.readouterr().err
    assert code == 2, printed
    assert len(printed.splitlines()) == 1, printed
    assert all(word in printed for word in words), printed


def test_images_of_a_folder(market, weights, tmp_path, capsys):
    out = tmp_path / "out" / "F.npz"
    assert extract(market, weights, out) == 0
    found, network = content(out), reid.load(weights / "small.pt", "cpu")
    assert "20 images; persons of 20 and cameras of 20 are known from the names" in capsys.readouterr().out
    assert found["features"].dtype == np.float32
    assert found["features"].shape == (20, 512)
    expected = network.describe_images([market / name for name in found["paths"]])
    assert np.abs(found["features"] - expected).max() <= 1e-5 * np.abs(expected).max()
    assert found["paths"][0] == "0002_c1s1_000051_01.jpg"
    assert found["persons"].tolist() == [person for person in range(2, 7) for _ in range(4)]
    assert found["cameras"].tolist() == 5 * [1, 1, 2, 2]
    assert found["model"].item() == str(weights / "small.pt")
    assert found["model_sha256"].item() == sha256_of_file(weights / "small.pt")
    assert (found["height"].item(), found["width"].item()) == (32, 32)
    assert not found["normalized"].item()
    assert sorted(path.name for path in out.parent.iterdir()) == ["F.json", "F.npz"]
    record = json.loads(out.with_suffix(".json").read_text())
    assert (record["rows"], record["images"], record["skipped"], record["resumed_after"]) == (20, 20, [], 0)
    assert record["images_per_second"] > 0
    assert record["distance"].startswith("Euclidean, as in reid evaluate")
    assert {"versions", "command", "seconds", "config", "device"} <= record.keys()

    written = out.stat().st_mtime_ns
    assert extract(market, weights, out) == 0
    assert "is complete already" in capsys.readouterr().out
    assert out.stat().st_mtime_ns == written
    assert extract(market, weights, out, normalize=True) == 0
    scaled = content(out)
    assert scaled["normalized"].item()
    assert np.linalg.norm(scaled["features"], axis=1) == pytest.approx(np.ones(20), abs=1e-6)
    assert scaled["features"] @ found["features"][0] == pytest.approx(
        found["features"] @ found["features"][0] / np.linalg.norm(found["features"], axis=1), rel=1e-4
    )


def test_tracklets_of_a_rendered_set_have_the_descriptors_of_an_evaluation(rendered, weights, tmp_path):
    assert extract(rendered, weights, tmp_path / "F.npz", tracklets=True) == 0
    found = content(tmp_path / "F.npz")
    assert found["features"].shape == (6, 512)
    assert found["paths"].tolist()[0] == "multi_shot/cam_a/person_0001"
    assert found["frames"].tolist() == [3] * 6
    assert found["persons"].tolist() == [1, 2, 3, 1, 2, 3]
    assert found["cameras"].tolist() == ["cam_a"] * 3 + ["cam_b"] * 3
    network = reid.load(weights / "small.pt", "cpu")
    expected = np.stack([network.describe(rendered / path) for path in found["paths"]])
    assert np.abs(found["features"] - expected).max() <= 1e-5 * np.abs(expected).max()


def test_parquet_holds_the_same(rendered, weights, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", exc_type=ImportError)
    for name in ("F.npz", "F.parquet"):
        assert extract(rendered, weights, tmp_path / name, tracklets=True) == 0
    found, table = content(tmp_path / "F.npz"), parquet.read_table(tmp_path / "F.parquet")
    for name in ("paths", "persons", "cameras", "tracks", "frames", "features"):
        assert table.column(name).to_pylist() == found[name].tolist()
    assert json.loads(table.schema.metadata[b"model_sha256"]) == found["model_sha256"].item()
    results = []
    for name in ("F.npz", "F.parquet"):
        assert command("evaluate", flags({"features": tmp_path / name, "json": tmp_path / "o.json"})) == 0
        results.append(json.loads((tmp_path / "o.json").read_text()))
    assert results[0]["cmc"] == results[1]["cmc"]


def killed(market, weights, out, after):
    """The command in a process of its own, which kills itself after some batches."""
    code = f"""
import os, signal, sys
from reid.inference.partial_rows import PartialRows
append = PartialRows.append
def append_and_die(self, rows):
    append(self, rows)
    if self.done >= {after}:
        os.kill(os.getpid(), signal.SIGKILL)
PartialRows.append = append_and_die
from reid.commands import PROGRAM
words = {["--weights", str(weights / "small.pt"), "--out", str(out), "--device", "cpu", "--batch-size", "4"]}
PROGRAM.run("extract", [{str(market)!r}, *words])
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def counted(monkeypatch):
    """A list of the numbers of images that networks take, from now on."""
    taken, of_batch = [], describer.Describer._of_batch

    def counting(self, frames):
        taken.append(len(frames))
        return of_batch(self, frames)

    monkeypatch.setattr(describer.Describer, "_of_batch", counting)
    return taken


def test_a_killed_command_is_continued(market, weights, tmp_path, monkeypatch, capsys):
    assert extract(market, weights, tmp_path / "whole.npz") == 0
    out = tmp_path / "F.npz"
    killed(market, weights, out, after=8)
    partial = tmp_path / "F.npz.partial"
    assert not out.exists()
    with (partial / "rows.f32").open("ab") as stream:  # a row that was cut short
        stream.write(b"half of a row")
    taken = counted(monkeypatch)
    assert extract(market, weights, out) == 0
    assert "continued after 8 of 20 rows" in capsys.readouterr().out
    assert taken == [4, 4, 4]
    assert (content(out)["features"] == content(tmp_path / "whole.npz")["features"]).all()
    assert not partial.exists()
    assert json.loads(out.with_suffix(".json").read_text())["resumed_after"] == 8


def interrupted(monkeypatch, source, weights, out, /, after, **options):
    """The command in this process, interrupted after some rows."""
    append = PartialRows.append

    def append_and_stop(self, rows):
        append(self, rows)
        if self.done >= after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PartialRows, "append", append_and_stop)
        assert extract(source, weights, out, **options) == 130


def test_rows_of_other_weights_options_or_images_are_not_used(market, weights, tmp_path, monkeypatch, capsys):
    source = tmp_path / "images"
    shutil.copytree(market, source)
    out = tmp_path / "F.npz"
    interrupted(monkeypatch, source, weights, out, after=12)
    assert "the same command goes on where it stopped" in capsys.readouterr().err
    sixth = sorted(source.iterdir())[5]
    sixth.write_bytes(sorted(source.iterdir())[6].read_bytes())
    taken = counted(monkeypatch)
    assert extract(source, weights, out) == 0
    printed = capsys.readouterr().out
    assert "7 rows are not used: the images are others from row 5 on" in printed
    assert sum(taken) == 15
    features = content(out)["features"]
    assert np.abs(features[5] - features[6]).max() <= 1e-4 * np.abs(features[5]).max()
    for change, name in (({"weights": weights / "other.pt"}, "weights"), ({"height": 40}, "height")):
        out.unlink()
        interrupted(monkeypatch, source, weights, out, after=4)
        capsys.readouterr()
        assert extract(source, weights, out, **change) == 0
        assert f"4 rows with another {name} are not used" in capsys.readouterr().out
        assert json.loads(out.with_suffix(".json").read_text())["resumed_after"] == 0


def test_a_broken_image_is_one_line_and_can_be_left_out(market, weights, tmp_path, monkeypatch, capsys):
    source, out = tmp_path / "images", tmp_path / "out" / "F.npz"
    shutil.copytree(market, source)
    files = sorted(source.iterdir())
    files[0].write_bytes(CUT)
    refused(capsys, extract(source, weights, out), str(files[0]), "unreadable image", "--skip-broken")
    assert list(out.parent.iterdir()) == []
    shutil.copy(files[1], files[0])
    for broken in (files[9], files[13]):
        broken.write_bytes(CUT)
    refused(capsys, extract(source, weights, out), str(files[9]))
    assert [path.name for path in out.parent.iterdir()] == ["F.npz.partial"]
    taken = counted(monkeypatch)
    assert extract(source, weights, out, skip_broken=True) == 0
    assert "18 descriptors" in capsys.readouterr().out
    assert sum(taken) == 10  # eight rows were written before
    found = content(out)
    assert found["paths"].tolist() == [path.name for number, path in enumerate(files) if number not in (9, 13)]
    assert np.isfinite(found["features"]).all()
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["skipped"] == [files[9].name, files[13].name]
    assert record["rows"] == 18
    refused(capsys, extract(source, weights, out), str(files[9]))


def test_rows_left_out_are_not_kept_by_a_command_that_leaves_none_out(market, weights, tmp_path, monkeypatch, capsys):
    source, out = tmp_path / "images", tmp_path / "F.npz"
    shutil.copytree(market, source)
    broken = sorted(source.iterdir())[2]
    broken.write_bytes(CUT)
    interrupted(monkeypatch, source, weights, out, after=8, skip_broken=True)
    capsys.readouterr()
    refused(capsys, extract(source, weights, out), str(broken))


def test_a_tracklet_with_a_broken_frame_can_be_left_out(rendered, weights, tmp_path, capsys):
    source, out = tmp_path / "set", tmp_path / "F.npz"
    shutil.copytree(rendered, source)
    for clip in ("cam_a/person_0002", "cam_b/person_0003"):
        (source / "multi_shot" / clip / "0002.png").write_bytes(CUT)
    refused(capsys, extract(source, weights, out, tracklets=True), "person_0002/0002.png: unreadable image")
    assert extract(source, weights, out, tracklets=True, skip_broken=True) == 0
    found = content(out)
    assert found["persons"].tolist() == [1, 3, 1, 2]
    skipped = json.loads(out.with_suffix(".json").read_text())["skipped"]
    assert skipped == ["multi_shot/cam_a/person_0002", "multi_shot/cam_b/person_0003"]
    assert extract(rendered, weights, tmp_path / "whole.npz", tracklets=True) == 0
    whole = content(tmp_path / "whole.npz")["features"][[0, 2, 3, 4]]
    assert np.abs(found["features"] - whole).max() <= 1e-5 * np.abs(whole).max()


def test_nothing_but_broken_images(weights, tmp_path, capsys):
    (tmp_path / "1.png").write_bytes(CUT)
    refused(capsys, extract(tmp_path, weights, tmp_path / "F.npz", skip_broken=True), "none of the 1 images")
    assert not (tmp_path / "F.npz").exists()


def test_tracklets_are_described_in_smaller_batches_where_the_memory_of_a_gpu_is_short(
    rendered, weights, monkeypatch, capsys
):
    network = reid.load(weights / "small.pt", "cpu")
    tracklets = [sorted(folder.iterdir()) for folder in sorted((rendered / "multi_shot/cam_a").iterdir())]
    expected, stream, limits = network.describe_tracklets(tracklets), describer.stream_descriptors, []

    def short(model, some, store, chunk, device, batch_frames, flip, quiet):
        limits.append(batch_frames)
        rows = stream(model, some, store, chunk, torch.device("cpu"), batch_frames, flip, quiet=quiet)
        yield next(rows)
        if batch_frames > 3:
            raise MemoryShortError("memory is short")
        yield from rows

    monkeypatch.setattr(describer, "stream_descriptors", short)
    monkeypatch.setattr(network, "device", torch.device("cuda"))
    found = np.stack(list(network.tracklet_rows(tracklets, batch_size=6)))
    assert limits == [6, 3]
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_network_that_diverged_is_one_line(market, weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(describer.Describer, "_of_batch", lambda self, frames: np.full((len(frames), 512), np.nan))
    for options in ({}, {"skip_broken": True}):
        refused(capsys, extract(market, weights, tmp_path / "F.npz", **options), "c1s1_000051_01.jpg", "not finite")
    assert list(tmp_path.iterdir()) == []


def test_wrong_options(market, weights, tmp_path, capsys, monkeypatch):
    out = tmp_path / "F.npz"
    (tmp_path / "folder.npz").mkdir()
    for source, options, message in (
        (market, {"out": tmp_path / "F.npy"}, "must end with .npz or .parquet"),
        (market, {"out": tmp_path / "folder.npz"}, "is a folder"),
        (market, {"weights": "nothing"}, "no such file of weights"),
        (market, {"batch_size": 0}, "--batch-size must be at least 1"),
        (market, {"device": "gpu"}, "--device gpu"),
        (tmp_path / "absent", {}, "no such folder"),
    ):
        refused(capsys, extract(source, weights, out, **options), message)
    refused(capsys, command("extract", ["--out", str(out)]), "name the images")
    refused(capsys, command("extract", [str(market)]), "--out is needed")
    monkeypatch.setattr("reid.evaluation.extracted_features.import_module", missing_module)
    refused(capsys, extract(market, weights, tmp_path / "F.parquet"), "pip install 'alignnet-reid[parquet]'")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.npz"]


def missing_module(name):
    raise ModuleNotFoundError(f"No module named {name!r}")


def test_a_shipped_network_by_name(market, weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(weights_source, "shipped_networks", lambda: {"small": weights / "small.pt"})
    assert extract(market, weights, tmp_path / "F.npz", weights="small") == 0
    assert content(tmp_path / "F.npz")["model"].item() == "small"
    argv = {"dataset": "market", "root": market.parent, "weights": "small", "test_share": 0.5, "json": tmp_path / "o"}
    assert command("evaluate", flags(argv)) == 0
    assert json.loads((tmp_path / "o").read_text())["checkpoint"]["file"] == str(weights / "small.pt")


@pytest.mark.parametrize("length", [1.0, 2.0])
def test_whether_rows_are_of_unit_length(length):
    rows = np.array([[length, 0], [0.6, 0.8], [LEFT_OUT, LEFT_OUT]], np.float32)
    assert Descriptors(rows, normalize=False).of_unit_length() == (length == 1)
    assert Descriptors(rows, normalize=True).of_unit_length()
    assert Descriptors(rows, normalize=False).kept().tolist() == [True, True, False]


def test_two_commands_do_not_write_the_same_file(market, weights, tmp_path, monkeypatch, capsys):
    def meanwhile(*_):
        refused(capsys, extract(market, weights, tmp_path / "F.npz"), "another reid extract writes it")
        raise KeyboardInterrupt

    monkeypatch.setattr(extraction, "describe_rows", meanwhile)
    assert extract(market, weights, tmp_path / "F.npz") == 130
