"""python -m reid.ablation: the plan, real tiny trainings, a kill and what is left to do, the tables, bad input."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from alignnet_common.cli import read_config_file
from alignnet_common.files import PROJECT_ROOT, sha256_of_file
from reid.ablation.datasets import read_pretraining_data
from reid.ablation.grid import Grid, trainings
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.data import DatasetName
from reid.configs.pretrain import PretrainConfig
from reid.data import load_data
from reid.models.checkpoint import save_model
from reid.training.setup import build_model
from reid_folders import TINY, command, write_market, write_mars, write_own, write_prid, write_rendered, write_splits

STEPS = 4


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """A rendered set, a PRID2011 with ten splits, and the options of tiny trainings."""
    folder = tmp_path_factory.mktemp("sets")
    write_rendered(folder / "rendered", persons=4, frames=3, first=20)
    write_prid(folder / "prid", persons=6, frames=3)
    write_splits(folder / "prid", persons=6)
    options = TINY | {"max_steps": STEPS, "checkpoint_every": 2}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(options))
    (folder / "one-step.yaml").write_text(yaml.safe_dump(options | {"max_steps": 1}))
    return folder


def argv_of(sets, run, **options):
    """A grid of one pre-training and two fine-tunings, unless `options` say otherwise."""
    chosen = {
        "run": run,
        "data": sets / "rendered",
        "roots.prid": sets / "prid",
        "datasets": "[prid]",
        "pretrain": sets / "tiny.yaml",
        "finetune.prid": sets / "tiny.yaml",
        "variants": "[baseline]",
        "splits": "[1]",
    } | options
    return [word for name, value in chosen.items() if value is not None for word in (f"--{name}", str(value))]


CELLS = ("pretrain/baseline/seed-0", *(f"finetune-prid/{s}/baseline/split-1/seed-0" for s in ("without", "synthetic")))


@pytest.fixture(scope="module")
def grid(sets, tmp_path_factory):
    """The folder of a grid that ran in one go."""
    run = tmp_path_factory.mktemp("grid") / "run"
    assert command("ablation", argv_of(sets, run)) == 0
    return run


def state(run):
    """Every file of the trainings with the time of its last change."""
    return {path: path.stat().st_mtime_ns for folder in CELLS for path in (run / folder).rglob("*") if path.is_file()}


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def read(path):
    return json.loads(path.read_text())


def planned(**changes):
    splits: dict[DatasetName, tuple[int, ...]] = {"prid": (0, 3), "mars": (0,)}
    grid = Grid(Path("run"), ("without", "synthetic"), ("baseline", "align-avg", "align-tap"), splits, (0, 7))
    finetune: dict[DatasetName, FinetuneConfig] = {
        name: FinetuneConfig(dataset=name, split_seed=0, epochs=5) for name in splits
    }
    return trainings(grid, PretrainConfig(epochs=3, **changes), finetune)


def test_the_plan_is_the_whole_grid():
    plan = planned()
    names = [each.name for each in plan]
    assert len(set(names)) == len(names) == 2 * 3 + 2 * (2 + 1) * 2 * 3
    cells = {(each.name.split("/")[0], each.start, each.config.variant, each.config.seed) for each in plan}
    assert len(cells) == 2 * 3 + 2 * 2 * 2 * 3
    for each in plan:
        assert each.config.run == Path("run") / each.name
        assert each.config.resume
        if each.needs:
            assert names.index(each.needs) < names.index(each.name)
            assert each.config.init == f"run/{each.needs}"
            pretraining = plan[names.index(each.needs)].config
            assert (pretraining.variant, pretraining.seed) == (each.config.variant, each.config.seed)
            assert (pretraining.epochs, each.config.epochs) == (3, 5)
    assert "finetune-mars/without/align-avg/split-0/seed-7" in names
    assert "finetune-mars/without/align-avg/split-3/seed-7" not in names
    assert {each.config.split_seed for each in plan if isinstance(each.config, FinetuneConfig)} == {0}
    assert {each.config.init for each in plan if each.name.startswith("finetune-prid/without")} == {"none"}


def test_what_a_grid_leaves(grid, sets):
    found = read(grid / "ablation.json")
    assert [each["folder"] for each in found["cells"]] == list(CELLS[1:])
    assert found["failures"] == {}
    assert found["data"]["prid"]["splits"] == {"1": "split 1 of splits_prid2011.json"}
    assert found["data"]["prid"]["known_from_pretraining"] == 0
    assert found["pretraining_data"]["counts"]["train"]["ids"] == 4
    assert found["versions"]["torch"]
    assert found["finetune"]["prid"]["max_steps"] == STEPS
    pretrained, without, synthetic = (read(grid / name / "result.json") for name in CELLS)
    assert without["started_from"]["file"] is None
    assert synthetic["started_from"]["sha256"] == pretrained["model"]["sha256"]
    assert synthetic["command"].endswith(f"--config {grid / CELLS[2] / 'config.yaml'} --resume")
    for cell, result in zip(found["cells"], (without, synthetic), strict=True):
        kinds = [(each["score_norm"], each["rerank"]) for each in cell["rankings"]]
        assert kinds == [(False, False), (True, False), (False, True), (True, True)]
        plain = cell["rankings"][0]
        assert {name: plain[name] for name in result["finetuned"]} == result["finetuned"]
        assert cell["model_sha256"] == sha256_of_file(grid / cell["folder"] / "model.safetensors")
        left = sorted(path.name for path in (grid / cell["folder"]).iterdir() if path.is_file())
        kept = ["config.yaml", "measured.json", "metrics.jsonl", "model.safetensors", "output.txt", "result.json"]
        assert left == ["README.md", *kept]
    assert sorted(path.name for path in grid.iterdir()) == [
        *("ablation.json", "ablation.md", "finetune-prid", "pretrain"),
    ]
    assert len(found["means"]) == 8
    first = found["means"][0]
    assert (first["runs"], first["planned"], first["std"]) == (1, 1, None)
    assert first["mean"]["mAP"] == found["cells"][0]["rankings"][0]["mAP"]


def test_the_page_has_ours_beside_the_papers(grid):
    page = (grid / "ablation.md").read_text()
    rank1 = f"{read(grid / 'ablation.json')['cells'][1]['rankings'][0]['rank1']:.1f}"
    for title in ("Table 1a", "Table 1b", "Table 2", "The whole grid"):
        assert page.count(f"## {title}") == 1
    assert "| paper: AlignNet, no synthetic pre-training | 90.5 | 75.7 | – |" in page
    assert "| paper: AlignNet + TAP | 94.4 | 86.0 | 83.2 |" in page
    assert "| paper: Ours + Score Normalization | 96.7 | 85.9 | 84.9 (73.6) |" in page
    lines = page.splitlines()
    below = lines[lines.index("| paper: Baseline | 85.4 | 75.7 | 79.7 |") + 1 :][:2]
    assert below[1] == f"| ours: Baseline, synthetic pre-training | {rank1} | – | – |"
    assert "split 1 of splits_prid2011.json; 2 of 2 networks are measured; chance is rank-1 33.3" in page


def test_the_same_command_again_does_nothing(grid, sets, capsys):
    before, page = state(grid), (grid / "ablation.md").read_text()
    assert command("ablation", argv_of(sets, grid)) == 0
    assert "3 finished, 0 begun, 0 to do" in capsys.readouterr().out
    assert state(grid) == before
    assert (grid / "ablation.md").read_text() == page


def test_a_killed_grid_goes_on_and_repeats_nothing(grid, sets, tmp_path, capsys):
    run = tmp_path / "run"
    words = [sys.executable, "-m", "reid.ablation", *argv_of(sets, run)]
    with subprocess.Popen(words, cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        metrics = run / CELLS[2] / "metrics.jsonl"
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (metrics.is_file() and metrics.read_text().count("\n") >= 3):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not (run / CELLS[2] / "result.json").exists()
    done = {path: when for path, when in state(run).items() if CELLS[2] not in str(path)}
    assert [cell["finished"] for cell in read(run / "ablation.json")["cells"]] == [True, False]

    assert command("ablation", [*argv_of(sets, run), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "2 finished, 1 begun, 0 to do" in printed
    assert f"begun           4 steps  {CELLS[2]}" in printed
    assert not (run / CELLS[2] / "result.json").exists()

    assert command("ablation", argv_of(sets, run)) == 0
    after = state(run)
    assert {path: after[path] for path in done} == done
    for cell in CELLS:
        assert losses(run / cell) == losses(grid / cell)
    whole, parts = (read(folder / CELLS[2] / "measured.json")["rankings"] for folder in (grid, run))
    assert whole == parts


def test_a_grid_grows_and_new_measurements_need_no_training(grid, sets, capsys):
    weights = {path: when for path, when in state(grid).items() if path.name != "measured.json"}
    argv = argv_of(sets, grid, protocol="official", starts="[without]")
    assert command("ablation", argv) == 0
    found = read(grid / "ablation.json")
    assert (found["protocol"], len(found["cells"])) == ("official", 1)
    assert {path: when for path, when in state(grid).items() if path.name != "measured.json"} == weights
    assert command("ablation", [*argv_of(sets, grid, seeds="[0,1]", splits="[0,1]"), "--dry-run"]) == 0
    assert "10 trainings (pre-training 2, fine-tuning 8; 40 steps in all): 3 finished, 0 begun, 7 to do" in (
        capsys.readouterr().out
    )


def refused(capsys, run, argv, complaint):
    """Exit code 2 after one line with `complaint`, nothing written below `run`."""
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert command("ablation", argv) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1, printed.err
    assert complaint in printed.err
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_a_folder_with_another_training_is_refused(grid, sets, tmp_path, capsys):
    longer = tmp_path / "longer.yaml"
    longer.write_text(yaml.safe_dump(TINY | {"max_steps": 9, "checkpoint_every": 2}))
    argv = argv_of(sets, grid, pretrain=longer)
    refused(capsys, grid, argv, f"{grid / CELLS[0]}: was trained with max_steps 4, not 9: put that back, remove")
    argv = argv_of(sets, grid, **{"finetune.prid": longer})
    refused(capsys, grid, argv, f"{grid / CELLS[1]}: was trained with max_steps 4, not 9")
    other = write_prid(tmp_path / "prid", persons=6, frames=4)
    write_splits(other, persons=6)
    argv = argv_of(sets, grid, **{"roots.prid": other})
    refused(capsys, grid, argv, f"{grid / CELLS[1]}: was trained on other data than is there now")
    divided = grid / CELLS[1] / "result.json"
    kept = divided.read_text()
    divided.write_text(kept.replace(json.loads(kept)["data"]["division"], "0" * 64))
    refused(capsys, grid, argv_of(sets, grid), f"{grid / CELLS[1]}: was trained with people divided or named otherwise")
    divided.write_text(kept)
    renamed = grid / CELLS[0] / "result.json"
    kept = renamed.read_text()
    # Trained before there was the option, as it were by the paper's letter.
    older = json.loads(kept)
    del older["config"]["limb_fields"]
    renamed.write_text(json.dumps(older))
    refused(capsys, grid, argv_of(sets, grid), f"{grid / CELLS[0]}: was trained with limb_fields signed, not magnitude")
    renamed.write_text(kept.replace(json.loads(kept)["model"]["sha256"], "0" * 64))
    refused(capsys, grid, argv_of(sets, grid), f"{grid / CELLS[2]}: started from other weights than {CELLS[0]} has now")
    renamed.write_text("{")
    refused(capsys, grid, argv_of(sets, grid), f"{renamed}: not JSON")
    renamed.write_text(kept)


def test_a_grid_with_a_frozen_pose_network_finds_its_trainings_finished(sets, tmp_path, capsys):
    frozen = tmp_path / "frozen.yaml"
    frozen.write_text(yaml.safe_dump(TINY | {"max_steps": 1, "pose_maps": "cached", "lr_pose": 0.01}))
    asked = {"starts": "[without]", "variants": "[align-avg]", "finetune.prid": frozen}
    argv = argv_of(sets, tmp_path / "run", **asked)
    assert command("ablation", argv) == 0
    assert (
        "PRID2011, without pre-training: the pose network is random and stays so (--pose-maps cached"
        in (tmp_path / "run" / "ablation.md").read_text()
    )
    capsys.readouterr()
    assert command("ablation", [*argv, "--dry-run"]) == 0
    assert "1 finished, 0 begun, 0 to do" in capsys.readouterr().out


def test_a_grid_with_rendered_frames_beside_has_none_for_the_baseline(sets, tmp_path, capsys):
    beside = write_rendered(tmp_path / "beside", persons=4, frames=2)
    options = {"max_steps": 1, "rendered": str(beside), "rendered_frames": 4}
    (tmp_path / "beside.yaml").write_text(yaml.safe_dump(TINY | options))
    asked = {"starts": "[without]", "variants": "[baseline,align-avg]", "finetune.prid": tmp_path / "beside.yaml"}
    argv = argv_of(sets, tmp_path / "run", **asked)
    assert command("ablation", argv) == 0
    folder = tmp_path / "run" / "finetune-prid" / "without"
    found = [read(folder / name / "split-1" / "seed-0" / "result.json") for name in ("baseline", "align-avg")]
    assert [result["rendered"] is None for result in found] == [True, False]
    capsys.readouterr()
    assert command("ablation", [*argv, "--dry-run"]) == 0
    assert "2 finished" in capsys.readouterr().out
    shutil.rmtree(beside)
    write_rendered(beside, persons=4, frames=3)
    refused(capsys, tmp_path, argv, "was trained with another --rendered set than is there now")


def test_pretraining_from_another_run_than_there_is_now_is_refused(grid, sets, tmp_path, capsys):
    start = tmp_path / "start.pt"
    shutil.copyfile(grid / CELLS[1] / "model.safetensors", start)
    options = TINY | {"max_steps": 1, "variant": "baseline", "init": str(start)}
    (tmp_path / "further.yaml").write_text(yaml.safe_dump(options))
    argv = argv_of(sets, tmp_path / "run", pretrain=tmp_path / "further.yaml", starts="[synthetic]", splits="[2]")
    assert command("ablation", argv) == 0
    # The start is of split 1, whose persons are others than those of split 2.
    splits = read(sets / "prid" / "splits_prid2011.json")
    both = set(splits[1]["train"]) & set(splits[2]["test"])
    assert read(tmp_path / "run" / "ablation.json")["data"]["prid"]["known_from_pretraining"] == len(both) > 0
    capsys.readouterr()
    shutil.copyfile(grid / CELLS[2] / "model.safetensors", start)
    refused(capsys, tmp_path, argv, f"{CELLS[0]}: started from other weights than its options (--init) name")
    (tmp_path / "further.yaml").write_text(yaml.safe_dump(options | {"init": None}))
    refused(capsys, tmp_path, argv, f"{CELLS[0]}: started from other weights than its options (--init) name")


def test_a_file_of_weights_that_holds_others_by_now_is_refused(sets, tmp_path, capsys):
    weights = tmp_path / "pose.pth"
    net = build_model(read_config_file(FinetuneConfig, sets / "one-step.yaml"), 2).pose
    torch.save(net.state_dict(), weights)
    options = yaml.safe_load((sets / "one-step.yaml").read_text()) | {"pose_weights": str(weights), "lr_pose": 0.0}
    (tmp_path / "options.yaml").write_text(yaml.safe_dump(options))
    asked = {"starts": "[without]", "variants": "[align-avg]", "finetune.prid": tmp_path / "options.yaml"}
    argv = argv_of(sets, tmp_path / "run", **asked)
    assert command("ablation", argv) == 0
    capsys.readouterr()
    torch.save({name: tensor + 1 for name, tensor in net.state_dict().items()}, weights)
    refused(capsys, tmp_path, argv, "--pose-weights hold other weights than it started from")


def test_whom_the_pose_networks_file_has_seen_counts_as_seen(sets, tmp_path):
    training = {"name": "PRID2011", "fingerprint": "0", "split": "1", "pids": [1, 2]}
    torch.save({"format": "alignnet-2", "state": {}, "trained_on": [training]}, tmp_path / "model.pt")
    own = read_pretraining_data(PretrainConfig(data=sets / "rendered", ids_per_batch=2)).people
    taught = PretrainConfig(data=sets / "rendered", ids_per_batch=2, pose_weights=tmp_path / "model.pt")
    assert read_pretraining_data(taught).people == [training, *own]
    assert read_pretraining_data(replace(taught, variant="baseline")).people == own


def test_the_page_says_whom_a_file_of_the_finetuning_has_seen(sets, tmp_path, capsys):
    """No pre-training, but --pose-weights of a network that was trained on the persons tested."""
    (tested,) = (load_data(FinetuneConfig(dataset="prid", root=sets / "prid", split=1), 0),)
    seen = {"name": "PRID2011", "fingerprint": "0", "split": "1", "pids": sorted({t.pid for t in tested.query})}
    network = build_model(PretrainConfig(**TINY), 2)
    save_model(network, tmp_path / "model.safetensors", {"trained_on": [seen]})
    options = TINY | {"max_steps": 1, "pose_weights": str(tmp_path / "model.safetensors")}
    (tmp_path / "taught.yaml").write_text(yaml.safe_dump(options))
    argv = argv_of(
        sets,
        tmp_path / "run",
        starts="[without]",
        variants="[align-avg]",
        **{"finetune.prid": tmp_path / "taught.yaml", "data": None, "pretrain": None},
    )
    assert command("ablation", argv) == 0
    page = (tmp_path / "run" / "ablation.md").read_text()
    assert "warning: PRID2011: networks have seen up to 3 of the persons tested, in what --pose-weights" in page


def test_one_training_that_fails_does_not_stop_the_others(sets, tmp_path, capsys):
    own = write_own(tmp_path / "own", frames=3)
    broken = next(own.rglob("*.png"))
    whole = broken.read_bytes()
    broken.write_bytes(whole[:20])
    options = {"starts": "[without]", "datasets": "[folder,prid]", "roots.folder": own, "splits": "[0]"}
    options |= {f"finetune.{name}": sets / "one-step.yaml" for name in ("folder", "prid")}
    argv = argv_of(sets, tmp_path / "run", **options)
    assert command("ablation", argv) == 1
    printed = capsys.readouterr()
    last = printed.err.splitlines()[-1]
    name = "finetune-folder/without/baseline/split-0/seed-0"
    assert last.startswith(f"error: 1 of 2 trainings failed, the first is {tmp_path / 'run' / name}: {broken}")
    found = read(tmp_path / "run" / "ablation.json")
    assert [cell["finished"] for cell in found["cells"]] == [False, True]
    assert "unreadable image" in found["failures"][name]
    assert f"failed: {name}: {broken}: unreadable image" in printed.out
    assert "Traceback" in (tmp_path / "run" / name / "failure.txt").read_text()
    broken.write_bytes(whole)
    assert command("ablation", argv) == 0
    found = read(tmp_path / "run" / "ablation.json")
    assert [cell["finished"] for cell in found["cells"]] == [True, True]
    assert found["failures"] == {}
    assert not (tmp_path / "run" / name / "failure.txt").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"splits": "[10]"}, "--splits: a split is 0 to 9, not 10"),
        ({"splits": "[]"}, "--splits is empty"),
        ({"seeds": "[3,0,3]"}, "--seeds names 3 twice"),
        ({"seeds": "[-1]"}, "--seeds must not be negative"),
        ({"datasets": "[prid,prid]"}, "--datasets names prid twice"),
        ({"datasets": "[duke]"}, "--datasets"),
        ({"roots.duke": "x"}, "there is no data set duke"),
        ({"starts": "[imagenet]"}, "--starts"),
        ({"pretrain": "nowhere.yaml"}, "no such file of options: nowhere.yaml"),
        ({"data": "nowhere"}, "no such folder: nowhere: render a set first"),
        ({"roots.prid": "nowhere"}, "no such folder: nowhere: put PRID2011 there"),
        (
            {"datasets": "[market]", "starts": "[without]"},
            "(here the folder is --roots.market, all else is in the file --finetune.market)",
        ),
    ],
)
def test_bad_input_is_one_line(sets, tmp_path, capsys, monkeypatch, options, complaint):
    monkeypatch.chdir(tmp_path)
    refused(capsys, tmp_path, argv_of(sets, tmp_path / "run", **options), complaint)


def test_bad_jobs_and_bad_splits_are_one_line(sets, tmp_path, capsys):
    (tmp_path / "unknown.yaml").write_text("learning_rate: 3\n")
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(TINY | {"pose_stages": 2}))
    (tmp_path / "wide.yaml").write_text(yaml.safe_dump(TINY | {"ids_per_batch": 4}))
    few = write_prid(tmp_path / "few", persons=6, frames=1)
    write_splits(few, persons=6, count=2)
    for options, complaint in (
        ({"finetune.prid": tmp_path / "unknown.yaml"}, f"{tmp_path / 'unknown.yaml'}: Option 'learning_rate'"),
        ({"finetune.prid": tmp_path / "other.yaml"}, "pre-training has pose_stages 1, fine-tuning on prid has 2"),
        ({"finetune.prid": tmp_path / "wide.yaml"}, "a batch of 4 identities, but there are 3 to train on"),
        ({"roots.prid": few, "splits": "[0,2]"}, f"{few}: has splits 0-1, not 2"),
    ):
        refused(capsys, tmp_path, argv_of(sets, tmp_path / "run", **options), complaint)


def test_data_sets_that_are_there_are_taken(sets, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = {"datasets": None, "roots.prid": None, "data": sets / "rendered"}
    argv = [*argv_of(sets, "run", **asked), "--dry-run"]
    refused(capsys, tmp_path, argv, "no data: neither data/prid2011, data/ilids-vid, data/mars nor data/synthetic")

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "synthetic").symlink_to(sets / "rendered")
    argv = [*argv_of(sets, "run", **asked, **{"finetune.synthetic": sets / "tiny.yaml"}), "--dry-run"]
    assert command("ablation", argv) == 0
    printed = capsys.readouterr().out
    assert "finetune-synthetic/without/baseline/split-1/seed-0" in printed
    assert "2 of the persons tested" in printed

    (tmp_path / "data" / "prid2011").symlink_to(sets / "prid")
    write_mars(tmp_path / "data" / "mars")
    argv = [*argv_of(sets, "run", **asked, **{"finetune.mars": sets / "tiny.yaml"}), "--dry-run"]
    assert command("ablation", argv) == 0
    printed = capsys.readouterr().out
    assert "5 trainings" in printed
    assert "finetune-mars/synthetic/baseline/split-0/seed-0" in printed
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("job", "dataset"), [("ablation", "prid"), ("ablation-small", "market")])
def test_the_jobs_of_the_project(tmp_path, job, dataset, monkeypatch, capsys):
    write_rendered(tmp_path / "rendered", persons=8, frames=1, first=100)
    write_splits(write_prid(tmp_path / "prid", persons=16, frames=1), persons=16)
    write_market(tmp_path / "market", persons=18)
    monkeypatch.chdir(PROJECT_ROOT)
    words = {"run": tmp_path / "run", "data": tmp_path / "rendered", f"roots.{dataset}": tmp_path / dataset}
    argv = [word for name, value in words.items() for word in (f"--{name}", str(value))]
    argv += ["--config", f"jobs/{job}.yaml", "--datasets", f"[{dataset}]", "--dry-run"]
    assert command("ablation", argv) == 0
    counted = (
        "63 trainings (pre-training 3, fine-tuning 60"
        if dataset == "prid"
        else "27 trainings (pre-training 9, fine-tuning 18"
    )
    assert counted in capsys.readouterr().out
    for name, size in (("prid", (128, 64)), ("ilids", (128, 64)), ("mars", (256, 128))):
        options = read_config_file(FinetuneConfig, PROJECT_ROOT / "jobs" / f"finetune-{name}.yaml")
        assert (options.dataset, options.height, options.width) == (name, *size)
        assert replace(options, dataset="prid", root=None, run=None, height=128, width=64) == FinetuneConfig()
