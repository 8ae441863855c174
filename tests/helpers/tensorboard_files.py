"""Reads what a run has written for TensorBoard."""

import struct

from tensorboardX.proto.event_pb2 import Event


def scalars(folder):
    """Scalars of TensorBoard's files: (step, name) to value; of a step logged twice the last."""
    found = {}
    for path in sorted(folder.glob("events.*"), key=lambda path: path.stat().st_mtime_ns):
        content, place = path.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)
            event = Event.FromString(content[place + 12 : place + 12 + length])
            found |= {(event.step, value.tag): value.simple_value for value in event.summary.value}
            place += 12 + length + 4
    return found
