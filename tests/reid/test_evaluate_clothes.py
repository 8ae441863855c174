"""python -m reid.evaluate --clothes: rendered sets, own data with the column outfit, and files of features."""

import json

import numpy as np
import pytest

from filled_sets import filled
from reid.metrics import rank_features
from reid_folders import command, flags, write_own, write_prid, write_rendered
from small_networks import write_network
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan

SETTINGS = ("general", "same", "changed")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a set of six people in two outfits each, of noise, and a small network."""
    folder = tmp_path_factory.mktemp("clothes")
    filled(folder / "set", make_plan(RenderConfig(ids=6, frames=4, sightings=2, outfits=2)))
    write_network(folder / "model.safetensors", "baseline")
    return folder


def evaluated(made, capsys, clothes, **options):
    """Exit code, what is printed, the error, and the result of an evaluation."""
    argv = {"dataset": "synthetic", "root": made / "set", "weights": made / "model.safetensors", "device": "cpu"}
    argv |= {"json": made / "found" / f"{clothes}.json", "clothes": clothes} | options
    code = command("evaluate", flags(argv))
    printed = capsys.readouterr()
    result = json.loads(argv["json"].read_text()) if code == 0 else None
    return code, printed.out, printed.err, result


def test_each_setting_ranks_the_sightings_of_a_rendered_set(made, capsys):
    found = {}
    for clothes in SETTINGS:
        code, out, _, found[clothes] = evaluated(made, capsys, clothes)
        assert code == 0
        assert [found[clothes][name] for name in ("clothes", "queries", "valid_queries")] == [clothes, 6, 6]
        assert "6 of 6 queries have a positive; protocol: step" in out
    # Gallery: six sightings of three people. In a setting, one of the two of the query's person counts.
    assert found["general"]["chance"]["rank1"] == pytest.approx(100 / 3)
    assert found["same"]["chance"]["rank1"] == found["changed"]["chance"]["rank1"] == pytest.approx(20)
    assert found["same"]["rules"].endswith("in another outfit is ignored")
    assert len({found[clothes]["per_split"][0]["features"]["fingerprint"] for clothes in SETTINGS}) == 1


def test_all_settings_in_one_result_and_one_table(made, capsys, tmp_path):
    code, out, _, result = evaluated(made, capsys, "all", out=tmp_path / "page")
    assert code == 0
    assert result["clothes"] == "all"
    for clothes in SETTINGS:
        _, _, _, alone = evaluated(made, capsys, clothes)
        block = result["by_clothes"][clothes]
        assert {name: alone[name] for name in block} == block
        assert f"{clothes}: result" in out
    assert result["mAP"] == result["by_clothes"]["general"]["mAP"]
    assert "protocol: step, changed clothes (CC)" in out
    page = (tmp_path / "page" / "table.md").read_text()
    assert "Clothes: all." in page
    assert "| chance, changed |" in page


def test_splits_have_a_mean_in_each_setting(made, capsys):
    code, out, _, result = evaluated(made, capsys, "all", splits="0,1")
    assert code == 0
    assert result["by_clothes"]["changed"]["std"]["mAP"] >= 0
    assert "same: mean" in out
    code, out, _, result = evaluated(made, capsys, "changed", splits="0,1")
    assert "split 1" in out
    assert result["queries"] == 12


def test_a_setting_without_a_match_is_said(made, capsys, tmp_path):
    """With one sighting by each camera, nobody wears the same twice."""
    filled(tmp_path / "set", make_plan(RenderConfig(ids=6, frames=2, sightings=1, outfits=2)))
    code, out, _, result = evaluated(made, capsys, "all", root=tmp_path / "set")
    assert code == 0
    assert "same: " in out
    assert "none of the 3 queries has a positive (its pid, another camera, the same outfit)" in out
    assert "none of the 3" in result["by_clothes"]["same"]["none"]
    assert result["by_clothes"]["changed"]["valid_queries"] == 3
    code, _, err, _ = evaluated(made, capsys, "same", root=tmp_path / "set")
    assert code == 2
    assert "the same outfit" in err
    assert len(err.splitlines()) == 1
    code, _, err, _ = evaluated(made, capsys, "changed", root=write_rendered(tmp_path / "one", persons=6, frames=2))
    assert code == 2
    assert "another outfit" in err
    assert "synth render --outfits" in err


@pytest.mark.parametrize("dataset", ["prid", "folder", "csv"])
def test_data_without_outfits_is_refused_in_one_line(made, capsys, tmp_path, dataset):
    if dataset == "prid":
        options = {"dataset": "prid", "root": write_prid(tmp_path / "data", frames=2), "min_frames": 1}
    else:
        options = {"dataset": "folder", "root": write_own(tmp_path / "data")}
    if dataset == "csv":
        path = tmp_path / "data" / "own.csv"
        rows = [
            f"{camera}/{person},{person},{camera},{'red' if person == 'anna' else ''}"
            for camera in ("entrance", "yard")
            for person in ("anna", "bo", "cem", "dora")
        ]
        path.write_text("path,person,camera,outfit\n" + "\n".join(rows) + "\n")
        options |= {"root": path, "split": 1}
    code, _, err, _ = evaluated(made, capsys, "changed", **options)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "tracklet names the person's outfit: a CSV file needs the column outfit" in err


def test_own_data_with_outfits(made, capsys, tmp_path):
    root = write_own(tmp_path / "data", frames=4)
    rows = [
        f"{camera}/{person}/img_{9 + number}.png,{person},{camera},{('suit', 'jeans')[number % 2]}"
        for camera in ("entrance", "yard")
        for person in ("anna", "bo", "cem", "dora")
        for number in range(4)
    ]
    (root / "own.csv").write_text("path,person,camera,outfit\n" + "\n".join(rows) + "\n")
    code, _, _, result = evaluated(made, capsys, "all", dataset="folder", root=root / "own.csv")
    assert code == 0
    for clothes in SETTINGS:  # two persons, two cameras, two outfits
        block = result["by_clothes"][clothes]
        assert (block["queries"], block["valid_queries"]) == (8, 8)


def features(seed=0, queries=30, gallery=40):
    rng = np.random.default_rng(seed)
    sides = {"query": queries, "gallery": gallery}
    return {
        **{f"{side}_features": rng.normal(size=(count, 6)) for side, count in sides.items()},
        **{f"{side}_pids": rng.integers(1, 6, count) for side, count in sides.items()},
        **{f"{side}_cams": rng.integers(0, 3, count) for side, count in sides.items()},
        **{f"{side}_outfits": rng.integers(0, 3, count) for side, count in sides.items()},
    }


@pytest.mark.parametrize("clothes", ["same", "changed"])
def test_files_of_features_with_outfits(tmp_path, clothes):
    arrays = features()
    np.savez(tmp_path / "f.npz", **arrays)
    argv = ["--features", str(tmp_path / "f.npz"), "--clothes", clothes, "--json", str(tmp_path / "out.json")]
    assert command("evaluate", argv) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    kinds = ("features", "pids", "cams")
    expected = rank_features(
        *(arrays[f"{side}_{kind}"] for kind in kinds for side in ("query", "gallery")),
        clothes=clothes,
        query_outfits=arrays["query_outfits"],
        gallery_outfits=arrays["gallery_outfits"],
    )
    assert found["mAP"] == pytest.approx(100 * expected.mAP)
    assert found["clothes"] == clothes


def test_files_of_features_without_outfits_are_refused(tmp_path, capsys):
    arrays = features()
    del arrays["gallery_outfits"]
    np.savez(tmp_path / "f.npz", **arrays)
    assert command("evaluate", ["--features", str(tmp_path / "f.npz"), "--clothes", "same"]) == 2
    assert "names no outfits" in capsys.readouterr().err
    np.savez(tmp_path / "f.npz", **features() | {"gallery_outfits": np.zeros(3, int)})
    assert command("evaluate", ["--features", str(tmp_path / "f.npz"), "--clothes", "same"]) == 2
    assert "gallery_outfits must be 40 whole numbers" in capsys.readouterr().err
