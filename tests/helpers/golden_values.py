"""Golden values: what the documented commands give on small data, and how two sets of values are compared.

Every value comes from a command that runs in a checkout named by its folder (`tree`), so that the values of one version
of the code can be compared with those of another.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import reid_folders
import synth_runs
import tensorboard_files
from alignnet_common.files import PROJECT_ROOT

VALUES = PROJECT_ROOT / "tests" / "golden" / "values.json"

RENDERED_SETS = {
    "small": synth_runs.SMALL,
    "six people": ["--ids", "6", "--frames", "8", "--seed", "0", "--samples", "16"],
    "occluders": ["--ids", "3", "--frames", "20", "--occlusion", "1", "--samples", "4", "--no-denoise"],
}
"""Options of `synth.render`. The set "small" is the one that the tests share."""

PRETRAIN = ["reid.pretrain", "--config", "jobs/demo-pretrain.yaml", "--epochs", "10", "--max-steps", "30"]
FINETUNE = ["reid.finetune", "--config", "jobs/demo-finetune.yaml", "--epochs", "12", "--max-steps", "20"]
DEVICE = ["--device", "cpu", "--channels-last", "no"]
MODEL = [
    "--appearance",
    "resnet18",
    "--neck",
    "none",
    "--no-unit-length",
    "--lr-appearance",
    "0.0002",
    "--lr-tap",
    "0.0002",
]
"""The demo's trainings. What the demo may change is named here: epochs, memory format, network, learning rates."""
DEMO = {
    "pretrain": ["reid.pretrain", "--config", "jobs/demo-pretrain.yaml", "--max-steps", "10"],
    "finetune": ["reid.finetune", "--config", "jobs/demo-finetune.yaml", "--max-steps", "10"],
    "adapt": ["reid.adapt", "--config", "jobs/demo-adapt.yaml", "--rounds", "1", "--steps", "10"],
}
"""The demo's trainings as they are, ten steps each."""
PERSONS, FRAMES = 14, 6
"""Size of the sets that both train on: half of the persons of the second are more than the job's 6 in a batch."""

RANKINGS = {
    f"{protocol}, {'re-ranked' if rerank else 'plain'}, {norm}": [
        *("--protocol", protocol),
        *(["--score-norm", norm] if norm != "none" else []),
        *(["--rerank"] if rerank else []),
    ]
    for protocol in ("step", "torchreid", "official")
    for rerank in (False, True)
    for norm in ("none", "row", "column", "symmetric")
}
"""Options of `reid.evaluate --features`."""

LOSSES = ("loss", "identity", "ranking", "pose")
"""Fields of a row of metrics.jsonl."""

THREADS = "2"
"""Threads of PyTorch: the order of its sums, hence the last bits of a loss, depends on their number."""

IN_TURN = """
import json, runpy, sys
for module, *options in json.loads(sys.argv[1]):
    sys.argv = [module, *options]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code:
            sys.exit(f"{module} {options}: exit code {end.code}")
"""
"""Runs modules one after another in one process, as `python -m` would: torch is imported once."""


def run_in_turn(tree, commands, cwd=None):
    """Run `commands`, lists of a module and its options, by the code of the checkout `tree`, all in one process.

    `cwd` is the folder that they run in, by default the checkout."""
    code = [sys.executable, "-W", "ignore::RuntimeWarning:runpy", "-c", IN_TURN]
    words = [*code, json.dumps([[str(word) for word in one] for one in commands])]
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": THREADS, "MKL_NUM_THREADS": THREADS}
    ended = subprocess.run(words, cwd=cwd or tree, env=environment, capture_output=True, text=True, timeout=1200)
    assert ended.returncode == 0, ended.stderr[-3000:]


def cpu_model():
    """Vendor, family and model of the CPU as Linux reports them; None elsewhere. Libraries choose kernels by them."""
    table = Path("/proc/cpuinfo")
    lines = [line.split(":", 1) for line in table.read_text().split("\n\n")[0].splitlines()] if table.is_file() else []
    found = {name.strip(): value.strip() for name, value in lines}
    fields = [found.get(name) for name in ("vendor_id", "cpu family", "model")]
    return " ".join(fields) if all(fields) else None


