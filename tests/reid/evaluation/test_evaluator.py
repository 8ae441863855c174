"""python -m reid.evaluate over all splits: one network for all, or one per split; written files and the cache."""

import json
import statistics
from pathlib import Path

import numpy as np
import pytest
import torch

from reid.configs.groups.model import ModelConfig
from reid.data.datasets.folder import folder_splits
from reid.data.datasets.market import load_market
from reid.data.datasets.mars import load_mars
from reid.data.datasets.synthetic import load_pretraining, synthetic_splits
from reid.data.fingerprint import fingerprint
from reid.evaluation.evaluator import checkpoints_of
from reid.evaluation.retrieval import labels_of_tracklets
from reid.metrics import rank_features
from reid.metrics.chance import chance_ranking
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import model_record, save_model
from reid.models.weights import write_torch_file
from reid.provenance.seen_people import trained_on, trained_on_tested
from reid_folders import (
    TINY,
    command,
    flags,
    write_ilids,
    write_market,
    write_mars,
    write_own,
    write_prid,
    write_rendered,
    write_splits,
)

SMALL = {"appearance": "resnet18", "appearance_weights": "none", "variant": "baseline"}
IMAGES = {"height": 32, "width": 32, "chunk": 2}


def save_network(path, seed=0, trained_on=None):
    """A network of random weights, saved as by a run."""
    model = AlignNet(ModelConfig(**SMALL), 4, torch.Generator().manual_seed(seed))
    metadata = {"images": IMAGES} | ({"trained_on": trained_on} if trained_on else {})
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(model, path, metadata)
    return path


@pytest.fixture(scope="module")
def prid(tmp_path_factory):
    root = write_prid(tmp_path_factory.mktemp("prid"), persons=8, frames=3)
    write_splits(root, persons=8)
    return root


def measured(tmp_path, root, checkpoint, **options):
    argv = flags(
        {"root": root, "weights": checkpoint, "out": tmp_path / "out", "device": "cpu", "min_frames": 1} | options
    )
    assert command("evaluate", argv) == 0
    return json.loads((tmp_path / "out" / "result.json").read_text())


def test_ten_splits_share_one_pass(prid, tmp_path, capsys):
    network = save_network(tmp_path / "model.safetensors")
    found = measured(tmp_path, prid, network, splits="all")
    assert [each["split"] for each in found["per_split"]] == list(range(10))
    assert [each["source"] for each in found["per_split"]][4] == "split 4 of splits_prid2011.json"
    ranks = [each["rank1"] for each in found["per_split"]]
    assert found["rank1"] == pytest.approx(statistics.mean(ranks), abs=1e-3)
    assert found["std"]["rank1"] == pytest.approx(statistics.stdev(ranks), abs=1e-3)
    assert found["queries"] == 40
    assert found["chance"]["rank1"] == 25.0
    assert found["data"]["split"] == "10 splits: split 0 of splits_prid2011.json to split 9 of splits_prid2011.json"
    assert len({each["features"]["fingerprint"] for each in found["per_split"]}) == 1
    assert {"versions", "seeds", "rules", "command"} <= found.keys()
    assert found["protocol"] == "step"
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["cmc.svg", "features", "result.json", "table.md"]
    printed = capsys.readouterr().out
    assert "± std" in printed
    assert "split 9" in printed
    assert "no valid figure" not in printed

    one = measured(tmp_path / "one", prid, network, split=4)
    assert {name: one[name] for name in ("rank1", "mAP", "cmc")} == {
        name: found["per_split"][4][name] for name in ("rank1", "mAP", "cmc")
    }
    assert one["std"] is None
    assert one["per_split"][0]["split"] == 4


