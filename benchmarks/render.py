"""Speed of rendering compared with other renderers in the same run; error (PSNR) of this renderer and the bare loop.

    python -m benchmarks.render --json runs/render.json
    python -m benchmarks.render --peer …/4.5/python/bin/python --peer-path …/blenderproc --first …/first-version

Compared with (a) a bare loop of Blender's render call in a scene that is already built; (b) BlenderProc in its own
environment (bpy 4.5 and BlenderProc's dependencies, laid out as Blender's own Python, with the package `blenderproc` in
another folder), whose error is not measured and whose Blender is of another version; (c) a checkout of this project
with generator version 1.0. Everything runs on one core, except the last measurement: two workers against one. Takes
about half an hour.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import JobError
from alignnet_common.files import PROJECT_ROOT, write_json

PEER_SCRIPT = PROJECT_ROOT / "benchmarks" / "workers" / "blenderproc_clip.py"
"""Script that renders a scene with BlenderProc."""
ON_ONE_CORE = ("taskset", "-c", str(min(os.sched_getaffinity(0))))
"""Prefix that restricts a command to one of the cores of this process."""


@dataclass(frozen=True)
class RenderBenchmarkConfig:
    """Compare the renderer's speed with a bare loop in Blender, BlenderProc and generator version 1.0."""

    ids: int = 6
    """Number of clips that are timed, each of another person."""

    frames: int = 50
    """Frames per clip."""

    seed: int = 3
    """Seed of the plan."""

    ours: tuple[str, ...] = ("16", "8+denoise", "4+denoise", "4+denoise+16")
    """Settings of this project's renderer: samples per pixel, with or without denoising and --noise-samples."""

    bare: tuple[int, ...] = (4, 8, 16, 32, 64)
    """Samples per pixel of the bare loop."""

    bare_frames: int = 8
    """Number of frames of each clip that the bare loop renders."""

    reference: int = 1024
    """Samples per pixel of the reference frame for errors."""

    memory_ids: int = 100
    """People, two clips each, that one worker renders for the growth of its memory; 0 skips this."""

    rate_ids: int = 20
    """People, ten frames per clip, that one and two workers render for the speed-up; 0 skips this."""

    peer: Path | None = None
    """Python of BlenderProc's environment. Default: not compared."""

    peer_path: Path | None = None
    """Folder with the package `blenderproc`."""

    first: Path | None = None
    """A checkout of this project with generator version 1.0. Default: not compared."""

    json: Path = Path("runs/render.json")
    """File for the result."""

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        if (self.peer is None) != (self.peer_path is None):
            raise ValueError("--peer and --peer-path: name both or neither")


def benchmark(config: RenderBenchmarkConfig) -> None:
    """Measure, write the result, print it."""
    plain = as_plain(config)
    result: dict[str, Any] = {
        "command": "python -m benchmarks.render",
        "config": plain,
        "cores": len(os.sched_getaffinity(0)),
        "versions": {name: version(name) for name in ("bpy", "anny", "numpy", "ray")},
    }
    clips = job("clips", plain)
    result |= {"clips": clips, "summary": summary(clips)}
    write_json(config.json, result)
    if config.peer:
        result["blenderproc"] = against_peer(config)
        write_json(config.json, result)
    if config.first:
        result["first_version"] = against_first(config)
    if config.memory_ids:
        peaks = job("memory", {"ids": config.memory_ids, "frames": 2, "seed": config.seed})
        result["peak_mib"] = {f"after {count} clips": peaks[count - 1] for count in (min(10, len(peaks)), len(peaks))}
    if config.rate_ids:
        rate = {"ids": config.rate_ids, "frames": 10, "seed": config.seed}
        result["frames_a_second"] = {f"{n} workers": job("rate", {**rate, "workers": n}) for n in (1, 2)}
    write_json(config.json, result)
    print("\n".join(lines(result)))


def job(name: str, config: Mapping[str, Any]) -> Any:
    """Result of a job of `workers/render_job.py`, in a separate process."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "config.json", Path(folder) / "found.json"
        given.write_text(json.dumps(config))
        called([sys.executable, "-m", "benchmarks.workers.render_job", name, given, found], {})
        return json.loads(found.read_text())


def called(command: Sequence[str | Path], environment: Mapping[str, str], folder: Path = PROJECT_ROOT) -> float:
    """Seconds of a command in a folder, with further environment variables. Raises JobError if the command fails."""
    started = time.perf_counter()
    words = [str(word) for word in command]
    finished = subprocess.run(
        words, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if finished.returncode != 0:
        raise JobError(f"{' '.join(words)} failed: {finished.stderr.strip()[-2000:]}")
    return time.perf_counter() - started


def summary(clips: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over the clips, and each setting compared with the bare loop at equal samples and at equal error."""
    bare = {n: fmean(clip["bare"][n] for clip in clips) for n in clips[0]["bare"]}
    errors = {kind: fmean(clip["errors"][kind] for clip in clips) for kind in clips[0]["errors"]}
    least, most = min(bare, key=int), max(bare, key=int)
    sample = (bare[most] - bare[least]) / (int(most) - int(least))
    ours = {}
    for kind in clips[0]["ours"]:
        seconds, samples = fmean(clip["ours"][kind] for clip in clips), int(kind.split("+")[0])
        equal = seconds_at_error(bare, errors, errors[kind])
        ours[kind] = {
            "seconds_a_frame": seconds,
            "psnr": errors[kind],
            "outside_sampling": 1 - samples * sample / seconds,
            "bare_at_equal_error": equal,
            "times_as_fast_at_equal_error": equal and equal / seconds,
        }
    return {
        "bare": {n: {"seconds_a_frame": bare[n], "psnr": errors[n]} for n in bare},
        "bare_seconds_a_sample": sample,
        "ours": ours,
    }


