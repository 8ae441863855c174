"""Fixtures that several files share. Those of the session take long to make."""

import json
import os
import sys
from types import SimpleNamespace

import pytest

import synth_runs

PARALLEL = "PYTEST_XDIST_WORKER" in os.environ
"""Whether pytest-xdist runs the tests in several processes."""

if PARALLEL:  # one thread each, set before PyTorch is imported: more would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")


LONG = ("test_docs.py",)
"""Files without a slow test that take minutes."""


def pytest_collection_modifyitems(items):
    """Long files and those with slow tests come first: no process is left alone with one of them at the end."""
    first = {item.path for item in items if item.get_closest_marker("slow") or item.path.name in LONG}
    items.sort(key=lambda item: item.path not in first)


def made_once(tmp_path_factory, name, make):
    """The folder `name`, filled by `make(folder)` in one of the test processes; the others wait for it."""
    if not PARALLEL:
        folder = tmp_path_factory.mktemp(name)
        make(folder)
        return folder
    import fcntl

    folder = tmp_path_factory.getbasetemp().parent / name  # the parent is common to the processes
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").is_file():  # else made already; or the process that made it failed
            folder.mkdir(exist_ok=True)
            make(folder)
            (folder / "made").touch()
    return folder


@pytest.fixture(scope="session")
def body_model():
    """The body model, loaded once."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("anny")
    from synth.body.model import BodyModel

    threads = torch.get_num_threads()
    model = BodyModel()
    torch.set_num_threads(threads)
    return model


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """A small set rendered by the real command on two workers: its folder `out` and the finished process `run`.

    Tests that change a set make a copy of it.
    """
    pytest.importorskip("bpy")

    def make(folder):
        finished = synth_runs.render(folder / "set", "--workers", "2")
        assert finished.returncode == 0, finished.stderr
        printed = {name: getattr(finished, name) for name in ("returncode", "stdout", "stderr")}
        (folder / "run.json").write_text(json.dumps(printed))

    folder = made_once(tmp_path_factory, "rendered", make)
    return SimpleNamespace(out=folder / "set", run=SimpleNamespace(**json.loads((folder / "run.json").read_text())))


@pytest.fixture(scope="session")
def rendered_outfits(tmp_path_factory):
    """The folder of a small set of four people in two outfits each, rendered by the real command on two workers.

    Tests that change it make a copy.
    """
    pytest.importorskip("bpy")

    def make(folder):
        words = ["-m", "synth.render", *synth_runs.OUTFITS, "--out", folder / "set", "--workers", "2"]
        finished = synth_runs.python(*words)
        assert finished.returncode == 0, finished.stderr

    return made_once(tmp_path_factory, "rendered-outfits", make) / "set"


@pytest.fixture
def typed(monkeypatch, capsys):
    """A function that runs `python -m synth.render` in this process, for commands that render nothing.

    It takes the options, and returns the exit code, the standard output and the standard error.
    """
    from alignnet_common.cli import run_command
    from synth.planning.config import RenderConfig
    from synth.render import render

    def type_in(*argv):
        monkeypatch.setattr(sys, "argv", ["render", *map(str, argv)])
        with pytest.raises(SystemExit) as stop:
            run_command(render, RenderConfig, "render")
        return stop.value.code, *capsys.readouterr()

    return type_in
