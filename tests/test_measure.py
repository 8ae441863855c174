"""python -m reid.evaluate over every split: one network for all, or one a split; what is written and used again."""

import json
import statistics

import numpy as np
import pytest
import torch
from reid_folders import TINY, command, flags, write_ilids, write_mars, write_own, write_prid, write_splits

from reid import evaluate, finetune
from reid.models.alignnet import AlignNet, ModelConfig
from reid.models.checkpoint import save_model

SMALL = {"appearance": "resnet18", "appearance_weights": "none", "variant": "baseline"}
IMAGES = {"height": 32, "width": 32, "chunk": 2}


def save_network(path, seed=0, trained_on=None):
    """A network of random weights, saved as a run would."""
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
    argv = flags({"root": root, "checkpoint": checkpoint, "out": tmp_path / "out", "device": "cpu"} | options)
    assert command(evaluate, argv) == 0
    return json.loads((tmp_path / "out" / "result.json").read_text())


def test_ten_splits_from_one_pass(prid, tmp_path, capsys):
    network = save_network(tmp_path / "model.pt")
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
    assert "no fair number" not in printed

    one = measured(tmp_path / "one", prid, network, split=4)
    assert {name: one[name] for name in ("rank1", "mAP", "cmc")} == {
        name: found["per_split"][4][name] for name in ("rank1", "mAP", "cmc")
    }
    assert one["std"] is None
    assert one["per_split"][0]["split"] == 4


def test_descriptors_are_used_again_until_something_changes(prid, tmp_path, monkeypatch):
    network = save_network(tmp_path / "model.pt")
    first = measured(tmp_path, prid, network, splits="all")
    from reid import measure

    def refuse(*_):
        raise AssertionError("described again")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(measure, "stream_descriptors", refuse)
        second = measured(tmp_path, prid, network, splits="all")
    assert [each["features"]["reused"] for each in first["per_split"] + second["per_split"]] == [False] * 10 + [
        True
    ] * 10
    assert second["rank1"] == first["rank1"]
    assert not measured(tmp_path, prid, network, splits="all", chunk=1)["per_split"][0]["features"]["reused"]
    save_network(network, seed=1)
    assert not measured(tmp_path, prid, network, splits="all")["per_split"][0]["features"]["reused"]


def test_a_network_a_split(tmp_path, capsys):
    root = write_prid(tmp_path / "prid", persons=8, frames=2)
    write_splits(root, persons=8, count=3)
    for number in range(3):
        save_network(tmp_path / "runs" / f"split-{number}" / "model.pt", seed=number)
    found = measured(tmp_path, root, tmp_path / "runs", splits="all")
    assert len({each["checkpoint"]["sha256"] for each in found["per_split"]}) == 3
    alone = measured(tmp_path / "alone", root, tmp_path / "runs" / "split-2", split=2)
    assert alone["rank1"] == found["per_split"][2]["rank1"]
    assert alone["mAP"] == found["per_split"][2]["mAP"]
    (tmp_path / "runs" / "split-1" / "model.pt").unlink()
    assert command(evaluate, flags({"root": root, "checkpoint": tmp_path / "runs", "splits": "all"})) == 2
    assert "no split-1/model.pt: train it (python -m reid.finetune --split 1" in capsys.readouterr().err


def test_people_who_were_trained_on_make_a_split_unfair(prid, tmp_path, capsys):
    run = tmp_path / "run"
    assert command(finetune, flags(TINY | {"root": prid, "run": run, "max_steps": 1, "init": "none", "split": 2})) == 0
    found = measured(tmp_path, prid, run, splits="all")
    trained = set(json.loads((prid / "splits_prid2011.json").read_text())[2]["train"])
    for each, row in zip(found["per_split"], json.loads((prid / "splits_prid2011.json").read_text()), strict=True):
        assert each["trained_on_tested"] == len(trained & set(row["test"]))
    assert found["per_split"][2]["trained_on_tested"] == 0
    note = found["data"]["notes"][-1]
    assert "trained on 4 of the 4 persons tested: no fair number in split 0, 1, 3, 4, 5, 6, 7, 8, 9;" in note
    assert note in (tmp_path / "out" / "table.md").read_text()
    assert f"note: {note}" in capsys.readouterr().out


def test_random_halves_are_marked(prid, tmp_path):
    found = measured(tmp_path, prid, save_network(tmp_path / "model.pt"), splits="random", seed=5)
    assert len(found["per_split"]) == 10
    assert found["per_split"][3]["source"] == "seeded random half 3 of 10 (seed 5)"
    assert found["seeds"] == {"splits": 5}
    assert "not the published splits" in found["data"]["notes"][0]
    assert "not the published splits" in (tmp_path / "out" / "table.md").read_text()


def test_the_table_has_the_papers_rows_and_ours(prid, tmp_path):
    found = measured(tmp_path, prid, save_network(tmp_path / "model.pt"), splits="all")
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
    found = measured(tmp_path, root, save_network(tmp_path / "model.pt"), dataset=dataset, splits="all")
    assert len(found["per_split"]) == (1 if dataset == "mars" else 10)
    table = (tmp_path / "out" / "table.md").read_text()
    if dataset == "mars":
        assert found["data"]["name"] == "MARS"
        assert (found["queries"], found["valid_queries"]) == (4, 4)
        assert f"| this network, official | – | – | {found['rank1']:.1f} ({found['mAP']:.1f}) |" in table
        assert "test tracklets: 12180 expected, 8 found" in found["data"]["warnings"]
    if dataset == "folder":
        assert "| Method | PRID2011 | iLIDS-VID | MARS | own data (data) |" in table


def test_other_layouts_can_be_trained_on(tmp_path):
    for dataset, write in (("ilids", write_ilids), ("mars", write_mars), ("folder", write_own)):
        root = write(tmp_path / dataset)
        options = TINY | {"dataset": dataset, "root": root, "run": tmp_path / f"run-{dataset}", "init": "none"}
        assert command(finetune, flags(options | {"max_steps": 1, "variant": "baseline"})) == 0
        result = json.loads((tmp_path / f"run-{dataset}" / "result.json").read_text())
        assert np.isfinite(result["finetuned"]["mAP"])


def test_without_a_result_nothing_is_left(prid, tmp_path):
    network = save_network(tmp_path / "model.pt")
    assert command(evaluate, flags({"root": prid, "checkpoint": network, "device": "cpu"})) == 0
    assert list(tmp_path.iterdir()) == [network]
