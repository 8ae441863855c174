"""Evaluation and re-ranking at MARS size, against torchreid and the reference re-ranking, in one run.

    python -m benchmarks.evaluate --torchreid CLONE --reranking CLONE --peer-python VENV/bin/python --json OUT.json

The clones are of KaiyangZhou/deep-person-reid (its rank_cy built in place, as its own notes say) and of
zhunzhong07/person-re-ranking; nothing is fetched or built here. Pids and cameras are those of the real MARS tables,
features are synthetic. Each measurement has a process of its own and the machine to itself as far as we go.
"""

import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from alignnet_common.cli import run_command
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import PROJECT_ROOT, write_json

GOALS = {"torchreid-cython": 5.0, "torchreid-python": 100.0, "reference-re-ranking": 10.0}


@dataclass(frozen=True)
class BenchmarkConfig:
    """Time and peak memory of evaluation at MARS size, ours and theirs."""

    torchreid: Path | None = None
    """Clone of KaiyangZhou/deep-person-reid. Default: not measured."""

    reranking: Path | None = None
    """Clone of zhunzhong07/person-re-ranking. Default: not measured."""

    peer_python: Path = Path(sys.executable)
    """Python of the environment that the peers run in (NumPy; rank_cy built for it)."""

    mars: Path = PROJECT_ROOT.parent / "shared" / "data" / "mars_info"
    """Folder with MARS's tracks_test_info.mat and query_IDX.mat."""

    size: int = 256
    """Numbers in a synthetic feature."""

    noise: float = 1.35
    """Deviation of a tracklet's feature from its person's (which has deviation 1); 1.35 gives an mAP of about 0.8."""

    repeats: int = 5
    """Runs of each measurement, of which the fastest counts; of torchreid's Python and of the reference: one."""

    json: Path | None = None
    """File that the result is written to. Default: printed only."""


def benchmark(config: BenchmarkConfig) -> None:
    """Measure, print ratios, and write the result where `--json` says."""
    for clone, part in ((config.torchreid, "torchreid/metrics/rank.py"), (config.reranking, "python-version")):
        if clone is not None and not (clone / part).exists():
            raise UserError(f"{clone} has no {part}: name a clone of the public repository")
    for file in ("tracks_test_info.mat", "query_IDX.mat"):
        if not (config.mars / file).is_file():
            raise UserError(f"no {file} in {config.mars}: name MARS's info folder with --mars")
    load = os.getloadavg()[0]
    costs: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case, noise in (("learned", config.noise), ("random", None)):
            apart(write_features, config, folder, noise)
            child("inputs", folder, config)
            jobs = ["our-ranking"]
            if config.torchreid is not None:
                built = any((config.torchreid / "torchreid/metrics/rank_cylib").glob("rank_cy*.so"))
                jobs += ["torchreid-cython"] * built + ["torchreid-python"] * (case == "learned")
            if case == "learned":
                jobs += ["our-re-ranking", "our-re-ranking-of-features"]
                jobs += ["reference-re-ranking"] if config.reranking is not None else []
            costs[case] = {job: child(job, folder, config) for job in jobs}
            costs[case] |= {"compared": apart(compared, costs[case], folder)}
    result = {"costs": costs, "machine": machine() | {"load_before": load, "load_after": os.getloadavg()[0]}}
    print_ratios(result)
    if config.json is not None:
        write_json(config.json, result | {"config": {key: str(value) for key, value in vars(config).items()}})


