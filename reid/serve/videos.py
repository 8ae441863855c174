"""The videos that an index is of: nothing else on the disk is read for a request."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from reid.index.store import Store
from reid.runtime.run_dir import RESULT
from reid.search.query import frame_at


@dataclass(frozen=True)
class KnownVideo:
    """A video whose tracklets are in the index."""

    path: Path
    duration: float
    """Seconds."""
    size: tuple[int, int]
    """Width and height, pixels."""


def videos_of(store: Store) -> dict[str, KnownVideo]:
    """Videos by camera, as reid tracks has recorded them; those that are gone are left out."""
    found = {}
    for source in sorted({block.rows[0].source for block in store.blocks()}):
        record = Path(source) / RESULT
        cameras: Mapping[str, Any] = json.loads(record.read_text()).get("cameras", {}) if record.is_file() else {}
        for camera, row in cameras.items():
            path = Path(row["video"])
            if path.is_file():
                found[camera] = KnownVideo(path, float(row["duration"]), (row["size"][0], row["size"][1]))
    return found


def frame_as_jpeg(video: KnownVideo, time: float) -> bytes:
    """The frame at a time as a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(frame_at(video.path, time)).save(file, "JPEG", quality=90)
    return file.getvalue()
