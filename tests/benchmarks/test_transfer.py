"""The benchmark of direct transfer: batches, augmentation, ranking, and a small run."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image

import reid
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from alignnet_common.set_format import annotation_file, clip_name
from benchmarks import transfer
from benchmarks.transfer import colours, noise, run
from reid.metrics.labels import Labels
from reid.metrics.ranking import evaluate_protocol
from reid.models.checkpoint import save_model
from reid_folders import write_market, write_rendered
from small_networks import IMAGES, small_network
from synth.cameras.colour import cielab, srgb_decode


def crops(people=14, cameras=2, each=3):
    """Images of one colour that encodes person, camera and number: (person, 10 * camera + number, 0)."""
    rows = [(p, c, n) for p in range(people) for c in range(cameras) for n in range(each)]
    pixels = torch.zeros(len(rows), 3, transfer.HEIGHT, transfer.WIDTH, dtype=torch.uint8)
    for row, (person, camera, number) in enumerate(rows):
        pixels[row, 0], pixels[row, 1] = person, 10 * camera + number
    return transfer.Images(pixels, np.array([r[0] for r in rows]), np.array([r[1] for r in rows]))


def test_a_batch_holds_every_person_by_both_cameras_alike():
    source = crops()
    batch = transfer.draw_batch(source, np.random.default_rng(0)).numpy()
    assert len(batch) == transfer.PEOPLE * transfer.IMAGES
    pids, counts = np.unique(source.pids[batch], return_counts=True)
    assert len(pids) == transfer.PEOPLE
    assert (counts == transfer.IMAGES).all()
    assert (np.bincount(source.cameras[batch]) == len(batch) / 2).all()
    assert len(np.unique(batch)) == len(batch)


def test_augmentation_flips_shifts_and_erases_some_and_follows_the_generator():
    picture = torch.rand(1, 3, transfer.HEIGHT, transfer.WIDTH, generator=torch.Generator().manual_seed(0))
    many = picture.expand(64, -1, -1, -1)
    first, same, other = (transfer.augmented(many, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    erased = (first == torch.tensor(transfer.MEAN)[:, None, None]).all(1).flatten(1).float().mean(1)
    assert 0.3 < (erased > 0.01).float().mean() < 0.7
    assert erased.max() < 0.45
    flipped = torch.stack([transfer.augmented(picture, np.random.default_rng(seed))[0] for seed in range(30)])
    ramp = torch.linspace(0, 1, transfer.WIDTH).expand(1, 3, transfer.HEIGHT, transfer.WIDTH)
    slopes = [
        float((crop := transfer.augmented(ramp, np.random.default_rng(seed)))[0, 0, 60, 40] - crop[0, 0, 60, 20])
        for seed in range(30)
    ]
    assert 5 < sum(slope < 0 for slope in slopes) < 25
    assert len({float(each[0, 64, 32]) for each in flipped}) > 20


class Looker(torch.nn.Module):
    """A network whose feature is a one-hot vector of the image's red value."""

    def forward(self, pixels):
        person = (255 * pixels[:, 0, 0, 0]).round().long()
        found = torch.nn.functional.one_hot(person, 20).float()
        return found, found


def test_ranking_finds_the_same_person_by_another_camera():
    source = crops()
    found = transfer.rank(Looker(), source, source, torch.device("cpu"))
    assert found == {"rank1": 100.0, "mAP": 100.0}


