"""python -m reid.finetune on tiny sets in each layout: what it starts from, what it measures, what it writes."""

import json
import re
import shutil

import pytest
import torch

from alignnet_common.files import sha256_of_file
from reid.models.weights import read_weights_file
from reid.report import ReportConfig, report
from reid_folders import TINY, command, flags, write_market, write_prid, write_rendered, write_splits

BLOCK = {
    "rank1",
    "rank5",
    "rank10",
    "rank20",
    "mAP",
    "mINP",
    "cmc",
    "queries",
    "valid_queries",
    "queries_without_positive",
}


def run(root, folder, **options):
    return command("finetune", flags(TINY | {"root": root, "run": folder, "max_steps": 1, "min_frames": 1} | options))


def result_of(folder):
    return json.loads((folder / "result.json").read_text())


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained")
    rendered = write_rendered(folder / "rendered", persons=4, frames=3, first=101)
    assert command("pretrain", flags(TINY | {"data": rendered, "run": folder / "run", "max_steps": 2})) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def prid(tmp_path_factory):
    root = write_prid(tmp_path_factory.mktemp("prid"), persons=6, frames=4)
    write_splits(root, persons=6)
    return root


def test_prid_from_a_pretrained_network(prid, pretrained, tmp_path, capsys):
    folder = tmp_path / "run"
    assert run(prid, folder, init=pretrained, split=1, max_steps=2) == 0
    printed = capsys.readouterr().out
    assert (
        f"starts from {pretrained}/model.safetensors, 2 steps on synthetic (4 persons); its classifier of 4 persons is "
        in printed
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        *(
            "README.md",
            "best.pt",
            "checkpoint.pt",
            "checkpoints",
            "config.yaml",
            "metrics.jsonl",
            "model.safetensors",
            "result.json",
        ),
        "tensorboard",
    ]
    result = result_of(folder)
    for name in ("chance", "untrained", "initial", "finetuned"):
        assert set(result[name]) >= BLOCK
        assert len(result[name]["cmc"]) == 20
    assert result["chance"]["rank1"] == pytest.approx(100 / 3, abs=1e-3)
    assert result["data"]["name"] == "PRID2011"
    assert result["data"]["split"] == "split 1 of splits_prid2011.json"
    assert result["data"]["counts"]["query"] == {"ids": 3, "tracklets": 3, "frames": 12}
    assert result["started_from"]["sha256"] == sha256_of_file(pretrained / "model.safetensors")
    assert result["training"]["steps"] == 2
    states = [read_weights_file(path / "model.safetensors") for path in (pretrained, folder)]
    assert [each["name"] for each in states[1]["trained_on"]] == ["synthetic", "PRID2011"]
    assert states[1]["trained_on"][1]["pids"] == sorted(result_pids(prid, 1))
    assert (result["trained_on_tested"], result["notes"], result["protocol"]) == (0, [], "step")
    assert states[0]["classes"] == 4
    assert states[1]["classes"] == 3
    assert "generators" not in result["data"]
    card = (folder / "README.md").read_text()
    for training in states[1]["trained_on"]:
        assert f"| {training['name']} | {training['split']} | {len(training['pids'])} |" in card
    assert f"| after this training | {result['finetuned']['rank1']:.1f} |" in card
    assert result["model"]["sha256"] in card
    # What is written serves the page of both runs.
    report(ReportConfig(pretrained, folder, None, tmp_path / "page"))
    page = (tmp_path / "page" / "report.html").read_text()
    queries = re.findall(
        r'<article class="query">\n<h4>Identity (\d+): first correct match at rank (\d) of 3</h4>', page
    )
    assert len(queries) == 3 and {int(pid) for pid, _ in queries} == result_pids(prid, 1, "test")
    assert page.count(", correct: identity") == page.count("✓</b>") == 3
    assert page.count(", wrong: identity") == page.count("✗</b>") == 6
    assert page.count('class="parts"') == 3 and page.count('class="weights"') == 4
    assert len(page) < 2**20
    page = json.loads((tmp_path / "page" / "result.json").read_text())
    named = {"chance": "chance", "untrained": "untrained", "pretrained": "initial", "finetuned": "finetuned"}
    assert all(page[here] == result[there] for here, there in named.items())


