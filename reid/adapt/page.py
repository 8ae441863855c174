"""The page of an adaptation, RUN/index.html: rounds, clusters as contact sheets, nearest tracklets before and after."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alignnet_common import PROJECT, __version__
from alignnet_common.checked.csv_file import rows_of_csv
from alignnet_common.errors import UserError
from alignnet_common.files import write_text
from alignnet_common.html import ready_html, render_template
from alignnet_common.images import spread_over
from reid.adapt.clustering.neighbours import shown_tracklets
from reid.adapt.log import CLUSTERS
from reid.adapt.unlabelled import Unlabelled
from reid.data.tracklets.frames import read_frame
from reid.reporting.charts import as_svg, new_chart
from reid.visualisation.pictures import fitted, jpeg

PAGE = "index.html"

CLUSTERS_SHOWN, TRACKLETS_SHOWN = 16, 10
"""Clusters on the page, and the tracklets of each."""

HEADER = (
    "round",
    "clusters",
    "across cameras",
    "largest",
    "tracklets in none",
    "eps",
    "score",
    "",
)


def write_page(
    run: Path, data: Unlabelled, result: Mapping[str, Any], before: list[list[int]], after: list[list[int]]
) -> None:
    """Write RUN/index.html; its template is assets/adaptation.html.

    before, after -- the nearest tracklets of other cameras, see `reid.adapt.clustering.neighbours`.
    """
    rounds = result["rounds"]
    first, last = rounds[0], rounds[-1]
    cameras = ", ".join(f"{name} ({count} tracklets)" for name, count in result["data"]["cameras"].items())
    text = render_template(
        "adaptation.html",
        title=f"Adaptation to {data.root.name}",
        lead=f"{result['data']['tracklets']} tracklets without labels, {result['data']['frames']} frames: {cameras}.",
        cards=[
            (f"{first['score']:.2f} → {result['score']:.2f}", "score, before and after"),
            (f"{first['across_cameras']} → {last['across_cameras']}", "clusters across cameras"),
            (f"{first['outliers']} → {last['outliers']}", "tracklets in no cluster"),
            (str(result["kept_round"]), f"round that is kept, of {last['round']}"),
        ],
        charts=[
            ready_html(chart("Score without labels", rounds, {"score": "score"})),
            ready_html(chart("Clusters", rounds, {"clusters": "clusters", "across_cameras": "across cameras"})),
        ],
        header=HEADER,
        rows=[table_row(row, row["round"] == result["kept_round"]) for row in rounds],
        clusters=cluster_views(run, data),
        found=nearest_views(data, before, after),
        facts={
            "tracklets": result["data"]["root"],
            "SHA-256 of the tracklets": result["data"]["fingerprint"],
            "started from": result["started_from"]["text"],
            "SHA-256 of the network": result["model"]["sha256"],
            "command": result["command"],
            "seed": str(result["seed"]),
            "device": result["device"],
            "program": f"{PROJECT} {__version__}",
        },
    )
    write_text(run / PAGE, text)


def table_row(row: Mapping[str, Any], kept: bool) -> list[str]:
    """A row of the table of rounds."""
    numbers = [str(row[name]) for name in ("round", "clusters", "across_cameras", "largest", "outliers")]
    return [*numbers, f"{row['eps']:g}", f"{row['score']:.3f}", "kept" if kept else ""]


def chart(title: str, rounds: Sequence[Mapping[str, Any]], curves: Mapping[str, str]) -> str:
    """Values of each round as an SVG; curves -- their names by key."""
    drawing, axes = new_chart()
    for (key, name), colour in zip(curves.items(), ("#1763a6", "#c98a2b"), strict=False):
        axes.plot([row["round"] for row in rounds], [row[key] for row in rounds], "o-", label=name, color=colour)
    axes.set(title=title, xlabel="round")
    axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
    axes.set_xticks([row["round"] for row in rounds])
    if len(curves) > 1:
        axes.legend(frameon=False)
    return as_svg(drawing, axes)


def cluster_views(run: Path, data: Unlabelled) -> list[dict[str, Any]]:
    """Clusters that several cameras see, spread over their sizes, with pictures; read from clusters.csv."""
    members: dict[int, list[int]] = defaultdict(list)
    rows = [row for _, row in rows_of_csv(run / CLUSTERS, ("camera", "track", "cluster"))]
    if [(row["camera"], row["track"]) for row in rows] != list(data.names):
        raise UserError(f"{run / CLUSTERS}: not of these tracklets: repeat the command with --resume")
    for number, row in enumerate(rows):
        members[int(row["cluster"])].append(number)
    cameras = {
        cluster: len({data.names[number][0] for number in some}) for cluster, some in members.items() if cluster >= 0
    }
    several = sorted((cluster for cluster, count in cameras.items() if count > 1), key=lambda c: (-len(members[c]), c))
    return [
        {
            "number": cluster,
            "tracklets": len(members[cluster]),
            "cameras": cameras[cluster],
            "pictures": [picture(data, number) for number in spread_over(members[cluster], TRACKLETS_SHOWN)],
        }
        for cluster in spread_over(several, CLUSTERS_SHOWN)
    ]


def nearest_views(data: Unlabelled, before: list[list[int]], after: list[list[int]]) -> list[dict[str, Any]]:
    """Some tracklets with their nearest ones, with pictures."""
    return [
        {
            "asked": picture(data, number),
            "before": [picture(data, other) for other in earlier],
            "after": [picture(data, other) for other in later],
        }
        for number, earlier, later in zip(shown_tracklets(len(data.tracklets)), before, after, strict=True)
    ]


def picture(data: Unlabelled, number: int) -> dict[str, str]:
    """The middle frame of a tracklet, its camera and its name."""
    frames = data.tracklets[number].frames
    camera, track = data.names[number]
    return {"camera": camera, "track": track, "picture": jpeg(fitted(read_frame(frames[len(frames) // 2]), 96), 75)}