def machine():
    """What the last bits of a loss, and the pixels of a rendered frame, depend on beside the code."""
    from importlib.metadata import PackageNotFoundError, version

    import torch

    def version_of(package):
        try:
            return version(package)
        except PackageNotFoundError:
            return None

    return {
        "cpu": cpu_model(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        **{package: version_of(package) for package in ("torch", "torchvision", "numpy", "scipy", "bpy", "anny")},
    }


PLAN_HASHES = """
import json, sys
from synth.planning.clip import plan_row
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from alignnet_common.files import sha256_of_lines
options = {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(sys.argv[1]).items()}
rows = [json.dumps(plan_row(clip)) for clip in make_plan(RenderConfig(**options))]
rounded = [json.loads(row, parse_float=lambda digits: float(f"{float(digits):.8g}")) for row in rows]
print(sha256_of_lines(map(json.dumps, rounded)))
"""
"""Prints the SHA-256 of the rows of a plan, as plan.jsonl has them, with eight digits of each number: more of them
depend on the machine."""

PLANS = {
    "pictures": {"ids": 20, "seed": 7, "frames": 4, "samples": 16},
    "video": {"ids": 12, "frames": 20, "occlusion": 1.0, "samples": 16},
    "pairs of cameras, without accessories": {
        "ids": 12,
        "frames": 10,
        "seed": 3,
        "camera_pairs": 3,
        "samples": 16,
        "without": ["accessories", "garments"],
    },
}
"""Fields of `RenderConfig` of the plans, which were made when 16 samples were the default."""


def plan_hashes(tree):
    """SHA-256 of the rows of each of PLANS by the code of the checkout `tree`."""
    found = {}
    for name, options in PLANS.items():
        words = [sys.executable, "-c", PLAN_HASHES, json.dumps(options)]
        environment = os.environ | {"PYTHONPATH": str(tree)}
        ended = subprocess.run(words, cwd=tree, env=environment, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0, ended.stderr[-3000:]
        found[name] = ended.stdout.strip()
    return found


def render(tree, out, options):
    """`python -m synth.render` by the code of the checkout `tree`. A set that is complete already is left as it is."""
    out.parent.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "synth.render", *options, "--out", out.name]
    environment = os.environ | {"PYTHONPATH": str(tree)}
    ended = subprocess.run(words, cwd=out.parent, env=environment, capture_output=True, text=True, timeout=1800)
    assert ended.returncode == 0, ended.stderr[-3000:]


def write_training_data(folder):
    """A rendered set and a set in PRID2011's layout below `folder`; returns both folders."""
    rendered = reid_folders.write_rendered(folder / "rendered", persons=PERSONS, frames=FRAMES)
    return rendered, reid_folders.write_prid(folder / "real", persons=PERSONS, frames=FRAMES)


def content_hash(folder):
    """Hex SHA-256 of the decoded frames and arrays below `folder`, by path."""
    import imageio.v3 as iio

    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".png":
            content = iio.imread(path).tobytes()
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                content = b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays.files))
        else:
            continue
        digest.update(path.relative_to(folder).as_posix().encode() + content)
    return digest.hexdigest()


def losses_of(run: Path):
    """The losses of a run by name, a number a step."""
    rows = synth_runs.rows(run / "metrics.jsonl")
    return {name: [row[name] for row in rows] for name in LOSSES if name in rows[0]}


def training_losses(tree, folder):
    """Hash of the data and losses of the demo's two trainings, on small sets."""
    rendered, real = write_training_data(folder)
    runs = folder / "pretrain", folder / "finetune"
    run_in_turn(
        tree,
        [
            [*PRETRAIN, *DEVICE, *MODEL, "--data", rendered, "--run", runs[0]],
            [*FINETUNE, *DEVICE, *MODEL, "--root", real, "--init", runs[0], "--run", runs[1]],
        ],
    )
    hashes = {"rendered": content_hash(rendered), "real": content_hash(real)}
    return {"data": hashes, "pretrain": losses_of(runs[0]), "finetune": losses_of(runs[1])}


def demo_losses(tree, folder):
    """Ten losses of each of the demo's trainings by its name."""
    rendered, real = write_training_data(folder)
    tracklets = reid_folders.write_rendered(folder / "tracklets", persons=26, frames=4)  # an adaptation needs 50
    given = {
        "pretrain": ["--data", rendered],
        "finetune": ["--root", real, "--init", folder / "pretrain"],
        "adapt": ["--root", tracklets, "--init", folder / "pretrain"],
    }
    run_in_turn(tree, [[*DEMO[name], "--device", "cpu", *given[name], "--run", folder / name] for name in DEMO])
    curves = {name: tensorboard_files.scalars(folder / name / "tensorboard") for name in DEMO}
    return {name: [curves[name][step, "loss"] for step in range(1, 11)] for name in DEMO}


def write_features(path):
    """A features file of 60 queries, which stand in the gallery, and 240 tracklets of 30 persons and of distractors."""
    rng = np.random.default_rng(5)
    queries, tracklets, size = 60, 240, 32
    centers = rng.normal(size=(30, size))
    pids, cams = rng.integers(-1, 30, tracklets), rng.integers(1, 7, tracklets)
    features = (centers[np.maximum(pids, 0)] + 1.5 * rng.normal(size=(tracklets, size))).astype(np.float32)
    rows = rng.permutation(np.flatnonzero(pids > 0))[:queries]
    query = {"query_features": features[rows], "query_pids": pids[rows], "query_cams": cams[rows], "query_index": rows}
    np.savez(path, gallery_features=features, gallery_pids=pids, gallery_cams=cams, **query)
    return path


def lasting(result):
    """A result of `reid.evaluate` without its prose, its options, and the record of when and where it was made."""
    kept = {name: value for name, value in result.items() if name not in RECORD}
    return kept | {"fields": sorted(result)}


RECORD = ("rules", "features", "command", "config", "device", "versions", "started", "seconds")


def ranking_numbers(tree, folder):
    """What `reid.evaluate --features` writes about a features file under each of RANKINGS; see `lasting`."""
    features = write_features(folder / "features.npz")
    files = {name: folder / f"{number}.json" for number, name in enumerate(RANKINGS)}
    run_in_turn(
        tree,
        [
            ["reid.evaluate", "--features", features, *options, "--json", files[name]]
            for name, options in RANKINGS.items()
        ],
    )
    return {name: lasting(json.loads(file.read_text())) for name, file in files.items()}


def pixel_hashes(tree, folder, names):
    """The hash of each clip's pixels by clip, of the RENDERED_SETS `names`, which are kept below `folder`."""
    found = {}
    for name in names:
        out = folder / name.replace(" ", "-")
        render(tree, out, RENDERED_SETS[name])
        found[name] = synth_runs.hashes(out)
    return found


def numbers(value):
    """All numbers in a nested value of JSON, in order."""
    if isinstance(value, dict):
        return [number for name in sorted(value) for number in numbers(value[name])]
    if isinstance(value, list):
        return [number for entry in value for number in numbers(entry)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []
