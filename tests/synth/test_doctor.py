"""`synth.doctor` reports each missing requirement of rendering with what to install, on the standard library alone."""

import ctypes
import importlib.util
import subprocess
import sys

import pytest

from alignnet_common.cli import run_command
from alignnet_common.doctor import machine as checks
from synth import doctor
from synth.doctor import DEBIAN_PACKAGES, PACKAGES, DoctorConfig
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

    versions = {"bpy": "5.0.1", "numpy": "1.26.4"}
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.setattr(checks, "version", lambda name: versions.get(name, "1.0"))
    monkeypatch.setattr(doctor, "python_version", lambda: (3, 11))
    monkeypatch.setattr(doctor, "check_devices", lambda: doctor.Finding("ok", "rendering devices", "cpu (2 cores)"))
    return missing


def test_nothing_is_reported_if_nothing_is_missing(machine, capsys):
    assert doctor.problem() is None
    doctor.doctor(DoctorConfig())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert all(line.startswith(("ok ", "warning ")) for line in lines)


@pytest.mark.parametrize("version", [(3, 10), (3, 12), (3, 14)])
def test_a_python_version_without_blender_is_reported(machine, monkeypatch, version):
    monkeypatch.setattr(doctor, "python_version", lambda: version)
    line = doctor.problem(need_packages=False)
    assert "3.11 or 3.13" in line
    assert f"this is {version[0]}.{version[1]}" in line


@pytest.mark.parametrize("version", [(3, 11), (3, 13)])
def test_a_python_version_with_blender_is_accepted(machine, monkeypatch, version):
    monkeypatch.setattr(doctor, "python_version", lambda: version)
    assert doctor.problem(need_packages=False) is None


@pytest.mark.parametrize("library", DEBIAN_PACKAGES)
def test_a_missing_library_is_reported_with_its_debian_package(machine, library):
    machine.add(library)
    line = doctor.problem()
    assert library in line
    assert line.endswith(f"apt-get install {DEBIAN_PACKAGES[library]}")


def test_all_missing_libraries_are_reported_at_once(machine):
    machine.update(["libSM.so.6", "libEGL.so.1"])
    assert doctor.problem(need_packages=False).endswith("apt-get install libsm6 libegl1")


def test_system_libraries_are_checked_on_linux_only(machine, monkeypatch):
    machine.add("libSM.so.6")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert doctor.problem(need_packages=False) is None


@pytest.mark.parametrize("package", PACKAGES)
def test_a_missing_package_is_reported_if_packages_are_checked(machine, package):
    machine.add(package)
    assert doctor.problem(need_packages=False) is None
    assert doctor.problem().startswith(f"not installed: {PACKAGES[package]}")


@pytest.mark.parametrize(
    ("bpy", "numpy", "advice"),
    [
        ("5.0.1", "1.26.4", None),
        ("5.0.1", "2.3.0", "pip install 'numpy>=1.26,<2'"),
        ("5.3.0", "1.26.4", "pip install 'numpy>=2.2,<3'"),
        ("5.3.0", "2.5.5", None),
    ],
)
def test_numpy_fits_the_release_of_blender(bpy, numpy, advice):
    finding = doctor.check_numpy(bpy, numpy)
    assert finding.level == ("missing" if advice else "ok")
    assert finding.advice == (advice or "")


def test_on_the_older_blender_one_line_says_what_cannot_stand_beside_it():
    assert "cannot stand beside bpy 5.0" in doctor.check_numpy("5.0.1", "1.26.4").found


def test_little_memory_and_disk_are_warnings(machine, monkeypatch, capsys):
    monkeypatch.setattr(checks, "memory", lambda: (2_000_000_000, 500_000_000))
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 64e6}))
    doctor.doctor(DoctorConfig())
    found = {line[9:26].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert found["memory"].startswith("warning") and "0.5 of 2.0 GB free" in found["memory"]
    assert found["disk"].startswith("warning")
    if checks.SHARED_MEMORY.is_dir():
        assert "docker run --shm-size" in found["shared memory"]


def test_the_command_exits_with_2_and_prints_one_line_of_error(machine, capsys):
    machine.update(["libSM.so.6", "bpy"])
    with pytest.raises(SystemExit) as stop:
        run_command(doctor.doctor, DoctorConfig, "doctor", argv=[])
    assert stop.value.code == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert "apt-get install libsm6" in line and "not installed: bpy" in line
    assert sum(row.startswith("missing") for row in printed.out.splitlines()) == 2


@pytest.mark.parametrize("options", [[], ["--no-packages"]])
def test_it_needs_only_the_standard_library(options):
    """-S: without the installed packages; what is missing is then one line, and never a traceback."""
    words = [sys.executable, "-E", "-S", "-m", "synth.doctor", *options]
    found = subprocess.run(words, capture_output=True, text=True, cwd=PROJECT_ROOT)
    assert found.returncode == (0 if options and doctor.problem(need_packages=False) is None else 2), found.stderr
    assert "Traceback" not in found.stderr
    assert found.stderr.count("\n") == found.returncode / 2


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
