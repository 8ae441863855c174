"""ReIDEncoder: boxes of a frame described as trackers ask for them, equal to the descriptors of the crops."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import reid
from alignnet_common.errors import UserError
from reid.configs.groups.model import ModelConfig
from reid.evaluation.camera_statistics import write_statistics
from reid.inference.camera_norm import measured_by
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model

HEIGHT, WIDTH = 120, 160


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    config = ModelConfig(
        variant="baseline", appearance="resnet18", appearance_weights="none", pose_stages=1, pose_width=0.125
    )
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("run")
    save_model(AlignNet(config, 3), folder / "model.pt", {"images": {"height": 48, "width": 32, "chunk": 3}})
    return folder


@pytest.fixture(scope="module")
def encoder(run):
    return reid.ReIDEncoder(run, "cpu")


@pytest.fixture(scope="module")
def frame():
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


class BoxmotTracker:
    """What boxmot 25.0.0 does with `reid_model` in trackers/common/appearance/live.py."""

    def __init__(self, reid_model):
        if not callable(getattr(reid_model, "get_features", None)):
            raise TypeError
        self.model = reid_model

    def features(self, geometry, image):
        found = np.asarray(self.model.get_features(geometry, image), np.float32)
        assert found.ndim == 2 and len(found) == len(geometry) and found.shape[1] > 0 and np.isfinite(found).all()
        assert (np.linalg.norm(found.astype(np.float64), axis=1) > 1e-12).all()
        return found


class TrackersTracker:
    """What roboflow's trackers do with `reid_model` in core/botsort/appearance.py, commit 5b8ee85f."""

    def __init__(self, reid_model):
        self.model = reid_model

    def features(self, boxes, frame):
        found = np.asarray(self.model.extract_features(SimpleNamespace(xyxy=boxes), frame), np.float32)
        assert found.ndim == 2 and np.isfinite(found).all() and len(found) == len(boxes)
        return found


@pytest.mark.parametrize("tracker", [BoxmotTracker, TrackersTracker])
def test_a_tracker_gets_the_unit_descriptors_of_the_crops(encoder, frame, tracker):
    boxes = np.array([[10.2, 5, 40, 90], [100, 20, 150, 119.6]], np.float32)
    found = tracker(encoder).features(boxes, frame)
    assert found.dtype == np.float32 and found.shape == (2, encoder.embedding_dim)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    rgb = np.ascontiguousarray(frame[..., ::-1])
    crops = [rgb[5:90, 10:40], rgb[20:120, 100:150]]
    expected = encoder.describer.describe_images(crops)
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_frames_are_bgr_unless_said_otherwise(run, encoder, frame):
    boxes = np.array([[10, 5, 40, 90]])
    rgb = reid.ReIDEncoder(encoder.describer, bgr=False)
    np.testing.assert_allclose(rgb.get_features(boxes, frame[..., ::-1]), encoder.get_features(boxes, frame), atol=1e-6)
    assert np.abs(rgb.get_features(boxes, frame) - encoder.get_features(boxes, frame)).max() > 1e-3


def test_no_boxes_are_no_rows(encoder, frame):
    for boxes in (np.zeros((0, 4)), np.zeros(0), []):
        assert encoder.get_features(boxes, frame).shape == (0, encoder.embedding_dim)


def test_boxes_are_clipped_to_the_frame_and_have_a_pixel_at_least(encoder, frame):
    boxes = [[-50, -50, 30, 40], [500, 500, 600, 600], [20, 20, 20, 20], [80, 60, 10, 10], [-30, -30, -20, -20]]
    found = encoder.get_features(boxes, frame)
    assert found.shape[0] == 5 and np.isfinite(found).all()
    np.testing.assert_allclose(found[:1], encoder.get_features([[0, 0, 30, 40]], frame), atol=1e-6)
    np.testing.assert_allclose(found[1:2], encoder.get_features([[159, 119, 160, 120]], frame), atol=1e-6)


@pytest.mark.parametrize(
    ("boxes", "image", "message"),
    [
        ([[1, 2, 3, 4, 0.5]], np.zeros((9, 9, 3), np.uint8), r"boxes must be \(N, 4\)"),
        ([1, 2, 3, 4], np.zeros((9, 9, 3), np.uint8), r"boxes must be \(N, 4\)"),
        ([[1, 2, np.nan, 4]], np.zeros((9, 9, 3), np.uint8), "finite"),
        ([[1, 2, 3, 4]], np.zeros((9, 9, 3), np.float32), "a frame must be"),
        ([[1, 2, 3, 4]], np.zeros((9, 9), np.uint8), "a frame must be"),
        ([[1, 2, 3, 4]], np.zeros((0, 9, 3), np.uint8), "a frame must be"),
    ],
)
def test_other_boxes_and_frames_are_refused(encoder, boxes, image, message):
    with pytest.raises(ValueError, match=message):
        encoder.get_features(boxes, image)


def test_files_with_and_without_their_lengths(encoder, frame, tmp_path):
    paths = []
    for number, side in enumerate((40, 60)):
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(frame[:side, :side]).save(paths[-1])
    plain = encoder.extract_features_from_paths(paths, batch_size=1, normalize=False)
    np.testing.assert_allclose(plain, encoder.describer.describe_images(paths), atol=1e-4)
    unit = encoder.extract_features_from_paths(paths)
    np.testing.assert_allclose(unit * np.linalg.norm(plain, axis=1, keepdims=True), plain, rtol=1e-4, atol=1e-5)


def test_the_statistics_of_a_camera_change_the_descriptors(run, encoder, frame, tmp_path):
    dark = [np.full((48, 32, 3), level, np.uint8) for level in range(64)]
    write_statistics(
        tmp_path / "cameras.safetensors", measured_by(encoder.describer, {"yard": dark, "gate": dark[:3]}), ""
    )
    boxes = [[10, 5, 40, 90]]
    options = {"statistics": tmp_path / "cameras.safetensors"}
    yard = reid.ReIDEncoder(run, "cpu", camera="yard", **options)
    assert np.abs(yard.get_features(boxes, frame) - encoder.get_features(boxes, frame)).max() > 1e-3
    gate = reid.ReIDEncoder(run, "cpu", camera="gate", **options)  # too few images: those of the training
    np.testing.assert_allclose(gate.get_features(boxes, frame), encoder.get_features(boxes, frame), atol=1e-5)
    with pytest.raises(UserError, match=r"has no camera roof \(cameras: gate, yard\)"):
        reid.ReIDEncoder(run, "cpu", camera="roof", **options)
    with pytest.raises(UserError, match="no such file"):
        reid.ReIDEncoder(run, "cpu", camera="yard", statistics=tmp_path / "none")
