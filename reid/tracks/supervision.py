"""Tracks as supervision.Detections, frame by frame, to draw or to count them."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.checked.csv_file import rows_of_csv
from alignnet_common.errors import UserError
from reid.inference.table import TRACKS_TABLE
from reid.tracks.crops import COLUMNS


def to_supervision(tracks: Path, camera: str | None = None) -> dict[int, Any]:
    """supervision.Detections by number of the frame, from 1, of a folder of reid tracks.

        detections = to_supervision(Path("tracks"), "yard")[12]  # xyxy, confidence, tracker_id

    The opposite is `reid.tracks.boxes.of_supervision`.

    Args:
        tracks: folder with tracks.csv.
        camera: of these tracks. Default: the only one there is.

    Each has xyxy (K, 4) in pixels, confidence (K,), class_id (K,) of zeros, tracker_id (K,), the number of the track,
    and data["time"] (K,) in seconds. Frames without a track are left out. Raises UserError where supervision is not
    installed, on a folder without the table, and on a camera that it does not have.
    """
    try:
        from supervision import Detections
    except ImportError as missing:
        raise UserError("to_supervision needs supervision: pip install supervision") from missing
    rows = rows_of(tracks / TRACKS_TABLE, camera)
    frames: dict[int, list[dict[str, str]]] = defaultdict(list)
    try:
        numbers = np.array([[float(row[name]) for name in _NUMBERS] for row in rows]).reshape(-1, len(_NUMBERS))
        for row in rows:
            frames[int(row["frame"])].append(row | {"track": str(int(row["track"]))})
    except ValueError:
        raise UserError(f"{tracks / TRACKS_TABLE}: frame, track, {', '.join(_NUMBERS)} must be numbers") from None
    if not np.isfinite(numbers).all():
        raise UserError(f"{tracks / TRACKS_TABLE}: {', '.join(_NUMBERS)} must be finite")
    found = {}
    for frame, some in sorted(frames.items()):
        x, y, w, h, score, time = (np.array([float(row[name]) for row in some]) for name in _NUMBERS)
        found[frame] = Detections(
            xyxy=np.stack([x, y, x + w, y + h], axis=1).astype(np.float32),
            confidence=score.astype(np.float32),
            class_id=np.zeros(len(some), int),
            tracker_id=np.array([int(row["track"]) for row in some]),
            data={"time": time},
        )
    return found


_NUMBERS = ("x", "y", "w", "h", "score", "time")


def rows_of(table: Path, camera: str | None) -> list[dict[str, str]]:
    """The rows of one camera. Raises UserError as `to_supervision`."""
    if not table.is_file():
        raise UserError(f"no such file: {table}")
    rows = [row for _, row in rows_of_csv(table, COLUMNS)]
    cameras = sorted({row["camera"] for row in rows})
    if camera is None and len(cameras) > 1:
        raise UserError(f"{table}: has cameras {', '.join(cameras)}: name one of them")
    if camera is not None and camera not in cameras:
        raise UserError(f"{table}: has no camera {camera} (cameras: {', '.join(cameras)})")
    return [row for row in rows if camera is None or row["camera"] == camera]
