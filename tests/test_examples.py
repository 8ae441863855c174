"""Every script in examples/ runs as its README states."""

import imageio.v3 as iio
import numpy as np
import pytest

import kept_fixtures
import synth_runs
from alignnet_common.files import PROJECT_ROOT

EXAMPLES = PROJECT_ROOT / "examples"


def run(name, *options):
    """Run a script of examples/."""
    ended = synth_runs.python(EXAMPLES / name, *options)
    assert ended.returncode == 0, ended.stderr


def test_every_script_is_in_the_readme_and_tested_here():
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    assert scripts == {"render_one_clip.py", "custom_garment.py", "describe_tracklet.py"}
    readme = (EXAMPLES / "README.md").read_text()
    assert all(f"python examples/{name} " in readme for name in scripts)


def test_one_clip_is_rendered(tmp_path):
    pytest.importorskip("bpy")
    run("render_one_clip.py", tmp_path)
    frames = [iio.imread(path) for path in sorted(tmp_path.glob("*.png"))]
    with np.load(tmp_path / "joints.npz") as arrays:
        assert arrays["joints2d"].shape == (len(frames), 18, 2) == (3, 18, 2)
        assert arrays["joints_visible"].any()
    assert all(frame.shape == (128, 64, 3) and frame.std() > 5 for frame in frames)


def test_a_custom_garment_is_rendered(tmp_path):
    pytest.importorskip("bpy")
    run("custom_garment.py", tmp_path)
    drawn, custom = (iio.imread(tmp_path / f"{name}.png").astype(float) for name in ("drawn", "custom"))

    def yellowness(picture):
        return (picture[..., :2].mean(-1) - picture[..., 2]).max()

    assert yellowness(custom) > yellowness(drawn) + 40


def test_a_tracklet_is_described(tmp_path):
    model = kept_fixtures.copied("finished", tmp_path) / "model.pt"
    run("describe_tracklet.py", model, kept_fixtures.FIXTURES / "set/multi_shot/cam_a/person_0001", tmp_path / "d.npy")
    descriptor = np.load(tmp_path / "d.npy")
    assert descriptor.ndim == 1
    assert np.isfinite(descriptor).all()
    assert descriptor.std() > 0
