"""Ranked galleries of a fine-tuned network, with pictures."""

from pathlib import Path

from reid.data.tracklets.frames import read_frame
from reid.data.tracklets.types import ReidData, Tracklet
from reid.evaluation.evaluator import EvaluationOptions, cached_descriptors
from reid.evaluation.retrieval import labels_of_tracklets
from reid.metrics.distances import check_features, distance_blocks
from reid.reporting.views import GalleryItem, RankedGallery
from reid.visualisation.pictures import fitted, jpeg
from reid.visualisation.ranked_galleries import Match, Retrieval, rank_queries
from reid.visualisation.tested_network import FinetunedNetwork


def ranked_queries(network: FinetunedNetwork, features: Path) -> list[Retrieval]:
    """The ranking of each query, from cached descriptors if there are any."""
    data, tracklets = network.data, network.tracklets
    options = EvaluationOptions(network.device, features)
    saved = cached_descriptors(network.model, tracklets, data.root, network.sha256, network.images, options)
    row = {tracklet: position for position, tracklet in enumerate(tracklets)}
    query, gallery = (saved.rows[[row[tracklet] for tracklet in side]] for side in (data.query, data.gallery))
    check_features(query, gallery)
    distances = (each for block in distance_blocks(query, gallery) for each in block)
    return rank_queries(distances, labels_of_tracklets(data.query), labels_of_tracklets(data.gallery))


def gallery_view(found: Retrieval, data: ReidData) -> RankedGallery:
    """The ranking of a query, with pictures."""
    query = data.query[found.query]
    far = found.first_correct.rank > len(found.nearest)
    items = (*found.nearest, found.first_correct) if far else found.nearest
    return RankedGallery(
        query.pid, middle_frame(query), tuple(item_view(item, data.gallery[item.row]) for item in items), found.ranked
    )


def item_view(match: Match, tracklet: Tracklet) -> GalleryItem:
    """A gallery tracklet in a ranking, with its picture."""
    return GalleryItem(match.rank, tracklet.pid, match.distance, match.correct, middle_frame(tracklet))


def middle_frame(tracklet: Tracklet) -> str:
    """The middle frame of a tracklet as a data URL."""
    return jpeg(fitted(read_frame(tracklet.frames[len(tracklet.frames) // 2])))
