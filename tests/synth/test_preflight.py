"""What is missing on a machine is one line with what to install."""

import ctypes
import importlib.util
import subprocess
import sys

import pytest

from synth import preflight
from synth.preflight import DEBIAN_PACKAGES, complaint
from synth_runs import PROJECT_ROOT


@pytest.fixture
def machine(monkeypatch):
    """A Linux machine that has everything; what is added to the set is missing."""
    missing = set()

    def load(name):
        if name in missing:
            raise OSError(f"{name}: cannot open shared object file")

    def find(name):
        return None if name in missing else object()

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(importlib.util, "find_spec", find)
    return missing


def test_nothing_missing_nothing_said(machine):
    assert complaint((3, 11), need_packages=True) is None


@pytest.mark.parametrize("version", [(3, 10), (3, 12), (3, 13)])
def test_another_python_is_named(machine, version):
    line = complaint(version, need_packages=False)
    assert "Python 3.11" in line
    assert f"this is {version[0]}.{version[1]}" in line


@pytest.mark.parametrize("library", DEBIAN_PACKAGES)
def test_a_missing_library_is_named_with_its_package(machine, library):
    machine.add(library)
    line = complaint((3, 11), need_packages=True)
    assert line == f"Blender needs {library}: install with apt-get install {DEBIAN_PACKAGES[library]}"


def test_all_missing_libraries_are_named_at_once(machine):
    machine.update(["libSM.so.6", "libEGL.so.1"])
    assert complaint((3, 11), need_packages=False).endswith("apt-get install libsm6 libegl1")


def test_system_libraries_are_linuxs_affair(machine, monkeypatch):
    machine.add("libSM.so.6")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert complaint((3, 11), need_packages=False) is None


@pytest.mark.parametrize("package", ["bpy", "anny", "ray", "OpenEXR", "av", "pydantic", "fsspec"])
def test_a_missing_package_is_named_where_packages_are_needed(machine, package):
    machine.add(package)
    assert complaint((3, 11), need_packages=False) is None
    assert complaint((3, 11), need_packages=True).startswith(f"not installed: {package}: ")


def test_the_command_ends_with_2_and_one_line(machine, monkeypatch, capsys):
    machine.add("libSM.so.6")
    monkeypatch.setattr(sys, "argv", ["preflight"])
    monkeypatch.setattr(sys, "version_info", type("Version", (), {"major": 3, "minor": 11}))
    with pytest.raises(SystemExit) as stop:
        preflight.main()
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: Blender needs libSM.so.6: install with apt-get install libsm6\n"


def test_it_needs_nothing_but_the_standard_library(tmp_path):
    words = [sys.executable, "-I", "-S", preflight.__file__]
    found = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert found.returncode in (0, 2)
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("words", [["render", "--ids", "1"], ["verify", "{plan}"], ["preview", "--data", "{plan}"]])
def test_without_what_rendering_needs_the_commands_say_so_in_one_line(tmp_path, words):
    """As after `pip install -e .`, which is all that `reid` needs."""
    (tmp_path / "plan.jsonl").write_text("{}\n")
    missing = ["bpy", "anny", "ray", "OpenEXR", "av", "pydantic", "fsspec"]
    module, *options = (word.format(plan=tmp_path) for word in words)
    code = (
        f"import runpy, sys; sys.modules |= dict.fromkeys({missing}); sys.argv[1:] = {options}; "
        f"runpy.run_module('synth.{module}', run_name='__main__')"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_ROOT)
    assert found.returncode == 2, found.stderr
    assert found.stderr.startswith("error: ")
    assert found.stderr.count("\n") == 1