def test_cached_descriptors_are_used_until_an_input_changes(prid, tmp_path):
    network = save_network(tmp_path / "model.safetensors")
    first = measured(tmp_path, prid, network, splits="all")
    file = Path(first["per_split"][0]["features"]["file"])
    written = file.stat().st_mtime_ns
    second = measured(tmp_path, prid, network, splits="all")
    assert file.stat().st_mtime_ns == written
    assert [each["features"]["reused"] for each in first["per_split"] + second["per_split"]] == [False] * 10 + [
        True
    ] * 10
    assert second["rank1"] == first["rank1"]
    assert not measured(tmp_path, prid, network, splits="all", chunk=1)["per_split"][0]["features"]["reused"]
    flipped = measured(tmp_path, prid, network, splits="all", flip_test=True)
    assert flipped["flip_test"] and not second["flip_test"]
    assert not flipped["per_split"][0]["features"]["reused"]
    save_network(network, seed=1)
    assert not measured(tmp_path, prid, network, splits="all")["per_split"][0]["features"]["reused"]


def test_a_run_of_an_earlier_version_is_found_by_its_folder(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    network = AlignNet(ModelConfig(**SMALL), 4)
    write_torch_file(old / "model.pt", model_record(network, {"images": IMAGES}))
    save_network(new / "model.safetensors")
    assert checkpoints_of(old, (0, 1)) == dict.fromkeys((0, 1), old / "model.pt")
    assert checkpoints_of(new, (0,)) == {0: new / "model.safetensors"}
    write_torch_file(new / "model.pt", {})
    assert checkpoints_of(new, (0,)) == {0: new / "model.safetensors"}
    write_torch_file(tmp_path / "runs" / "split-0" / "model.pt", {})
    save_network(tmp_path / "runs" / "split-1" / "model.safetensors")
    found = checkpoints_of(tmp_path / "runs", (0, 1))
    assert [path.name for path in found.values()] == ["model.pt", "model.safetensors"]


def test_one_network_per_split(tmp_path, capsys):
    root = write_prid(tmp_path / "prid", persons=8, frames=2)
    write_splits(root, persons=8, count=3)
    for number in range(3):
        save_network(tmp_path / "runs" / f"split-{number}" / "model.safetensors", seed=number)
    found = measured(tmp_path, root, tmp_path / "runs", splits="all")
    assert len({each["checkpoint"]["sha256"] for each in found["per_split"]}) == 3
    alone = measured(tmp_path / "alone", root, tmp_path / "runs" / "split-2", split=2)
    assert alone["rank1"] == found["per_split"][2]["rank1"]
    assert alone["mAP"] == found["per_split"][2]["mAP"]
    (tmp_path / "runs" / "split-1" / "model.safetensors").unlink()
    assert command("evaluate", flags({"root": root, "weights": tmp_path / "runs", "splits": "all"})) == 2
    assert (
        "no split-1/model.safetensors: train it (the others' python -m reid.finetune with --split 1"
        in capsys.readouterr().err
    )


def test_identities_seen_in_training_are_reported_by_split(prid, tmp_path, capsys):
    run = tmp_path / "run"
    assert (
        command("finetune", flags(TINY | {"root": prid, "run": run, "max_steps": 1, "init": "none", "split": 2})) == 0
    )
    found = measured(tmp_path, prid, run, splits="all")
    trained = set(json.loads((prid / "splits_prid2011.json").read_text())[2]["train"])
    for each, row in zip(found["per_split"], json.loads((prid / "splits_prid2011.json").read_text()), strict=True):
        assert each["trained_on_tested"] == len(trained & set(row["test"]))
    assert found["per_split"][2]["trained_on_tested"] == 0
    note = found["data"]["notes"][-1]
    assert "trained on 4 of the 4 persons tested: no valid figure in split 0, 1, 3, 4, 5, 6, 7, 8, 9;" in note
    assert note in (tmp_path / "out" / "table.md").read_text()
    assert f"note: {note}" in capsys.readouterr().out


def test_random_halves_are_marked(prid, tmp_path):
    found = measured(tmp_path, prid, save_network(tmp_path / "model.safetensors"), splits="random", seed=5)
    assert len(found["per_split"]) == 10
    assert found["per_split"][3]["source"] == "seeded random half 3 of 10 (seed 5)"
    assert found["seeds"] == {"splits": 5}
    assert "not the published splits" in found["data"]["notes"][0]
    assert "not the published splits" in (tmp_path / "out" / "table.md").read_text()


def test_the_table_has_the_papers_rows_and_ours(prid, tmp_path):
    found = measured(tmp_path, prid, save_network(tmp_path / "model.safetensors"), splits="all")
    lines = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert "| Method | PRID2011 | iLIDS-VID | MARS |" in lines
    assert "| paper: Ours | 96.0 | 83.0 | 83.2 (71.8) |" in lines
    ours = f"| this network, 10 splits | {found['rank1']:.1f} ± {found['std']['rank1']:.1f} | – | – |"
    assert ours in lines
    assert sum(line.startswith("| split ") for line in lines) == 11
    assert (tmp_path / "out" / "cmc.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("dataset", ["ilids", "mars", "folder"])
def test_the_other_layouts(dataset, tmp_path):
    root = tmp_path / "data"
    {"ilids": write_ilids, "mars": write_mars, "folder": write_own}[dataset](root)
    found = measured(tmp_path, root, save_network(tmp_path / "model.safetensors"), dataset=dataset, splits="all")
    assert len(found["per_split"]) == (1 if dataset == "mars" else 10)
    table = (tmp_path / "out" / "table.md").read_text()
    if dataset == "mars":
        assert found["data"]["name"] == "MARS"
        assert (found["queries"], found["valid_queries"]) == (4, 4)
        assert f"| this network, official | – | – | {found['rank1']:.1f} ({found['mAP']:.1f}) |" in table
        assert "test tracklets: 12180 expected, 8 found" in found["data"]["warnings"]
    if dataset == "folder":
        assert "| Method | PRID2011 | iLIDS-VID | MARS | own data (data) |" in table


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """Market-1501's layout whose ten held-out persons have two tracklets a camera, of which one is a query."""
    root = write_market(tmp_path_factory.mktemp("market") / "data", persons=100)
    for path in sorted((root / "bounding_box_train").glob("*_000151_01.jpg")):
        path.rename(path.with_name(path.name.replace("s1_", "s2_")))
    return root


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return save_network(tmp_path_factory.mktemp("network") / "model.safetensors")


@pytest.mark.parametrize("protocol", ["step", "torchreid", "official"])
@pytest.mark.parametrize("options", [{}, {"score_norm": "column"}, {"rerank": True, "score_norm": "symmetric"}])
def test_protocols_and_post_processing_are_those_of_features(market, network, tmp_path, protocol, options):
    found = measured(market.parent, market, network, dataset="market", protocol=protocol, **options)
    data = load_market(market, seed=0, test="held-out")
    tracklets = dict.fromkeys((*data.query, *data.gallery))
    rows = np.load(found["per_split"][0]["features"]["file"])
    described = dict(zip(tracklets, rows, strict=True))
    arrays = {"query_index": np.array([data.gallery.index(tracklet) for tracklet in data.query])}
    for side in ("query", "gallery"):
        some = getattr(data, side)
        arrays[f"{side}_features"] = np.stack([described[tracklet] for tracklet in some])
        arrays[f"{side}_pids"] = np.array([tracklet.pid for tracklet in some])
        arrays[f"{side}_cams"] = np.array([tracklet.camera for tracklet in some])
    expected = rank_features(**arrays, protocol=protocol, **options)
    assert found["mAP"] == pytest.approx(100 * expected.mAP, abs=1e-9)
    assert found["mINP"] == pytest.approx(100 * expected.mINP, abs=1e-9)
    assert found["cmc"] == pytest.approx(100 * expected.cmc[:20], abs=1e-9)

    np.savez(tmp_path / "f.npz", **arrays)
    argv = flags({"features": tmp_path / "f.npz", "json": tmp_path / "f.json", "protocol": protocol} | options)
    assert command("evaluate", argv) == 0
    same = json.loads((tmp_path / "f.json").read_text())
    for name in ("cmc", "mAP", "mINP", "queries", "valid_queries", "queries_without_positive", "chance"):
        assert found[name] == same[name]
    for name in ("protocol", "rules", "post_processing"):
        assert found[name] == same[name]
    assert found["protocol"] == protocol
    assert found["post_processing"]["score_norm"] == options.get("score_norm")
    assert bool(found["post_processing"]["rerank"]) == ("rerank" in options)


def test_protocols_and_post_processing_change_the_numbers_but_not_the_descriptors(market, network):
    ways = [{}, {"protocol": "torchreid"}, {"protocol": "official"}, {"score_norm": "column"}, {"rerank": True}]
    found = [measured(market.parent, market, network, dataset="market", **way) for way in ways]
    assert len({each["mAP"] for each in found}) == len(ways)
    assert len({each["per_split"][0]["features"]["fingerprint"] for each in found}) == 1
    assert all(each["per_split"][0]["features"]["reused"] for each in found[1:])
    assert found[1]["chance"]["mAP"] != found[0]["chance"]["mAP"]


def test_removing_queries_from_the_gallery_leaves_queries_without_a_positive(network, tmp_path, capsys):
    root = write_mars(tmp_path / "mars")
    data = load_mars(root)
    counts = {}
    for protocol in ("step", "torchreid", "official"):
        found = measured(tmp_path, root, network, dataset="mars", protocol=protocol)
        counts[protocol] = (found["queries"], found["valid_queries"], found["queries_without_positive"])
    assert counts == {"step": (4, 4, 0), "torchreid": (4, 1, 3), "official": (4, 4, 0)}
    assert "1 of 4 queries have a positive; protocol: torchreid" in capsys.readouterr().out
    labels = [labels_of_tracklets(side) for side in (data.query, data.gallery)]
    rows = np.array([data.gallery.index(tracklet) for tracklet in data.query])
    assert chance_ranking(*labels, protocol="torchreid", query_index=rows).valid_queries == 1


def test_a_gallery_of_queries_only_is_refused_before_descriptors_are_computed(network, tmp_path, capsys):
    root = write_own(tmp_path / "own")
    argv = {"dataset": "folder", "root": root, "weights": network, "splits": "all", "out": tmp_path / "out"}
    assert command("evaluate", flags(argv | {"protocol": "torchreid"})) == 2
    printed = capsys.readouterr().err
    assert len(printed.splitlines()) == 1
    assert "another protocol" in printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "above", "method"),
    [
        ({}, "| paper: Ours | 96.0", "this network, 10 splits"),
        ({"score_norm": "symmetric"}, "| paper: Ours + Score N", "this network, 10 splits + Score Normalization"),
        ({"rerank": True}, "| paper: Ours + Re-ranking", "this network, 10 splits + Re-ranking"),
        ({"score_norm": "row"}, "| paper: Ours + Re-ranking", "this network, 10 splits + Score Normalization (row)"),
    ],
)
def test_a_result_is_placed_below_the_papers_row_of_the_same_method(prid, tmp_path, network, options, above, method):
    found = measured(tmp_path, prid, network, splits="all", **options)
    lines = (tmp_path / "out" / "table.md").read_text().splitlines()
    ours = f"| {method} | {found['rank1']:.1f} ± {found['std']['rank1']:.1f} | – | – |"
    assert lines[lines.index(ours) - 1].startswith(above)
    assert f"Protocol: step ({found['rules']})." in lines
    reranking = "k1 = 20, k2 = 6, lambda = 0.3" if "rerank" in options else "none"
    assert f"Re-ranking: {reranking}. Score normalisation: {options.get('score_norm', 'none')}." in lines


