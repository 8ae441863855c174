"""benchmarks.adapt: tracklets of Market-1501 without persons, faults of a tracker, quality of clusters."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from alignnet_common.errors import UserError
from alignnet_common.files import set_folder
from benchmarks.adapt.labelled import persons_as_clusters
from benchmarks.adapt.many import ManyConfig, cluster_many
from benchmarks.adapt.run import AdaptBenchmarkConfig, adapt_market, cluster_quality
from benchmarks.adapt.target import market_target, rendered_target
from benchmarks.adapt.tracks import broken_tracks, market_tracks, mixed_tracks, some_persons, with_wrong_cameras
from reid.adapt.clustering.agreement import Clustering, choose_clusters
from reid.adapt.clustering.description import Described
from reid.adapt.unlabelled import read_unlabelled
from reid.data.datasets.market import load_market
from reid.data.datasets.synthetic import load_synthetic

NAMED = ["--dataset=market"]
NAMES = [
    f"{person:04d}_c{camera}s1_{person * 100 + frame:06d}_01.jpg"
    for person in range(1, 31)
    for camera in (1, 2)
    for frame in range(4)
]


def test_many_tracklets_are_clustered_and_their_memory_is_named(capsys):
    cluster_many(ManyConfig(400))
    assert re.match(r"400 tracklets: \d+ s, [\d.]+ GB at most; 80 clusters of 80 persons, 0", capsys.readouterr().out)


def test_with_labels_the_clusters_are_the_persons():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(12, 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    described = Described(rows, (rows, rows), np.ones(12, bool))
    persons, cameras = np.repeat(np.arange(6), 2), np.tile([0, 1], 6)
    where = cameras, sparse.csr_array((12, 12), dtype=np.float32), Clustering(3, 2, 2, (0.5,))
    choice = persons_as_clusters(persons, described, *where)
    assert choice.clusters.labels.tolist() == persons.tolist() and len(choice.clusters.cluster_of) == 12
    assert choice.score == choose_clusters(described, *where).score


@pytest.fixture
def tracks():
    return market_tracks([*NAMES, "-1_c1s1_000401_03.jpg", "Thumbs.db"])


def images_of(tracks):
    return sorted(name for track in tracks for name in track.images)


def test_a_tracklet_is_a_person_in_a_camera_and_sequence(tracks):
    assert len(tracks) == 60 and images_of(tracks) == sorted(NAMES)
    assert (tracks[1].camera, tracks[1].person, len(tracks[1].images)) == ("c2", 1, 4)


def test_some_persons_come_with_all_of_their_tracklets(tracks):
    some = some_persons(tracks, 50, np.random.default_rng(0))
    assert len(some) == 50 and len({track.person for track in some}) == 25
    assert some_persons(tracks, None, np.random.default_rng(0)) == tracks


def test_mixed_tracklets_have_two_persons_of_one_camera(tracks):
    mixed = mixed_tracks(tracks, 0.2, np.random.default_rng(0))
    persons = [{name[:4] for name in track.images} for track in mixed]
    assert sum(len(some) == 2 for some in persons) == 12
    assert images_of(mixed) == images_of(tracks)
    assert all(f"c{name[6]}" == track.camera for track in mixed for name in track.images)


def test_broken_tracklets_lose_no_image(tracks):
    broken = broken_tracks(tracks, 0.3, np.random.default_rng(0))
    assert len(broken) == 60 + 18 and images_of(broken) == images_of(tracks)


def test_wrong_cameras_are_names_of_other_cameras(tracks):
    wrong = with_wrong_cameras(tracks, 0.25, np.random.default_rng(0))
    assert sum(one.camera != other.camera for one, other in zip(tracks, wrong, strict=True)) == 15
    assert images_of(wrong) == images_of(tracks) and {track.camera for track in wrong} == {"c1", "c2"}


def test_quality_of_clusters(tmp_path):
    clusters, truth = tmp_path / "clusters.csv", tmp_path / "truth.csv"
    clusters.write_text("camera,track,cluster\nc1,0,0\nc2,1,0\nc1,2,0\nc2,3,-1\n")
    truth.write_text("camera,track,person\nc1,0,7\nc2,1,7\nc1,2,8\nc2,3,8\n")
    assert cluster_quality(clusters, truth) == {"precision": 33.3, "recall": 50.0}


def test_persons_that_are_held_out_are_not_adapted_to(tmp_path):
    images = tmp_path / "bounding_box_train"
    images.mkdir()
    for name in NAMES:
        (images / name).touch()
    target = market_target(tmp_path, 0.3, official=True)
    assert len({track.person for track in target.tracks}) == 21 and len(target.tracks) == 42
    tested = {tracklet.pid for tracklet in load_market(tmp_path, 0, "held-out", 0.3).gallery}
    assert not tested & {track.person for track in target.tracks}
    assert target.tests["held out"] == [*NAMED, f"--root={tmp_path}", "--test-share=0.3", "--split-seed=0"]
    assert target.tests["official"] == [*NAMED, f"--root={tmp_path}", "--market-test=official"]
    everybody = market_target(tmp_path, 0.0, official=False)
    assert len(everybody.tracks) == 60 and everybody.tests == {}


def test_half_of_the_persons_of_a_rendered_set_are_adapted_to():
    sample = set_folder("sample")
    target = rendered_target(sample)
    split = load_synthetic(sample, 0, 0)
    assert {track.person for track in target.tracks} == {clip.pid for clip in split.train}
    assert not {track.person for track in target.tracks} & {clip.pid for clip in split.query}
    assert all((target.images / name).is_file() for track in target.tracks for name in track.images)
    assert target.tests == {"other persons": ["--dataset=synthetic", f"--root={sample}", "--split=0"]}


def test_one_target_is_named():
    with pytest.raises(ValueError, match="--market or --target: name one of them"):
        AdaptBenchmarkConfig()
    with pytest.raises(ValueError, match="belong to --market"):
        AdaptBenchmarkConfig(target=Path("set"), official=True)


def test_the_benchmark_hides_the_persons_and_writes_its_table(tmp_path, capsys):
    images = tmp_path / "market/bounding_box_train"
    images.mkdir(parents=True)
    for name in NAMES:
        (images / name).touch()
    started = []

    def start(module, words):
        started.append(module)
        given = dict(word.removeprefix("--").split("=") for word in words if "=" in word)
        if module == "reid.evaluate":
            Path(given["json"]).write_text(json.dumps({"rank1": 50.0, "mAP": 25.0}))
            return
        assert given["rounds"] == "1"
        data, run = read_unlabelled(given["root"]), Path(given["run"])
        run.mkdir()
        with (run / "clusters.csv").open("w") as file:
            csv.writer(file).writerows([("camera", "track", "cluster"), *((*name, 0) for name in data.names)])
        (run / "metrics.jsonl").write_text('{"round": 1, "clusters": 9, "outliers": 2, "score": 0.5}\n')
        (run / "result.json").write_text('{"seconds": 90}')

    config = AdaptBenchmarkConfig(tmp_path / "market", tmp_path / "out", seeds=2, official=True, options={"rounds": 1})
    adapt_market(config, start)
    assert started == ["reid.adapt"] * 2 + ["reid.evaluate"] * 6
    assert "| rank1, official, camera statistics | 50.0 | 50.0 ± 0.0 |" in capsys.readouterr().out
    adapt_market(config, start)
    assert len(started) == 8  # nothing is done twice
    with pytest.raises(UserError, match=r"holds results with mixed 0\.0, not 0\.2: name another --out"):
        adapt_market(replace(config, mixed=0.2), start)