def test_each_result_is_of_its_own_network(prid, pretrained, tmp_path):
    """`initial` and `finetuned` are what reid.evaluate finds of the model files before and after; `untrained` is the
    `initial` of a run without pre-training."""
    folder, plain = tmp_path / "run", tmp_path / "plain"
    assert run(prid, folder, init=pretrained, max_steps=2) == 0
    assert run(prid, plain, init="none", max_steps=2) == 0
    found = result_of(folder)
    for name, checkpoint in (("initial", pretrained), ("finetuned", folder)):
        options = {"dataset": "prid", "root": prid, "checkpoint": checkpoint, "json": tmp_path / f"{name}.json"}
        assert command("evaluate", flags(options | {"device": "cpu"})) == 0
        evaluated = json.loads((tmp_path / f"{name}.json").read_text())
        assert {key: evaluated[key] for key in BLOCK} == found[name]
    assert found["untrained"] == result_of(plain)["initial"]


def test_persons_tested_whom_pretraining_saw_are_noticed(pretrained, tmp_path, capsys):
    """Said, recorded, kept when the run goes on, and known to reid.evaluate; a file of old, of one entry, serves."""
    rendered = pretrained.parent / "rendered"
    old = read_weights_file(pretrained / "model.safetensors")
    old["trained_on"] = old["trained_on"][0]
    torch.save(old, tmp_path / "old.pt")
    note = "what this starts from was trained on 2 of the 2 persons tested: no valid figures"
    for name, start in (("new", pretrained), ("old", tmp_path / "old.pt"), ("step", pretrained / "checkpoint.pt")):
        folder = tmp_path / name
        assert run(rendered, folder, init=start, dataset="synthetic") == 0
        assert f"note: {note}" in capsys.readouterr().out
        assert (result_of(folder)["trained_on_tested"], result_of(folder)["notes"]) == (2, [note])
    assert run(rendered, tmp_path / "new", init=pretrained, dataset="synthetic", max_steps=2, resume=True) == 0
    assert f"note: {note}" in capsys.readouterr().out
    assert result_of(tmp_path / "new")["notes"] == [note]
    assert run(rendered, tmp_path / "third", init=tmp_path / "new", dataset="synthetic") == 0
    assert result_of(tmp_path / "third")["trained_on_tested"] == 2
    argv = {"dataset": "synthetic", "root": rendered, "weights": tmp_path / "third", "json": tmp_path / "o.json"}
    assert command("evaluate", flags(argv)) == 0
    assert json.loads((tmp_path / "o.json").read_text())["per_split"][0]["trained_on_tested"] == 2


def result_pids(root, split, half="train"):
    rows = json.loads((root / "splits_prid2011.json").read_text())
    return {int(name[-4:]) for name in rows[split][half]}


