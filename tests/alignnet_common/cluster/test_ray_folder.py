"""The folder of Ray's sockets where TMPDIR has a long path."""

import contextlib
import os
import socket
import tempfile
from pathlib import Path

import pytest

from alignnet_common.cluster import ray_folder, ray_session
from alignnet_common.cluster.ray_folder import SOCKET, is_short
from alignnet_common.errors import UserError
from synth_runs import python


@pytest.fixture
def long_folder(tmp_path, monkeypatch):
    folder = tmp_path / ("t" * 80)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    return folder


def test_a_short_folder_is_rays_own(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    assert ray_folder.ray_folder() is None
    monkeypatch.setenv("RAY_TMPDIR", f"/{'r' * 80}")
    assert ray_folder.ray_folder() == Path("/tmp/ray")


def test_a_long_folder_is_replaced_or_one_line(long_folder, monkeypatch):
    assert ray_folder.ray_folder() == Path("/tmp/ray")
    monkeypatch.setattr(ray_folder, "SHORT", (Path("/proc/nothing"),))
    with pytest.raises(UserError, match=r"TMPDIR=.*at most 35 letters"):
        ray_folder.ray_folder()


def test_what_is_short_is_a_path_for_a_socket():
    folder = "/tmp/" + "s" * 40
    while not is_short(folder):
        folder = folder[:-1]
    path = str(Path(folder) / SOCKET)
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as made, pytest.raises(FileNotFoundError):
        made.bind(path)  # and not: AF_UNIX path too long


def test_ray_starts_with_a_long_folder(long_folder):
    pytest.importorskip("ray")
    code = "from alignnet_common.cluster.ray_session import start_ray, stop_ray\nprint(start_ray(1))\nstop_ray()"
    done = python("-c", code)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert not list(long_folder.glob("ray*"))


def test_variables_of_workers_are_given_back(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with ray_session.variables({"OMP_NUM_THREADS": "1", "PYTHONPATH": "here"}):
        assert (os.environ["OMP_NUM_THREADS"], os.environ["PYTHONPATH"]) == ("1", "here")
    assert os.environ["OMP_NUM_THREADS"] == "7" and "PYTHONPATH" not in os.environ
