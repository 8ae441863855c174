"""reid tracks and reid index by workers of a real Ray: the same files, also where a worker or the command is killed."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from alignnet_common.errors import UserError
from benchmarks.workers.sessions import end_session
from reid.configs.groups.model import ModelConfig
from reid.configs.video.index import IndexConfig
from reid.configs.video.tracks import TracksConfig
from reid.index import describe
from reid.index.run import index
from reid.index.store import Store
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import save_model
from reid.tracks.run import tracks
from synth_runs import PROJECT_ROOT, python, started

av = pytest.importorskip("av")
pytest.importorskip("norfair")

DYING = PROJECT_ROOT / "tests" / "helpers" / "dying_workers.py"


def write_video(path, frames, seed):
    """A video of two persons who walk past each other, and their boxes."""
    rng = np.random.default_rng(seed)
    colours, lines = rng.integers(0, 256, (2, 3), np.uint8), []
    with av.open(str(path.with_suffix(".mp4")), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuv420p"
        for frame in range(1, frames + 1):
            image = np.full((128, 160, 3), 110, np.uint8)
            for person, (left, top) in enumerate(((10 + 3 * frame, 10), (130 - 3 * frame, 70))):
                image[top : top + 46, max(0, left) : max(0, left + 18)] = colours[person]
                lines.append(f"{frame},-1,{left},{top},18,46,0.9\n")
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    (path.parent / "boxes").mkdir(exist_ok=True)
    (path.parent / "boxes" / f"{path.name}.txt").write_text("".join(lines))


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Three videos, of which two are of one camera, and the words that follow the persons in them."""
    root = tmp_path_factory.mktemp("videos")
    for seed, (name, frames) in enumerate((("gate", 40), ("early", 30), ("late", 35))):
        write_video(root / name, frames, seed)
    names = [str(root / f"{name}.mp4") for name in ("gate", "early", "late")]
    return [*names, "--cameras", "gate", "yard", "yard", "--starts", "0", "0", "60", "--boxes", str(root / "boxes")]


@pytest.fixture(scope="module")
def alone(videos, tmp_path_factory):
    """The folder of tracks by one process, without Ray."""
    out = tmp_path_factory.mktemp("alone") / "tracks"
    code = "import sys; from reid.commands import PROGRAM; PROGRAM.run('tracks'); assert 'ray' not in sys.modules"
    done = python("-c", code, *videos, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    network = ModelConfig("baseline", appearance="mobilenetv2_035", appearance_weights="none", unit_length=True)
    sizes = {"images": {"height": 64, "width": 32, "chunk": 2}}
    save_model(AlignNet(network, 0, torch.Generator().manual_seed(1)), path, sizes)
    return path


@pytest.fixture(scope="module")
def cluster():
    """The address of a Ray of this machine with two slots, which runs elsewhere than the command."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield found.address
    found.shutdown()


def content(out):
    """All files of a folder of tracks, without times and other words of the run."""
    found = {}
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        name = path.relative_to(out).as_posix()
        if path.suffix == ".json":
            record = json.loads(path.read_text())
            cameras = record.get("cameras", {"": record}).values()
            some = [part for each in cameras for part in (each, *each.get("recordings", ()))]
            found[name] = [{key: value for key, value in part.items() if key != "seconds"} for part in some]
            for part in found[name]:
                part.pop("recordings", None)
        elif name != "config.yaml":
            found[name] = path.read_bytes()
    return found


def test_workers_make_the_same_tracks_as_one_process(videos, alone, tmp_path):
    pytest.importorskip("ray")
    out = tmp_path / "tracks"
    done = python("-m", "reid.tracks", *videos, "--out", out, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert content(out) == content(alone) and len(content(out)) > 200
    assert "yard@60: 2 tracks, 70 crops of 35 frames" in done.stdout
    again = python("-m", "reid.tracks", *videos, "--out", out)  # without workers: nothing is left to do
    assert again.stdout.count("finished already") == 3 and content(out) == content(alone)


def test_on_a_cluster_the_video_of_a_worker_that_is_killed_is_done_again(videos, alone, cluster, tmp_path):
    """The folder of the tracks is named relative to that of the command."""
    mark = tmp_path / "mark"
    done = python(DYING, mark, "tracks", *videos, "--out", "tracks", "--address", cluster, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert mark.is_file() and content(tmp_path / "tracks") == content(alone)


@pytest.mark.slow
def test_after_the_command_is_killed_the_same_command_continues(videos, alone, tmp_path):
    pytest.importorskip("ray")
    out = tmp_path / "tracks"
    running = started("-m", "reid.tracks", *videos, "--out", out, "--workers", 1)
    deadline = time.monotonic() + 120
    while not (out / ".gate.json").is_file():
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    end_session(running.pid)
    done = python("-m", "reid.tracks", *videos, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "gate: finished already" in done.stdout and content(out) == content(alone)


def indexed(folder):
    """What an index holds, by tracklet; sources apart."""
    found = {}
    for block in Store(folder).blocks():
        for row, vector in zip(block.rows, block.vectors(), strict=True):
            found[row.name] = (row.digest, row.frames, row.start, row.end, vector.tobytes(), block.thumbnail(row))
    return found


def test_workers_make_the_same_index(alone, weights, cluster, tmp_path):
    """In parts of a block, of which one is described again, since its worker is killed."""
    words = [str(alone), "--weights", str(weights), "--batch-size", "8", "--camera-norm"]
    whole, folder, mark = tmp_path / "whole", tmp_path / "index", tmp_path / "mark"
    assert python("-m", "reid.index", *words, "--index", whole).returncode == 0
    done = python(DYING, mark, "index", *words, "--index", folder, "--address", cluster)
    assert done.returncode == 0, done.stderr
    assert mark.is_file() and indexed(folder) == indexed(whole) and len(indexed(folder)) == 6
    assert Store(folder).block_keys() == Store(whole).block_keys()
    first, second = (load_file(each / "cameras.safetensors") for each in (folder, whole))
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_parts_of_a_block_are_put_together(alone, weights, tmp_path, monkeypatch):
    """As by workers that finish in any order, without Ray."""
    whole, folder = tmp_path / "whole", tmp_path / "index"
    index(IndexConfig([alone], whole, str(weights), batch_size=8))
    monkeypatch.setattr(describe.Workforce, "part", 1)
    described = describe.Workforce.described

    def backwards(self, parts, statistics):
        assert {len(part.digests) for part in parts} == {1}
        return described(self, parts[::-1], statistics)

    monkeypatch.setattr(describe.Workforce, "described", backwards)
    index(IndexConfig([alone], folder, str(weights), batch_size=8))
    assert indexed(folder) == indexed(whole)


def test_without_ray_the_line_says_what_to_install(videos, weights, alone, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"--workers needs Ray: pip install 'alignnet-reid\[cluster\]'"):
        tracks(TracksConfig([Path(videos[0])], tmp_path / "tracks", boxes=Path(videos[-1]) / "gate.txt", workers=2))
    with pytest.raises(UserError, match="--address needs Ray"):
        index(IndexConfig([alone], tmp_path / "index", str(weights), address="auto"))


def test_no_cluster_and_no_worker_are_one_line(videos, tmp_path):
    pytest.importorskip("ray")
    done = python("-m", "reid.tracks", *videos, "--out", tmp_path / "tracks", "--address", "127.0.0.1:9")
    assert done.returncode == 2 and "--address 127.0.0.1:9: no Ray cluster there" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = python("-m", "reid.tracks", *videos, "--workers", 0)
    assert done.returncode == 2 and "--workers" in done.stderr and len(done.stderr.splitlines()) == 1
