"""Detectors by their names: torchvision's with random weights in a file, OpenCV's HOG, and what is missing."""

import json
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision import models

from alignnet_common.errors import UserError
from reid.configs.video.tracks import TracksConfig
from reid.tracks.detectors import hog
from reid.tracks.detectors.choice import detector_of
from reid.tracks.detectors.hog import without_margins
from reid.tracks.detectors.torchvision_models import persons

CPU = torch.device("cpu")
MODEL = "ssdlite320_mobilenet_v3_large"
RCNN = "fasterrcnn_mobilenet_v3_large_320_fpn"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Files of random weights of two models, biased to persons: else no score would be high enough."""
    found = {}
    for name in (MODEL, RCNN):
        torch.manual_seed(0)
        found[name] = tmp_path_factory.mktemp("weights") / f"{name}.pth"
        state = models.get_model(name, weights=None, weights_backbone=None).state_dict()
        for key, values in state.items():
            if key.endswith("bias") and ("cls_score" in key or "classification_head" in key) and len(values) % 91 == 0:
                values.view(-1, 91)[:, 1] += 4
        torch.save(state, found[name])
    return found


@pytest.mark.parametrize(("name", "size"), [(MODEL, 320), (RCNN, 256)])
def test_a_model_of_torchvision_gives_what_torchvision_gives(weights, name, size):
    images = list(np.random.default_rng(0).integers(0, 256, (2, 96, 128, 3), np.uint8))
    found = detector_of(f"torchvision:{name}", weights[name], size, 0.005, CPU).detect(images)
    network = models.get_model(name, weights=None, weights_backbone=None)
    if name == RCNN:
        network = models.get_model(name, weights=None, weights_backbone=None, min_size=size, max_size=size)
    network.load_state_dict(torch.load(weights[name], weights_only=True))
    tensors = [torch.from_numpy(image).permute(2, 0, 1).float() / 255 for image in images]
    with torch.inference_mode():
        expected = network.eval()(tensors)
    assert len(found) == 2 and all(len(own.scores) > 0 for own in found)
    for own, other in zip(found, expected, strict=True):
        kept = (other["labels"] == 1) & (other["scores"] > 0.005)
        assert own.sides.shape == (int(kept.sum()), 4)
        assert np.array_equal(own.sides, other["boxes"][kept].numpy())
        assert np.array_equal(own.scores, other["scores"][kept].numpy())


def test_tracks_by_a_model_of_torchvision_record_it(weights, tmp_path):
    av = pytest.importorskip("av")
    pytest.importorskip("norfair")
    from reid.tracks.run import tracks

    rng = np.random.default_rng(0)
    with av.open(str(tmp_path / "yard.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuv420p"
        image = rng.integers(0, 256, (128, 160, 3), np.uint8)
        for _ in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    options = {"detector": f"torchvision:{MODEL}", "detector_weights": weights[MODEL], "min_frames": 1}
    tracks(TracksConfig([tmp_path / "yard.avi"], tmp_path / "tracks", **options))
    record = json.loads((tmp_path / "tracks/result.json").read_text())["cameras"]["yard"]
    assert record["boxes"] > 0 and record["frames"] == 4
    assert record["options"]["detector"] == f"torchvision:{MODEL}"
    with pytest.raises(UserError, match="was made with detector torchvision"):
        tracks(TracksConfig([tmp_path / "yard.avi"], tmp_path / "tracks", detector="hog", min_frames=1))


def test_persons_are_class_1_above_the_threshold():
    found = {
        "boxes": torch.arange(16.0).reshape(4, 4),
        "labels": torch.tensor([1, 2, 1, 1]),
        "scores": torch.tensor([0.9, 0.9, 0.2, 0.5]),
    }
    kept = persons(found, 0.25)
    assert kept.sides.tolist() == [[0, 1, 2, 3], [12, 13, 14, 15]]
    assert kept.scores == pytest.approx([0.9, 0.5])


@pytest.mark.parametrize("content", [None, b"", b"no weights", "other"])
def test_weights_that_do_not_fit_are_one_line(weights, tmp_path, content):
    path = weights[RCNN] if content == "other" else tmp_path / "w.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    message = "no such file" if content is None else f"not the weights of torchvision's {MODEL}"
    with pytest.raises(UserError, match=message) as line:
        detector_of(f"torchvision:{MODEL}", path, 320, 0.5, CPU)
    assert len(str(line.value).splitlines()) == 1


def test_names_and_weights_that_are_not_there_are_one_line(monkeypatch, tmp_path):
    with pytest.raises(UserError, match="resnet50: torchvision has fasterrcnn_mobilenet_v3_large_320_fpn, "):
        detector_of("torchvision:resnet50", None, 320, 0.5, CPU)

    def no_network(*words, **options):
        raise URLError("no network")

    monkeypatch.setattr("torch.hub.urlopen", no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"cannot be downloaded .*no network.*: bring https://\S+\.pth here, and name"):
        detector_of(f"torchvision:{MODEL}", None, 320, 0.5, CPU)
    with pytest.raises(UserError, match="--precision bfloat16: --detector hog computes with float32 alone"):
        detector_of("hog", None, 320, 0.5, CPU, "bfloat16")
    with pytest.raises(UserError, match="--engine onnxruntime: of the default detector alone, not of hog"):
        detector_of("hog", None, 320, 0.5, CPU, engine="onnxruntime")
    with pytest.raises(ValueError, match="--detector-weights belongs to --detector torchvision:MODEL"):
        TracksConfig([Path("a.mp4")], detector="hog", detector_weights=Path("w.pth"))
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match="--detector hog needs OpenCV: pip install opencv-python-headless"):
        detector_of("hog", None, 320, 0.5, CPU)


def test_hog_leaves_out_the_margins_of_its_windows(monkeypatch):
    monkeypatch.setattr(hog, "MARGINS", (0.25, 0.125))
    assert without_margins(np.array([[10.0, 20, 64, 128]])).tolist() == [[26, 36, 58, 132]]


def test_hog_finds_nobody_in_noise_and_takes_small_images():
    pytest.importorskip("cv2")
    detect = detector_of("hog", None, 128, 0.5, CPU).detect
    found = detect(list(np.random.default_rng(0).integers(0, 256, (3, 60, 40, 3), np.uint8)))
    assert [each.sides.shape for each in found] == [(0, 4)] * 3
