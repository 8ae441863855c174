"""python -m benchmarks.adapt.many: time and memory of clustering many synthetic tracklets, as a round of reid adapt."""

import resource
import sys
import time
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from alignnet_common.cli import run_command
from alignnet_common.options import bounded, check_ranges
from reid.adapt.clustering.across_cameras import comparable
from reid.adapt.clustering.agreement import Clustering, choose_clusters
from reid.adapt.clustering.description import DIRECTIONS, Described, unit
from reid.configs.adapt import EPS_CANDIDATES, AdaptConfig

NOISE = 0.9
"""Deviation of a descriptor's numbers from those of its person, whose deviation is 1."""

CAMERAS = 8


@dataclass(frozen=True)
class ManyConfig:
    """Cluster synthetic descriptors as reid adapt does in a round; print seconds and peak memory."""

    tracklets: int = bounded(100_000, at_least=100)
    """Number of tracklets."""

    per_person: int = bounded(5, at_least=2)
    """Tracklets of a person."""

    def __post_init__(self) -> None:
        check_ranges(self)


def cluster_many(config: ManyConfig) -> None:
    """Print one line."""
    rng, options = np.random.default_rng(0), AdaptConfig("none")
    persons = np.arange(config.tracklets) % (config.tracklets // config.per_person)
    centres = rng.normal(size=(persons.max() + 1, DIRECTIONS)).astype(np.float32)
    shape = config.tracklets, DIRECTIONS
    first, second = (unit(centres[persons] + NOISE * rng.normal(size=shape).astype(np.float32)) for _ in range(2))
    components = np.eye(DIRECTIONS, dtype=np.float32)  # as of descriptors that are reduced
    described = Described(unit(first + second), (first, second), np.ones(config.tracklets, bool), components)
    cameras = rng.integers(0, CAMERAS, config.tracklets)
    apart = sparse.csr_array((config.tracklets, config.tracklets), dtype=np.float32)
    clock = time.perf_counter()
    how = Clustering(options.k1, options.k2, options.min_samples, EPS_CANDIDATES)
    choice = choose_clusters(comparable(described, cameras), cameras, apart, how)
    seconds = time.perf_counter() - clock
    unit_of_peak = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_of_peak / 1e9
    print(
        f"{config.tracklets} tracklets: {seconds:.0f} s, {peak:.2f} GB at most; {choice.clusters.count} clusters of "
        f"{persons.max() + 1} persons, {choice.clusters.outliers} tracklets in none"
    )


if __name__ == "__main__":
    run_command(cluster_many, ManyConfig, "python -m benchmarks.adapt.many")
