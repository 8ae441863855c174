"""Boxes by threads: the order of the frames, their batches, the threads of PyTorch; the type of the numbers."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

from alignnet_common.errors import UserError
from reid.tracks.detection import detected
from reid.tracks.detectors import ssdlite as detector_module
from reid.tracks.detectors.detections import Detections
from reid.tracks.video import Frame


def frames(count, shapes=((4, 6, 3),)):
    for number in range(1, count + 1):
        yield Frame(number, number / 10, np.full(shapes[number % len(shapes)], number, np.uint8))


class Recorder:
    """A detector whose box has the number of the frame as its left side."""

    def __init__(self, seconds=lambda number: 0.0):
        self.batches, self.names, self.torch_threads, self._seconds = [], set(), set(), seconds

    def __call__(self, images):
        numbers = [int(image[0, 0, 0]) for image in images]
        self.batches.append(numbers)
        self.names.add(threading.current_thread().name)
        self.torch_threads.add(torch.get_num_threads())
        time.sleep(self._seconds(numbers[0]))
        return [Detections(np.array([[number, 0, number + 9, 9]]), np.array([0.9])) for number in numbers]


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_boxes_stay_with_their_frames_in_order_whichever_thread_is_first(four_threads):
    recorder = Recorder(lambda number: 0.02 * (number % 3 == 0))
    found = list(detected(frames(40), recorder, None, on_cpu=True))
    assert [frame.number for frame, _ in found] == list(range(1, 41))
    assert all(boxes.sides[0, 0] == frame.number for frame, boxes in found)
    assert len(recorder.names) == 4 and recorder.torch_threads == {1}
    assert torch.get_num_threads() == 4


def test_a_gpu_has_one_thread_with_batches_and_a_stream_may_change_its_size():
    recorder = Recorder()
    assert len(list(detected(frames(10), recorder, None, on_cpu=False))) == 10
    assert recorder.batches == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]] and len(recorder.names) == 1
    recorder = Recorder()
    assert len(list(detected(frames(4, ((4, 6, 3), (6, 4, 3))), recorder, 3, on_cpu=False))) == 4
    assert recorder.batches == [[1], [2], [3], [4]]


def test_few_frames_are_in_memory(four_threads):
    given = []

    def counted():
        for frame in frames(100):
            given.append(frame.number)
            yield frame

    for frame, _ in detected(counted(), Recorder(), 2, on_cpu=True):
        assert len(given) - frame.number <= 2 * (2 * 4 + 1)


def test_a_failure_of_the_detector_or_of_the_reader_of_frames_ends_all(four_threads):
    def broken(images):
        raise UserError("memory is short")

    recorder = Recorder(lambda number: 0.05)
    found = detected(frames(100), recorder, None, on_cpu=True)
    next(found)
    found.close()
    assert len(recorder.batches) <= 2 * 4 + 1 and torch.get_num_threads() == 4
    with pytest.raises(UserError, match="memory is short"):
        list(detected(frames(100), broken, None, on_cpu=True))


@pytest.mark.parametrize(
    ("name", "can", "device", "expected"),
    [
        ("auto", {"avx512_bf16": True}, "cpu", torch.bfloat16),
        ("auto", {"amx_bf16": True}, "cpu", torch.bfloat16),
        ("auto", {"avx512_bf16": False, "avx2": True}, "cpu", torch.float32),
        ("auto", {"avx512_bf16": True}, "cuda", torch.float32),
        ("float32", {"avx512_bf16": True}, "cpu", torch.float32),
        ("bfloat16", {}, "cpu", torch.bfloat16),
    ],
)
def test_the_type_of_numbers_is_what_the_cpu_multiplies(name, can, device, expected, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can, raising=False)
    assert detector_module.precision_of(name, torch.device(device)) == expected


def test_an_older_pytorch_that_does_not_say_what_the_cpu_can_computes_in_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert detector_module.precision_of("auto", torch.device("cpu")) == torch.float32


FLOAT32, BFLOAT16 = torch.float32, torch.bfloat16


@pytest.mark.parametrize(
    ("engine", "precision", "multiplies", "installed", "device", "expected"),
    [
        ("auto", "auto", True, True, "cpu", ("pytorch", BFLOAT16)),
        ("auto", "auto", False, True, "cpu", ("onnxruntime", FLOAT32)),
        ("auto", "auto", False, False, "cpu", ("pytorch", FLOAT32)),
        ("auto", "float32", True, True, "cpu", ("onnxruntime", FLOAT32)),
        ("auto", "auto", False, True, "cuda", ("pytorch", FLOAT32)),
        ("pytorch", "float32", True, True, "cpu", ("pytorch", FLOAT32)),
        ("onnxruntime", "auto", True, True, "cpu", ("onnxruntime", FLOAT32)),
    ],
)
def test_what_computes_the_detector(engine, precision, multiplies, installed, device, expected, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": multiplies}, raising=False)
    monkeypatch.setattr(detector_module, "missing_modules", lambda: [] if installed else ["onnx"])
    assert detector_module.arithmetic_of(engine, precision, torch.device(device)) == expected


def test_what_onnxruntime_cannot_compute_is_one_line(monkeypatch):
    for device, precision in (("cuda", "auto"), ("cpu", "bfloat16")):
        with pytest.raises(UserError, match="computes with float32 on the CPU alone"):
            detector_module.arithmetic_of("onnxruntime", precision, torch.device(device))
    monkeypatch.setattr(detector_module, "missing_modules", lambda: ["onnx", "onnxscript"])
    with pytest.raises(UserError, match="--engine onnxruntime needs onnx, onnxscript: pip install"):
        detector_module.arithmetic_of("onnxruntime", "auto", torch.device("cpu"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is of the GNU C library")
def test_memory_that_was_freed_is_used_again():
    """In a process of its own: what is set cannot be taken back."""
    code = """
import resource, torch
from reid.runtime.memory import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.zeros(40 * 2**20, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
before = faults()
print(keep_freed_memory())
faults()
print(faults() < before / 5)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
