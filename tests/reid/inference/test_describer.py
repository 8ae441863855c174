"""reid.load: descriptors of images and tracklets in every form, equal to those of an evaluation."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import reid
from alignnet_common.errors import UserError
from alignnet_common.files import PROJECT_ROOT, sha256_of_file
from reid.configs.groups.model import ModelConfig
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.types import Tracklet
from reid.evaluation.descriptors import tracklet_descriptors
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_model, save_model
from reid.runtime.memory import MemoryShortError
from reid_folders import figure

CPU = torch.device("cpu")
IMAGES = {"height": 48, "width": 32, "chunk": 3}


def random_network(variant="baseline"):
    """A small network whose batch norms are not those of an untrained one."""
    config = ModelConfig(
        variant=variant, appearance="resnet18", appearance_weights="none", pose_stages=1, pose_width=0.125
    )
    model = AlignNet(config, 3)
    generator = torch.Generator().manual_seed(1)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            for values, low, high in ((layer.running_mean, -0.5, 0.5), (layer.running_var, 0.5, 2), (layer.bias, 0, 1)):
                values.data.uniform_(low, high, generator=generator)
    return model


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    save_model(random_network(), folder / "model.pt", {"images": IMAGES})
    return folder


@pytest.fixture(scope="module")
def network(run):
    return reid.load(run, "cpu")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Seven images, of the input's size and of others, in a folder of their own."""
    folder = tmp_path_factory.mktemp("frames")
    paths = []
    for number, size in enumerate([(64, 128), (32, 48), (30, 100), (64, 128), (80, 90), (32, 48), (11, 13)]):
        paths.append(folder / f"{number}.png")
        Image.fromarray(figure(number, 0, number)[0]).resize(size).save(paths[-1])
    return paths


def by_evaluation(run, tracklets):
    """Descriptors as reid evaluate computes them, with the network as it is in the file."""
    model, _ = load_model(run / "model.pt")
    store = FrameStore((), IMAGES["height"], IMAGES["width"], 0)
    named = [Tracklet(1, 0, tuple(frames)) for frames in tracklets]
    return tracklet_descriptors(model, named, store, IMAGES["chunk"], CPU)


def close(found, expected):
    return np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_what_a_network_says_of_itself(network, run):
    assert network.input_size == (48, 32)
    assert network.chunk == 3
    assert network.descriptor_size == 512
    assert network.name == str(run)
    assert network.sha256 == sha256_of_file(run / "model.pt")
    assert "48x32 pixels, 512 numbers, cpu" in repr(network)


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_images_have_the_descriptors_of_an_evaluation(network, run, files, batch_size):
    found = network.describe_images(files, batch_size)
    assert found.dtype == np.float32
    assert found.shape == (7, 512)
    assert close(found, by_evaluation(run, [[path] for path in files]))
    assert np.abs(found[0] - found[1]).max() > 1e-3 * np.abs(found).max()


def test_images_in_every_form_have_the_same_descriptors(network, files):
    expected = network.describe_images(files)
    arrays = [np.asarray(Image.open(path)) for path in files]
    mixed = [str(files[0]), arrays[1], Image.open(files[2]), *files[3:]]
    assert (network.describe_images(arrays) == expected).all()
    assert (network.describe_images(mixed) == expected).all()
    same_size = np.stack([arrays[0], arrays[3]])
    tensor = torch.from_numpy(same_size).permute(0, 3, 1, 2)
    for images in (same_size, tensor, tensor.float() / 255, tensor.double() / 255):
        assert close(network.describe_images(images), expected[[0, 3]])
    assert network.describe_images([]).shape == (0, 512)


def test_tracklets_in_every_form_have_the_descriptor_of_an_evaluation(network, run, files):
    expected = by_evaluation(run, [files, files[:2]])
    arrays = [np.asarray(Image.open(path)) for path in files]
    for tracklet in (files, files[0].parent, str(files[0].parent), Tracklet(1, 0, tuple(files)), arrays):
        found = network.describe(tracklet)
        assert found.shape == (512,)
        assert close(found, expected[0])
    assert close(network.describe_tracklets([files[0].parent, files[:2]]), expected)
    assert close(network.describe(files[:1]), network.describe_images(files[:1])[0])


def test_the_aligned_network_in_another_size(tmp_path, files):
    save_model(random_network("align-tap"), tmp_path / "model.pt", {"images": IMAGES})
    found = reid.load(tmp_path / "model.pt", "cpu").describe_images(files)
    assert close(found, by_evaluation(tmp_path, [[path] for path in files]))
    other = reid.load(tmp_path / "model.pt", "cpu", height=64, width=48, chunk=2)
    assert (other.input_size, other.chunk) == ((64, 48), 2)
    assert other.describe(files).shape == (2048,)


