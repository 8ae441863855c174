"""Views of a network on the test tracklets of its fine-tuning run."""

import shutil

import numpy as np
import pytest
import torch

from alignnet_common.cli import read_config_file, save_config
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from alignnet_common.set_format import annotation_file
from reid.configs.finetune import FinetuneConfig
from reid.data import load_data
from reid.data.fingerprint import data_record
from reid.evaluation.evaluator import EvaluationOptions, evaluate_splits
from reid.models.checkpoint import save_model
from reid.training.setup import build_model
from reid.visualisation import tested_network
from reid.visualisation.network import network_views
from reid_folders import TINY, write_prid, write_rendered, write_splits


def write_run(folder, root, **options):
    """A fine-tuning run as far as the views need it, of a network as built; returns its result."""
    config = FinetuneConfig(dataset="prid", root=root, run=folder, **TINY, **options).resolved()
    data = load_data(config, config.seed)
    save_config(config, folder / "config.yaml")
    images = {name: TINY[name] for name in ("height", "width", "chunk")}
    save_model(build_model(config, data), folder / "model.safetensors", {"images": images})
    return {"model": {"sha256": sha256_of_file(folder / "model.safetensors")}, "data": data_record(data)}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A rendered set in PRID2011's layout; in one tracklet of each identity the person is occluded for two frames."""
    root = write_rendered(tmp_path_factory.mktemp("set") / "set", persons=6, frames=5)
    for person in range(1, 7):
        path = annotation_file(root, f"cam_b/person_{person:04d}")
        arrays = dict(np.load(path))
        arrays["visible_ratio"] = np.array([1, 1 - 0.1 * person, 0.3, 1, 1], np.float32)
        np.savez_compressed(path, **arrays)
    return root


@pytest.fixture(scope="module")
def run(stand_in, tmp_path_factory):
    """The run's folder and its result."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    return folder, write_run(folder, stand_in)


@pytest.fixture(scope="module")
def views(run, tmp_path_factory):
    return network_views(*run, tmp_path_factory.mktemp("features"))


def test_every_query_is_ranked_and_each_item_is_marked(views):
    assert views.queries == 3 and len(views.failures) == views.failed
    for one in (*views.failures, *views.successes):
        assert one.ranked == len(one.items) == 3
        assert [item.rank for item in one.items] == [1, 2, 3]
        assert sorted(item.distance for item in one.items) == [item.distance for item in one.items]
        assert [item.correct for item in one.items] == [item.identity == one.identity for item in one.items]
        assert all(item.picture.startswith("data:image/jpeg;base64,") for item in one.items)
    ranks = [one.first_correct.rank for one in views.failures]
    assert ranks == sorted(ranks, reverse=True) and min(ranks, default=2) > 1


def test_part_attention_is_around_that_of_a_uniform_map(views):
    assert len(views.parts) == 3
    for one in views.parts:
        assert (one.frames, one.length, one.grid) == (5, 5, (3, 2))  # 48 x 32 at stride 16
        assert [row.name for row in one.parts] == ["upper", "middle", "lower"]
        assert all(0 < row.low <= 1 <= row.high <= 6 for row in one.parts)


def test_weights_are_of_the_tracklets_with_the_largest_occlusions(views, run):
    tested = {one.identity for one in views.weights}
    assert len(tested) == len(views.weights) == 3, "camera b of the three test identities"
    for one in views.weights:
        assert one.annotated and one.rows == ("whole frame (f_a)", "three parts")
        visible = [frame.visible for frame in one.frames]
        assert visible == pytest.approx([1, 1 - 0.1 * one.identity, 0.3, 1, 1])
        assert all(0 < weight < 1 for frame in one.frames for weight in frame.weights)
        assert one.largest == max(max(frame.weights) for frame in one.frames)


def test_descriptors_of_an_evaluation_are_used_again(run, views, tmp_path, monkeypatch):
    config = read_config_file(FinetuneConfig, run[0] / "config.yaml")
    options = EvaluationOptions(torch.device("cpu"), tmp_path / "features")
    evaluate_splits({0: load_data(config, config.seed)}, {0: run[0] / "model.safetensors"}, options)
    monkeypatch.setattr(tested_network, "pick_device", lambda name: torch.device("cpu"))
    (saved,) = (tmp_path / "features").iterdir()
    before = saved.stat().st_mtime_ns
    again = network_views(*run, tmp_path / "features")
    assert [path.stat().st_mtime_ns for path in (tmp_path / "features").iterdir()] == [before]
    assert (again.failures, again.successes) == (views.failures, views.successes)


def test_other_networks_have_fewer_views_and_real_data_no_visible_shares(tmp_path):
    root = write_prid(tmp_path / "prid", persons=6, frames=3)
    write_splits(root, persons=6)
    views = {}
    for variant in ("baseline", "align-avg", "align-tap"):
        result = write_run(tmp_path / variant, root, variant=variant)
        views[variant] = network_views(tmp_path / variant, result, tmp_path / "features")
    found = {variant: (len(one.parts), len(one.weights)) for variant, one in views.items()}
    assert found == {"baseline": (0, 0), "align-avg": (3, 0), "align-tap": (3, 4)}
    assert not any(one.annotated for one in views["align-tap"].weights)


def test_data_that_have_moved_are_found_by_name_and_other_data_are_refused(run, stand_in, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(stand_in, moved)
    assert network_views(*run, tmp_path / "features", moved).queries == 3
    with pytest.raises(UserError, match="no such folder"):
        network_views(*run, tmp_path / "features", tmp_path / "gone")
    shutil.copyfile(moved / "multi_shot/cam_a/person_0001/0001.png", moved / "multi_shot/cam_a/person_0001/0006.png")
    with pytest.raises(UserError, match="not the data that the network was tested on"):
        network_views(*run, tmp_path / "features", moved)


def test_a_model_that_is_gone_or_another_one_is_refused(run, tmp_path):
    folder, result = tmp_path / "run", run[1]
    shutil.copytree(run[0], folder)
    with pytest.raises(UserError, match="is not the network"):
        network_views(folder, result | {"model": {"sha256": "0" * 64}}, tmp_path)
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="no such file") as gone:
        network_views(folder, result, tmp_path)
    assert "\n" not in str(gone.value)
