"""The constants of a frozen TensorFlow graph (GraphDef, a protocol buffer), read without TensorFlow.

Only what a network's weights need is decoded: the names and float32 tensors of the nodes with op Const. Field numbers
are those of tensorflow/core/framework/graph.proto, node_def.proto, attr_value.proto and tensor.proto.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from alignnet_common.arrays import Singles

FLOAT32 = 1
"""DT_FLOAT of types.proto."""

MOST = 2**24
"""Numbers of a constant, at most."""

MOST_FIELDS = 100_000
"""Fields of a message, at most."""

LONGEST = 70
"""Bits of a variable-length integer, at most."""

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
"""Wire types of a protocol buffer."""


def float_constants(graph: bytes) -> dict[str, Singles]:
    """Float32 constants of a serialised GraphDef, by the name of their node. Raises ValueError on other bytes."""
    try:
        found = dict(_constants(graph))
    except (IndexError, KeyError, UnicodeDecodeError, OverflowError, TypeError, ValueError) as broken:
        raise ValueError("no frozen TensorFlow graph") from broken
    if not found:
        raise ValueError("no frozen TensorFlow graph with float constants")
    return found


def _constants(graph: bytes) -> Iterator[tuple[str, Singles]]:
    for field, node in _fields(graph):
        if field != 1:
            continue
        parts: dict[int, Any] = {}
        value = None
        for number, content in _fields(node):
            if number == 5:  # an entry of the map of attributes
                attribute = dict(_fields(content))
                value = attribute[2] if attribute[1] == b"value" else value
            else:
                parts[number] = content
        if parts.get(2) == b"Const" and value is not None:
            tensor = _tensor(dict(_fields(value))[8])
            if tensor is not None:
                yield parts[1].decode(), tensor


def _tensor(content: bytes) -> Singles | None:
    """A TensorProto as an array; None unless it is of float32."""
    shape: list[int] = []
    raw, values, kind = b"", b"", 0
    for number, part in _fields(content):
        if number == 1:
            kind = part
        elif number == 2:
            shape = [dict(_fields(size)).get(1, 0) for axis, size in _fields(part) if axis == 2]
        elif number == 4:
            raw = part
        elif number == 5:
            values += part
    if kind != FLOAT32:
        return None
    numbers: Singles = np.frombuffer(raw or values, np.float32)
    count = math.prod(shape)
    if not 0 <= count <= MOST or not np.isfinite(numbers).all():
        raise ValueError("a constant of an enormous shape, or with numbers that are not finite")
    if numbers.size == 1 and count > 1:  # one value for all
        numbers = np.full(count, numbers[0], np.float32)
    return numbers.reshape(shape) if numbers.size == count else None


def _fields(content: bytes) -> Iterator[tuple[int, Any]]:
    """Field numbers and values of a message: integers, or bytes."""
    at = count = 0
    while at < len(content):
        key, at = _varint(content, at)
        wire, count = key & 7, count + 1
        if key < 8 or count > MOST_FIELDS:
            raise ValueError("no message: a field without a number, or too many fields")
        if wire == VARINT:
            value, at = _varint(content, at)
            yield key >> 3, value
            continue
        if wire == LENGTH:
            size, at = _varint(content, at)
        else:
            size = {EIGHT_BYTES: 8, FOUR_BYTES: 4}[wire]
        if at + size > len(content):
            raise IndexError("a field is cut off")
        yield key >> 3, content[at : at + size]
        at += size


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer and the position after it."""
    value = shift = 0
    while shift < LONGEST:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("a number of too many bytes")