def test_identities_of_market_are_recognized_for_any_split(tmp_path):
    root = write_market(tmp_path / "market", persons=20)
    for folder in ("query", "bounding_box_test"):
        write_market(root, persons=1, folder=folder)
    official, held_out = load_market(root, 0, "official", 0.1), load_market(root, 0, "held-out", 0.1)
    training = trained_on(official, fingerprint(official))
    assert training["fingerprint"] != fingerprint(held_out)
    assert trained_on_tested([training], held_out, fingerprint(held_out)) == 2
    # Under another name they are known by their frames alone.
    assert trained_on_tested([training | {"name": "MARS"}], held_out, fingerprint(held_out)) == 2
    assert trained_on_tested([training | {"name": "MARS", "frames": []}], held_out, fingerprint(held_out)) == 0


def test_identities_of_custom_data_are_recognized_for_any_split(tmp_path):
    root = write_prid(tmp_path / "own", persons=8, frames=2, inner=".")
    names = sorted(folder.name for folder in (root / "cam_a").iterdir())
    (root / "splits.json").write_text(json.dumps([{"train": names[:3], "test": names[3:6]}]))
    (before,) = folder_splits(root, "auto", 0)
    training = trained_on(before, fingerprint(before))
    assert [len(training["pids"]), len(training["frames"])] == [3, 6]
    write_prid(root, names=["person_0000"], inner=".")  # everybody has another number now
    for pid in (1, 2):
        (root / "cam_a" / names[pid] / "0003.png").write_bytes(b"one more")
    trained = {tracklet.pid + 1 for tracklet in before.train}
    for data in folder_splits(root.rename(tmp_path / "moved"), "random", 0):
        tested = {tracklet.pid for tracklet in data.query}
        assert training["fingerprint"] != fingerprint(data)
        assert trained_on_tested([training], data, fingerprint(data)) == len(tested & trained)


