"""The person who is looked for, as one descriptor: of crops, of a tracklet of the index, or of a box in a video."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignnet_common.arrays import Singles
from alignnet_common.errors import UserError
from reid.configs.video.search import SearchConfig
from reid.data.tracklets.frames import read_frame
from reid.evaluation.camera_statistics import read_statistics
from reid.index.describe import small_jpeg
from reid.index.store import STATISTICS, IndexRow, Store
from reid.inference.camera_norm import with_camera
from reid.inference.describer import Describer, load
from reid.search.own import tracklet_at
from reid.tracks.boxes import Boxes
from reid.tracks.seek import frame_shown_at
from reid.tracks.video import Video

PICTURE = (96, 192)
"""Width and height of the query's picture at most, pixels."""


@dataclass(frozen=True)
class Query:
    """The person who is looked for."""

    text: str
    """Where the person is known from, in words."""

    vector: Singles
    """(D,) of length 1."""

    camera: str | None
    """Camera of the index that has seen the person; None where it is not known."""

    picture: bytes
    """JPEG file."""

    row: IndexRow | None = None
    """The tracklet of the index that is the query."""

    own: IndexRow | None = None
    """The tracklet of the index that shows the person at the time of the query; `row` where there is one."""


def query_of(store: Store, config: SearchConfig) -> Query:
    """The query of a search.

    Raises UserError on images, a video, a box or a tracklet that is not there, and where the network of the index is
    not.
    """
    if config.track is not None:
        return query_of_track(store, config.track)
    if config.video is not None:
        assert config.time is not None
        frame = frame_at(config.video, config.time)
        left, top, width, height = config.box
        inside = Boxes.of([[left, top, left + width, top + height]], [1.0]).within(*frame.shape[:2])
        if not len(inside):
            size = f"{frame.shape[1]} × {frame.shape[0]}"
            raise UserError(
                f"--box {left:g},{top:g},{width:g},{height:g}: not in the frame of {size} pixels, or too small"
            )
        x, y, right, bottom = (int(side) for side in inside.sides[0].round())
        images = [np.ascontiguousarray(frame[y:bottom, x:right])]
        text = f"{config.video.name} at {config.time:g} s, box {left:g},{top:g},{width:g},{height:g}"
        camera = config.camera or config.video.stem
    else:
        images = [read_frame(path) for path in config.crop]
        text = ", ".join(path.name for path in config.crop)
        camera = config.camera or ""
    known = camera if camera in cameras_of(store) else None
    if config.camera is not None and known is None:
        raise UserError(
            f"--camera {config.camera}: not in {store.folder} (cameras: {', '.join(sorted(cameras_of(store)))})"
        )
    vector = describer_of(store, config, known).describe(images)
    own = None
    if config.video is not None and config.time is not None and known is not None:
        own = tracklet_at(store, known, config.video, config.time, config.box)
    picture = small_jpeg(images[len(images) // 2], PICTURE)
    return Query(text, vector / np.linalg.norm(vector), known, picture, own=own)


def query_of_track(store: Store, name: str) -> Query:
    """A tracklet of the index as the query."""
    camera, track = name.split("/")
    for block in store.blocks():
        for place in block.places_of(track) if block.camera == camera else ():
            row = block.rows[place]
            vector = np.array(block.vectors()[place], np.float32)
            return Query(
                f"tracklet {name}", vector / np.linalg.norm(vector), row.camera, block.thumbnail(row), row, row
            )
    raise UserError(f"--track {name}: not in {store.folder}")


def describer_of(store: Store, config: SearchConfig, camera: str | None) -> Describer:
    """The network of the index, with the statistics of a camera, or of no known camera, where the index has them."""
    facts = store.facts(of_network=True)
    weights = config.weights or facts["model"]
    describer = load(weights, config.device, height=facts["height"], width=facts["width"], chunk=facts["chunk"])
    if describer.sha256 != facts["model_sha256"]:
        raise UserError(f"{weights}: not the network of {store.folder}: name that one (--weights), or index again")
    path = store.folder / STATISTICS
    if not (facts["camera_norm"] and path.is_file()):
        return describer
    statistics = read_statistics(path, describer.sha256)
    return describer if statistics is None else with_camera(describer, statistics, camera or "")


def frame_at(video: Path, time: float) -> np.ndarray:
    """The frame (H, W, 3) uint8 RGB that a video shows at a time. Raises UserError where it ends before."""
    return frame_shown_at(Video(video, rate=float("inf")), time)


def cameras_of(store: Store) -> set[str]:
    """Names of the cameras in an index."""
    return {block.camera for block in store.blocks()}
