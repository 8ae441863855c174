"""The pages and answers of the server.

    GET  /                                         the page
    GET  /api/videos                               [{camera, start, duration, width, height}]
    GET  /api/frame?camera=CAMERA&time=SECONDS     a JPEG file
    POST /api/search  {camera, time, box} | {track}, [not_cameras]     {query, searched, hits, between}

A request names cameras and tracklets of the index, never a path.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from alignnet_common.checked.json_file import parsed
from alignnet_common.errors import UserError, one_line
from alignnet_common.html import image_source, render_template
from reid.configs.video.search import SearchConfig
from reid.configs.video.serve import ServeConfig
from reid.index.calibration import read_tables
from reid.index.store import Store
from reid.search.query import query_of
from reid.search.rank import between, search_index
from reid.search.run import row_of
from reid.serve.videos import KnownVideo, frame_as_jpeg, videos_of

LARGEST_REQUEST = 10_000
"""Bytes of a request's body, at most."""

FORM = {"track?": str, "camera?": str, "time?": float, "box?": [float, float, float, float], "not_cameras?": [str]}
"""Form of a search's body."""

COOKIE = "token"

POLICY = "default-src 'self'; img-src 'self' data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""The page loads nothing from elsewhere."""


def application(config: ServeConfig) -> Starlette:
    """The server of an index. Raises UserError where there is no index."""
    store = Store(config.index, keep_open=True)
    store.facts()
    videos = videos_of(store)

    async def page(request: Request) -> Response:
        cameras = sorted({block.rows[0].camera for block in store.blocks()})
        text = render_template("search/serve.html", title="Search", index=str(config.index.name), cameras=cameras)
        answer = HTMLResponse(text, headers={"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"})
        if config.token is not None:
            answer.set_cookie(COOKIE, config.token, httponly=True, samesite="strict")
        return answer

    async def list_videos(request: Request) -> Response:
        return JSONResponse(
            [
                {
                    "camera": camera,
                    "start": video.start,
                    "duration": video.duration,
                    "width": video.size[0],
                    "height": video.size[1],
                }
                for camera, video in sorted(videos.items())
            ]
        )

    async def frame(request: Request) -> Response:
        video = videos.get(request.query_params.get("camera", ""))
        time = number(request.query_params.get("time"))
        if video is None or time is None or time < 0:
            return refusal("camera must be one of the index with a video, time a number from 0 on", 404)
        return Response(await run_in_threadpool(frame_as_jpeg, video, time), media_type="image/jpeg")

    async def search(request: Request) -> Response:
        body = await body_of(request)
        if body is None:
            return refusal("the request is too long", 413)
        try:
            asked = asked_of(parsed(body, FORM), videos, config)
        except ValueError as wrong:
            return refusal(str(wrong), 400)
        return JSONResponse(await run_in_threadpool(found, store, asked))

    async def icon(request: Request) -> Response:
        return Response(status_code=204)  # browsers ask for one

    routes = [
        Route("/", page),
        Route("/favicon.ico", icon),
        Route("/api/videos", list_videos),
        Route("/api/frame", frame),
        Route("/api/search", search, methods=["POST"]),
    ]

    async def user_error(request: Request, failure: Exception) -> Response:
        return refusal(str(failure), 400)

    app = Starlette(routes=routes, exception_handlers={UserError: user_error})
    app.add_middleware(Guard, config=config)
    return app


class Guard:
    """Middleware: refuses requests without the token, and those that a page of another site makes to this machine."""

    def __init__(self, app: Any, config: ServeConfig) -> None:
        self._app, self._config = app, config

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reason = refused(Request(scope), self._config)
        await (self._app if reason is None else refusal(reason, 403))(scope, receive, send)


def refused(request: Request, config: ServeConfig) -> str | None:
    """Why a request is refused; None if it is not."""
    name = request.headers.get("host", "").rsplit(":", 1)[0].strip("[]")
    if config.token is None:
        # Without a token the server listens at this machine's own address. A page of another site could reach it by a
        # name of its own that leads here: the host of the request is then that name.
        return None if name in {"127.0.0.1", "localhost", "::1"} else "this server answers to 127.0.0.1 alone"
    given = request.query_params.get("token") or request.cookies.get(COOKIE) or bearer(request)
    return None if hmac.compare_digest(given.encode(), config.token.encode()) else "the token is missing or wrong"


async def body_of(request: Request) -> bytes | None:
    """The body of a request; None where it is longer than `LARGEST_REQUEST`, which is then not read to its end."""
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or len(said) > 18 or int(said) > LARGEST_REQUEST:
        return None
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_REQUEST:
            return None
    return body


def bearer(request: Request) -> str:
    """The token in the header Authorization."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def refusal(reason: str, status: int) -> JSONResponse:
    """An answer that says why."""
    return JSONResponse({"error": one_line(reason)}, status)


def number(text: str | None) -> float | None:
    """A number that may be a time, of a date too, or None."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 1e11 else None


def asked_of(body: Any, videos: Mapping[str, KnownVideo], config: ServeConfig) -> SearchConfig:
    """The options of a search. Raises ValueError on a body that is none, and UserError on a time at which nothing was
    recorded.

    body -- of the form `FORM`.
    """
    further: dict[str, Any] = {
        "not_cameras": body.get("not_cameras", []),
        "top_k": config.top_k,
        "device": config.device,
    }
    if "track" in body:
        return SearchConfig(config.index, track=body["track"], **further)
    missing = next((name for name in ("camera", "time", "box") if name not in body), None)
    if missing is not None:
        raise ValueError(f"{missing} is missing")
    camera = body["camera"]
    if camera not in videos:
        raise ValueError(f"camera {camera} has no video here")
    box = [float(side) for side in body["box"]]
    video, time = videos[camera].at(float(body["time"]))
    return SearchConfig(config.index, video=video, time=time, box=box, camera=camera, **further)


def found(store: Store, asked: SearchConfig) -> dict[str, Any]:
    """The hits of a search, with pictures."""
    query = query_of(store, asked)
    hits, searched = search_index(store, query, read_tables(store), asked)
    rows = [
        {**row_of(rank, hit), "source": None, "picture": image_source(hit.picture, "jpeg")}
        for rank, hit in enumerate(hits, 1)
    ]
    return {
        "query": {"text": query.text, "camera": query.camera, "picture": image_source(query.picture, "jpeg")},
        "searched": vars(searched),
        "hits": rows,
        "between": between(hits),
    }