def test_mirror_images_count_with_flip_test(run, files):
    network = reid.load(run, "cpu", flip_test=True)
    mirrored = [np.asarray(Image.open(path).convert("RGB"))[:, ::-1] for path in files[:2]]
    found = network.describe_images(files[:2])
    assert close(found, network.describe_images(mirrored))
    plain = reid.load(run, "cpu")
    assert close(found, (plain.describe_images(files[:2]) + plain.describe_images(mirrored)) / 2)
    assert close(network.describe(files[:2]), (plain.describe(files[:2]) + plain.describe(mirrored)) / 2)


def test_distances_are_euclidean(network):
    a, b = np.array([[0.0, 0.0], [1.0, 1.0]], np.float32), np.array([3.0, 4.0], np.float32)
    assert network.distance(a, b).ravel().tolist() == pytest.approx([5.0, 13**0.5])
    with pytest.raises(ValueError, match="differ in size"):
        network.distance(a, b[:1])


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        ("a.jpg", TypeError, r"not one path: \['a.jpg'\]"),
        (np.zeros((2, 8, 8, 3), np.float32), ValueError, r"\(N, H, W, 3\) uint8 RGB, not \(2, 8, 8, 3\) float32"),
        (np.zeros((8, 8, 3), np.uint8), ValueError, r"\(N, H, W, 3\)"),
        ([np.zeros((8, 8), np.uint8)], ValueError, r"\(H, W, 3\) uint8 RGB, not \(8, 8\)"),
        (torch.zeros(2, 8, 8, 3), ValueError, r"\(N, 3, H, W\)"),
        (torch.full((1, 3, 8, 8), -0.1), ValueError, "0..1"),
        (torch.full((1, 3, 8, 8), float("nan")), ValueError, "0..1"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.int64), ValueError, "uint8 or float"),
        (["absent.jpg"], UserError, "absent.jpg: unreadable image"),
    ],
)
def test_wrong_images(network, images, error, message):
    with pytest.raises(error, match=message):
        network.describe_images(images)


def test_wrong_tracklets(network, tmp_path):
    for tracklet, error in (([], ValueError), (tmp_path / "absent", ValueError), (tmp_path, UserError)):
        with pytest.raises(error):
            network.describe(tracklet)


def test_a_batch_is_halved_where_the_memory_of_a_gpu_is_short(run, files, monkeypatch, capsys):
    network = reid.load(run, "cpu")
    expected = network.describe_images(files)
    of_batch, taken = reid.load(run, "cpu")._of_batch, []

    def short(frames):
        if len(frames) > 2:
            raise MemoryShortError("memory is short")
        taken.append(len(frames))
        return of_batch(frames)

    monkeypatch.setattr(network, "_of_batch", short)
    with pytest.raises(MemoryShortError):
        network.describe_images(files)
    monkeypatch.setattr(network, "device", torch.device("cuda"))
    network.batch_size = 6
    assert close(network.describe_images(files), expected)
    assert taken == [1] * 7
    assert network.batch_size == 1
    assert "memory is short for batches of 6: 3 from now on" in capsys.readouterr().out


def test_torchreids_interface(run, files, capsys):
    extractor = reid.FeatureExtractor(model_path=run, device="cpu")
    assert "- params: 11,1" in capsys.readouterr().out
    expected = torch.from_numpy(extractor.describer.describe_images(files))
    found = extractor([str(path) for path in files])
    assert isinstance(found, torch.Tensor)
    assert torch.equal(found, expected)
    array = np.asarray(Image.open(files[0]))
    tensor = torch.from_numpy(array.copy()).permute(2, 0, 1)
    for one in (str(files[0]), array, [array], tensor, tensor[None], tensor / 255):
        assert torch.allclose(extractor(one), expected[:1], rtol=1e-4, atol=1e-4)
    small = reid.FeatureExtractor(model_path=str(run), image_size=(64, 32), device="cpu", verbose=False)
    assert small.describer.input_size == (64, 32)
    assert capsys.readouterr().out == ""


def test_importing_reid_is_quick(run):
    code = f"""
import time
began = time.process_time()
import sys, reid
took = time.process_time() - began
assert not {{"torch", "numpy", "PIL"}} & set(sys.modules)
assert took < 0.5, took
assert {{"load", "Describer", "FeatureExtractor"}} <= set(dir(reid))
try:
    reid.nothing
except AttributeError as none:
    assert "nothing" in str(none)
assert reid.load({str(run)!r}, device="cpu").descriptor_size == 512
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_unknown_weights_and_devices(run):
    with pytest.raises(UserError, match="no such file of weights"):
        reid.load("nothing")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="no CUDA GPU"):
            reid.load(run, "cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_descriptors_of_the_cpu(run, files):
    network = reid.load(run, "cuda")
    expected = by_evaluation(run, [[path] for path in files])
    assert np.abs(network.describe_images(files) - expected).max() <= 1e-2 * np.abs(expected).max()
    assert network.to("cpu").device == CPU
    assert close(network.describe_images(files), expected)
