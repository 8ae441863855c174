"""A page of ranked galleries for files of reid extract: --page of reid evaluate. Without PyTorch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from alignnet_common import PROJECT, __version__
from alignnet_common.errors import UserError
from alignnet_common.html import render_template
from reid.data.tracklets.frames import numbered_frames, read_frame
from reid.evaluation.extracted_features import query_and_gallery, read_extracted
from reid.metrics.distances import distance_blocks
from reid.metrics.labels import Labels
from reid.reporting.views import GalleryItem, RankedGalleries, RankedGallery
from reid.visualisation.pictures import fitted, jpeg
from reid.visualisation.ranked_galleries import Retrieval, hardest_failures, rank_queries, some_successes

FAILURES, SUCCESSES = 12, 12
"""Largest numbers of queries on the page."""

FIGURES = {"rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10", "rank20": "rank-20", "mAP": "mAP", "mINP": "mINP"}
"""Columns of the table by key of the result."""

Pictures = Callable[[str, int], str]
"""The picture of a row of "query" or "gallery" as a data URL."""


def features_page(features: Path, gallery: Path | None, result: Mapping[str, Any]) -> str:
    """The page as HTML; its template is assets/galleries.html.

    Args:
        features, gallery: files of reid extract, as `query_and_gallery` takes them.
        result: what `reid evaluate` found, see `reid.evaluate.evaluate_features`.

    Raises UserError where the files cannot be ranked, name no images, or an image is no longer there.
    """
    arrays = query_and_gallery(features, gallery)
    network = read_extracted(features).facts
    if "query_images" not in arrays:
        raise UserError(f"{features}: names no images to show; extract it again, or leave --page out")
    query, items = (Labels(arrays[f"{side}_pids"], arrays[f"{side}_cams"]) for side in ("query", "gallery"))
    blocks = distance_blocks(arrays["query_features"], arrays["gallery_features"])
    found = rank_queries((row for block in blocks for row in block), query, items)
    views = galleries_of(found, arrays, lambda side, row: picture_of(Path(str(arrays[f"{side}_images"][row]))))
    return render_template(
        "galleries.html",
        title=f"Ranked galleries: {features.name}",
        cards=[
            (f"{result['rank1']:.1f} %", "rank-1"),
            (f"{result['mAP']:.1f} %", "mAP"),
            (f"{result['chance']['rank1']:.1f} %", "rank-1 of a random ranking"),
            (str(result["valid_queries"]), "queries"),
        ],
        header=["", *FIGURES.values()],
        rows=[
            [name, *(f"{block[key]:.1f}" for key in FIGURES)]
            for name, block in (("chance level", result["chance"]), ("features", result))
        ],
        protocol=f"In percent: {result['rules']}.",
        views=views,
        facts=facts_of(features, gallery, result, network),
    )


def galleries_of(found: list[Retrieval], arrays: Mapping[str, Any], picture: Pictures) -> RankedGalleries:
    """The hardest failures and some successes, with pictures."""
    return RankedGalleries(
        queries=len(found),
        failed=sum(each.failed for each in found),
        failures=tuple(gallery_of(each, arrays, picture) for each in hardest_failures(found, FAILURES)),
        successes=tuple(gallery_of(each, arrays, picture) for each in some_successes(found, SUCCESSES)),
    )


def gallery_of(found: Retrieval, arrays: Mapping[str, Any], picture: Pictures) -> RankedGallery:
    """The ranking of a query, with pictures."""
    names = arrays["gallery_names"]
    far = found.first_correct.rank > len(found.nearest)
    items = (*found.nearest, found.first_correct) if far else found.nearest
    return RankedGallery(
        str(arrays["query_names"][found.query]),
        picture("query", found.query),
        tuple(
            GalleryItem(each.rank, str(names[each.row]), each.distance, each.correct, picture("gallery", each.row))
            for each in items
        ),
        found.ranked,
    )


def picture_of(path: Path) -> str:
    """An image, or the middle frame of a folder, as a data URL. Raises UserError where it is not there or no image."""
    if path.is_dir():
        frames = numbered_frames(path)
        path = frames[len(frames) // 2]
    elif not path.is_file():
        raise UserError(f"{path}: no such image for --page: run the command where the images were extracted")
    return jpeg(fitted(read_frame(path)))


def facts_of(
    features: Path, gallery: Path | None, result: Mapping[str, Any], network: Mapping[str, Any]
) -> dict[str, str]:
    """What the page is made of, by name. network -- facts of the files, see `Extracted`."""
    files = {"features": str(features), "SHA-256 of the features": result["features"]["sha256"]}
    if gallery is not None:
        files |= {"gallery": str(gallery), "SHA-256 of the gallery": result["gallery_features"]["sha256"]}
    used = {"network": str(network.get("model", "unknown")), "SHA-256 of the network": str(network["model_sha256"])}
    return {**files, **used, "program": f"{PROJECT} {__version__}"}
