"""reid serve: the page, frames and searches over a real socket; tokens, hosts, paths and bodies that are refused."""

import json
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import numpy as np
import pytest

from alignnet_common.errors import UserError
from reid.configs.video.index import IndexConfig
from reid.configs.video.serve import ServeConfig
from reid.configs.video.tracks import TracksConfig
from reid.index.run import index

av = pytest.importorskip("av")
pytest.importorskip("norfair")
uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

TOKEN = "0123456789abcdef-secret"


@pytest.fixture(scope="module")
def served(tmp_path_factory, weights):
    """The folder of an index of one video with two people."""
    from reid.tracks.run import tracks

    root = tmp_path_factory.mktemp("served")
    with av.open(str(root / "yard.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 128, "yuv420p"
        for frame in range(30):
            image = np.full((128, 160, 3), 100, np.uint8)
            image[10:60, 20 + frame : 44 + frame] = (200, 40, 40)
            image[70:120, 120 - frame : 144 - frame] = (40, 40, 200)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    boxes = [f"{n + 1},-1,{20 + n},10,24,50,0.9\n{n + 1},-1,{120 - n},70,24,50,0.9\n" for n in range(30)]
    (root / "boxes.txt").write_text("".join(boxes))
    tracks(TracksConfig([root / "yard.avi"], root / "tracks", boxes=root / "boxes.txt"))
    index(IndexConfig([root / "tracks"], root / "index", str(weights)))
    return root / "index"


@contextmanager
def running(config):
    """The address of a server in a thread."""
    from reid.serve.app import application

    server = uvicorn.Server(uvicorn.Config(application(config), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(served):
    with running(ServeConfig(served)) as found:
        yield found


def ask(address, path, body=None, **headers):
    """Status and body of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as failure:
        return failure.code, failure.read()


def test_the_page_and_a_frame_come_from_the_server(address):
    status, page = ask(address, "/")
    assert status == 200 and b"<canvas" in page and b"yard" in page and b"{{" not in page
    assert json.loads(ask(address, "/api/videos")[1]) == [
        {"camera": "yard", "start": 0.0, "duration": 2.9, "width": 160, "height": 128}
    ]
    status, frame = ask(address, "/api/frame?camera=yard&time=1.0")
    assert status == 200 and frame[:2] == b"\xff\xd8"


def test_a_box_finds_its_tracklet_and_a_tracklet_the_others(address):
    status, answer = ask(address, "/api/search", {"camera": "yard", "time": 1.0, "box": [30, 10, 24, 50]})
    result = json.loads(answer)
    assert status == 200 and result["hits"][0]["track"] == "0001" and len(result["hits"]) == 2
    assert result["query"]["camera"] == "yard" and result["hits"][0]["picture"].startswith("data:image/jpeg")
    assert np.array(result["between"]).shape == (2, 2)
    # The box is tracklet 0001 itself; 0002 is in view beside it: another person, however similar.
    assert [(hit["track"], hit["at_once"]) for hit in result["hits"]] == [("0001", False), ("0002", True)]
    assert result["hits"][1]["same"] is False
    _, answer = ask(address, "/api/search", {"track": "yard/0001"})
    assert [hit["track"] for hit in json.loads(answer)["hits"]] == ["0002"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/frame?camera=../../etc/passwd&time=0", None, 404),
        ("/api/frame?camera=yard&time=nan", None, 404),
        ("/api/frame?camera=yard&time=-1", None, 404),
        ("/api/frame?camera=yard&time=99", None, 400),
        ("/../../etc/passwd", None, 404),
        ("/api/search", {"camera": "../yard", "time": 0, "box": [0, 0, 9, 9]}, 400),
        ("/api/search", {"camera": "yard", "time": 0, "box": [900, 900, 50, 90]}, 400),
        ("/api/search", {"camera": "yard", "time": 0, "box": [0, 0, 20]}, 400),
        ("/api/search", {"camera": "yard", "time": "now", "box": [0, 0, 20, 50]}, 400),
        ("/api/search", {"track": "yard/../../x"}, 400),
        ("/api/search", ["no", "search"], 400),
        ("/api/search", {"track": "yard/0001", "not_cameras": ["roof"]}, 400),
        ("/api/search", {"track": "x" * 20_000}, 413),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(address, path, body, status):
    got, answer = ask(address, path, body)
    assert got == status and (b"error" in answer or got == 404)


def test_the_page_of_another_site_is_refused(address):
    assert ask(address, "/api/videos", Host="evil.example:80")[0] == 403
    assert ask(address, "/api/videos", Host="localhost:80")[0] == 200


def test_with_a_token_every_request_needs_it(served):
    with running(ServeConfig(served, token=TOKEN)) as address:
        for path in ("/", "/api/videos", "/api/frame?camera=yard&time=0", f"/api/videos?token={TOKEN}x"):
            assert ask(address, path)[0] == 403
        assert ask(address, f"/?token={TOKEN}")[0] == 200
        assert ask(address, "/api/videos", Cookie=f"token={TOKEN}")[0] == 200
        assert ask(address, "/api/videos", Authorization=f"Bearer {TOKEN}")[0] == 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "0.0.0.0"}, "so --token is needed"),
        ({"host": "192.168.0.7"}, "so --token is needed"),
        ({"host": "myhost"}, "not an address"),
        ({"token": "short"}, "at least 16 characters"),
    ],
)
def test_another_address_needs_a_token(options, message):
    with pytest.raises(ValueError, match=message):
        ServeConfig(**options)


def test_without_an_index_there_is_no_server(tmp_path):
    from reid.serve.app import application

    with pytest.raises(UserError, match="no index there"):
        application(ServeConfig(tmp_path))
