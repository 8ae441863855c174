"""reid adapt as a whole, on the sample's people as tracklets without labels: what it leaves, resuming, refusals."""

import csv
import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from alignnet_common.errors import UserError
from alignnet_common.files import asset, read_jsonl, sha256_of_file
from reid.adapt.beside import Beside, joined
from reid.adapt.clustering.clusters import with_proxies
from reid.adapt.draws import chunks_of, draws_of_round
from reid.adapt.log import RoundLog
from reid.adapt.run import adapt
from reid.adapt.state import averaged_weights
from reid.configs.adapt import AdaptConfig
from reid.configs.extract import ExtractConfig
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.model import ModelConfig
from reid.data import load_data
from reid.data.tracklets.types import Tracklet
from reid.inference.extraction import extract
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_model, save_model
from reid.models.weights import read_torch_file
from reid.provenance.seen_people import adapted_to_tested, trained_on_tested, trainings_of
from reid.provenance.start import load_start

FAST = {"rounds": 2, "steps": 3, "clusters_per_batch": 4, "chunks_per_cluster": 2, "checkpoint_every": 2}


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    """camera/track/frames: the 48 clips of the sample, each as two tracklets of two frames."""
    root = tmp_path_factory.mktemp("tracks")
    for camera in ("cam_a", "cam_b"):
        for person in sorted((asset("sample/multi_shot") / camera).iterdir()):
            for number, frame in enumerate(sorted(person.glob("*.png"))):
                folder = root / camera / f"{person.name.removeprefix('person_')}{number // 2}"
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(frame, folder)
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A model file of a small network with random weights."""
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    network = ModelConfig(
        appearance="mobilenetv2_035", appearance_weights="none", pose_stages=1, pose_width=0.05, tap_channels=16
    )
    save_model(AlignNet(network, 3), path, {"images": {"height": 64, "width": 32, "chunk": 2}})
    return path


@pytest.fixture(scope="module")
def run_on(weights):
    """A function that adapts the network to tracklets with `FAST` options; it returns the folder."""
    return partial(adapted, weights)


def adapted(weights, tracks, folder, **options):
    """An adaptation on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        adapt(AdaptConfig(root=str(tracks), init=str(weights), run=folder, **{**FAST, **options}), "reid adapt")
    finally:
        torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope="module")
def finished(run_on, tracks, tmp_path_factory):
    """The folder of a finished run."""
    return run_on(tracks, tmp_path_factory.mktemp("runs") / "adapted")


def test_a_round_is_a_row_with_clusters_and_score(finished):
    rows = read_jsonl(finished / "metrics.jsonl")
    assert [row["round"] for row in rows] == [0, 1, 2]
    for row in rows:
        assert row["clusters"] >= 2 and 0 <= row["outliers"] < 96 and 0 < row["score"] <= 1
        assert row["score"] == max(row["scores"].values())


def test_every_tracklet_is_in_the_table_of_clusters(finished, tracks):
    with (finished / "clusters.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["camera"], row["track"]) for row in rows} == {
        (track.parent.name, track.name) for track in tracks.glob("*/*")
    }
    labels = np.array([int(row["cluster"]) for row in rows])
    last = read_jsonl(finished / "metrics.jsonl")[-1]
    assert labels.max() + 1 == last["clusters"] and (labels == -1).sum() == last["outliers"]


def test_the_result_names_what_was_adapted_to_what(finished):
    result = json.loads((finished / "result.json").read_text())
    assert result["data"]["tracklets"] == 96 and result["data"]["cameras"] == {"cam_a": 48, "cam_b": 48}
    assert result["started_from"]["file"].endswith("network.safetensors")
    best = max(row["score"] for row in result["rounds"])
    assert result["score"] == best == result["rounds"][result["kept_round"]]["score"]
    assert result["model"]["sha256"] == sha256_of_file(finished / "model.safetensors")
    assert result["camera_norm"]["images"] == {"cam_a": 96, "cam_b": 96}
    assert result["seed"] == 0 and "torch" in result["versions"] and (finished / "config.yaml").is_file()


def test_the_page_shows_rounds_clusters_and_nearest_tracklets(finished):
    page = (finished / "index.html").read_text()
    assert page.count("<svg") == 2 and page.count("data:image/jpeg") > 50
    assert "kept" in page and "cam_b" in page and "{{" not in page


def test_the_run_is_a_network_for_other_commands(finished, tracks, tmp_path):
    cameras = finished / "cameras.safetensors"
    out = tmp_path / "F.npz"
    extract(ExtractConfig(str(tracks), str(finished), out, tracklets=True, camera_statistics=cameras))
    with np.load(out) as found:
        assert found["features"].shape == (96, 5120) and str(found["model_sha256"]) == sha256_of_file(
            finished / "model.safetensors"
        )


def test_a_training_starts_from_the_run_and_names_it(finished):
    model, metadata = load_model(finished / "model.safetensors")
    kept = json.loads((finished / "result.json").read_text())["kept_round"]
    assert metadata["steps"] == 3 * kept and model.config.unit_length
    network = {**vars(model.config), "appearance_weights": "none"}
    config = FinetuneConfig(dataset="folder", init=str(finished), **network)
    start, trainings = load_start(AlignNet(config.network, 5), config)
    assert f"{3 * kept} steps on unlabelled tracklets of tracks" in start["text"]
    assert trainings[-1]["unlabelled"] and len(trainings[-1]["frames"]) == 96


def test_tested_people_among_the_tracklets_are_counted_apart_from_training_identities(finished):
    trainings = trainings_of(load_model(finished / "model.safetensors")[1])
    data = load_data(FinetuneConfig(dataset="synthetic", root=asset("sample")), 0)
    assert adapted_to_tested(trainings, data, "") == len({tracklet.pid for tracklet in data.query}) > 0
    assert trained_on_tested(trainings, data, "") == 0