def write_features(config: BenchmarkConfig, folder: Path, noise: float | None) -> None:
    """Features and labels in torchreid's protocol: a person's own, a camera's, and noise (None: noise alone)."""
    table = loadmat(config.mars / "tracks_test_info.mat")["track_test_info"].astype(np.int64)
    queries = loadmat(config.mars / "query_IDX.mat")["query_IDX"].astype(np.int64).ravel() - 1
    pids, cams = table[:, 2], table[:, 3]
    gallery = np.setdiff1d(np.flatnonzero(pids != -1), queries)
    rng = np.random.default_rng(0)
    alone = rng.normal(size=(len(table), config.size))
    distractors = rng.normal(size=(len(table), config.size))
    persons = np.where(pids[:, None] > 0, rng.normal(size=(pids.max() + 1, config.size))[pids], distractors)
    cameras = rng.normal(size=(cams.max() + 1, config.size))[cams]
    features = (alone if noise is None else persons + 0.5 * cameras + noise * alone).astype(np.float32)
    for side, rows in (("query", queries), ("gallery", gallery)):
        for name, values in (("features", features), ("pids", pids), ("cams", cams)):
            np.save(folder / f"{side}_{name}.npy", values[rows])


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """Do `work` in another process: on Linux a child's peak memory is never less than its parent's was."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def child(job: str, folder: Path, config: BenchmarkConfig) -> dict[str, Any]:
    """Run a job of `benchmarks.workers.evaluation_job` in a process of its own."""
    clone = config.reranking if job == "reference-re-ranking" else config.torchreid
    theirs = job.startswith(("torchreid", "reference"))
    repeats = 1 if job in ("torchreid-python", "reference-re-ranking") else config.repeats
    command = [
        config.peer_python if theirs else sys.executable,
        PROJECT_ROOT / "benchmarks" / "workers" / "evaluation_job.py",
        job,
        folder,
    ]
    command += [folder / f"{job}.npy", str(repeats), *([clone] if theirs and clone is not None else [])]
    environment = os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise JobError(f"{job} failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    print(f"{job}: {done.stdout.strip().splitlines()[-1]}", flush=True)
    cost: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return cost


def compared(costs: dict[str, Any], folder: Path) -> dict[str, float]:
    """The greatest difference between our results and theirs, of those that ran."""
    pairs = [(job, "our-ranking") for job in costs if job.startswith("torchreid")]
    pairs += [("reference-re-ranking", "our-re-ranking")] if "reference-re-ranking" in costs else []
    pairs += [("our-re-ranking-of-features", "our-re-ranking")] if "our-re-ranking" in costs else []
    differences = {"mAP": float(np.load(folder / "our-ranking.npy")[-1])}
    for other, ours in pairs:
        both = (np.load(folder / f"{job}.npy", mmap_mode="r") for job in (other, ours))
        differences[other] = float(max(np.abs(a - b).max() for a, b in zip(*both, strict=True)))
    return differences


def print_ratios(result: dict[str, Any]) -> None:
    """Each peer against ours, beside the goal."""
    for case, costs in result["costs"].items():
        print(f"\n{case} features (mAP {costs['compared']['mAP']:.3f})")
        for peer in (name for name in costs if name.startswith(("torchreid", "reference"))):
            ours = costs["our-re-ranking" if peer.startswith("reference") else "our-ranking"]
            times, memory = costs[peer]["seconds"] / ours["seconds"], ours["peak_mib"] / costs[peer]["peak_mib"]
            cpu_times = costs[peer]["cpu_seconds"] / ours["cpu_seconds"]
            costs[peer] |= {"times_slower": times, "times_cpu": cpu_times, "our_share_of_its_memory": memory}
            print(
                f"  {peer}: {costs[peer]['seconds']:.2f} s, ours {ours['seconds']:.3f} s: {times:.1f}x, "
                f"{cpu_times:.1f}x in processor time (goal {GOALS[peer]:g}x)\n"
                f"    peak {costs[peer]['peak_mib']:.0f} MiB, ours {ours['peak_mib']:.0f}: {memory:.2f} of it; "
                f"greatest difference {costs['compared'][peer]:.1e}"
            )
    machine = result["machine"]
    print(f"{machine['cores']} cores, load {machine['load_before']:.1f} before, {machine['load_after']:.1f} after")


def machine() -> dict[str, Any]:
    """What it ran on."""
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    return {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "threads": threads,
    }


if __name__ == "__main__":
    run_command(benchmark, BenchmarkConfig, "python -m benchmarks.evaluate")
