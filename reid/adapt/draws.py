"""The chunks of a round, and which of them each step draws."""

from collections.abc import Sequence

from reid.adapt.beside import Beside, side_by_side
from reid.adapt.clustering.clusters import Clusters
from reid.configs.adapt import AdaptConfig
from reid.data.loading.chunks import Chunk, training_frames
from reid.data.loading.sampler import Draw, PKSampler
from reid.data.tracklets.types import Tracklet


def chunks_of(tracklets: Sequence[Tracklet], clusters: Clusters, size: int) -> list[Chunk]:
    """Chunks of `size` frames of the tracklets that are in a cluster, with the cluster as their label."""
    return [
        Chunk(number, frames, int(clusters.labels[number]), tracklet.camera)
        for number, tracklet in enumerate(tracklets)
        if clusters.labels[number] >= 0
        for frames in training_frames(len(tracklet.frames), size, 0, "wrap")
    ]


def draws_of_round(chunks: Sequence[Chunk], config: AdaptConfig, number: int, beside: Beside) -> list[list[Draw]]:
    """The chunks of each step of round `number`, those of rendered people last; they depend on the seed and the number
    of the round alone.

    chunks -- of the tracklets, then of the rendered people.
    """
    persons = len(set(beside.labels.tolist()))
    clusters = 1 + max(chunk.label for chunk in chunks) - persons
    own = [chunk for chunk in chunks if chunk.label < clusters]
    draws = _drawn(own, min(config.clusters_per_batch, clusters), config, number)
    if not persons:
        return draws
    rendered = _drawn(chunks[len(own) :], min(config.rendered_persons, persons), config, number)
    return side_by_side(draws, rendered, len(own))


def _drawn(chunks: Sequence[Chunk], labels: int, config: AdaptConfig, number: int) -> list[list[Draw]]:
    sampler = PKSampler(chunks, labels, config.chunks_per_cluster, config.seed)
    first = number * config.steps  # an epoch has at least one step: no two rounds share an epoch's number
    draws = (draw for epoch in range(config.steps) for draw in sampler.epoch(first + epoch))
    return [draw for _, draw in zip(range(config.steps), draws, strict=False)]
