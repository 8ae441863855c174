"""The benchmark of direct transfer: batches, augmentation, ranking, and a small run."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from alignnet_common.errors import UserError
from benchmarks import transfer
from reid_folders import write_market


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


def test_test_identities_of_a_rendered_set_are_not_trained_on(rendered, tmp_path):
    config = transfer.TransferConfig(test=rendered.out, data=rendered.out, ids=1, json=tmp_path / "out.json")
    query, gallery = transfer.tested_images(config)
    assert 1 not in query.pids
    assert set(query.pids) == set(gallery.pids)
    assert set(query.cameras) & set(gallery.cameras) == set()
    with pytest.raises(UserError, match="lower --ids"):
        transfer.tested_images(dataclasses.replace(config, ids=1000))


def test_exactly_one_test_set_is_required(tmp_path):
    for both in ({}, {"market": tmp_path, "test": tmp_path}):
        with pytest.raises(ValueError, match="--market or --test"):
            transfer.TransferConfig(**both)
