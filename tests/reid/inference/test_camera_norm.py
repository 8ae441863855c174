"""Batch norm statistics of each camera: what is measured, what it undoes, and the commands that use it."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import reid
from alignnet_common.errors import UserError
from alignnet_common.files import PROJECT_ROOT
from reid.configs.groups.model import ModelConfig
from reid.evaluation.camera_statistics import (
    FEWEST,
    FRAME_MEAN,
    MOST,
    batch_norms,
    equal_batches,
    measured,
    read_statistics,
    spread,
    with_statistics,
    without_mean,
    write_statistics,
)
from reid.inference.camera_norm import by_camera, measured_by, rows_by_camera
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model
from reid_folders import command, figure, flags, write_market

PERSONS = 40
SIZES = {"height": 64, "width": 32, "chunk": 2}


def unit(rows):
    """Rows of length 1."""
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Model files of two random networks."""
    folder = tmp_path_factory.mktemp("weights")
    for seed, name in enumerate(("small", "other")):
        config = ModelConfig(variant="baseline", appearance="resnet18", appearance_weights="none")
        model = AlignNet(config, 2, torch.Generator().manual_seed(seed))
        save_model(model, folder / f"{name}.pt", {"images": SIZES})
    return folder


@pytest.fixture(scope="module")
def describer(weights):
    return reid.load(weights / "small.pt", "cpu")


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """Two images of each of 40 persons by each of two cameras, and two images of a third camera."""
    root = write_market(tmp_path_factory.mktemp("market"), persons=PERSONS) / "bounding_box_train"
    for frame in (51, 151):
        shutil.copy(root / "0002_c1s1_000051_01.jpg", root / f"0900_c3s1_{frame:06d}_01.jpg")
    return root


def extract(source, weights, out, /, **options):
    """Exit code of reid extract."""
    words = {"weights": weights / "small.pt", "out": out, "device": "cpu", "batch_size": 16} | options
    return command("extract", [str(source), *flags(words)])


@pytest.fixture(scope="module")
def extracted(market, weights, tmp_path_factory):
    """The result F.npz of reid extract --camera-norm, with its record and statistics."""
    folder = tmp_path_factory.mktemp("extracted")
    assert extract(market, weights, folder / "F.npz", camera_norm=True) == 0
    return folder


def content(path):
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive}


def test_images_are_spread_and_dealt_out_evenly():
    assert spread(range(3)) == [0, 1, 2]
    some = spread(range(3 * MOST))
    assert (len(some), some[:2], some[-1]) == (MOST, [0, 3], 3 * MOST - 3)
    assert equal_batches(range(FEWEST + 3)) == [range(FEWEST + 3)]
    sizes = [len(batch) for batch in equal_batches(range(5 * FEWEST + 7))]
    assert (len(sizes), sum(sizes), max(sizes) - min(sizes)) == (5, 5 * FEWEST + 7, 1)


def test_statistics_are_the_mean_and_variance_of_the_images():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.5)).eval()
    batches = torch.rand(2, 10, 3, 8, 8)
    before = {name: numbers.clone() for name, numbers in network.state_dict().items()}
    found = measured(network, batches, lambda model, batch: model(batch))
    maps = network[0](batches.flatten(0, 1))
    assert torch.allclose(found["1.running_mean"], maps.mean((0, 2, 3)), atol=1e-6)
    each = torch.stack([network[0](batch).var((0, 2, 3)) for batch in batches])
    assert torch.allclose(found["1.running_var"], each.mean(0), atol=1e-6)
    assert all((numbers == before[name]).all() for name, numbers in network.state_dict().items())
    changed = with_statistics(network, found)
    assert not changed.training
    assert (batch_norms(changed)["1"].running_mean == found["1.running_mean"]).all()
    with pytest.raises(UserError, match="measure them again"):
        with_statistics(network, {})