class KilledError(Exception):
    """Stands for kill -9 after a step: nothing more is written."""


FIRST, SECOND = (
    pytest.param(1, id="in the first round", marks=pytest.mark.slow),
    pytest.param(4, id="in the second round"),
)


@pytest.mark.parametrize("step", [FIRST, SECOND])
def test_a_killed_run_resumes_to_the_bit(run_on, finished, tracks, tmp_path, monkeypatch, step):
    folder = tmp_path / "run"
    add_step = RoundLog.add_step

    def killed(self, number, row):
        if number == step + 1:
            raise KilledError
        add_step(self, number, row)

    monkeypatch.setattr(RoundLog, "add_step", killed)
    with pytest.raises(KilledError):
        run_on(tracks, folder)
    monkeypatch.undo()
    run_on(tracks, folder, resume=True)
    for name in ("model.safetensors", "clusters.csv"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes(), name
    digests = [json.loads((run / "result.json").read_text())["camera_norm"]["sha256"] for run in (folder, finished)]
    assert digests[0] == digests[1]


def test_a_run_is_not_overwritten_and_not_continued_with_other_options(run_on, finished, tracks, capsys):
    with pytest.raises(UserError, match="holds a run already"):
        run_on(tracks, finished)
    with pytest.raises(UserError, match="was started with rounds 2, not 3"):
        run_on(tracks, finished, resume=True, rounds=3)
    run_on(tracks, finished, resume=True)
    assert "finished already" in capsys.readouterr().out


def test_other_tracklets_are_refused_when_a_run_resumes(run_on, finished, tracks, tmp_path):
    fewer = tmp_path / "fewer"
    shutil.copytree(tracks, fewer)
    shutil.rmtree(sorted((fewer / "cam_a").iterdir())[0])
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    with pytest.raises(UserError, match="other tracklets than are there now"):
        run_on(fewer, folder, resume=True)


def test_clusters_that_teach_nothing_end_with_one_line(run_on, tracks, tmp_path):
    with pytest.raises(UserError, match=r"no cluster was found; raise --eps"):
        run_on(tracks, tmp_path / "run", eps=1e-6, k1=2, k2=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eps": 1.5}, "--eps must lie between 0 and 1"),
        ({"temperature": 0.0}, "--temperature must be above 0"),
        ({"accumulate": 8}, "--accumulate 8: a part would have fewer than two chunks"),
    ],
)
def test_options_out_of_range_are_one_line(tracks, options, message):
    with pytest.raises(ValueError, match=message):
        AdaptConfig(root=str(tracks), run=Path("never"), **{**FAST, **options})


def test_the_averaged_weights_follow_those_of_the_steps():
    model = AlignNet(ModelConfig("baseline", appearance="mobilenetv2_035", appearance_weights="none"), 0)
    averaged = averaged_weights(model, 0.75)
    weights = [next(iter(net.parameters())) for net in (model, averaged.module)]
    averaged.update_parameters(model)  # the first weights as they are
    before = weights[0].detach().clone()
    with torch.no_grad():
        weights[0].add_(1)
    averaged.update_parameters(model)
    torch.testing.assert_close(weights[1].detach(), before + 0.25)


def test_rendered_people_are_trained_beside_the_tracklets(run_on, tracks, tmp_path, capsys):
    """They are no clusters of the run's table, and the model file names them as trained on."""
    options = {"rendered": asset("sample"), "rounds": 1, "frames": 2, "rendered_persons": 2}
    folder = run_on(tracks, tmp_path / "run", **options)
    assert "rendered people beside them: 24 of" in capsys.readouterr().out
    result = json.loads((folder / "result.json").read_text())
    assert result["data"]["rendered"]["persons"] == 24 and result["data"]["tracklets"] == 96
    assert len((folder / "clusters.csv").read_text().splitlines()) == 97
    *_, rendered, own = trainings_of(load_model(folder / "model.safetensors")[1])
    assert len(rendered["pids"]) == 24 and own["unlabelled"]
    with pytest.raises(UserError, match="other rendered people than are there now"):
        run_on(tracks, folder, resume=True, **options | {"rendered": None})


def test_a_batch_has_clusters_first_and_rendered_people_after_them():
    clips = tuple(Tracklet(pid=0, camera=camera, frames=tuple(map(Path, "abcd"))) for camera in (0, 1) * 4)
    beside = Beside(clips[4:], np.array([0, 0, 1, 1]), {"fingerprint": "f", "name": "set"})
    clusters = joined(
        with_proxies(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])), beside, np.array([0, 1, 0, 1, 2, 3, 2, 3])
    )
    assert (
        clusters.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3] and clusters.camera_of.tolist() == [0, 1] * 2 + [2, 3] * 2
    )
    chunks = chunks_of(clips, clusters, 1)
    config = AdaptConfig("tracks", steps=5, clusters_per_batch=2, chunks_per_cluster=2, rendered_persons=2)
    for draws in draws_of_round(chunks, config, 0, beside):
        assert [chunks[draw.chunk].tracklet >= 4 for draw in draws] == [False] * 4 + [True] * 4
        assert len({draw.place for draw in draws}) == 8


def test_parts_of_a_batch_give_a_network_too(run_on, tracks, tmp_path):
    folders = [run_on(tracks, tmp_path / f"{parts}", accumulate=parts, rounds=1) for parts in (1, 2)]
    one, other = (read_torch_file(folder / "checkpoint.pt")["network"] for folder in folders)
    assert any(not torch.equal(one[name], other[name]) for name in one)
    assert all(bool(weights.isfinite().all()) for weights in other.values())
    assert all((folder / "model.safetensors").is_file() for folder in folders)
