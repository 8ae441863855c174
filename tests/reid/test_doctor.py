"""`reid.doctor` prints a line per check, and an error of one line where `reid` cannot run."""

import importlib.util
import subprocess
import sys

import pytest
import torch

from alignnet_common.cli import run_command
from alignnet_common.files import PROJECT_ROOT
from reid import doctor
from reid.doctor import DoctorConfig


def levels(printed):
    """The level of each check by its name."""
    return {line[9:26].strip(): line[:8].strip() for line in printed.splitlines()}


def test_this_machine_is_usable_and_its_checks_are_named(capsys):
    doctor.doctor(DoctorConfig())
    found = levels(capsys.readouterr().out)
    assert {"Python", "packages", "cpu", "memory", "shared memory", "disk"} <= found.keys()
    assert found["packages"] == "ok"


@pytest.mark.parametrize(("version", "level"), [((3, 10), "missing"), ((3, 11), "ok"), ((3, 14), "ok")])
def test_python_from_3_11_on_is_accepted(version, level):
    assert doctor.check_python(version).level == level


def test_missing_packages_end_with_2_and_one_line(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("torch", "yaml") else object())
    with pytest.raises(SystemExit) as stop:
        run_command(doctor.doctor, DoctorConfig, "doctor", argv=[])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: this machine cannot run reid: not installed: torch, PyYAML: run make install")


def test_gpus_are_listed_with_their_memory(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"GPU {number}")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: (30e9, 80e9))
    found = list(doctor.check_torch())
    assert [finding.name for finding in found[:2]] == ["cuda:0", "cuda:1"]
    assert found[1].found == "GPU 1, 30.0 of 80.0 GB free"
    assert found[-1].level == "ok"


def test_a_cpu_alone_is_a_warning_with_what_to_do():
    assert doctor.cpu(has_gpu=False, threads=2).level == "warning"
    assert "--preset small" in doctor.cpu(has_gpu=False, threads=2).advice


def test_a_driver_that_pytorch_does_not_use_is_a_warning(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor, "DRIVER", tmp_path / "version")
    (tmp_path / "version").touch()
    assert next(doctor.check_torch()).level == "warning"


def test_a_torchvision_that_does_not_fit_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    (finding,) = doctor.check_torch()
    assert finding.level == "missing"
    assert "\n" not in str(finding)


def test_it_needs_only_the_standard_library():
    words = [sys.executable, "-E", "-S", "-m", "reid.doctor"]
    found = subprocess.run(words, capture_output=True, text=True, cwd=PROJECT_ROOT)
    assert found.returncode == 2
    assert found.stderr.startswith("error: ") and found.stderr.count("\n") == 1