def test_statistics_undo_what_a_camera_does_to_all_its_images(describer):
    """The same images, by a second camera with half the contrast and another tint, have the same descriptors again."""
    first = [figure(pid, 0, 1)[0][32:96] for pid in range(FEWEST)]
    second = [(image * np.array([0.3, 0.5, 0.4]) + np.array([90, 20, 60])).astype(np.uint8) for image in first]
    images = {"bright": first, "pale": second}
    statistics = measured_by(describer, images)
    assert dict(statistics.images) == {"bright": FEWEST, "pale": FEWEST}
    networks, _ = by_camera(describer, statistics)

    def rank1(one, other):
        distances = describer.distance(one, other)
        return (distances.argmin(1) == np.arange(len(one))).mean()

    plain = rank1(describer.describe_images(first), describer.describe_images(second))
    adapted = rank1(*(networks[camera].describe_images(images[camera]) for camera in images))
    assert plain < 0.5
    assert adapted > 0.9


@pytest.fixture(scope="module")
def unit_describer(tmp_path_factory):
    """A random network with descriptors of length 1, which statistics centre."""
    config = ModelConfig(variant="baseline", appearance="resnet18", appearance_weights="none", unit_length=True)
    path = tmp_path_factory.mktemp("weights") / "unit.pt"
    save_model(AlignNet(config, 2, torch.Generator().manual_seed(0)), path, {"images": SIZES})
    return reid.load(path, "cpu")


def test_the_frame_descriptors_of_a_camera_are_centred(unit_describer, describer):
    images = [figure(number, 0, 1)[0] for number in range(FEWEST)]
    statistics = measured_by(unit_describer, {"a": images})
    assert statistics.centred and not measured_by(describer, {"a": images}).centred
    values = statistics.values["a"]
    plain = unit_describer.with_network(with_statistics(unit_describer.trained, without_mean(values)))
    roots = np.sqrt(plain.describe_images(images))  # descriptors are not negative
    np.testing.assert_allclose(roots.mean(0), values[FRAME_MEAN], atol=1e-5)
    centred = by_camera(unit_describer, statistics)[0]["a"]
    expected = roots - roots.mean(0)
    np.testing.assert_allclose(centred.describe_images(images), unit(expected), atol=1e-4)
    # A tracklet is the mean of its centred frames, in whatever chunks.
    np.testing.assert_allclose(centred.describe(images[:2]), unit(expected[:2].mean(0)), atol=1e-4)


