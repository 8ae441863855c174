"""Fixtures that several files share; those of the session are dear to make."""

import sys
from types import SimpleNamespace

import pytest

import synth_runs


@pytest.fixture(scope="session")
def body_model():
    """anny, ready to be posed."""
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
    out = tmp_path_factory.mktemp("rendered") / "set"
    finished = synth_runs.render(out, "--workers", "2")
    assert finished.returncode == 0, finished.stderr
    return SimpleNamespace(out=out, run=finished)


@pytest.fixture
def typed(monkeypatch, capsys):
    """`python -m synth.render` in this process, which needs no Blender where nothing is rendered: a function from what
    is typed to the exit code and what was printed on either stream."""
    from alignnet_common.cli import run_command
    from synth.planning.config import RenderConfig
    from synth.render import render

    def type_in(*argv):
        monkeypatch.setattr(sys, "argv", ["render", *map(str, argv)])
        with pytest.raises(SystemExit) as stop:
            run_command(render, RenderConfig, "render")
        return stop.value.code, *capsys.readouterr()

    return type_in