def test_frames_in_common_identify_nobody(tmp_path):
    data = folder_splits(write_own(tmp_path), "random", 0)[0]
    training = trained_on(data, fingerprint(data))
    assert training["frames"] == []
    assert trained_on_tested([training], data, "of other data") == 0


def test_identities_of_a_larger_synthetic_set_are_recognized_by_their_clips(tmp_path):
    before = load_pretraining(write_rendered(tmp_path / "six", persons=6, frames=2), 0, 0)
    training = trained_on(before, fingerprint(before))
    grown = write_rendered(tmp_path / "eight", persons=8, frames=2)
    write_rendered(tmp_path / "others", persons=4, frames=2, first=11)
    for data in synthetic_splits(grown, 0):
        tested = {tracklet.pid for tracklet in data.query}
        assert training["fingerprint"] != fingerprint(data)
        assert trained_on_tested([training], data, fingerprint(data)) == len(tested & set(range(1, 7)))
    others = synthetic_splits(tmp_path / "others", 0)[0]
    assert trained_on_tested([training], others, fingerprint(others)) == 0


def test_other_layouts_can_be_trained_on(tmp_path):
    for dataset, write in (("ilids", write_ilids), ("mars", write_mars), ("folder", write_own)):
        root = write(tmp_path / dataset)
        options = TINY | {"dataset": dataset, "root": root, "run": tmp_path / f"run-{dataset}", "init": "none"}
        assert command("finetune", flags(options | {"max_steps": 1, "variant": "baseline"})) == 0
        result = json.loads((tmp_path / f"run-{dataset}" / "result.json").read_text())
        assert np.isfinite(result["finetuned"]["mAP"])


def test_no_files_are_left_without_json_and_out(prid, tmp_path):
    network = save_network(tmp_path / "model.safetensors")
    assert command("evaluate", flags({"root": prid, "weights": network, "device": "cpu"})) == 0
    assert list(tmp_path.iterdir()) == [network]
