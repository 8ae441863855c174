"""The device of Cycles is chosen without asking Blender where there can be no GPU."""

import pytest

from alignnet_common.errors import UserError
from synth.rendering import devices


@pytest.fixture
def found(monkeypatch):
    """The kinds of GPU that Cycles finds, and how often it is asked."""
    kinds, asked = ["optix", "cuda"], []
    monkeypatch.setattr(devices, "gpu_kinds", lambda: asked.append(1) or kinds)
    return kinds, asked


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_cycles_is_asked_where_a_driver_may_be(found, monkeypatch, tmp_path, platform):
    kinds, asked = found
    monkeypatch.setattr(devices.sys, "platform", platform)
    monkeypatch.setattr(devices, "GPU_FILES", (tmp_path / "nvidiactl", tmp_path / "kfd"))
    assert devices.pick_device("auto") == ("cpu" if platform == "linux" else "optix")
    assert len(asked) == (platform != "linux")
    (tmp_path / "kfd").touch()
    assert devices.pick_device("auto") == "optix"
    kinds.clear()
    assert devices.pick_device("auto") == "cpu"


def test_a_device_that_is_not_there_is_one_line(found):
    kinds, asked = found
    assert devices.pick_device("cpu") == "cpu"
    assert not asked
    assert devices.pick_device("cuda") == "cuda"
    kinds.remove("cuda")
    with pytest.raises(UserError, match=r"--device cuda: Cycles finds no such device here \(it finds: cpu, optix\)"):
        devices.pick_device("cuda")
