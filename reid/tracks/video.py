"""The frames of a video file in order, upright, with their times (PyAV)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alignnet_common.errors import UserError
from alignnet_common.images import LARGEST_SIDE

Image = npt.NDArray[np.uint8]

SAME_RATE = 0.99
"""Share of a video's own rate from which on all of its frames are given."""


@dataclass(frozen=True)
class Frame:
    """One frame of a video."""

    number: int
    """From 1, of all frames of the video."""

    time: float
    """Seconds since the first frame."""

    image: Image
    """(H, W, 3) uint8 RGB, upright."""


@dataclass
class Video:
    """A video file. Iterating gives its frames; `trouble` is then set where some of them are missing."""

    path: Path

    rate: float
    """Largest number of frames a second that are given; those in between are passed over."""

    trouble: str | None = field(default=None, init=False)
    """What is damaged, in words; None if all frames were decoded."""

    def expected(self) -> int | None:
        """Number of frames that will be given, by the header of the file; None if it does not say."""
        with self.opened() as container:
            stream = self.stream(container)
            length = container.duration / 1_000_000 if container.duration else None
            own = float(stream.average_rate or 0)
            if length is None or not own:
                return None
            return max(1, round(length * min(own, self.rate)))

    def length(self) -> float | None:
        """Seconds by the header of the file; None if it does not say. Raises UserError as iterating does."""
        with self.opened() as container:
            self.stream(container)
            return container.duration / 1_000_000 if container.duration else None

    def __iter__(self) -> Iterator[Frame]:
        """Frames in order, at most `rate` a second. Raises UserError on a file without a frame that can be decoded."""
        last = -1
        for number, time, decoded, own in self.decoded():
            slot = number if self.rate >= SAME_RATE * own else int(time * self.rate + 1e-6)
            if slot != last:
                last = slot
                yield Frame(number, time, upright(decoded))

    def decoded(self) -> Iterator[tuple[int, float, Any, float]]:
        """All frames in order: number from 1, seconds since the first, PyAV's frame, and the video's frames a second.

        Raises UserError on a file without a frame that can be decoded.
        """
        number, first = 0, 0.0
        with self.opened() as container:
            stream = self.stream(container)
            own = float(stream.average_rate or 25)
            for decoded in self._of_packets(container, stream):
                time = number / own if decoded.time is None else float(decoded.time)
                first = time if number == 0 else first
                number += 1
                yield number, time - first, decoded, own
        if not number:
            raise UserError(f"{self.path}: no frame can be decoded ({self.trouble or 'it has none'})")

    def _of_packets(self, container: Any, stream: Any) -> Iterator[Any]:
        """Frames of all packets that can be decoded."""
        import av

        damaged = 0
        try:
            for packet in container.demux(stream):
                try:
                    yield from packet.decode()
                except (av.FFmpegError, ValueError):
                    damaged += 1
        except (av.FFmpegError, ValueError) as broken:
            self.trouble = f"damaged, and not read to its end ({_words(broken)})"
        if damaged and self.trouble is None:
            self.trouble = f"damaged: {damaged} packets of frames could not be decoded"

    def opened(self) -> Any:
        """PyAV's container. Raises UserError where it cannot be read."""
        import av  # here: only commands that read videos need it

        if not self.path.is_file():
            raise UserError(f"no such file: {self.path}")
        try:
            return av.open(str(self.path))
        except (av.FFmpegError, ValueError) as refused:
            raise UserError(f"{self.path}: not a video that can be read ({_words(refused)})") from refused

    def stream(self, container: Any) -> Any:
        """The first video stream, decoded by several threads. Raises UserError where there is none, or a large one."""
        if not container.streams.video:
            raise UserError(f"{self.path}: has no video in it")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise UserError(f"{self.path}: its video is of a codec that FFmpeg does not know")
        width, height = stream.codec_context.width, stream.codec_context.height
        if max(width, height) > LARGEST_SIDE:
            raise UserError(f"{self.path}: {width} x {height} pixels, more than {LARGEST_SIDE} x {LARGEST_SIDE}")
        stream.thread_type = "AUTO"
        return stream


def upright(frame: Any) -> Image:
    """The pixels of PyAV's frame, turned as its rotation flag says."""
    image: Image = frame.to_ndarray(format="rgb24")
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _words(failure: Exception) -> str:
    return " ".join(str(failure).split())[:200] or type(failure).__name__
