"""The steps of python -m benchmarks.adapt: tracklets, adaptations, their measures, the table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.cli import as_plain
from alignnet_common.errors import UserError
from alignnet_common.files import read_jsonl, write_json
from alignnet_common.options import bounded, check_ranges
from benchmarks.adapt.target import Target, market_target, rendered_target
from benchmarks.adapt.tracks import (
    TRUTH,
    broken_tracks,
    mixed_tracks,
    persons_of,
    rows_of,
    some_persons,
    with_wrong_cameras,
    write_tracks,
)
from benchmarks.workers.subprocesses import Start, call, mean_and_spread
from reid.adapt.clustering.agreement import pairs
from reid.reporting.markdown import markdown_table
from reid.runtime.run_dir import RESULT

FREE_TO_CHANGE = ("market", "out", "seeds", "official")
"""Options that may differ when an --out folder is used again."""


@dataclass(frozen=True)
class AdaptBenchmarkConfig:
    """Adapt a network to unlabelled tracklets of Market-1501's training half or of a rendered set, and measure it."""

    market: Path | None = None
    """Folder of Market-1501, which contains bounding_box_train."""

    out: Path = Path("runs/adapt-market")
    """Folder for the tracklets, the runs, adapt.json, and adapt.md with the table."""

    target: Path | None = None
    """Rendered set to adapt to in place of Market-1501: half of its persons are adapted to, and the others tested."""

    init: str = "small"
    """Network that is adapted."""

    seeds: int = bounded(3, at_least=1)
    """Number of adaptations, with seeds 0, 1, 2, …"""

    mixed: float = bounded(0.0, at_least=0, at_most=1)
    """Share of tracklets in which the second half of the frames is of another person of the same camera."""

    broken: float = bounded(0.0, at_least=0, at_most=1)
    """Share of tracklets that are broken in two."""

    wrong_cameras: float = bounded(0.0, at_least=0, at_most=1)
    """Share of tracklets under the name of another camera, drawn at random."""

    tracklets: int | None = bounded(None, at_least=50)
    """Number of tracklets, all those of some persons. Default: all."""

    labelled: bool = False
    """Train against the persons in place of clusters: what the same network and options reach with labels."""

    test_share: float = bounded(0.0, at_least=0, at_most=0.9)
    """Share of the training persons of --market that is not adapted to, and tested. 0: none."""

    official: bool = False
    """Test on the official test of --market, once a finished configuration."""

    options: dict[str, Any] = field(default_factory=dict)
    """Further options of reid adapt: --options.rounds 4."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if (self.market is None) == (self.target is None):
            raise ValueError("--market or --target: name one of them, the data to adapt to")
        if self.target is not None and (self.official or self.test_share):
            raise ValueError("--official and --test-share belong to --market")


def cluster_quality(clusters: Path, truth: Path) -> dict[str, float]:
    """Precision and recall, in percent, of the pairs of tracklets that a clusters.csv puts together."""
    person = persons_of(truth)
    found = rows_of(clusters)
    persons = np.array([person[row["camera"], row["track"]] for row in found])
    labels = np.array([int(row["cluster"]) for row in found])
    right = pairs(np.where(labels >= 0, labels * (persons.max() + 1) + persons, -1))
    return {
        "precision": round(100 * right / max(1, pairs(labels)), 1),
        "recall": round(100 * right / max(1, pairs(persons)), 1),
    }


def adapt_market(config: AdaptBenchmarkConfig, start: Start = call) -> None:
    """Adapt with each seed unless that is done; write adapt.json and adapt.md. `start` runs a module with arguments."""
    target = target_of(config)
    config.out.mkdir(parents=True, exist_ok=True)
    check_same_options(config)
    rng = np.random.default_rng(0)  # the same tracklets for every seed
    tracks = some_persons(target.tracks, config.tracklets, rng)
    tracks = broken_tracks(mixed_tracks(tracks, config.mixed, rng), config.broken, rng)
    tracks = with_wrong_cameras(tracks, config.wrong_cameras, rng)
    root = write_tracks(tracks, target.images, config.out)
    networks = {"before": config.init} | {
        f"seed {seed}": str(adapted(config, root, seed, start)) for seed in range(config.seeds)
    }
    result: dict[str, Any] = {"config": as_plain(config), "tracklets": len(tracks), "runs": {}}
    for name, weights in networks.items():
        row = tested(config.out, name, weights, target.tests, start)
        if name != "before":
            run = Path(weights)
            row |= cluster_quality(run / "clusters.csv", config.out / TRUTH)
            row |= {key: read_jsonl(run / "metrics.jsonl")[-1][key] for key in ("clusters", "outliers", "score")}
            row["minutes"] = round(json.loads((run / RESULT).read_text())["seconds"] / 60, 1)
        result["runs"][name] = row
    write_json(config.out / "adapt.json", result)
    text = table(result["runs"])
    (config.out / "adapt.md").write_text(text)
    print(text)


def target_of(config: AdaptBenchmarkConfig) -> Target:
    """The data of --market or --target. Raises UserError as they are read."""
    if config.market is not None:
        return market_target(config.market, config.test_share, config.official)
    assert config.target is not None
    return rendered_target(config.target)


def check_same_options(config: AdaptBenchmarkConfig) -> None:
    """Keep the options that a result depends on in --out/options.json. Raises UserError if others are there."""
    path = config.out / "options.json"
    given = {key: value for key, value in as_plain(config).items() if key not in FREE_TO_CHANGE}
    if not path.is_file():
        write_json(path, given)
    before = json.loads(path.read_text())
    changed = next((key for key, value in given.items() if before.get(key) != value), None)
    if changed is not None:
        raise UserError(
            f"{config.out}: holds results with {changed} {before.get(changed)}, not {given[changed]}: "
            "name another --out"
        )


def adapted(config: AdaptBenchmarkConfig, root: Path, seed: int, start: Start) -> Path:
    """The folder of a finished adaptation."""
    run = config.out / f"seed-{seed}"
    module = "benchmarks.adapt.labelled" if config.labelled else "reid.adapt"
    if not (run / RESULT).is_file():
        further = [f"--{name.replace('_', '-')}={value}" for name, value in config.options.items()]
        words = [f"--root={root}", f"--init={config.init}", f"--run={run}", f"--seed={seed}", *further]
        start(module, [*words, *(["--resume"] if run.exists() else [])])
    return run


def tested(out: Path, name: str, weights: str, tests: Mapping[str, Sequence[str]], start: Start) -> dict[str, float]:
    """Rank-1 and mAP of a network in each test, with and without the statistics of each camera."""
    found: dict[str, float] = {}
    for test, data in tests.items():
        for kind, words in (("", []), (", camera statistics", ["--camera-norm"])):
            path = out / f"{test}-{name}{kind}.json".replace(",", "").replace(" ", "-")
            if not path.is_file():
                start("reid.evaluate", [*data, f"--weights={weights}", *words, f"--json={path}"])
            ranked = json.loads(path.read_text())
            found |= {f"{key}, {test}{kind}": ranked[key] for key in ("rank1", "mAP")}
    return found


def table(runs: Mapping[str, Mapping[str, float]]) -> str:
    """The network before, and the mean and standard deviation over the seeds after, as Markdown."""
    before = runs["before"]
    after = [row for name, row in runs.items() if name != "before"]
    keys = list(dict.fromkeys([*before, *after[0]]))
    rows = [
        [key, f"{before[key]:.1f}" if key in before else "", mean_and_spread([row[key] for row in after])]
        for key in keys
    ]
    return markdown_table(["", "before", "after"], rows)