def test_a_camera_without_statistics_is_centred_by_the_mean_of_the_others(unit_describer):
    images = [figure(number, 0, 1)[0] for number in range(FEWEST)]
    pale = [image // 2 + 90 for image in images]
    statistics = measured_by(unit_describer, {"a": images, "b": pale, "c": images[:3]})
    assert statistics.record()["too_few"] == {"c": 3} and statistics.record()["centred"]
    _, otherwise = by_camera(unit_describer, statistics)
    mean = (statistics.values["a"][FRAME_MEAN] + statistics.values["b"][FRAME_MEAN]).numpy() / 2
    expected = unit(np.sqrt(unit_describer.describe_images(images)) - mean)
    np.testing.assert_allclose(otherwise.describe_images(images), expected, atol=1e-4)
    alone = measured_by(unit_describer, {"c": images[:3]})
    assert by_camera(unit_describer, alone) == ({}, unit_describer)


def test_directions_between_cameras_are_shortened_for_every_camera(unit_describer, tmp_path):
    images = [figure(number, 0, 1)[0] for number in range(5 * FEWEST)]
    seen = {"a": images, "b": [image // 2 + 60 for image in images], "c": images[:3]}
    measured = measured_by(unit_describer, seen)
    assert set(measured.sample) == {"a", "b"} and measured.directions is None
    statistics = measured.with_directions()
    directions = statistics.directions
    assert not statistics.sample and statistics.record()["directions"] == len(directions) > 0
    assert f"{len(directions)} directions between cameras shortened" in statistics.in_words()
    assert statistics.sha256 != measured.sha256

    networks, otherwise = by_camera(unit_describer, statistics)
    plain, plain_otherwise = by_camera(unit_describer, measured)
    pairs = [(networks["a"], plain["a"]), (networks["b"], plain["b"]), (otherwise, plain_otherwise)]
    for short, long in pairs:
        expected = long.describe_images(images[:9])
        expected = unit(expected - (expected @ directions.numpy().T) @ directions.numpy())
        np.testing.assert_allclose(short.describe_images(images[:9]), expected, atol=1e-4)

    path = tmp_path / "F.cameras.safetensors"
    write_statistics(path, statistics, "")
    found = read_statistics(path, unit_describer.sha256)
    assert found.sha256 == statistics.sha256 and torch.equal(found.directions, directions)
    new = replace(measured_by(unit_describer, {"d": images[:FEWEST]}), directions=directions[:1])
    assert found.joined(new).directions is found.directions  # cameras that come later take on those of the first
    assert found.not_centred().directions is None
    with pytest.raises(UserError, match="frame_directions are of another network"):
        by_camera(unit_describer, replace(statistics, directions=directions[:, :5]))


def test_statistics_are_joined_and_lose_their_means(unit_describer):
    images = [figure(number, 0, 1)[0] for number in range(FEWEST)]
    first, second = (measured_by(unit_describer, {name: some}) for name, some in (("a", images), ("b", images[:3])))
    for both in (first.joined(second), second.joined(first)):
        assert both.centred and both.record()["images"] == {"a": FEWEST} and both.record()["too_few"] == {"b": 3}
    plain = first.not_centred()
    assert not plain.centred and FRAME_MEAN not in plain.values["a"] and len(plain.values["a"]) > 0


def test_the_mean_of_another_network_is_refused(unit_describer, describer):
    values = measured_by(unit_describer, {"a": [figure(number, 0, 1)[0] for number in range(FEWEST)]}).values["a"]
    with pytest.raises(UserError, match="frame_mean of a camera is of another network"):
        with_statistics(describer.trained, values)
    with pytest.raises(UserError, match="frame_mean of a camera is of another network"):
        with_statistics(unit_describer.trained, values | {FRAME_MEAN: torch.zeros(3)})


def test_rows_come_back_in_their_order(describer):
    images = [figure(number, 0, 1)[0] for number in range(7)]
    cameras = ["a", "b", "", "a", "c", "b", "a"]
    statistics = measured_by(describer, {"a": images * 20, "b": images[:3] * 30})
    networks, otherwise = by_camera(describer, statistics)

    def rows_of(network, some):
        return network.image_rows(some, 2, workers=0)

    found = np.concatenate(list(rows_by_camera(networks, otherwise, cameras, images, rows_of, window=3)))
    expected = [
        networks.get(camera, otherwise).describe_images([image])[0]
        for camera, image in zip(cameras, images, strict=True)
    ]
    assert np.abs(found - np.stack(expected)).max() <= 1e-5 * np.abs(expected).max()


def test_a_file_of_statistics_is_for_one_network_and_one_set_of_images(describer, tmp_path):
    images = [figure(number, 0, 1)[0] for number in range(FEWEST)]
    statistics = measured_by(describer, {"a/1": images, "ä": images[:5]})
    path = tmp_path / "F.cameras.safetensors"
    write_statistics(path, statistics, "these images")
    found = read_statistics(path, describer.sha256, "these images")
    assert (found.sha256, found.record()) == (statistics.sha256, statistics.record())
    assert found.record() == {"images": {"a/1": FEWEST}, "too_few": {"ä": 5}, "centred": False, "directions": 0}
    assert "fewer than 64 images, hence the statistics of the training: ä (5)" in found.in_words()
    assert read_statistics(path, describer.sha256, "others") is None
    with pytest.raises(UserError, match=r"F\.cameras\.safetensors: measured with another network than --weights"):
        read_statistics(path, "another")
    path.write_bytes(b"no safetensors")
    with pytest.raises(UserError, match="holds no camera statistics of reid extract --camera-norm"):
        read_statistics(path, describer.sha256)


def test_extract_measures_each_camera_and_says_so(market, weights, extracted, tmp_path):
    assert extract(market, weights, tmp_path / "plain.npz") == 0
    plain, found = content(tmp_path / "plain.npz"), content(extracted / "F.npz")
    assert (plain["camera_norm"].item(), found["camera_norm"].item()) == (False, True)
    moved = np.abs(found["features"] - plain["features"]).max(1) > 1e-3 * np.abs(plain["features"]).max()
    assert (moved == (found["cameras"] != 3)).all()  # the third camera has two images
    record = json.loads((extracted / "F.json").read_text())["camera_norm"]
    assert (record["images"], record["too_few"], record["rows_without"]) == ({"1": 80, "2": 80}, {"3": 2}, 2)
    assert json.loads((tmp_path / "plain.json").read_text())["camera_norm"] is None

    # The same statistics for an image alone, by the name of its camera.
    alone = tmp_path / "query" / "0002_c2s1_000051_01.jpg"
    alone.parent.mkdir()
    shutil.copy(market / alone.name, alone)
    statistics = extracted / "F.cameras.safetensors"
    assert extract(alone.parent, weights, tmp_path / "Q.npz", camera_statistics=statistics) == 0
    row = found["features"][found["paths"].tolist().index(alone.name)]
    assert np.abs(content(tmp_path / "Q.npz")["features"][0] - row).max() <= 1e-5 * np.abs(row).max()
    assert not (tmp_path / "Q.cameras.safetensors").exists()


def test_a_killed_extraction_goes_on_with_the_same_statistics(market, weights, extracted, tmp_path, capsys):
    out = tmp_path / "F.npz"
    code = f"""
import os, signal
from reid.inference import extraction
from reid.inference.partial_rows import PartialRows
extraction.WINDOW = 64
append = PartialRows.append
def append_and_die(self, rows):
    append(self, rows)
    os.kill(os.getpid(), signal.SIGKILL)
PartialRows.append = append_and_die
from reid.commands import PROGRAM
words = {["--weights", str(weights / "small.pt"), "--out", str(out), "--device", "cpu", "--camera-norm"]}
PROGRAM.run("extract", [{str(market)!r}, *words])
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    written = (tmp_path / "F.cameras.safetensors").stat().st_mtime_ns
    assert extract(market, weights, out, camera_norm=True) == 0
    printed = capsys.readouterr().out
    assert "camera statistics of 2 cameras, 160 images; fewer than 64 images, hence" in printed
    assert "continued after" in printed
    assert (tmp_path / "F.cameras.safetensors").stat().st_mtime_ns == written
    whole = content(extracted / "F.npz")["features"]
    assert np.abs(content(out)["features"] - whole).max() <= 1e-5 * np.abs(whole).max()


def test_a_batch_without_a_readable_image_is_one_line(describer, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    sound = [figure(number, 0, 1)[0] for number in range(FEWEST)]
    assert measured_by(describer, {"a": [*sound, broken]}).images == {"a": FEWEST + 1}
    with pytest.raises(UserError, match=r"none of 64 images of a camera can be read, such as .*broken.png"):
        measured_by(describer, {"a": [broken] * FEWEST})


def test_what_does_not_fit_is_one_line(market, weights, extracted, tmp_path, capsys):
    unknown = tmp_path / "images"
    unknown.mkdir()
    shutil.copy(market / "0002_c2s1_000051_01.jpg", unknown / "somebody.jpg")
    assert extract(unknown, weights, tmp_path / "F.npz", camera_norm=True) == 2
    assert "--camera-norm: the cameras are not known" in capsys.readouterr().err
    statistics = extracted / "F.cameras.safetensors"
    other = {"weights": weights / "other.pt", "camera_statistics": statistics}
    assert extract(market, weights, tmp_path / "G.npz", **other) == 2
    assert "measured with another network" in capsys.readouterr().err
    assert command("evaluate", flags({"features": extracted / "F.npz", "camera_norm": True})) == 2
    assert "--camera-norm needs --weights" in capsys.readouterr().err


def test_evaluate_measures_gallery_and_training_and_names_both(market, weights, tmp_path):
    words = {"dataset": "market", "root": market.parent, "weights": weights / "small.pt", "device": "cpu"}
    results = []
    for name, camera_norm in (("plain", False), ("cameras", True)):
        out = {"json": tmp_path / f"{name}.json"} | ({"camera_norm": True} if camera_norm else {})
        assert command("evaluate", flags({**words, **out})) == 0
        results.append(json.loads((tmp_path / f"{name}.json").read_text()))
    plain, adapted = results
    assert plain["camera_norm"] is None
    assert adapted["camera_norm"]["measured_on"].startswith("the gallery and the training tracklets")
    assert adapted["camera_norm"]["images"] == {"1": 80, "2": 80}
    assert plain["per_split"][0]["features"]["fingerprint"] != adapted["per_split"][0]["features"]["fingerprint"]
    rows = [np.load(each["per_split"][0]["features"]["file"]) for each in results]
    assert np.abs(rows[0] - rows[1]).max() > 1e-3 * np.abs(rows[0]).max()
