"""Readers of tracks, indexes, requests and videos."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.files import write_json
from benchmarks.faults.fuzzing.reader import Reader

PERSONS, SIZE = 6, 16


def _tracks(folder: Path) -> None:
    """tracks/ as of reid tracks: two cameras, one with two recordings, with records and tables but few pictures."""
    from PIL import Image

    from reid.tracks.crops import COLUMNS

    root = folder / "tracks"
    picture = Image.fromarray(np.full((24, 12, 3), 90, np.uint8))
    lines: dict[str, list[str]] = {"yard": [], "yard@100": [], "door": []}
    for key, rows in lines.items():
        camera, _, start = key.partition("@")
        for person in range(PERSONS):
            track = f"{person + 1 + (PERSONS if start else 0):04d}"
            for frame in (1, 3):
                path = f"{camera}/{track}/{frame:06d}.jpg"
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                picture.save(root / path)
                time = float(start or 0) + frame / 10 + (person if key == "door" else 0)
                rows.append(f"{camera},{track},{frame},{time:.3f},{20 * person},10,12,24,0.900,{path}")
    (root / "tracks.csv").write_text(
        "\n".join([",".join(COLUMNS), *(row for some in lines.values() for row in some)]) + "\n"
    )
    cameras: dict[str, Any] = {}
    for key, rows in lines.items():
        camera, _, start = key.partition("@")
        (root / f".{key}.csv").write_text("\n".join(rows) + "\n")
        record = {
            "video": f"{camera}.avi",
            "fingerprint": "ab" * 32,
            "duration": 9.0,
            "size": [160, 128],
            "frames": 5,
            "camera": camera,
            "start": float(start or 0),
            "tracks": PERSONS,
            "crops": 2 * PERSONS,
            "too_short": 0,
            "seconds": 1.0,
            "damage": None,
            "boxes": 60,
            "options": {"fps": 10.0},
        }
        write_json(root / f".{key}.json", record)
        cameras.setdefault(camera, []).append(record)
    known = {camera: some[0] | ({"recordings": some} if len(some) > 1 else {}) for camera, some in cameras.items()}
    write_json(root / "result.json", {"cameras": known})


def _read_tables(folder: Path) -> None:
    from reid.inference.sources import find_source
    from reid.repair.table import read_tracks
    from reid.search.own import boxes_at
    from reid.tracks.supervision import rows_of

    tracks = folder / "tracks"
    read_tracks(tracks)
    find_source(str(tracks), tracklets=True)
    boxes_at(tracks / "tracks.csv", "yard", ["0001", "0002"], 0.1)
    rows_of(tracks / "tracks.csv", "yard")


def _read_records(folder: Path) -> None:
    from reid.link.run import starts_of
    from reid.search.own import start_of
    from reid.tracks.crops import tracks_of
    from reid.tracks.records import after_others, all_records, recorded_cameras
    from reid.tracks.run import by_camera

    tracks = folder / "tracks"
    by_camera(all_records(tracks))
    after_others(tracks, "yard", 50.0)
    tracks_of(tracks, "yard")
    recorded_cameras(tracks)
    starts_of(tracks)
    start_of(tracks, "yard", "ab" * 32)


def _index(folder: Path) -> None:
    """index/ of the tracks, with vectors that are drawn."""
    from reid.index.calibration import write_tables
    from reid.index.store import IndexRow, Store

    _tracks(folder)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(PERSONS, SIZE))
    store = Store(folder / "index")
    facts = {"model": "none", "model_sha256": "ab" * 32, "height": 48, "width": 24, "chunk": 2, "frames": 4}
    store.begin(facts | {"descriptor_size": SIZE, "camera_norm": False})
    for camera in ("door", "yard"):
        vectors = centres + 0.1 * rng.normal(size=centres.shape)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        rows = [
            IndexRow(
                str(folder / "tracks"), camera, f"{person + 1:04d}", f"{camera}{person}", 2, float(person), person + 0.5
            )
            for person in range(PERSONS)
        ]
        store.add(f"{camera}-block", rows, vectors, [b"\xff\xd8jpeg"] * PERSONS)
    write_tables(store)
    store.forget(["gone"])
    (folder / "source").write_text(str(folder))


def _moved(folder: Path) -> None:
    """Name the tracks of this folder in the index, which names those of the folder that it was made in."""
    before = (folder / "source").read_text()
    for path in (folder / "index" / "blocks").glob("*/rows.jsonl"):
        path.write_bytes(path.read_bytes().replace(before.encode(), str(folder).encode()))


def _search(folder: Path) -> None:
    from reid.configs.video.search import SearchConfig
    from reid.index.calibration import read_tables, write_tables
    from reid.index.run import sources, summary
    from reid.index.store import Store
    from reid.search.query import query_of_track
    from reid.search.rank import between, search_index
    from reid.search.run import row_of

    store = Store(folder / "index")
    store.facts()
    query = query_of_track(store, "yard/0001")
    hits, _ = search_index(store, query, read_tables(store), SearchConfig(folder / "index", track="yard/0001", top_k=5))
    between(hits)
    json.dumps([row_of(rank, hit) for rank, hit in enumerate(hits, 1)])
    store.forgotten()
    sources(store)
    summary(store)
    write_tables(store)


def _link(folder: Path) -> None:
    from reid.configs.video.link import LinkConfig
    from reid.link.run import link

    _moved(folder)
    link(LinkConfig(folder / "index", folder / "persons.csv", folder / "mot", k1=3, k2=1))


def _requests(folder: Path) -> None:
    _index(folder)
    (folder / "search.json").write_text(
        json.dumps({"camera": "yard", "time": 1.0, "box": [30, 10, 24, 50], "not_cameras": []})
    )
    (folder / "track.json").write_text(json.dumps({"track": "yard/0001", "not_cameras": ["door"]}))
    lines = (
        "POST /api/search",
        "host: localhost",
        "content-length: 5",
        "GET /api/frame?camera=yard&time=1.5",
        "cookie: token=x",
    )
    (folder / "request.txt").write_text("\n".join(lines) + "\n")


def _ask(folder: Path) -> None:
    from reid.configs.video.serve import ServeConfig
    from reid.serve.app import application

    app = application(ServeConfig(folder / "index"))
    for name in ("search.json", "track.json"):
        _answered(app, "POST", "/api/search", [(b"host", b"localhost")], (folder / name).read_bytes())
    lines = (folder / "request.txt").read_bytes().split(b"\n")
    headers = [
        (name.strip().lower(), value.strip())
        for name, colon, value in (line.partition(b":") for line in lines)
        if colon
    ]
    for line in lines:
        method, _, target = line.decode("latin-1").partition(" ")
        if method in ("GET", "POST"):
            _answered(app, method, target, [(b"host", b"localhost"), *headers], b"{}")


def _answered(app: Any, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Ask the server by its own protocol. An exception of the application is raised here too."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    asyncio.run(app(scope, receive, send))
    if not statuses or statuses[0] >= 500:
        raise RuntimeError(f"status {statuses}")


def _videos(folder: Path) -> None:
    import av

    for name, codec, form in (
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.mp4", "mpeg4", "yuv420p"),
        ("a.mkv", "mpeg4", "yuv420p"),
    ):
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream(codec, rate=5)
            stream.width, stream.height, stream.pix_fmt = 64, 48, form
            for frame in range(6):
                picture = np.random.default_rng(frame).integers(0, 256, (48, 64, 3), dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())


def _read_video(path: Path) -> None:
    from reid.tracks.seek import frame_shown_at
    from reid.tracks.video import Video

    video = Video(path, rate=5.0)
    video.expected()
    video.length()
    for _ in video:
        pass
    frame_shown_at(video, 0.7)


READERS = (
    Reader("tracks-csv", _tracks, _read_tables, ("tracks/tracks.csv",)),
    Reader("track-records", _tracks, _read_records, ("tracks/*.json", "tracks/.*.json", "tracks/.*.csv")),
    Reader("index", _index, _search, ("index/**/*",), writes=True),
    Reader("link", _index, _link, ("index/**/*", "tracks/*.csv", "tracks/*.json"), writes=True),
    Reader("request", _requests, _ask, ("*.json", "request.txt")),
    Reader("video", _videos, _read_video, alone=True, memory=700),
)
