"""The page of a search: hits with their pictures, a timeline, and buttons to confirm and reject."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common import PROJECT, __version__
from alignnet_common.files import write_text
from alignnet_common.html import image_source, render_template
from reid.configs.groups.moments import span_in_words
from reid.search.query import Query
from reid.search.rank import Hit, between

ANSWERS = {True: "taken for the person", False: "taken for another person", None: "unknown"}

AT_ONCE = "another person: seen at the same time by the same camera"


def write_page(path: Path, query: Query, hits: Sequence[Hit], record: Mapping[str, Any]) -> None:
    """Write one HTML file, which needs no other; its template is assets/search/hits.html."""
    rows = [
        row
        | {
            "picture": image_source(hit.picture, "jpeg"),
            "alarms": alarms_in_words(row["false_alarms_per_hour"]),
            "answer": AT_ONCE if row["at_once"] else ANSWERS[row["same"]],
            "name": f"{row['camera']}/{row['track']}",
            "span": "" if row["start"] is None else span_in_words(row["start"], row["end"]),
        }
        for row, hit in zip(record["hits"], hits, strict=True)
    ]
    searched = record["searched"]
    text = render_template(
        "search/hits.html",
        title="Search",
        query=query.text,
        camera=query.camera,
        picture=image_source(query.picture, "jpeg"),
        searched=searched,
        hits=rows,
        between=between(hits),
        timeline=timeline(record["hits"]),
        facts={
            "index": record["index"],
            "SHA-256 of the network": record["model_sha256"],
            "statistics of each camera": "yes" if record["camera_norm"] else "no",
            "command": record["command"],
            "program": f"{PROJECT} {__version__}",
        },
    )
    write_text(path, text)


def alarms_in_words(count: float | None) -> str:
    """False alarms an hour with three digits and no exponent; "" where they are not known.

    >>> alarms_in_words(1014.2), alarms_in_words(0.00001234)
    ('1010', '0.0000123')
    """
    return "" if count is None else np.format_float_positional(float(f"{count:.3g}"), trim="-")


def timeline(hits: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each camera the hits with times, as shares of the time from the first to the last of all."""
    timed = [hit for hit in hits if hit["start"] is not None]
    if not timed:
        return []
    first, last = min(hit["start"] for hit in timed), max(hit["end"] for hit in timed)
    length = max(last - first, 1e-9)
    cameras: dict[str, list[dict[str, Any]]] = {}
    for hit in timed:
        bar = {
            "rank": hit["rank"],
            "left": 100 * (hit["start"] - first) / length,
            "width": max(0.4, 100 * (hit["end"] - hit["start"]) / length),
            "span": span_in_words(hit["start"], hit["end"]),
        }
        cameras.setdefault(hit["camera"], []).append(bar)
    return [
        {"camera": camera, "bars": bars, "span": span_in_words(first, last)} for camera, bars in sorted(cameras.items())
    ]