def seconds_at_error(bare: Mapping[str, float], errors: Mapping[str, float], wanted: float) -> float | None:
    """Seconds per frame of the bare loop at a PSNR of `wanted`, interpolated; None outside the measured range."""
    points = sorted((errors[n], math.log(seconds)) for n, seconds in bare.items())
    for (low, before), (high, after) in pairwise(points):
        if low <= wanted <= high:
            return math.exp(before + (after - before) * (wanted - low) / (high - low))
    return None


def against_peer(config: RenderBenchmarkConfig) -> list[dict[str, Any]]:
    """BlenderProc on the same scenes: seconds to load and to render, with and without its denoiser."""
    assert config.peer is not None and config.peer_path is not None
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for blend in job("blend", {**as_plain(config), "folder": folder}):
            for samples, denoiser in ((4, "intel"), (16, "none")):
                out = Path(folder) / "found.json"
                # Absolute, since the folder changes; not resolved, since a virtual environment's python is a link.
                words = [
                    config.peer.absolute(),
                    PEER_SCRIPT,
                    blend,
                    str(samples),
                    denoiser,
                    out,
                ]
                package = {"PYTHONPATH": str(config.peer_path.resolve())}
                called([*ON_ONE_CORE, *map(str, words)], package, Path(folder))
                clip = {"clip": Path(blend).stem, "samples": samples, "denoiser": denoiser}
                found.append(clip | json.loads(out.read_text()))
    return found


def against_first(config: RenderBenchmarkConfig) -> dict[str, float]:
    """Seconds of the whole command on one core: generator version 1.0 (simpler people and scenes) and the current."""
    options = ["--ids", "3", "--frames", str(config.frames), "--samples", "16", "--workers", "1"]
    seconds = {}
    for name, folder in (("first", config.first), ("now", PROJECT_ROOT)):
        with tempfile.TemporaryDirectory() as out:
            command = [*ON_ONE_CORE, sys.executable, "-m", "synth.render", *options, "--out", f"{out}/set"]
            seconds[name] = called(command, {"PYTHONPATH": str(folder)}, folder or PROJECT_ROOT)
    return seconds


def lines(result: Mapping[str, Any]) -> list[str]:
    """The result as lines of text."""
    found = []
    for n, bare in result["summary"]["bare"].items():
        found.append(f"bare loop, {n} samples: {1 / bare['seconds_a_frame']:.2f} frames/s, {bare['psnr']:.1f} dB")
    for kind, ours in result["summary"]["ours"].items():
        ratio = ours["times_as_fast_at_equal_error"]
        found.append(
            f"ours, {kind}: {1 / ours['seconds_a_frame']:.2f} frames/s with all that belongs to it, "
            f"{ours['psnr']:.1f} dB, {100 * ours['outside_sampling']:.0f} % of it outside sampling"
            + (f", {ratio:.2f} × the bare loop at equal error" if ratio else "")
        )
    frames = result["config"]["frames"]
    peers = result.get("blenderproc", [])
    for way in sorted({(peer["samples"], peer["denoiser"]) for peer in peers}):
        of_way = [peer for peer in peers if (peer["samples"], peer["denoiser"]) == way]
        rendering = frames / fmean(peer["rendering"] for peer in of_way)
        whole = frames / fmean(peer["rendering"] + peer["loading"] for peer in of_way)
        found.append(
            f"BlenderProc, {way[0]} samples, denoiser {way[1]}: {rendering:.2f} frames/s, {whole:.2f} with its start"
        )
    if "first_version" in result:
        seconds = result["first_version"]
        found.append(f"whole command at 16 samples: {seconds['first'] / seconds['now']:.2f} × the first version")
    found += [f"peak memory {when}: {mib:.0f} MiB" for when, mib in result.get("peak_mib", {}).items()]
    if "frames_a_second" in result:
        one, two = result["frames_a_second"].values()
        found.append(f"two workers: {two / one:.2f} × one")
    return found


if __name__ == "__main__":
    run_command(benchmark, RenderBenchmarkConfig, "python -m benchmarks.render")
