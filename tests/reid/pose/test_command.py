"""python -m reid.pose: trained on a tiny set, measured, used on images, drawn; and what is said of bad input."""

import json
import shutil

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from reid.models.openpose import PoseNet
from reid.models.weights import read_weights_file
from reid.pose.inference import read_pose_net
from reid_folders import figure, pose, write_rendered

TINY = ["--pose-stages", "2", "--pose-width", "0.125", "--batch", "8", "--warmup-steps", "2"]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    root = write_rendered(tmp_path_factory.mktemp("rendered"), persons=6, frames=4)
    for path in (root / "annotations").rglob("*.npz"):
        with np.load(path) as arrays:
            known = dict(arrays)
        known["mask"][:, 10:116, 18:46] = True
        # Head and trunk and legs are the crop's stripes, and so is what lies between.
        known["part_masks"] = np.zeros((4, 3, 128, 64), bool)
        for part, (top, bottom) in enumerate(((8, 28), (28, 64), (64, 116))):
            known["part_masks"][:, part, top:bottom, 18:46] = True
        known["amodal_box"] = np.tile(np.array([18.0, 10.0, 46.0, 116.0], np.float32), (4, 1))
        known["visible_ratio"][1:] = 0.6
        np.savez(path, **known)
    return root


@pytest.fixture(scope="module")
def trained(rendered, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pose") / "run"
    options = ["--lr", "2e-3", "--held-out", "2", "--shift", "0", "--erase", "0", "--flip", "0"]
    words = ["train", "--data", rendered, "--run", folder, *TINY, *options]
    assert pose(*words, "--max-steps", "60", "--epochs", "40") == 0
    assert pose("train", "--config", folder / "config.yaml", "--max-steps", "120", "--resume") == 0
    return folder


def test_what_it_records_and_advises_is_its_own(trained, rendered, tmp_path, capsys):
    assert json.loads((trained / "result.json").read_text())["command"].startswith("python -m reid.pose train --config")
    assert pose("train", "--data", rendered, "--run", tmp_path / "run", "--batch", "14") == 2
    error = capsys.readouterr().err
    assert "--batch 12" in error
    assert error.count("\n") == 1
    assert pose("train", "--config", trained / "config.yaml", "--batch", "4", "--resume") == 2
    assert f"resume it with --config {trained / 'config.yaml'} --resume" in capsys.readouterr().err


def test_it_learns_where_the_joints_are(trained, rendered, tmp_path):
    numbers = json.loads((trained / "pose.json").read_text())["held_out"]
    assert numbers["frames"] == 16
    assert numbers["pckh50"] > 60
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 121))
    assert set(rows[0]["lr"]) == {"pose"}
    assert rows[-1]["pose"] < 0.3 * rows[0]["pose"]
    # From the weights alone, the same network.
    assert (
        pose("evaluate", "--data", rendered, "--weights", trained / "pose.safetensors", "--json", tmp_path / "a") == 0
    )
    assert (
        pose("evaluate", "--data", rendered, "--weights", trained / "model.safetensors", "--json", tmp_path / "b") == 0
    )
    one, other = (json.loads((tmp_path / name).read_text()) for name in "ab")
    assert one["pckh50"] == other["pckh50"]
    assert one["frames"] == 48
    assert one["by_visible_ratio"]["0.5-0.75"]["frames"] == 36
    assert one["by_visible_ratio"]["0.95-1"]["frames"] == 12
    assert one["by_height"]["95-110"]["frames"] == 48
    assert set(one["by_joint"]) >= {"nose", "left_ankle"}
    assert (
        pose(
            "evaluate",
            "--data",
            rendered,
            "--weights",
            trained / "model.safetensors",
            "--held-out",
            "2",
            "--json",
            tmp_path / "c",
        )
        == 0
    )
    assert json.loads((tmp_path / "c").read_text())["pckh50"] == numbers["pckh50"]


def test_channels_that_lie_innermost_while_training_lie_as_ever_in_the_file(rendered, tmp_path):
    options = ["--precision", "bfloat16", "--max-steps", "1"]
    assert pose("train", "--data", rendered, "--run", tmp_path / "run", *TINY, *options) == 0
    model, alone = (
        read_pose_net(tmp_path / "run" / name).state_dict() for name in ("model.safetensors", "pose.safetensors")
    )
    assert all(torch.equal(alone[name], weights) for name, weights in model.items())


