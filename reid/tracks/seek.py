"""The frame that a video shows at a time, decoded from the key frame before it where the container can be trusted.

The frame is that of decoding from the beginning. That is done where frames have no times of their own, where times may
begin anew in the middle (MPEG-TS, MPEG-PS), where no key frame before the time is found, and for the last frame.
"""

from typing import Any

from alignnet_common.errors import UserError
from reid.tracks.video import Image, Video, upright

SAME = 1e-6
"""Times that differ by less are equal, seconds."""

STILL = 1.0
"""A video shows its last frame for so long, seconds."""

TIMES_MAY_BEGIN_ANEW = 0x0200
"""AVFMT_TS_DISCONT of avformat.h."""

BACK = (0.0, 1.0, 5.0, 30.0)
"""Seconds before the time at which a key frame is looked for, one after the other: an index may be wrong, and frames
after a key frame in the file may be shown before it."""


def frame_shown_at(video: Video, time: float) -> Image:
    """The frame (H, W, 3) uint8 RGB that a video shows at a time, in seconds since its first frame.

    Raises UserError where the video ends before, or cannot be read.
    """
    found = _from_key_frame(video, time)
    return upright(_from_beginning(video, time) if found is None else found)


def _from_beginning(video: Video, time: float) -> Any:
    """PyAV's frame before the first that is later than `time`; the first frame where that is later."""
    last, at = None, 0.0
    for _, later, frame, _ in video.decoded():
        if later > time + SAME:
            return frame if last is None else last
        last, at = frame, later
    if time > at + STILL:
        raise UserError(f"--time {time:g}: {video.path} ends at {at:.1f} s")
    return last


def _from_key_frame(video: Video, time: float) -> Any:
    """PyAV's frame at a time, decoded from a key frame before it; None where that is not certain."""
    import av

    try:
        with video.opened() as container:
            stream = video.stream(container)
            if container.format.flags & TIMES_MAY_BEGIN_ANEW or not stream.time_base:
                return None
            first = next(container.decode(stream)).time
            for back in BACK:
                if first is None or time - back <= 0:
                    break  # the beginning is as near
                container.seek(int((first + time - back) / stream.time_base), stream=stream)
                found = _last_after_key_frame(container, stream, first, time)
                if found is not None:
                    return found
    except (av.FFmpegError, ValueError, StopIteration, OverflowError):
        pass  # decoding from the beginning says what is wrong
    return None


def _last_after_key_frame(container: Any, stream: Any, first: float, time: float) -> Any:
    """The frame at `time` seconds after `first`, decoded from the next key frame in the file on; None where that key
    frame is later or has no time, a frame up to `time` has none, or no later frame follows."""
    key: float | None = None
    last = None
    for packet in container.demux(stream):
        if key is None:
            if not packet.is_keyframe:
                continue
            if packet.pts is None:
                return None
            key = float(packet.pts * stream.time_base) - first
            if key > time + SAME:
                return None
        for frame in _decoded(packet):
            if frame.time is None:
                return None
            at = float(frame.time) - first
            if at > time + SAME:
                return last
            if at >= key - SAME:  # those shown before the key frame may need frames before it
                last = frame
    return None  # a damaged file may seem to end here


def _decoded(packet: Any) -> list[Any]:
    """The frames of a packet; none where it is damaged, as in `Video`."""
    import av

    try:
        frames: list[Any] = packet.decode()
    except (av.FFmpegError, ValueError):
        return []
    return frames
