"""Changes of what archives and arrays state about their content: zip, npz, npy, tar, safetensors, .mat and pickles."""

import io
import json
import os
import pickle
import random
import re
import struct
import tarfile
import warnings
import zipfile
import zlib
from typing import Any

from benchmarks.faults.fuzzing import bytes_mutants, text_mutants

CANARY = "fuzz-canary"
"""Folder in the current one that a pickle makes where it is run."""

SHAPES = (
    "(-1,)",
    "()",
    "(0,)",
    "(1,)",
    "(1000000000000,)",
    "(2, 3)",
    "(99999, 99999)",
    "(2**70,)",
    "(True,)",
    "'x'",
    "None",
)
TYPES = (
    "'|O'",
    "'<f8'",
    "'>f4'",
    "'<i8'",
    "'<u1'",
    "'|S9'",
    "'<U9'",
    "'<c16'",
    "'<f2'",
    "'|V9'",
    "[('a', '<f4')]",
    "'<M8[s]'",
    "''",
    "7",
)
NAMES = (
    "../../x",
    "/tmp/x",
    "a/../../x",
    "x",
    "",
    "x" * 300,
    "a\nb",
    "\u00e9",
    "truth.npz",
    "cam_a/person_0001.0001.png",
)


class Ran:
    """A pickle that makes a folder where it is run."""

    def __reduce__(self) -> Any:
        return os.mkdir, (CANARY,)


def of_npy(rng: random.Random, content: bytes) -> bytes:
    """An array with another header or other bytes."""
    if content[:6] != b"\x93NUMPY" or rng.random() < 0.3:
        return bytes_mutants.mutated(rng, content)
    length = int.from_bytes(content[8:10], "little")
    header, values = content[10 : 10 + length].decode("latin-1"), content[10 + length :]
    match rng.randrange(5):
        case 0 | 1:
            header = re.sub(r"'shape': \([^)]*\)", f"'shape': {rng.choice(SHAPES)}", header)
        case 2:
            header = re.sub(r"'descr': ('[^']*'|\[.*\])", lambda _: f"'descr': {rng.choice(TYPES)}", header)
        case 3:
            header = rng.choice(
                ("{}", "{'descr': __import__('os')}", "[" * 999, header.replace("False", "True"), header[:9])
            )
        case _:
            header, values = re.sub(r"'descr': '[^']*'", "'descr': '|O'", header), pickle.dumps(Ran())
    encoded = header.encode("latin-1", "replace")
    return b"\x93NUMPY\x01\x00" + len(encoded).to_bytes(2, "little") + encoded + values


def of_zip(rng: random.Random, content: bytes) -> bytes:
    """A zip whose members are other ones, with sums that fit; or other bytes."""
    if rng.random() < 0.35:
        return bytes_mutants.mutated(rng, content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(info.filename, archive.read(info), info.compress_type) for info in archive.infolist()]
    except (zipfile.BadZipFile, OSError, RuntimeError, zlib.error, EOFError, ValueError):
        return bytes_mutants.mutated(rng, content)
    place = rng.randrange(len(members) or 1)
    if members:
        members = _with_another(rng, members, place)
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that are there twice
        with zipfile.ZipFile(stream, "w") as archive:
            for name, inside, kind in members:
                archive.writestr(zipfile.ZipInfo(name), inside, kind)
    return stream.getvalue()