def test_joints_of_images_are_in_their_own_pixels(trained, tmp_path):
    image, joints = figure(3, 0, 1)
    (tmp_path / "images").mkdir()
    iio.imwrite(tmp_path / "images" / "b.png", image)
    iio.imwrite(tmp_path / "images" / "a.png", np.kron(image, np.ones((2, 2, 1), np.uint8)))
    (tmp_path / "images" / "notes.txt").write_text("not an image")
    assert (
        pose(
            "predict",
            "--images",
            tmp_path / "images",
            "--weights",
            trained / "pose.safetensors",
            "--out",
            tmp_path / "f.npz",
        )
        == 0
    )
    with np.load(tmp_path / "f.npz") as found:
        assert found["files"].tolist() == ["a.png", "b.png"]
        assert found["joints2d"].shape == (2, 18, 2)
        assert found["confidence"].shape == (2, 18)
        twice, once = found["joints2d"]
    np.testing.assert_allclose(twice, (once + 0.5) * 2 - 0.5, atol=1.0)
    assert np.median(np.linalg.norm(once - joints, axis=1)) < 6


def test_joints_of_enlarged_images_are_in_their_own_pixels_too(trained, rendered, tmp_path):
    """At half the size, enlarged twice, the network sees nearly the crops that it was trained on."""
    (tmp_path / "images").mkdir()
    image, joints = figure(3, 0, 1)
    iio.imwrite(tmp_path / "images" / "a.png", image)
    for name, words in {"half": [], "again": ["--scale", "2"]}.items():
        words = ["--weights", trained / "pose.safetensors", "--height", "64", "--width", "32", *words]
        assert pose("predict", "--images", tmp_path / "images", *words, "--out", tmp_path / f"{name}.npz") == 0
        assert pose("evaluate", "--data", rendered, *words, "--json", tmp_path / name) == 0
    error = {}
    for name in ("half", "again"):
        with np.load(tmp_path / f"{name}.npz") as found:
            error[name] = np.median(np.linalg.norm(found["joints2d"][0] - joints, axis=1))
    assert error["again"] < 6
    assert error["again"] < 0.7 * error["half"]
    numbers = {name: json.loads((tmp_path / name).read_text())["pckh50"] for name in ("half", "again")}
    assert numbers["again"] > numbers["half"] + 20


def test_the_size_of_a_net_is_read_off_its_weights(tmp_path):
    for stages, width in ((1, 0.125), (3, 0.25)):
        torch.save(PoseNet(stages, width).state_dict(), tmp_path / "w.pth")
        net = read_pose_net(tmp_path / "w.pth")
        assert net.stages == stages
        assert not net.training


def test_sheets(trained, rendered, tmp_path):
    for source in (["--data", rendered], ["--images", rendered / "multi_shot" / "cam_a" / "person_0001"]):
        words = ["show", *source, "--weights", trained / "pose.safetensors", "--out", tmp_path / "sheet.png"]
        assert pose(*words, "--count", "3") == 0
        sheet = iio.imread(tmp_path / "sheet.png")
        assert sheet.shape == (3 * 128 + 4, 3 * (2 * 3 * 64 + 4), 3)
        assert sheet.std() > 10
        half = ["--height", "64", "--width", "32", "--scale", "2"]
        assert pose(*words, "--count", "3", "--limb-fields", "signed", *half) == 0
        assert iio.imread(tmp_path / "sheet.png").shape == (3 * 64 + 4, 3 * (2 * 3 * 32 + 4), 3)