def test_the_default_start_is_runs_pretrain_where_it_is_there(prid, pretrained, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(prid, "runs/first") == 0
    assert "random weights, not pre-trained (there is no runs/pretrain)" in capsys.readouterr().out
    first = result_of(tmp_path / "runs/first")
    assert first["untrained"] == first["initial"]
    (tmp_path / "runs" / "pretrain").symlink_to(pretrained)
    assert run(prid, "runs/second") == 0
    assert "starts from runs/pretrain/model.safetensors" in capsys.readouterr().out
    second = result_of(tmp_path / "runs/second")
    assert second["untrained"] == first["untrained"]
    assert second["started_from"]["file"] == "runs/pretrain/model.safetensors"
    (tmp_path / "runs" / "pretrain").unlink()
    (tmp_path / "runs" / "pretrain").mkdir()
    (tmp_path / "runs" / "pretrain" / "checkpoint.pt").touch()
    assert run(prid, "runs/third") == 2
    assert "not finished" in capsys.readouterr().err


def test_the_default_run_folder_is_named_after_the_data_set(prid, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {name: value for name, value in TINY.items() if name != "run"}
    assert command("finetune", flags(options | {"root": prid, "init": "none", "max_steps": 0})) == 0
    assert (tmp_path / "runs/finetune-prid/result.json").is_file()


def test_seeded_halves_are_marked_in_the_result(prid, tmp_path):
    folder = tmp_path / "run"
    assert run(prid, folder, init="none", split_source="random", split=3, seed=5) == 0
    data = result_of(folder)["data"]
    assert data["split"] == "seeded random half 3 of 10 (seed 5)"
    assert any("not the published splits" in note for note in data["notes"])


def test_the_split_may_have_a_seed_of_its_own(prid, tmp_path):
    options = {"init": "none", "split_source": "random", "max_steps": 0}
    assert run(prid, tmp_path / "a", split_seed=0, seed=1, **options) == 0
    assert run(prid, tmp_path / "b", split_seed=0, seed=2, **options) == 0
    first, second = result_of(tmp_path / "a"), result_of(tmp_path / "b")
    assert first["data"] == second["data"]
    assert first["untrained"]["mAP"] is not None


def test_a_stand_in_is_named_so(tmp_path):
    rendered = write_rendered(tmp_path / "rendered", persons=4, frames=3)
    assert run(rendered, tmp_path / "run", init="none") == 0
    assert result_of(tmp_path / "run")["data"]["name"] == "synthetic stand-in"
    assert run(rendered, tmp_path / "run2", init="none", dataset="synthetic") == 0
    assert result_of(tmp_path / "run2")["data"]["name"] == "synthetic"


def test_market_on_held_out_training_identities(tmp_path):
    root = write_market(tmp_path / "market", persons=12)
    assert run(root, tmp_path / "run", init="none", dataset="market") == 0
    result = result_of(tmp_path / "run")
    assert "Market-1501" in result["data"]["name"]
    assert "2 of 12 training identities held out" in result["data"]["split"]
    assert result["data"]["counts"]["train"]["ids"] == 10
    assert result["finetuned"]["queries"] == 4


@pytest.mark.parametrize("variant", ["baseline", "align-avg"])
def test_the_other_variants(prid, tmp_path, variant):
    assert run(prid, tmp_path / "run", init="none", variant=variant) == 0
    assert result_of(tmp_path / "run")["config"]["variant"] == variant


@pytest.mark.parametrize("frozen", [{"lr_pose": 0}, {"pose_maps": "cached"}])
def test_resuming_keeps_what_was_measured_before(prid, pretrained, tmp_path, frozen):
    options = {"init": pretrained} | frozen
    assert run(prid, tmp_path / "whole", max_steps=4, **options) == 0
    assert run(prid, tmp_path / "parts", max_steps=2, **options) == 0
    assert run(prid, tmp_path / "parts", max_steps=4, resume=True, **(options | {"init": "none"})) == 0
    whole, parts = result_of(tmp_path / "whole"), result_of(tmp_path / "parts")
    for name in ("chance", "untrained", "initial", "finetuned", "started_from"):
        assert whole[name] == parts[name]
    losses = [
        [json.loads(line)["loss"] for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("whole", "parts")
    ]
    assert len(losses[0]) == 4
    assert losses[0] == losses[1]
    before, after = (
        read_weights_file(path / "model.safetensors")["state"] for path in (pretrained, tmp_path / "whole")
    )
    changed = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"appearance", "appearance_tap", "part_tap", "classifier"}


def test_a_run_whose_people_are_divided_otherwise_by_now_is_not_gone_on_with(tmp_path, capsys):
    root = write_prid(tmp_path / "prid", persons=6, frames=2)
    assert run(root, tmp_path / "run", init="none") == 0
    write_splits(root, persons=6)
    capsys.readouterr()
    assert run(root, tmp_path / "run", init="none", max_steps=2, resume=True) == 2
    assert "was started with people divided or named otherwise than now" in capsys.readouterr().err


def test_cached_maps_of_no_pose_network(prid, tmp_path):
    assert run(prid, tmp_path / "run", init="none", variant="baseline", pose_maps="cached") == 0


def test_training_makes_the_ranking_better(tmp_path):
    root = write_prid(tmp_path / "prid", persons=16, frames=4)
    options = {"init": "none", "max_steps": 20, "ids_per_batch": 4, "lr_pose": 0}
    assert run(root, tmp_path / "run", **options) == 0
    result = result_of(tmp_path / "run")
    assert result["training"]["last_tenth"]["loss"] < 0.7 * result["training"]["first_tenth"]["loss"]
    assert result["finetuned"]["mAP"] > result["chance"]["mAP"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "the pose network is random (no --pose-weights), and no joints teach it"),
        ({"lr_pose": 0}, "the pose network is random and stays so (--lr-pose 0, no --pose-weights)"),
        ({"pose_maps": "cached"}, "the pose network is random and stays so (--pose-maps cached, no --pose-weights)"),
        ({"variant": "baseline"}, None),
    ],
)
def test_a_random_pose_network_is_named(prid, tmp_path, capsys, options, said):
    assert run(prid, tmp_path / "run", init="none", **(options | {"max_steps": 0})) == 0
    notes, printed = result_of(tmp_path / "run")["notes"], capsys.readouterr().out
    assert [said in note and f"note: {note}\n" in printed for note in notes] == [True] * (said is not None)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    return write_rendered(tmp_path_factory.mktemp("beside") / "set", persons=5, frames=3, first=201)