def test_a_whole_run_learns_and_writes_its_result(rendered, tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs pip install '.[benchmarks]'")
    market, out = write_market(tmp_path / "market", persons=5), tmp_path / "transfer.json"
    config = transfer.TransferConfig(market=market, data=rendered.out, json=out, ids=4, steps=3)
    transfer.transfer(config, people=4)
    result = json.loads(out.read_text())
    assert result["trained_on"].startswith("4 identities")
    assert 0 <= result["trained"]["rank1"] <= 100
    assert result["loss"]["identity"] > 0


class Linear(torch.nn.Module):
    """One linear layer on an image of 4x2 pixels, in place of the network of PyPI."""

    def __init__(self, classes, start):
        super().__init__()
        self.layer = torch.nn.Linear(24, 8)
        self.classifier = torch.nn.Linear(8, classes)

    def forward(self, pixels):
        found = self.layer(torch.nn.functional.adaptive_avg_pool2d(pixels, (4, 2)).flatten(1))
        return found, found


def test_a_training_is_tested_on_some_of_the_identities(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "Network", Linear)
    monkeypatch.setattr(run, "version", lambda name: "any")
    market, rendered = write_market(tmp_path / "market", persons=5), write_rendered(tmp_path / "set", 4, 2)
    options = {"ids": 4, "steps": 2, "new_place": 0.5, "test_ids": 3}
    config = transfer.TransferConfig(market=market, data=rendered, json=tmp_path / "out.json", **options)
    transfer.transfer(config, people=4)
    result = json.loads(config.json.read_text())
    assert result["trained_on"] == "4 identities, 16 rendered images"
    assert (
        result["tested_on"]
        == "Market-1501, training half: 3 identities, evenly spread over all (--test-ids), 6 queries"
    )
    assert result["trained"]["mAP"] > 0
    assert result["untrained"].keys() == result["trained"].keys() == {"rank1", "mAP"}
    assert result["loss"]["identity"] > 0


def test_test_identities_of_a_rendered_set_are_not_trained_on(rendered, tmp_path):
    config = transfer.TransferConfig(test=rendered.out, data=rendered.out, ids=1, json=tmp_path / "out.json")
    query, gallery = transfer.tested_images(config)
    assert 1 not in query.pids
    assert set(query.pids) == set(gallery.pids)
    assert set(query.cameras) & set(gallery.cameras) == set()
    with pytest.raises(UserError, match="lower --ids"):
        transfer.tested_images(dataclasses.replace(config, ids=1000))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small network that records a training on persons 3 and 4 of Market-1501."""
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    trainings = [{"name": "Market-1501 (tracklets)", "fingerprint": "", "split": "", "pids": [3, 4]}]
    save_model(small_network("baseline"), path, {"images": IMAGES, "trained_on": trainings})
    return path


def test_the_same_test_is_ranked_by_a_network_of_reid(trained, tmp_path, capsys):
    market = write_market(tmp_path / "market", persons=7)
    config = transfer.TransferConfig(market=market, weights=str(trained), test_ids=4, json=tmp_path / "out.json")
    transfer.transfer(config)
    result = json.loads(config.json.read_text())
    assert (
        result["tested_on"]
        == "Market-1501, training half: 4 identities, evenly spread over all (--test-ids), 8 queries"
    )
    assert result["model"] == {"name": str(trained), "file": str(trained), "sha256": sha256_of_file(trained)}
    # Persons 2, 4, 6 and 8 are tested, and 3 is not.
    assert result["trained_on_tested"] == 1
    assert "trained on 1 of the identities" in capsys.readouterr().out
    images = {pid: sorted(market.rglob(f"{pid:04d}_*.jpg")) for pid in (2, 4, 6, 8)}
    files = [file for some in images.values() for file in some]
    pids, cameras = np.repeat(list(images), 4), np.tile([1, 1, 2, 2], 4)
    for flip_test in (False, True):
        features = reid.load(trained, flip_test=flip_test).describe_images(files)
        distances = np.linalg.norm(features[::2, None] - features[None], axis=2)
        expected = evaluate_protocol(distances, Labels(pids[::2], cameras[::2]), Labels(pids, cameras))
        transfer.transfer(dataclasses.replace(config, flip_test=flip_test))
        found = json.loads(config.json.read_text())["trained"]
        assert found == {"rank1": round(100 * expected.rank1, 2), "mAP": round(100 * expected.mAP, 2)}


def test_rendered_people_are_ranked_by_a_network_of_reid(trained, tmp_path):
    rendered = write_rendered(tmp_path / "set", persons=5, frames=2)
    config = transfer.TransferConfig(test=rendered, ids=2, weights=str(trained), json=tmp_path / "out.json")
    transfer.transfer(config)
    result = json.loads(config.json.read_text())
    assert result["tested_on"] == f"{rendered}: 3 identities, 6 queries"
    assert result["trained_on_tested"] == 0
    with pytest.raises(UserError, match="--test-ids 4: there are 3 identities to test on"):
        transfer.transfer(dataclasses.replace(config, test_ids=4))


def test_flipped_images_need_a_network_to_rank_with(tmp_path):
    with pytest.raises(ValueError, match="--flip-test: needs --weights"):
        transfer.TransferConfig(market=tmp_path, flip_test=True)
    with pytest.raises(ValueError, match="--test-ids 1: must be 0 or at least 2"):
        transfer.TransferConfig(market=tmp_path, test_ids=1)


def test_exactly_one_test_set_is_required(tmp_path):
    for both in ({}, {"market": tmp_path, "test": tmp_path}):
        with pytest.raises(ValueError, match="--market or --test"):
            transfer.TransferConfig(**both)


def test_image_noise_is_measured_by_brightness_and_frequency(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for name, spread in (("clean", 0.0), ("noisy", 6.0)):
        folder = tmp_path / name / "person"
        folder.mkdir(parents=True)
        for number, level in enumerate((80, 200)):
            ramp = np.full((128, 64), level) + np.linspace(-10, 10, 64)
            pixels = (ramp + spread * rng.normal(size=ramp.shape)).round().clip(0, 255).astype(np.uint8)
            Image.fromarray(np.stack([pixels] * 3, axis=2)).save(folder / f"{number}.png")
    config = noise.NoiseConfig(images=[tmp_path / "clean", tmp_path / "noisy"], json=tmp_path / "out.json")
    noise.measure(config)
    found = json.loads(config.json.read_text())
    clean, noisy = found[str(tmp_path / "clean")], found[str(tmp_path / "noisy")]
    assert clean["noise"][0] is None
    assert clean["noise"][1] < 0.6  # of rounding
    assert noisy["noise"][1] == pytest.approx(6, abs=0.3)
    assert noisy["noise"][3] == pytest.approx(6, abs=0.3)
    assert noisy["decibels"][3] - clean["decibels"][3] > 15
    # Independent noise has the same power at all frequencies.
    assert noisy["decibels"][3] == pytest.approx(10 * np.log10(36), abs=0.5)
    assert "| noise at 50–99 |" in capsys.readouterr().out
    with pytest.raises(UserError, match="no image there"):
        noise.noise_of_set(tmp_path / "none", 1)


def test_colours_between_persons_and_within_a_person(tmp_path, capsys):
    root = tmp_path / "bounding_box_train"
    root.mkdir()
    # Two persons in grey: one is darker, and both are darker by camera 2; the legs of the second are red.
    for person, camera, level in ((1, 1, 120), (1, 2, 100), (2, 1, 200), (2, 2, 180)):
        pixels = np.full((128, 64, 3), level, np.uint8)
        if person == 2:
            pixels[64:] = (200, 30, 30)
        Image.fromarray(pixels).save(root / f"{person:04d}_c{camera}s1_000001_01.jpg", quality=100, subsampling=0)
    config = colours.ColoursConfig(market=tmp_path, json=tmp_path / "out.json")
    colours.measure(config)
    found = json.loads(config.json.read_text())["Market-1501, training half"]
    assert found["persons"] == 2 and found["views"] == 4
    trunk, legs = found["colours"]["trunk, L*"], found["colours"]["legs, a*"]
    light = {level: float(cielab(srgb_decode(np.full(3, level / 255)))[0]) for level in (100, 120, 180, 200)}
    means = [(light[120] + light[100]) / 2, (light[200] + light[180]) / 2]
    assert trunk["between"] == pytest.approx(np.std(means, ddof=1), abs=0.2)
    assert trunk["within"] == pytest.approx(
        np.sqrt(((light[120] - light[100]) ** 2 + (light[200] - light[180]) ** 2) / 4), abs=0.2
    )
    assert legs["between"] > 40 and legs["within"] < 0.5
    assert "| trunk, L* |" in capsys.readouterr().out
    (root / "0002_c2s1_000001_01.jpg").unlink()
    with pytest.raises(UserError, match="1 persons with two views"):
        colours.measure(config)


def test_views_of_a_rendered_set_are_its_sightings(tmp_path):
    root = write_rendered(tmp_path / "set", persons=1, frames=4)
    for camera, sightings in (("cam_a", [0, 0, 1, 1]), ("cam_b", [0] * 4)):
        file = annotation_file(root, clip_name(camera, 1))
        with np.load(file) as arrays:
            known = dict(arrays)
        np.savez_compressed(file, **known, sighting=np.array(sightings), outfit=np.zeros(4, np.int64))
    views = {key: len(files) for key, files in colours.views_of_rendered(root).items()}
    assert views == {(1, 0, 0): 2, (1, 0, 1): 2, (1, 1, 0): 4}
