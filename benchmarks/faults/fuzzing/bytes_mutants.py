"""Changes of bytes, whatever the file is."""

import random
from collections.abc import Callable

EXTREMES = (0, 1, -1, 2**7, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1)
"""Numbers that a field may be set to."""


def mutated(rng: random.Random, content: bytes) -> bytes:
    """The bytes with one to three changes."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        content = rng.choice(CHANGES)(rng, content)
    return content


def _flipped(rng: random.Random, content: bytes) -> bytes:
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if found:
            found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def _flipped_near_an_end(rng: random.Random, content: bytes) -> bytes:
    """Headers are at the beginning, directories at the end."""
    near = min(len(content), rng.choice((16, 128, 1024)))
    head, tail = content[:near], content[max(near, len(content) - near) :]
    middle = content[near : len(content) - len(tail)]
    if rng.random() < 0.5:
        return _flipped(rng, head) + middle + tail
    return head + middle + _flipped(rng, tail)


def _cut(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _doubled(rng: random.Random, content: bytes) -> bytes:
    first, last = _span(rng, content)
    return content[:last] + content[first:last] + content[last:]


def _left_out(rng: random.Random, content: bytes) -> bytes:
    first, last = _span(rng, content)
    return content[:first] + content[last:]


def _filled(rng: random.Random, content: bytes) -> bytes:
    first, last = _span(rng, content)
    return content[:first] + rng.choice((b"\0", b"\xff", b" ", b"A")) * (last - first) + content[last:]


def _noise(rng: random.Random, content: bytes) -> bytes:
    first, last = _span(rng, content)
    return content[:first] + rng.randbytes(last - first) + content[last:]


def _number(rng: random.Random, content: bytes) -> bytes:
    """An integer of two, four or eight bytes becomes an extreme one."""
    size = rng.choice((2, 4, 8))
    place = rng.randrange(max(1, len(content) - size + 1))
    bits = rng.choice(EXTREMES) % 2 ** (8 * size)
    return content[:place] + bits.to_bytes(size, rng.choice(("little", "big"))) + content[place + size :]


def _longer(rng: random.Random, content: bytes) -> bytes:
    return content + rng.randbytes(rng.choice((1, 7, 512, 5000)))


def _span(rng: random.Random, content: bytes) -> tuple[int, int]:
    first = rng.randrange(len(content) + 1)
    return first, min(len(content), first + rng.choice((1, 4, 16, 64, 1024)))


CHANGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(_flipped, _flipped, _flipped_near_an_end, _cut, _doubled, _left_out, _filled, _noise, _number, _longer),
)
