"""Plain files of a tar in the format ustar, each checked before it is read: no link, device, folder or extension."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from alignnet_common.checked.names import is_inside

BLOCK = tarfile.BLOCKSIZE


def plain_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of a tar, in its order. Nothing is written, and no link is followed.

    Raises ValueError on a member that is no plain file, a name that leads out of a folder, a size beyond the end of the
    tar, and a damaged header; OSError where the tar cannot be read.
    """
    left = path.stat().st_size
    with path.open("rb") as stream:
        while header := stream.read(BLOCK):
            left -= len(header)
            if not header.strip(b"\0"):
                return
            member = member_of(header)
            if member.size > left:
                raise ValueError(f"{member.name}: {member.size} bytes, beyond the end of the tar")
            yield member.name, stream.read(member.size)
            left -= len(stream.read(-member.size % BLOCK)) + member.size


def member_of(header: bytes) -> tarfile.TarInfo:
    """The member of a header of 512 bytes. Raises ValueError as `plain_files`."""
    try:
        member = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as broken:
        raise ValueError(f"a damaged header ({broken})") from broken
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.size < 0:
        raise ValueError(f"{member.name[:100]!r} is no plain file: a link, a device or an extension")
    if not is_inside(member.name):
        raise ValueError(f"{member.name[:100]!r} leads out of the folder")
    return member
