"""Frames that threads decode ahead of their use, in order, while the network computes.

Pillow releases Python's lock while it decodes and resizes, so that threads do both beside the forward pass, without
copies between processes.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from alignnet_common.doctor.machine import cores
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.frames import UnreadableImageError

Item = TypeVar("Item")
Result = TypeVar("Result")

BLOCK = 8
"""Items of one task of a thread: a task costs about 30 microseconds of Python's lock."""

AHEAD = 128
"""Items that are ready or being worked on at most, beside those of the consumer."""

MOST_WORKERS = 8
"""Threads at most, by default."""


def decoding_threads(workers: int | None) -> int:
    """Number of decoding threads: `workers`, by default one per core, at most `MOST_WORKERS`."""
    return min(MOST_WORKERS, cores()) if workers is None else workers


def mapped_ahead(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int = AHEAD
) -> Iterator[Result]:
    """`work(item)` of each item, in order, computed by `workers` threads, at most `ahead` items early.

    With 0 workers nothing is computed early. An exception of `work` is raised in place of the results of its block.
    """
    if workers == 0:
        yield from map(work, items)
        return
    left = iter(items)
    waiting: deque[Future[list[Result]]] = deque()
    with ThreadPoolExecutor(workers, "decode") as pool:
        try:
            while block := list(itertools.islice(left, BLOCK)):
                waiting.append(pool.submit(_each, work, block))
                if len(waiting) * BLOCK > ahead:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for task in waiting:
                task.cancel()


def _each(work: Callable[[Item], Result], block: list[Item]) -> list[Result]:
    return [work(item) for item in block]


class AheadStore(FrameStore):
    """A frame store of which every frame is read once, in the order of `items`.

    Args:
        items: what `decode` takes: paths, or images.
        height, width: of the network's input, pixels.
        decode: an item as (H, W, 3) uint8 RGB; raises UnreadableImageError where it cannot.
        workers: number of decoding threads; 0: frames are decoded when they are read.
    """

    def __init__(
        self, items: Iterable[Any], height: int, width: int, decode: Callable[[Any], np.ndarray], workers: int
    ) -> None:
        super().__init__((), height, width, 0.0, decode=decode)
        self.position = 0
        """Number of frames read so far."""
        self._prepared = mapped_ahead(self.frame_or_fault, items, workers)

    def frame_or_fault(self, item: Any) -> tuple[np.ndarray, np.ndarray] | UnreadableImageError:
        """The frame of an item (H, W, 3) and the factors (2,) by which it was resized; or why there is none."""
        try:
            return self._resized(item)
        except UnreadableImageError as fault:
            return fault

    def read(self, paths: Iterable[Path]) -> tuple[np.ndarray, np.ndarray]:
        """The next frames (T, H, W, 3), as many as there are `paths`, and factors (T, 2).

        Raises UnreadableImageError at the first unreadable frame, which is then number `position`.
        """
        frames, scales = [], []
        for prepared in itertools.islice(self._prepared, len(list(paths))):
            if isinstance(prepared, UnreadableImageError):
                raise prepared
            frames.append(prepared[0])
            scales.append(prepared[1])
            self.position += 1
        return np.stack(frames), np.stack(scales)

    def __iter__(self) -> Iterator[np.ndarray | UnreadableImageError]:
        """The frames (H, W, 3) that are left; in place of an unreadable one, the reason."""
        for prepared in self._prepared:
            self.position += 1
            yield prepared if isinstance(prepared, UnreadableImageError) else prepared[0]
