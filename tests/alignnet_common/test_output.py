"""Commands under terminals, logs and pipes of every kind."""

import os
import subprocess
import sys

import numpy as np
import pytest

from alignnet_common.cli.output import has_reader
from alignnet_common.files import PROJECT_ROOT
from reid_folders import write_own

PYTHON = [sys.executable, "-m"]
NAMED = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_ROOT), "OMP_NUM_THREADS": "1", "HOME": "/proc/nothing"}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return write_own(tmp_path_factory.mktemp("Zürich 日本 a b"))


def run(words, **environment):
    return subprocess.run([*PYTHON, *words], capture_output=True, env=NAMED | environment, check=False)


def in_bash(line, **environment):
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=NAMED | environment, check=False)


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "LANG": "C"},
        {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
    ],
)
def test_names_that_the_output_has_no_letters_for(own, environment):
    done = run(["reid.data", str(own), "--dataset", "folder", "--json", str(own / "o.json")], **environment)
    assert done.returncode == 0, done.stderr
    assert b"wrong       nothing" in done.stdout
    assert run(["reid.data", str(own / "Ł"), "--dataset", "folder"], **environment).stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        "reid.data '{own}' --dataset folder",
        "reid.evaluate --print-config",
        "reid.evaluate --help",
        "reid.evaluate --help-all",
        "reid.evaluate --version",
        "reid --help",
        "reid.evaluate --no-such-option",
    ],
)
@pytest.mark.parametrize("pipe", ["| true", "|& true"])
def test_a_closed_pipe_ends_quietly(own, words, pipe):
    command = " ".join([*PYTHON, words.format(own=own)])
    done = in_bash(f"(sleep 0.3; exec {command}) {pipe}; echo ${{PIPESTATUS[0]}}")
    assert done.stdout.strip() == ("2" if "no-such" in words and pipe == "| true" else "141")
    assert done.stderr.count("\n") == (1 if "no-such" in words and pipe == "| true" else 0)


@pytest.mark.parametrize("words", ["reid.data '{own}' --dataset folder", "reid.evaluate --features '{features}'"])
def test_files_are_written_although_the_pipe_is_closed(own, tmp_path, words):
    sides = {"query": 0, "gallery": 1}
    features = {f"{side}_features": np.eye(4) for side in sides}
    pids = {f"{side}_pids": np.arange(4) for side in sides}
    np.savez(tmp_path / "F.npz", **features, **pids, **{f"{side}_cams": np.full(4, cam) for side, cam in sides.items()})
    command = " ".join([*PYTHON, words.format(own=own, features=tmp_path / "F.npz")])
    done = in_bash(f"(sleep 0.3; exec {command} --json '{tmp_path}/o.json') | true; echo ${{PIPESTATUS[0]}}")
    assert done.stdout.strip() == "141", done.stderr
    assert (tmp_path / "o.json").read_text().startswith("{")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams(own, tmp_path, closed):
    command = " ".join(PYTHON)
    done = in_bash(f"{command} reid.data '{own}' --dataset folder --json '{tmp_path}/o.json' {closed}")
    assert done.returncode == 0
    assert (tmp_path / "o.json").read_text().startswith("{")


def test_a_broken_pipe_that_is_not_the_output_is_no_quiet_end():
    assert has_reader()
    code = (
        "import os\nfrom dataclasses import dataclass\nfrom alignnet_common.cli import run_command\n"
        "@dataclass(frozen=True)\nclass Job:\n    '''Work.'''\n"
        "def work(config):\n    reader, writer = os.pipe()\n    os.close(reader)\n    os.write(writer, b'x')\n"
        "run_command(work, Job, 'work', argv=[])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=NAMED, check=False)
    assert done.returncode == 1
    assert "BrokenPipeError" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_folder_whose_name_is_in_another_encoding(tmp_path):
    root = write_own(tmp_path / "own", persons=("anna", "bo", "cem", os.fsdecode(b"Z\xfcrich")))
    done = run(["reid.data", str(root), "--dataset", "folder", "--json", str(tmp_path / "o.json")])
    assert done.returncode == 0, done.stderr
    done = run(["reid.extract", str(root), "--tracklets", "--out", str(tmp_path / "f.npz"), "--device", "cpu"])
    assert done.returncode == 0, done.stderr
