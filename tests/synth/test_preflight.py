"""Each missing requirement of rendering is reported in one line with what to install."""

import ctypes
import importlib.util
import subprocess
import sys

import pytest

from synth import preflight
from synth.preflight import DEBIAN_PACKAGES
from synth_runs import PROJECT_ROOT


@pytest.fixture
def machine(monkeypatch):
    """A set of the libraries and packages that are missing on this otherwise complete Linux machine."""
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


def test_nothing_is_reported_if_nothing_is_missing(machine):
    assert preflight.missing((3, 11), need_packages=True) is None


@pytest.mark.parametrize("version", [(3, 10), (3, 12), (3, 13)])
def test_another_python_version_is_reported(machine, version):
    line = preflight.missing(version, need_packages=False)
    assert "3.11" in line
    assert f"{version[0]}.{version[1]}" in line


@pytest.mark.parametrize("library", DEBIAN_PACKAGES)
def test_a_missing_library_is_reported_with_its_debian_package(machine, library):
    machine.add(library)
    line = preflight.missing((3, 11), need_packages=True)
    assert library in line
    assert line.endswith(f"apt-get install {DEBIAN_PACKAGES[library]}")


def test_all_missing_libraries_are_reported_at_once(machine):
    machine.update(["libSM.so.6", "libEGL.so.1"])
    assert preflight.missing((3, 11), need_packages=False).endswith("apt-get install libsm6 libegl1")


def test_system_libraries_are_checked_on_linux_only(machine, monkeypatch):
    machine.add("libSM.so.6")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert preflight.missing((3, 11), need_packages=False) is None


@pytest.mark.parametrize("package", ["bpy", "anny", "ray", "OpenEXR", "av", "pydantic", "fsspec"])
def test_a_missing_package_is_reported_if_packages_are_checked(machine, package):
    machine.add(package)
    assert preflight.missing((3, 11), need_packages=False) is None
    assert preflight.missing((3, 11), need_packages=True).startswith(f"not installed: {package}")


def test_the_command_exits_with_2_and_prints_one_line(machine, monkeypatch, capsys):
    machine.add("libSM.so.6")
    monkeypatch.setattr(sys, "argv", ["preflight"])
    monkeypatch.setattr(sys, "version_info", type("Version", (), {"major": 3, "minor": 11}))
    with pytest.raises(SystemExit) as stop:
        preflight.main()
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "libSM.so.6" in line


def test_it_needs_only_the_standard_library(tmp_path):
    words = [sys.executable, "-I", "-S", preflight.__file__]
    found = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert found.returncode in (0, 2)
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("words", [["render", "--ids", "1"], ["verify", "{plan}"], ["preview", "--data", "{plan}"]])
def test_commands_without_the_packages_of_rendering_print_one_line(tmp_path, words):
    """The state after `pip install -e .`, without the extra `synth`."""
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