def test_rendered_frames_beside_each_batch_teach_the_pose_network_alone(prid, rendered, tmp_path):
    """Nothing but the pose network's weights is otherwise than without them, and a stop does not change which come."""
    options = {"init": "none", "checkpoint_every": 1, "clip_norm": 0}  # clipping is by the norm of all gradients
    beside = {"rendered": rendered, "rendered_frames": 4}
    assert run(prid, tmp_path / "without", **options) == 0
    assert run(prid, tmp_path / "beside", **options, **beside) == 0
    result = result_of(tmp_path / "beside")
    assert result["rendered"]["counts"]["train"]["frames"] == 30
    assert result["notes"] == []
    rows = [json.loads(line) for line in (tmp_path / "beside" / "metrics.jsonl").read_text().splitlines()]
    assert all(row["pose"] > 0 for row in rows)
    without, taught = (read_weights_file(tmp_path / name / "model.safetensors") for name in ("without", "beside"))
    for name, weights in without["state"].items():
        same = torch.equal(weights, taught["state"][name])
        assert same != name.startswith("pose."), name

    stopped = tmp_path / "beside"
    assert run(prid, stopped, **options, **beside, max_steps=3, resume=True) == 0
    assert run(prid, tmp_path / "whole", **options, **beside, max_steps=3) == 0
    again, whole = (read_weights_file(path / "model.safetensors")["state"] for path in (stopped, tmp_path / "whole"))
    assert all(torch.equal(weights, again[name]) for name, weights in whole.items())


def test_people_tested_who_teach_the_pose_network_are_noticed(rendered, tmp_path):
    """Beside the batches stands the whole set, the people tested too; whoever goes on from there is told as well."""
    beside = {"dataset": "synthetic", "init": "none", "rendered": rendered, "rendered_frames": 4, "max_steps": 1}
    assert run(rendered, tmp_path / "run", **beside) == 0
    result = result_of(tmp_path / "run")
    assert result["notes"] == ["--rendered teaches the pose network 2 of the 2 persons tested: no valid figures"]
    assert result["trained_on_tested"] == 2
    assert run(rendered, tmp_path / "next", dataset="synthetic", init=tmp_path / "run", max_steps=0) == 0
    assert result_of(tmp_path / "next")["trained_on_tested"] == 2


