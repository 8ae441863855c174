"""Run the commands of `synth` in processes of their own (Blender can be loaded once per process); read their sets."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import imageio.v3 as iio
import numpy as np

from alignnet_common.files import PROJECT_ROOT

SMALL = ["--ids", "4", "--frames", "3", "--fps", "25", "--samples", "2", "--no-denoise"]
SMALL += ["--seed", "0", "--occlusion", "0.5"]
"""Options of the rendered set that the tests share."""

OUTFITS = ["--ids", "4", "--frames", "4", "--sightings", "2", "--outfits", "2", "--samples", "2", "--occlusion", "0"]
"""Options of the rendered set of several outfits that the tests share."""


def environment(**changes):
    """The environment of this process with `changes`, and with the checkout on PYTHONPATH."""
    return os.environ | {"PYTHONPATH": str(PROJECT_ROOT)} | changes


def python(*argv, cwd=PROJECT_ROOT):
    """Run Python with these arguments, in the checkout if no other folder is named, and wait for it."""
    words = [sys.executable, *map(str, argv)]
    return subprocess.run(words, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=300)


def render(out, *options):
    """`python -m synth.render` with the shared set's options, then `options`."""
    return python("-m", "synth.render", *SMALL, "--out", out, *options)


def started(*argv):
    """Start Python with these arguments in the checkout, as leader of a new session."""
    return subprocess.Popen(
        [sys.executable, *map(str, argv)],
        cwd=PROJECT_ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def lines_without_bars(printed):
    """Lines of a stream without progress bars. On a busy machine those of planning and checking appear too."""
    lines = printed.replace("\r", "\n").splitlines()
    return [line for line in lines if line.strip() and not line.startswith(("render on ", "plan: ", "check "))]


def rows(path):
    """Rows of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def hashes(out):
    """SHA-256 of the pixels by clip, read from the manifest."""
    return {row["clip"]: row["pixels_sha256"] for row in rows(out / "manifest.jsonl")}


def frames_of(out, clip):
    """(T, 128, 64, 3) decoded frames of a clip."""
    return np.stack([iio.imread(path) for path in sorted((out / "multi_shot" / clip).iterdir())])


def truth_of(out, clip):
    """The arrays of a clip's annotations."""
    with np.load(out / "annotations" / f"{clip}.npz", allow_pickle=False) as arrays:
        return SimpleNamespace(**{name: arrays[name] for name in arrays.files})


def snapshot(folder):
    """Content and modification time of each file below a folder by relative path; None for folders."""
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns) if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
