"""The boxes of the frames of a video, found by threads while other frames are decoded, tracked and cut out."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from reid.tracks.boxes import Boxes
from reid.tracks.detectors.detections import Detections, Detector
from reid.tracks.video import Frame

Found = Iterator[tuple[Frame, Boxes]]
"""Frames, each with its boxes."""

MOST_THREADS = 8
"""Threads that detect at most, each on frames of its own: each needs the memory of a forward pass."""

FRAMES_ON_A_GPU = 4
"""Frames in a batch, by default. On a CPU one, whose feature maps are the most that caches can hold."""


def detected(frames: Iterable[Frame], detector: Detector, size: int | None, on_cpu: bool) -> Found:
    """The frames in order with the boxes of the detector.

    Args:
        frames: of one video.
        detector: called by several threads at once.
        size: frames that it takes at a time. Default: one on a CPU, `FRAMES_ON_A_GPU` on a GPU.
        on_cpu: as many threads as PyTorch has, at most `MOST_THREADS`, share the frames; else one.
    """
    cores = torch.get_num_threads()
    workers = min(MOST_THREADS, cores) if on_cpu else 1
    waiting: deque[tuple[list[Frame], Future[list[Detections]]]] = deque()
    try:
        torch.set_num_threads(max(1, cores // workers))  # of each thread that begins from now on
        with ThreadPoolExecutor(workers, "detect") as pool:
            try:
                for group in _groups(frames, size or (1 if on_cpu else FRAMES_ON_A_GPU)):
                    waiting.append((group, pool.submit(detector, [frame.image for frame in group])))
                    if len(waiting) > 2 * workers:
                        yield from _finished(*waiting.popleft())
                while waiting:
                    yield from _finished(*waiting.popleft())
            finally:
                for _, task in waiting:
                    task.cancel()
    finally:
        torch.set_num_threads(cores)


def _finished(group: list[Frame], task: Future[list[Detections]]) -> Found:
    return ((frame, Boxes.of(*found)) for frame, found in zip(group, task.result(), strict=True))


def _groups(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    """The frames, `size` at a time; one at a time where their sizes differ, as in a stream that changes its size."""
    left = iter(frames)
    while batch := list(itertools.islice(left, size)):
        same = len({frame.image.shape for frame in batch}) == 1
        yield from [batch] if same else [[frame] for frame in batch]
