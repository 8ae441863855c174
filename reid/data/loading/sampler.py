"""PK batches of chunks: P identities with K chunks each, so that each chunk has positives (for the triplet loss)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alignnet_common.errors import UserError
from reid.data.loading.chunks import Chunk


@dataclass(frozen=True)
class Draw:
    """One chunk drawn for one place of a batch. The place is part of the seed of the chunk's augmentation."""

    chunk: int
    """Position of the chunk in the list of chunks."""

    place: tuple[int, int, int]
    """Epoch, batch in the epoch, place in the batch."""


class TooFewIdentitiesError(UserError):
    """A batch has more identities than the training set."""

    def __init__(self, asked: int, available: int) -> None:
        super().__init__(f"a batch of {asked} identities, but there are {available} to train on")
        self.asked, self.available = asked, available

    def __reduce__(self) -> tuple[type, tuple[int, int]]:  # to pickle: UserError's own passes the message only
        return type(self), (self.asked, self.available)


class PKSampler:
    """Batches of P identities with K chunks each.

    Identities are drawn without replacement: each is drawn once before any is drawn again, and never twice in a batch,
    so that all are drawn equally often, whatever their number of chunks. The chunks of an identity are drawn without
    replacement too: cameras in turn, and tracklets in turn within a camera, so that the K chunks are from as many
    cameras and tracklets as have chunks left. A batch contains a chunk twice only if its identity has fewer than K.

    An epoch has round(chunks / (P x K)) batches, at least 1, so that as many chunks are drawn as there are. The draws
    depend on the seed and the number of the epoch only; a run resumes from (epoch, batch).

    Raises TooFewIdentitiesError, and UserError if there are fewer than two identities.
    """

    def __init__(self, chunks: Sequence[Chunk], ids_per_batch: int, chunks_per_id: int, seed: int) -> None:
        self._chunks_of: dict[int, list[int]] = defaultdict(list)
        for position, chunk in enumerate(chunks):
            self._chunks_of[chunk.label].append(position)
        if len(self._chunks_of) < 2:
            raise UserError(f"{len(self._chunks_of)} identities to train on; re-identification needs 2 or more")
        if ids_per_batch > len(self._chunks_of):
            raise TooFewIdentitiesError(ids_per_batch, len(self._chunks_of))
        self._chunks = chunks
        self._ids_per_batch = ids_per_batch
        self._chunks_per_id = chunks_per_id
        self._seed = seed

    @property
    def batches(self) -> int:
        """Batches in an epoch."""
        return max(1, round(len(self._chunks) / (self._ids_per_batch * self._chunks_per_id)))

    def epoch(self, number: int) -> list[list[Draw]]:
        """The batches of epoch `number` (from 0)."""
        rng = np.random.default_rng([self._seed, number])
        chunk_draws = {label: self._draw_chunks(positions, rng) for label, positions in self._chunks_of.items()}
        identities = _draw_identities(sorted(self._chunks_of), self._ids_per_batch, rng)
        return [
            [
                Draw(chunk, (number, batch, place))
                for place, chunk in enumerate(chunk for label in next(identities) for chunk in next(chunk_draws[label]))
            ]
            for batch in range(self.batches)
        ]

    def _draw_chunks(self, positions: list[int], rng: np.random.Generator) -> Iterator[list[int]]:
        """K chunks of one identity at a time, without end."""
        count = self._chunks_per_id
        while True:
            order = self._spread(positions, rng)
            if len(order) < count:
                order = (order * count)[:count]
            for start in range(0, len(order) - count + 1, count):
                yield order[start : start + count]

    def _spread(self, positions: list[int], rng: np.random.Generator) -> list[int]:
        """All chunks of one identity in random order, cameras in turn, and tracklets in turn within a camera."""
        cameras: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for position in rng.permutation(positions).tolist():
            chunk = self._chunks[position]
            cameras[chunk.camera][chunk.tracklet].append(position)
        return _in_turn([_in_turn(list(tracklets.values())) for tracklets in cameras.values()])


def sampling_notes(chunks: Sequence[Chunk], chunks_per_id: int) -> list[str]:
    """Notes about identities with too few chunks or tracklets for a batch, a line each."""
    tracklets: dict[int, set[int]] = defaultdict(set)
    counts: dict[int, int] = defaultdict(int)
    for chunk in chunks:
        tracklets[chunk.label].add(chunk.tracklet)
        counts[chunk.label] += 1
    single = sum(len(found) == 1 for found in tracklets.values())
    short = sum(count < chunks_per_id for count in counts.values())
    lines = []
    if single:
        lines.append(f"note: {single} of {len(counts)} persons have one tracklet: its own chunks are their positives")
    if short:
        lines.append(
            f"note: {short} of {len(counts)} persons have fewer than {chunks_per_id} chunks (--chunks-per-id): "
            "a batch holds some of theirs more than once"
        )
    return lines


def _in_turn(rows: list[list[int]]) -> list[int]:
    """The first item of each row, then the second of each row, and so on.

    >>> _in_turn([[1, 2, 3], [10]])
    [1, 10, 2, 3]
    """
    longest = max(len(row) for row in rows)
    return [row[step] for step in range(longest) for row in rows if step < len(row)]


def _draw_identities(labels: list[int], count: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """`count` different labels at a time, without end; no label is drawn again before all were drawn."""
    remaining: list[int] = []
    while True:
        drawn, remaining = remaining[:count], remaining[count:]
        if len(drawn) < count:
            fresh = rng.permutation(labels).tolist()
            more = [label for label in fresh if label not in drawn][: count - len(drawn)]
            drawn, remaining = drawn + more, [label for label in fresh if label not in more]
        yield drawn