def test_attention_on_the_parts(trained, rendered, tmp_path):
    inside = {}
    for name, words in {"truth": [], "net": ["--weights", trained / "pose.safetensors"]}.items():
        assert pose("parts", "--data", rendered, *words, "--json", tmp_path / name) == 0
        rows = json.loads((tmp_path / name).read_text())["rows"]
        inside[name] = {(row["stride"], row["attention"]): row for row in rows}
    area = {"upper": 20 * 28, "middle": 36 * 28, "lower": 52 * 28}
    for found in inside.values():
        for part, pixels in area.items():
            assert found[16, "uniform"]["inside"][part] == pytest.approx(100 * pixels / (128 * 64), rel=1e-4)
        assert found[8, "uniform"]["times"] == {"uniform": 1.0, "stripes": pytest.approx(0.44, abs=0.2)}
        gains = [found[8, gain]["times"]["uniform"] for gain in ("1", "10", "30", "100")]
        assert gains == sorted(gains)
    words = ["--limb-fields", "signed", "--strides", "[8]", "--gains", "[1,10]", "--json", tmp_path / "signed"]
    assert pose("parts", "--data", rendered, *words) == 0
    *_, letter, signed = json.loads((tmp_path / "signed").read_text())["rows"]
    assert inside["truth"][8, "10"]["inside"]["upper"] > 1.5 * signed["inside"]["upper"]
    assert letter["times"]["uniform"] < 1.2  # the paper's letter
    assert inside["truth"][8, "100"]["times"]["uniform"] > 4
    # Stripes hold the whole width of the crop, of which the person is 28 of 64 pixels; the trunk's is 21 to 64.
    assert inside["truth"][8, "stripes"]["inside"]["middle"] == pytest.approx(100 * 28 / 64 * 36 / 43, rel=0.05)


def test_a_part_that_no_frame_shows_is_one_line(rendered, tmp_path, capsys):
    hidden = shutil.copytree(rendered, tmp_path / "hidden")
    for path in (hidden / "annotations").rglob("*.npz"):
        with np.load(path) as arrays:
            known = dict(arrays)
        known["part_masks"][:, 2] = False
        np.savez(path, **known)
    assert pose("parts", "--data", hidden) == 2
    assert "no frame shows the lower part of anybody" in capsys.readouterr().err


def test_people_whom_the_network_has_seen_are_noticed(trained, rendered, tmp_path, capsys):
    assert (
        pose("evaluate", "--data", rendered, "--weights", trained / "model.safetensors", "--json", tmp_path / "f.json")
        == 0
    )
    seen = len(read_weights_file(trained / "model.safetensors")["trained_on"][-1]["pids"])
    note = f"{trained / 'model.safetensors'} was trained on {seen} of the 6 persons tested: no valid figures"
    assert json.loads((tmp_path / "f.json").read_text())["notes"] == [note]
    assert f"note: {note}" in capsys.readouterr().out
    assert pose("parts", "--data", rendered, "--weights", trained / "model.safetensors") == 0
    assert f"note: {note}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dance"], "name one of train, evaluate, predict, show, parts, not dance"),
        (["evaluate", "--weights", "absent.pth"], "absent.pth: no such file of weights"),
        (["predict", "--images", "absent", "--weights", "{weights}"], "no such folder of images: absent"),
        (["predict", "--out", "poses.csv"], "--out must end in .npz"),
        (["show"], "name either --images or --data"),
        (["show", "--images", "absent", "--scale", "0.5"], "--scale must be at least 1, not 0.5"),
        (["predict", "--scale", "1.2"], "--scale 1.2 makes frames of 128×64 pixels 153.6×76.8: both must be"),
        (["show", "--images", "absent", "--height", "0"], "--height must be at least 16"),
        (["train", "--lr", "-1"], "--lr must be above 0, not -1"),
        (["parts", "--gains", "[0]"], "--gains must be above 0"),
        (["parts", "--held-out", "-1"], "--held-out must be at least 0"),
        (["parts", "--seed", "-1"], "--seed must be at least 0"),
        (["evaluate", "--seed", "-1"], "--seed must be at least 0"),
        (["train", "--batch", "5"], "--batch must be an even number"),
        (["evaluate", "--data", "{data}", "--weights", "{weights}", "--held-out", "6"], "too few to keep 6 out"),
        (["evaluate", "--data", "{data}", "--weights", "{other}"], "no weights of a pose network"),
    ],
)
def test_bad_input(words, said, trained, rendered, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"some.weight": torch.zeros(1)}, tmp_path / "other.pth")
    known = {"weights": trained / "pose.safetensors", "data": rendered, "other": tmp_path / "other.pth"}
    assert pose(*(word.format(**known) for word in words)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert said in error


def test_help(capsys):
    assert pose("--help") == 0
    assert "pose train" in capsys.readouterr().out
