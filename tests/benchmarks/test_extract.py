"""The speed of extraction beside torchreid's, with a stand-in for its extractor, and with itself where importable."""

import json
import sys

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torchvision import transforms

from alignnet_common.errors import JobError, UserError
from benchmarks import extract
from benchmarks.extract import ExtractBenchmarkConfig

SMALL = {"backbones": ("resnet18",), "sizes": ("64x32",), "images": 5, "rounds": 2, "threads": 1}


@pytest.fixture(autouse=True)
def threads():
    """The benchmark sets PyTorch's number of threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Peer:
    """An extractor as torchreid's is: one image after another, then the plain network."""

    def __init__(self, backbone, weights, size):
        self.model = torchvision.models.get_model(backbone).eval()
        self.model.load_state_dict(torch.load(weights), strict=False)
        self.model.fc = torch.nn.Identity()
        self.preprocess = transforms.Compose(
            [
                transforms.Resize(size),
                transforms.ToTensor(),
                transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )
        self.calls = []

    def __call__(self, files):
        self.calls.append(len(files))
        with torch.no_grad():
            return self.model(torch.stack([self.preprocess(Image.open(file).convert("RGB")) for file in files]))


def test_both_programs_are_measured_on_the_same_files(tmp_path, capsys):
    peers = []

    def make_peer(*arguments):
        peers.append(Peer(*arguments))
        return peers[-1]

    config = ExtractBenchmarkConfig(**SMALL, peer_batch_sizes=(2, 5), json=tmp_path / "x.json")
    extract.benchmark(config, make_peer)
    result = json.loads((tmp_path / "x.json").read_text())
    (row,) = result["networks"]
    assert (row["backbone"], row["size"], row["batch"]) == ("resnet18", "64x32", 64)
    assert row["peer_batch"] in (2, 5)
    assert row["lowest_cosine"] > 0.99999
    assert row["largest_difference"] < 1e-4
    assert {name: len(each) for name, each in row["seconds"].items()} == {"theirs": 2, "ours": 2, "network": 2}
    calls = {2: [2, 2, 1], 5: [5]}
    assert peers[0].calls == (calls[2] + calls[5]) * 3 + calls[row["peer_batch"]] * 4
    assert "| resnet18 | 64x32 |" in capsys.readouterr().out


def test_other_descriptors_end_the_command():
    def make_peer(backbone, weights, size):
        peer = Peer(backbone, weights, size)
        torch.nn.init.normal_(peer.model.conv1.weight)
        return peer

    with pytest.raises(JobError, match="differ from torchreid's: lowest cosine"):
        extract.benchmark(ExtractBenchmarkConfig(**SMALL), make_peer)
    with pytest.raises(JobError, match="shape"):
        extract.agree(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(JobError, match="cosine nan"):
        extract.agree(np.ones((2, 3)), np.full((2, 3), np.nan))


def test_ratios_are_of_one_round_and_the_median_counts():
    seconds = {"theirs": [3.0, 8.0, 4.0], "ours": [2.0, 4.0, 1.0], "network": [1.8, 3.0, 1.0]}
    found = extract.ratios(seconds, images=6)
    assert found["ratio"] == 2.0
    assert found["range"]["ratio"] == [1.5, 4.0]
    assert found["network_share"] == pytest.approx(0.9)
    assert found["images_per_second"] == {"theirs": 1.5, "ours": 3.0, "network": pytest.approx(6 / 1.8)}
    row = found | {"backbone": "resnet18", "size": "128x64"}
    assert extract.table([row]).splitlines()[-1] == "| resnet18 | 128x64 | 1.5 | 3.0 | 2.00 | 90 % |"


def test_the_fastest_batch_is_compared(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(extract.time, "perf_counter", lambda: clock[0])

    def taking(*seconds):
        left = list(seconds)

        def program():
            clock[0] += left.pop(0)

        return program

    assert extract.fastest({4: taking(1, 5, 4), 16: taking(9, 3, 9), 64: taking(1, 4, 4)}) == 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": ("256",)}, "256: write a size as 256x128"),
        ({"sizes": ("256x16",)}, "at least 32"),
        ({"image_size": "axb"}, "axb: write a size"),
        ({"sizes": ()}, "--sizes"),
        ({"peer_batch_sizes": (4, 0)}, "--peer-batch-sizes"),
        ({"images": 1}, "--images"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        ExtractBenchmarkConfig(**options)


def test_without_torchreid_the_command_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchreid", None)
    with pytest.raises(UserError, match="put a clone of KaiyangZhou/deep-person-reid on PYTHONPATH"):
        extract.benchmark(ExtractBenchmarkConfig())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_torchreids_extractor_gives_the_same_descriptors(tmp_path):
    pytest.importorskip("torchreid", reason="needs a clone of KaiyangZhou/deep-person-reid on PYTHONPATH")
    extract.benchmark(ExtractBenchmarkConfig(**SMALL | {"backbones": ("resnet50",)}, json=tmp_path / "x.json"))
    (row,) = json.loads((tmp_path / "x.json").read_text())["networks"]
    assert row["lowest_cosine"] > 0.99999