def test_people_tested_whom_the_pose_networks_file_has_seen_are_noticed(pretrained, tmp_path, capsys):
    """A model file says whom it has seen, also where its pose net alone is taken; bare weights cannot."""
    rendered = pretrained.parent / "rendered"
    options = {"dataset": "synthetic", "init": "none", "max_steps": 0}
    assert run(rendered, tmp_path / "run", **options, pose_weights=pretrained / "model.safetensors") == 0
    note = "what --pose-weights names was trained on 2 of the 2 persons tested: no valid figures"
    assert f"note: {note}" in capsys.readouterr().out
    assert (result_of(tmp_path / "run")["trained_on_tested"], result_of(tmp_path / "run")["notes"]) == (2, [note])
    # With --init the pose net is that of its run: the same as named here, then another.
    assert (
        run(
            rendered,
            tmp_path / "same",
            **(options | {"init": pretrained}),
            pose_weights=pretrained / "model.safetensors",
        )
        == 0
    )
    assert not any("is not used" in note for note in result_of(tmp_path / "same")["notes"])
    state = read_weights_file(pretrained / "model.safetensors")["state"]
    bare = {name.removeprefix("pose."): weights for name, weights in state.items() if name.startswith("pose.")}
    torch.save(bare, tmp_path / "bare.pth")
    assert run(rendered, tmp_path / "bare", **options, pose_weights=tmp_path / "bare.pth") == 0
    assert (result_of(tmp_path / "bare")["trained_on_tested"], result_of(tmp_path / "bare")["notes"]) == (0, [])
    torch.save({name: weights / 2 for name, weights in bare.items()}, tmp_path / "other.pth")
    options |= {"init": pretrained, "pose_weights": tmp_path / "other.pth"}
    assert run(rendered, tmp_path / "other", **options) == 0
    own = f"the pose network is that of {pretrained / 'model.safetensors'}"
    said = f"--pose-weights {tmp_path / 'other.pth'} is not used: {own}"
    assert said in result_of(tmp_path / "other")["notes"]


def test_a_rendered_set_that_changed_is_not_gone_on_with(prid, tmp_path, capsys):
    beside = {"init": "none", "rendered": tmp_path / "set", "rendered_frames": 4}
    write_rendered(tmp_path / "set", persons=3, frames=2)
    assert run(prid, tmp_path / "run", **beside) == 0
    shutil.rmtree(tmp_path / "set")
    write_rendered(tmp_path / "set", persons=3, frames=3)
    assert run(prid, tmp_path / "run", **(beside | {"max_steps": 2}), resume=True) == 2
    assert "was started with another --rendered set than is there now" in capsys.readouterr().err


def test_rendered_frames_that_do_not_fit_are_refused_before_any_frame_is_decoded(prid, rendered, tmp_path, capsys):
    prid = shutil.copytree(prid, tmp_path / "prid")
    for frame in prid.rglob("*.png"):
        frame.write_bytes(b"broken")
    for options, said in (
        ({"rendered": tmp_path / "absent"}, "no such folder"),
        ({"rendered": tmp_path, "pose_maps": "cached"}, "--rendered trains the pose network"),
        ({"rendered": tmp_path, "variant": "baseline"}, "--rendered trains the pose network"),
        ({"rendered_frames": 5}, "--rendered-frames must be an even number"),
        ({"rendered": rendered, "rendered_frames": 12}, "there are 5 to train on: use --rendered-frames 10 or fewer"),
    ):
        assert run(prid, tmp_path / "run", init="none", **options) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
