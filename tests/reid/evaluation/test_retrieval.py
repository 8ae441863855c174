"""Chance level, fingerprints, and rankings as plain numbers."""

import dataclasses
import shutil

import numpy as np
import pytest

from alignnet_common.errors import UserError
from reid.data.datasets.prid import load_prid
from reid.data.fingerprint import counts, division, fingerprint
from reid.evaluation.retrieval import chance_of, metrics_dict, rank_tracklets, table
from reid.metrics.chance import chance_rank1, chance_ranking
from reid.metrics.labels import Labels
from reid.metrics.ranking import RankingOptions, evaluate_protocol
from reid_folders import write_prid, write_rendered


def people(rng, queries=40, gallery=30):
    pids = [rng.integers(low, 8, size) for low, size in ((1, queries), (-1, gallery))]
    cams = [rng.integers(0, 3, size) for size in (queries, gallery)]
    return Labels(pids[0], cams[0]), Labels(pids[1], cams[1])


def test_chance_is_the_mean_over_random_orders():
    rng = np.random.default_rng(0)
    labels = people(rng)
    rankings = [metrics_dict(evaluate_protocol(rng.random((40, 30)), *labels)) for _ in range(300)]
    chance = metrics_dict(chance_ranking(*labels))
    for name in ("rank1", "rank5", "rank10", "rank20", "mAP", "mINP"):
        mean = np.mean([ranking[name] for ranking in rankings])
        assert chance[name] == pytest.approx(mean, abs=1.5)
    assert chance["rank1"] == pytest.approx(100 * chance_rank1(*labels), abs=1e-3)
    assert chance["valid_queries"] == rankings[0]["valid_queries"]


def test_chance_with_one_positive_each_is_one_in_the_gallery():
    pids, cams = np.arange(1, 26), np.zeros(25, int)
    chance = metrics_dict(chance_ranking(Labels(pids, cams), Labels(pids, cams + 1)))
    assert chance["rank1"] == pytest.approx(4)
    assert chance["rank5"] == pytest.approx(20)
    assert chance["cmc"] == pytest.approx([4 * rank for rank in range(1, 21)])
    assert chance["mAP"] == pytest.approx(100 * (1 / np.arange(1, 26)).mean(), abs=1e-3)


def test_cmc_has_twenty_values_for_a_small_gallery():
    query, gallery = (Labels(np.array([1, 2]), np.array([camera, camera])) for camera in (0, 1))
    metrics = metrics_dict(evaluate_protocol(np.array([[0.0, 1.0], [0.5, 0.4]]), query, gallery))
    assert metrics["cmc"] == [100.0] * 20 == [metrics["rank1"]] * 20
    assert metrics_dict(chance_ranking(query, gallery))["cmc"] == [50.0] + [100.0] * 19


def test_a_set_without_positives_cannot_be_evaluated(tmp_path):
    data = load_prid(write_prid(tmp_path, persons=4, frames=1), 0, "random", seed=0, min_frames=1)
    same_camera = type(data)(**{**vars(data), "gallery": data.query})
    with pytest.raises(UserError, match="nothing to evaluate"):
        chance_of(same_camera)


def test_torchreid_protocol_equals_step_without_queries_in_the_gallery(tmp_path):
    data = load_prid(write_prid(tmp_path, persons=6, frames=1), 0, "random", seed=0, min_frames=1)
    features = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    options = [RankingOptions(protocol) for protocol in ("step", "torchreid")]
    found = [rank_tracklets(data.query, data.gallery, *features, each) for each in options]
    assert found[0] == found[1]
    assert chance_of(data, "torchreid") == chance_of(data)


def test_descriptors_without_distances_are_refused(tmp_path):
    data = load_prid(write_prid(tmp_path, persons=6, frames=1), 0, "random", seed=0, min_frames=1)
    features = np.full((2, 3, 4), 1e30, np.float32)
    with pytest.raises(UserError, match="descriptors cannot be ranked: query features: row 0"):
        rank_tracklets(data.query, data.gallery, *features)


def test_the_fingerprint_depends_on_the_data_and_not_on_the_folder(tmp_path):
    first = write_rendered(tmp_path / "first", persons=4, frames=2)
    shutil.copytree(first, tmp_path / "second")
    prints = [
        fingerprint(load_prid(tmp_path / name, 0, "random", seed=0, min_frames=1)) for name in ("first", "second")
    ]
    assert prints[0] == prints[1]
    manifest = tmp_path / "second" / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('pixels_sha256": "', 'pixels_sha256": "0'))
    assert fingerprint(load_prid(tmp_path / "second", 0, "random", seed=0, min_frames=1)) != prints[0]
    frame = first / "multi_shot/cam_a/person_0001/0002.png"
    frame.unlink()
    assert fingerprint(load_prid(first, 0, "random", seed=0, min_frames=1)) != prints[0]
    frame.symlink_to(tmp_path / "gone.png")
    with pytest.raises(UserError, match=r"0002.png: a broken link"):
        fingerprint(load_prid(first, 0, "random", seed=0, min_frames=1))


def test_the_division_changes_with_the_split_of_the_same_files(tmp_path):
    root = write_prid(tmp_path, persons=6, frames=1)
    first, again, other = (load_prid(root, number, "random", seed=0, min_frames=1) for number in (0, 0, 1))
    assert {one.pid for one in first.train} != {one.pid for one in other.train}
    assert fingerprint(first) == fingerprint(other)
    assert division(first) == division(again) != division(other)
    renamed = dataclasses.replace(first, train=tuple(dataclasses.replace(one, pid=one.pid + 90) for one in first.train))
    assert division(renamed) != division(first)


def test_a_file_named_manifest_in_custom_data_is_ignored(tmp_path):
    root = write_prid(tmp_path, persons=4, frames=1)
    data = load_prid(root, 0, "random", seed=0, min_frames=1)
    before = fingerprint(data)
    (root / "manifest.jsonl").write_text('{"file": "a.png"}\n')
    assert fingerprint(data) == before
    with pytest.raises(UserError, match="not a manifest of clips"):
        fingerprint(dataclasses.replace(data, name="synthetic"))


def test_counts_and_table(tmp_path):
    data = load_prid(write_prid(tmp_path, persons=4, frames=3), 0, "random", seed=0, min_frames=1)
    assert counts(data.train) == {"ids": 2, "tracklets": 4, "frames": 12}
    lines = table({"chance": chance_of(data), "result": chance_of(data)}).splitlines()
    assert lines[1].split() == ["chance", "50.0", "100.0", "100.0", "100.0", "75.0"]
