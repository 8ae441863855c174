"""Tables of numbers in MATLAB files of version 5 (MATLAB 5 to 7): a reader that checks each size before it uses it.

The format is that of "MAT-File Format" (MathWorks): a header of 128 bytes, then elements of a tag (kind, bytes) and
their content. A variable is an element miMATRIX, alone or inside an element miCOMPRESSED, with array flags, dimensions,
a name and numbers. Cells, structures, text and sparse matrices have a name here and no content.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LARGEST_FILE = 64 * 2**20
"""Bytes of a file, at most."""

MOST_NUMBERS = 2**22
"""Numbers of a table, at most: the largest published one, MARS' training tracklets, has 48,720."""

HEADER, SMALL = 128, 8
"""Bytes of the header of a file, and of a tag."""

START = 4096
"""Bytes of a variable that hold its flags, dimensions and name."""

MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Types of elements that are numbers, by their kind in a tag."""

NUMERIC_CLASSES = range(6, 16)
"""Classes of arrays of numbers: double, single and integers of 8 to 64 bits."""

COMPLEX = 0x08
"""Flag of an array of complex numbers."""


@dataclass(frozen=True)
class Variable:
    """A variable of a file."""

    name: str

    shape: tuple[int, ...]

    kind: str
    """"numbers", or what else it is, in words."""

    content: bytes
    """Its element without the tag, complete where it was asked for, else its start."""

    start: int
    """Position of the numbers' tag in `content`."""

    order: str
    """Byte order, "<" or ">"."""


class BrokenMatError(ValueError):
    """A file that is none of version 5, is damaged, or is too large. The message is a part of a line."""


def read_table(path: Path, name: str) -> tuple[NDArray[np.float64] | None, list[str]]:
    """The array of numbers named `name`, as float64 of its shape, or None; and the names of all variables.

    Whole numbers of 64 bits beyond 2**53 are rounded. Raises BrokenMatError, and OSError where the file cannot be read.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise BrokenMatError(f"{path.stat().st_size} bytes, more than a table of numbers has")
    content = path.read_bytes()
    order = byte_order(content)
    names, found = [], None
    for variable in variables(content, order, name):
        names.append(variable.name)
        if variable.name == name and found is None:
            found = numbers_of(variable)
    return found, names


def byte_order(content: bytes) -> str:
    """Byte order of a file by its header. Raises BrokenMatError where it is none of version 5."""
    if content[:8] == b"\x89HDF\r\n\x1a\n" or content[:10] == b"MATLAB 7.3":
        raise BrokenMatError("of version 7.3")
    if 0 in content[:4]:
        raise BrokenMatError("of version 4")
    if len(content) < HEADER:
        raise BrokenMatError("cut short")
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or struct.unpack(f"{order}H", content[124:126])[0] >> 8 != 1:
        raise BrokenMatError("no header of version 5")
    return order


def variables(content: bytes, order: str, wanted: str) -> Iterator[Variable]:
    """The variables of a file; that of the name `wanted` has its whole content. Raises BrokenMatError."""
    position = HEADER
    while len(content) - position >= SMALL:
        kind, size = struct.unpack_from(f"{order}II", content, position)
        position += SMALL
        if size > len(content) - position:
            raise BrokenMatError("cut short")
        part = content[position : position + size]
        if kind == COMPRESSED:
            yield inflated(part, order, wanted)
        elif kind == MATRIX:
            yield variable_of(part, order)
        position += size
    if len(content) > position and any(content[position:]):
        raise BrokenMatError("cut short")


def inflated(part: bytes, order: str, wanted: str) -> Variable:
    """The variable in a compressed element: its start, or all of it where it is wanted, which is as long as its numbers
    are at most. Raises BrokenMatError."""
    inflater = zlib.decompressobj()
    try:
        begun = inflater.decompress(part, START + SMALL)
        if len(begun) < SMALL:
            raise BrokenMatError("cut short")
        kind, size = struct.unpack_from(f"{order}II", begun)
        if kind != MATRIX:
            raise BrokenMatError(f"an element of kind {kind} where a variable should be")
        variable = variable_of(begun[SMALL : SMALL + size], order)
        if variable.name != wanted or variable.kind != "numbers" or len(begun) >= SMALL + size:
            return variable
        check_count(variable)
        most = variable.start + SMALL + 8 * math.prod(variable.shape) + 16
        if size > 2 * most:
            raise BrokenMatError(f"{wanted} has {size} bytes, and {math.prod(variable.shape)} numbers")
        rest = inflater.decompress(inflater.unconsumed_tail, SMALL + size - len(begun))
    except zlib.error as broken:
        raise BrokenMatError("damaged") from broken
    return variable_of(begun[SMALL:] + rest, order)


def variable_of(content: bytes, order: str) -> Variable:
    """The variable that an element holds. Raises BrokenMatError."""
    flags, position = element(content, 0, order)
    shape, position = element(content, position, order)
    name, position = element(content, position, order)
    if len(flags) < 8 or not 8 <= len(shape) <= 32 or len(shape) % 4:
        raise BrokenMatError("damaged")
    (said,) = struct.unpack_from(f"{order}I", flags)
    lengths = struct.unpack(f"{order}{len(shape) // 4}i", shape)
    if min(lengths) < 0:
        raise BrokenMatError("damaged")
    is_numbers = said & 0xFF in NUMERIC_CLASSES
    kind = "numbers" if is_numbers and not (said >> 8) & COMPLEX else "no numbers"
    return Variable(name.decode("latin-1"), lengths, kind, content, position, order)


def element(content: bytes, position: int, order: str) -> tuple[bytes, int]:
    """The content of the element at a position, and the position of the next. Raises BrokenMatError."""
    if len(content) - position < SMALL:
        raise BrokenMatError("cut short")
    kind, size = struct.unpack_from(f"{order}II", content, position)
    if kind >> 16:  # a short element: its bytes are in the tag
        if kind >> 16 > 4:
            raise BrokenMatError("damaged")
        return content[position + 4 : position + 4 + (kind >> 16)], position + SMALL
    start = position + SMALL
    if size > len(content) - start:
        raise BrokenMatError("cut short")
    return content[start : start + size], start + size + -size % 8


def numbers_of(variable: Variable) -> NDArray[np.float64]:
    """The numbers of a variable, of its shape. Raises BrokenMatError."""
    if variable.kind != "numbers":
        raise BrokenMatError(f"{variable.name} must be a table of whole numbers")
    count = check_count(variable)
    values, _ = element(variable.content, variable.start, variable.order)
    (kind,) = struct.unpack_from(f"{variable.order}I", variable.content, variable.start)
    stored = NUMBERS.get(kind & 0xFFFF)
    if stored is None or len(values) != count * np.dtype(stored).itemsize:
        raise BrokenMatError("damaged")
    found = np.frombuffer(values, f"{variable.order}{stored}").astype(np.float64)
    return found.reshape(variable.shape, order="F")


def check_count(variable: Variable) -> int:
    """How many numbers a variable has. Raises BrokenMatError where these are more than `MOST_NUMBERS`."""
    count = math.prod(variable.shape)
    if count > MOST_NUMBERS:
        raise BrokenMatError(f"{variable.name} has {count} numbers, more than {MOST_NUMBERS}")
    return count