def _with_another(
    rng: random.Random, members: list[tuple[str, bytes, int]], place: int
) -> list[tuple[str, bytes, int]]:
    name, inside, kind = members[place]
    match rng.randrange(9):
        case 0:
            return [*members[:place], *members[place + 1 :]]
        case 1:
            return [*members, (name, members[rng.randrange(len(members))][1], kind)]
        case 2:
            members[place] = (rng.choice(NAMES), inside, kind)
        case 3:
            zeros = bytes(rng.choice((10**6, 3 * 10**7)))
            head = inside[:128] if name.endswith(".npy") else b""
            members[place] = (name, head + zeros, zipfile.ZIP_DEFLATED)
        case 4:
            members[place] = (name, inside, rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
        case 5 if name.endswith(".pkl"):
            members[place] = (name, pickle.dumps({"state": Ran()}, protocol=2), kind)
        case _:
            changed = of_npy(rng, inside) if name.endswith(".npy") else bytes_mutants.mutated(rng, inside)
            members[place] = (name, changed, kind)
    return members


def of_tar(rng: random.Random, content: bytes) -> bytes:
    """A tar with another member, whose sum fits; or other bytes."""
    headers = [place for place in range(0, len(content) - 511, 512) if content[place + 257 : place + 262] == b"ustar"]
    if not headers or rng.random() < 0.4:
        return bytes_mutants.mutated(rng, content)
    place = rng.choice(headers)
    header = bytearray(content[place : place + 512])
    match rng.randrange(5):
        case 0:
            name = rng.choice(NAMES).encode()[:99]
            header[:100] = name.ljust(100, b"\0")
        case 1:
            header[156:157] = rng.choice(
                (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"S", b"L", b"K", b"x", b"g", b"\0", b"Z")
            )
        case 2:
            size = rng.choice(
                (b"77777777777\0", b"00000000000\0", b"\x80" + bytes(3) + b"\xff" * 8, b"-1".ljust(12), b"\xff" * 12)
            )
            header[124:136] = size
        case 3:
            header[157:257] = rng.choice((b"/etc/passwd", b"../../x")).ljust(100, b"\0")
            header[156:157] = rng.choice((b"1", b"2"))
        case _:
            header[rng.randrange(512)] = rng.randrange(256)
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return content[:place] + bytes(header) + content[place + 512 :]


def of_safetensors(rng: random.Random, content: bytes) -> bytes:
    """Tensors with another header, or other bytes."""
    if len(content) < 8 or rng.random() < 0.3:
        return bytes_mutants.mutated(rng, content)
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length]
    try:
        tree = json.loads(header)
        facts = tree.get("__metadata__", {})
        inside = [name for name, value in facts.items() if value[:1] in "{["]
    except (ValueError, AttributeError, TypeError):
        return bytes_mutants.mutated(rng, content)
    if inside and rng.random() < 0.7:
        name = rng.choice(inside)
        facts[name] = text_mutants.of_json(rng, facts[name].encode()).decode("utf-8", "replace")
        header = json.dumps(tree).encode()
    elif facts and rng.random() < 0.3:
        facts[rng.choice(list(facts))] = rng.choice(text_mutants.WORDS)
        header = json.dumps(tree).encode()
    else:
        header = text_mutants.of_json(rng, header)
    header += b" " * (-len(header) % 8)
    stated = len(header) if rng.random() < 0.9 else rng.choice((0, 2**40, 2**63, len(header) + 1))
    return stated.to_bytes(8, "little") + header + content[8 + length :]


def of_mat(rng: random.Random, content: bytes) -> bytes:
    """A .mat file whose variables are changed before they are compressed, or other bytes."""
    if rng.random() < 0.4 or len(content) < 136:
        return bytes_mutants.mutated(rng, content)
    found, position = content[:128], 128
    parts = []
    while position + 8 <= len(content):
        kind, size = struct.unpack_from("<II", content, position)
        parts.append((kind, content[position + 8 : position + 8 + size]))
        position += 8 + size
    changed = rng.randrange(len(parts) or 1)
    for number, (kind, part) in enumerate(parts):
        inside = part
        if number == changed:
            try:
                inside = zlib.compress(bytes_mutants.mutated(rng, zlib.decompress(part)))
            except zlib.error:
                inside = bytes_mutants.mutated(rng, part)
        found += struct.pack("<II", kind, len(inside)) + inside
    return found


def is_tar(content: bytes) -> bool:
    """Whether bytes are a tar, as far as its first header says."""
    return len(content) >= tarfile.BLOCKSIZE and content[257:262] == b"ustar"
