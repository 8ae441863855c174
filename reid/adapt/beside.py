"""Rendered people beside the tracklets: their persons are known, and the network keeps what it has learnt of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.images import spread_over
from reid.adapt.clustering.clusters import Clusters, Labels, with_proxies
from reid.data import load_rendered
from reid.data.fingerprint import data_record
from reid.data.loading.sampler import Draw
from reid.data.tracklets.types import Tracklet, labels_of
from reid.provenance.seen_people import trained_on


@dataclass(frozen=True)
class Beside:
    """M clips of a rendered set. In all lists they follow the N tracklets that are adapted to."""

    tracklets: tuple[Tracklet, ...]
    """Clips; their cameras have numbers of their own, after those of the tracklets."""

    labels: Labels
    """(M,) person of each clip, 0 to persons - 1."""

    training: dict[str, Any] | None
    """Record of the persons, for the model file; None without a set."""

    @property
    def fingerprint(self) -> str | None:
        """SHA-256 that identifies the files of the set; None without a set."""
        return None if self.training is None else self.training["fingerprint"]

    def record(self) -> dict[str, Any] | None:
        """The set as plain values, for results; None without a set."""
        if self.training is None:
            return None
        persons = int(self.labels.max()) + 1
        return {"name": self.training["name"], "fingerprint": self.fingerprint, "persons": persons}


def read_beside(root: Path | None, cameras: int, frames: int, seed: int) -> Beside:
    """All people of a rendered set, or nobody without `root`.

    Args:
        root: folder of the set.
        cameras: number of cameras of the tracklets.
        frames: frames of a clip that are used, evenly spread.
        seed: of the run.

    Raises UserError if the folder holds no rendered set.
    """
    data = load_rendered(root, seed)
    if data is None:
        return Beside((), np.zeros(0, np.int64), None)
    tracklets = tuple(
        replace(clip, camera=cameras + clip.camera, frames=tuple(spread_over(clip.frames, frames)))
        for clip in data.train
    )
    number_of = labels_of(tuple(data.train))
    labels = np.array([number_of[clip.pid] for clip in data.train], np.int64)
    return Beside(tracklets, labels, trained_on(data, str(data_record(data)["fingerprint"])))


def joined(clusters: Clusters, beside: Beside, cameras: Labels) -> Clusters:
    """The clusters of N tracklets, and a cluster for each rendered person. cameras -- (N + M,)."""
    return with_proxies(np.concatenate([clusters.labels, clusters.count + beside.labels]), cameras)


def side_by_side(draws: Sequence[list[Draw]], rendered: Sequence[list[Draw]], chunks: int) -> list[list[Draw]]:
    """The draws of each step, followed by those of the rendered people.

    chunks -- number of chunks of the tracklets, after which those of the rendered people follow.
    """
    return [
        some + [replace(draw, chunk=chunks + draw.chunk, place=_after(draw.place, len(some))) for draw in more]
        for some, more in zip(draws, rendered, strict=True)
    ]


def _after(place: tuple[int, int, int], count: int) -> tuple[int, int, int]:
    """A place in the batch behind `count` others."""
    return (*place[:2], count + place[2])
