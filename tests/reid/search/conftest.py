"""Tracklets of the sample's people, a small network, and an index of them."""

import shutil

import pytest
import torch

from alignnet_common.files import asset
from reid.configs.groups.model import ModelConfig
from reid.configs.video.index import IndexConfig
from reid.index.run import index
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A model file of a small network with random weights."""
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    network = ModelConfig("baseline", appearance="mobilenetv2_035", appearance_weights="none", unit_length=True)
    save_model(
        AlignNet(network, 0, torch.Generator().manual_seed(1)),
        path,
        {"images": {"height": 64, "width": 32, "chunk": 2}},
    )
    return path


@pytest.fixture(scope="session")
def tracks(tmp_path_factory):
    """camera/track/frames: the 48 clips of the sample, with a table of times: a clip a second, in each camera."""
    root = tmp_path_factory.mktemp("searched") / "tracks"
    lines = ["camera,track,frame,time,x,y,w,h,score,path"]
    for camera in ("cam_a", "cam_b"):
        for number, person in enumerate(sorted((asset("sample/multi_shot") / camera).iterdir())):
            track = f"{number + 1:04d}"
            for frame, picture in enumerate(sorted(person.glob("*.png")), 1):
                target = root / camera / track / f"{frame:06d}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(picture, target)
                lines.append(
                    f"{camera},{track},{frame},{number + frame / 10},0,0,64,128,1,{camera}/{track}/{target.name}"
                )
    (root / "tracks.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="session")
def indexed(tracks, weights, tmp_path_factory):
    """The folder of an index of the tracklets."""
    folder = tmp_path_factory.mktemp("indexed") / "index"
    index(IndexConfig([tracks], folder, str(weights)))
    return folder
