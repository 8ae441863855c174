"""python -m benchmarks.adapt.labelled: reid adapt against the persons of truth.csv in place of clusters.

It takes the options of reid adapt. --root is the folder of tracklets, beside which truth.csv lies.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse

from alignnet_common.cli import run_command
from benchmarks.adapt.tracks import TRUTH, persons_of
from reid.adapt.clustering.agreement import Choice, Clustering, choose_clusters
from reid.adapt.clustering.clusters import Labels, with_proxies
from reid.adapt.clustering.description import Described
from reid.adapt.run import adapt
from reid.adapt.unlabelled import read_unlabelled
from reid.configs.adapt import AdaptConfig


def adapt_with_labels(config: AdaptConfig) -> None:
    """Adapt with a cluster for each person; the score is that of the clusters that would have been found."""
    assert config.root is not None
    known = persons_of(Path(config.root).parent / TRUTH)
    persons = [known[name] for name in read_unlabelled(config.root).names]
    labels = np.unique(persons, return_inverse=True)[1].astype(np.int64)
    adapt(config, choose=partial(persons_as_clusters, labels))


def persons_as_clusters(
    labels: Labels, described: Described, cameras: Labels, apart: sparse.csr_array, clustering: Clustering
) -> Choice:
    """The choice without labels, in which the clusters are replaced by `labels` (N,)."""
    return replace(choose_clusters(described, cameras, apart, clustering), clusters=with_proxies(labels, cameras))


if __name__ == "__main__":
    run_command(adapt_with_labels, AdaptConfig, "python -m benchmarks.adapt.labelled")
