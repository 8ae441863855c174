"""Arrays of .npy and .npz files: what a file states is checked before memory is taken. Pickles are never read."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

FREELY, EXPANSION = 2**26, 100
"""Bytes that the members of an archive may have in any case, and beyond that in bytes of the compressed member."""

KINDS = "biufcUS"
"""Kinds of arrays that are read: truth values, numbers and text."""

CHUNK = 2**22
"""Bytes that are read at a time."""

STORED, WAYS = (zipfile.ZIP_STORED,), (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compression of members that is read: none, as in files of torch.save, or zip's own as well."""

Shape = tuple[int, ...]
Fits = Callable[[str, Shape, np.dtype[Any]], bool]
"""Whether an array may have a name, a shape and a type."""


class BrokenArraysError(ValueError):
    """A file that holds no arrays of numbers or text, is damaged, or states sizes that it does not have."""


class MissingArrayError(BrokenArraysError):
    """An array that an .npz file does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is missing")
        self.name = name


def read_npz(path: Path, names: Iterable[str] | None = None, fits: Fits | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name.

    Args:
        path: the file.
        names: of the arrays that are read. Default: all.
        fits: shape and type of each are checked by it before the array is read. Default: any.

    Raises BrokenArraysError, and MissingArrayError; OSError where the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            wanted = list(members if names is None else names)
            missing = next((name for name in wanted if name not in members), None)
            if missing is not None:
                raise MissingArrayError(missing)
            check_sizes([members[name] for name in wanted])
            return {name: _member(archive, members[name], name, fits) for name in wanted}
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OverflowError, UnicodeDecodeError) as broken:
        raise BrokenArraysError(f"damaged ({type(broken).__name__})") from broken
    except OSError as broken:
        if broken.errno is None or broken.filename is None:  # zipfile's own, such as a seek before the beginning
            raise BrokenArraysError(f"damaged ({type(broken).__name__})") from broken
        raise


def names_of_npz(path: Path) -> list[str]:
    """Names of the arrays of an .npz file. Raises as `read_npz`."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except (zipfile.BadZipFile, RuntimeError, EOFError, OverflowError, ValueError) as broken:
        raise BrokenArraysError(f"damaged ({type(broken).__name__})") from broken


def check_sizes(members: Iterable[zipfile.ZipInfo], ways: tuple[int, ...] = WAYS) -> None:
    """Raise BrokenArraysError on members of a zip that are compressed in other ways, or expand enormously."""
    for info in members:
        if info.compress_type not in ways:
            raise BrokenArraysError("compressed in a way that no such file is")
        most = info.compress_size if info.compress_type == zipfile.ZIP_STORED else EXPANSION * info.compress_size
        if info.file_size > max(FREELY, most):
            raise BrokenArraysError(f"{info.compress_size} bytes would expand to {info.file_size}")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, fits: Fits | None) -> NDArray[Any]:
    with archive.open(info) as stream:
        shape, fortran, kind = read_header(stream)
        size = math.prod(shape) * kind.itemsize
        if stream.tell() + size != info.file_size:
            raise BrokenArraysError(f"{name} states {size} bytes, and has {info.file_size - stream.tell()}")
        if fits is not None and not fits(name, shape, kind):
            raise BrokenArraysError(f"{name} {shape} {kind} does not fit")
        flat = np.empty(math.prod(shape), kind)
        into, done = flat.view(np.uint8).data if size else memoryview(b""), 0
        while part := stream.read(min(CHUNK, size - done)) if done < size else b"":
            into[done : done + len(part)] = part
            done += len(part)
        stream.read(1)  # compares the sum
    if done != size:
        raise BrokenArraysError("cut short")
    return as_native(flat, name).reshape(shape, order="F" if fortran else "C")


def as_native(array: NDArray[Any], name: str) -> NDArray[Any]:
    """The array in the byte order of this machine. Raises BrokenArraysError on letters that are none, and on truth
    values that are neither 0 nor 1."""
    if array.dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
        raise BrokenArraysError(f"{name} has truth values that are neither 0 nor 1")
    native = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    if native.dtype.kind == "U" and native.size and native.dtype.itemsize:
        letters = native.view(np.uint32)
        if letters.max() > 0x10FFFF or ((letters >= 0xD800) & (letters < 0xE000)).any():
            raise BrokenArraysError(f"{name} is no text")
    return native


def read_header(stream: IO[bytes]) -> tuple[Shape, bool, np.dtype[Any]]:
    """Shape, whether the first axis varies fastest, and type of an array, of whose file the stream is at the beginning.

    Raises BrokenArraysError on what is no array of numbers or text.
    """
    try:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, kind = read(stream)
    except (ValueError, KeyError, TypeError, SyntaxError, EOFError, RecursionError, MemoryError) as broken:
        raise BrokenArraysError("no array of numbers or text") from broken
    except (tokenize.TokenError, zlib.error, AttributeError, IndexError, OverflowError) as broken:
        raise BrokenArraysError("no array of numbers or text") from broken
    if kind.kind not in KINDS or kind.subdtype is not None:
        raise BrokenArraysError("no array of numbers or text")
    if not all(type(length) is int and 0 <= length < 2**40 for length in shape) or math.prod(shape) > 2**48:
        raise BrokenArraysError("a shape that no array has")
    return shape, bool(fortran), kind


def map_npy(path: Path) -> NDArray[Any]:
    """The array of an .npy file, mapped from the disk, read-only. Raises BrokenArraysError; OSError where the file
    cannot be read."""
    with path.open("rb") as stream:
        shape, fortran, kind = read_header(stream)
        offset = stream.tell()
    size = math.prod(shape) * kind.itemsize
    if offset + size > path.stat().st_size:
        raise BrokenArraysError("cut short")
    if not size:
        return np.empty(shape, kind)
    return np.memmap(path, kind, "r", offset, shape, "F" if fortran else "C")


def read_npy(path: Path) -> NDArray[Any]:
    """The array of an .npy file. Raises as `map_npy`."""
    return np.array(map_npy(path))
