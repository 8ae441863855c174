"""Maps of a frozen pose net: what the net says, once for every frame, in memory or on the disk."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from alignnet_common.errors import UserError
from reid.configs.groups.training import TrainConfig
from reid.data.datasets.synthetic import read_clips
from reid.data.loading.batch import Batch
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import ReidData
from reid.training.batches import training_batches
from reid.training.objective import AlignNetLoss
from reid.training.pose_cache import check_maps_fit, frozen_maps
from reid.training.setup import build_model
from reid_folders import write_rendered

CPU = torch.device("cpu")
CONFIG = TrainConfig(
    appearance="resnet18",
    appearance_weights="none",
    pose_stages=1,
    pose_width=0.1,
    tap_channels=8,
    height=60,
    width=36,
    lr_pose=0.0,
    flip=0.0,
    shift=0,
    chunk=3,
    overlap=1,
    ids_per_batch=2,
    chunks_per_id=2,
)


@pytest.fixture
def clips(tmp_path):
    write_rendered(tmp_path / "set", persons=2, frames=5)
    return read_clips(tmp_path / "set")


def store_of(clips):
    return FrameStore([path for clip in clips for path in clip.frames], CONFIG.height, CONFIG.width, 1.0)


def test_they_are_what_the_net_says(clips, tmp_path):
    model, store = build_model(CONFIG, 2), store_of(clips)
    for config in (CONFIG, replace(CONFIG, cache=tmp_path / "cache")):
        found = frozen_maps(model, clips, store, config, CPU).read(clips[1].frames[1:4])
        assert found.shape == (3, 57, 8, 5)
        with torch.no_grad():
            images = torch.from_numpy(store.read(clips[1].frames[1:4])[0]).permute(0, 3, 1, 2)[None].float() / 255
            said = model(images, torch.ones(1, 3, dtype=torch.bool)).pose.last
        assert torch.from_numpy(found).float() == pytest.approx(said, abs=1e-2)


def test_on_the_disk_they_are_computed_once_for_the_same_weights(clips, tmp_path):
    config, store = replace(CONFIG, cache=tmp_path / "cache"), store_of(clips)
    model = build_model(CONFIG, 2)

    def files():
        return {path: path.stat().st_mtime_ns for path in config.cache.rglob("*") if path.is_file()}

    first = frozen_maps(model, clips, store, config, CPU).read(clips[0].frames)
    written = files()
    assert (frozen_maps(model, clips, store, config, CPU).read(clips[0].frames) == first).all()
    assert files() == written
    frozen_maps(model, clips, store, replace(config, precision="bfloat16"), CPU)  # another precision: maps of their own
    assert len(files()) == 2 * len(written)
    other = build_model(replace(CONFIG, seed=1), 2)
    assert (frozen_maps(other, clips, store, config, CPU).read(clips[0].frames) != first).any()
    assert len(files()) == 3 * len(written)
    assert written.items() <= files().items()


def test_of_enlarged_frames_they_are_finer_and_others(clips, tmp_path):
    config = replace(CONFIG, height=64, width=32, pose_scale=2.0, cache=tmp_path / "cache")
    store = FrameStore(clips[0].frames, config.height, config.width, 1.0)
    model = build_model(config, 2)
    found = frozen_maps(model, clips[:1], store, config, CPU).read(clips[0].frames)
    assert found.shape == (5, 57, 16, 8)
    plain = frozen_maps(model, clips[:1], store, replace(config, pose_scale=1.0), CPU).read(clips[0].frames)
    assert plain.shape == (5, 57, 8, 4)
    with torch.no_grad():
        images = torch.from_numpy(store.read(clips[0].frames)[0]).permute(0, 3, 1, 2)[None].float() / 255
        said = model(images, torch.ones(1, 5, dtype=torch.bool)).pose.last
    assert torch.from_numpy(found).float() == pytest.approx(said, abs=1e-2)


def test_a_step_with_them_is_the_step_of_the_frozen_net(clips):
    data = ReidData("set", clips[0].frames[0].parent, clips, (), (), "none", "all")
    losses = []
    for cached in (False, True):
        model, batches = build_model(CONFIG, 2), training_batches(CONFIG, data)
        if cached:
            batches.dataset.maps = frozen_maps(model, clips, batches.store, CONFIG, CPU)
        items = [batches.dataset[draw] for draw in batches.sampler.epoch(0)[0]]
        batch = batches.prepare(Batch.collate(items), model, CPU)
        found = AlignNetLoss(model.train(), CONFIG)(batch)
        losses.append([float(found[name].detach()) for name in ("identity", "ranking")])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_maps_that_do_not_fit_in_memory(clips):
    with pytest.raises(UserError, match="do not fit --cache-gib 1e-06: name a --cache folder"):
        check_maps_fit(clips, replace(CONFIG, cache_gib=1e-6))
    check_maps_fit(clips, CONFIG)
    check_maps_fit(clips, replace(CONFIG, cache_gib=1e-6, cache=Path("somewhere")))
