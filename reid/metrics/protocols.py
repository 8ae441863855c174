"""Evaluation protocols: which gallery items are ranked and which queries count."""

import numpy as np

from alignnet_common.arrays import AnyInts, Bools, Ints
from reid.configs.groups.ranking import Protocol
from reid.metrics.labels import DISTRACTOR, JUNK, Labels

COMMON_RULES = (
    "a gallery item with the query's pid and camera is ignored, so is pid -1 (junk), pid 0 matches nobody; "
    "Euclidean distance; equal distances in gallery order"
)

RULES: dict[Protocol, str] = {
    "step": f"the gallery as given; queries without a positive skipped; step AP; {COMMON_RULES}",
    "torchreid": f"queries taken out of the gallery; queries without a positive skipped; step AP; {COMMON_RULES}",
    "official": f"the gallery as given; all queries counted; trapezoidal AP; {COMMON_RULES}",
}
"""Description of each protocol, as it is written into results."""


def ranked_gallery(gallery: Labels, protocol: Protocol, query_index: AnyInts | None = None) -> Bools:
    """Mask (G,) of the gallery items that a protocol ranks: without junk, and for torchreid without the queries.

    `query_index` (Q,) is the gallery row of each query. Raises ValueError where torchreid lacks it.
    """
    ranked = gallery.pids != JUNK
    if protocol == "torchreid":
        if query_index is None:
            raise ValueError("the torchreid protocol needs query_index: the gallery row that each query is")
        ranked[query_index] = False
    return ranked


def check_query_index(query_index: AnyInts, query: Labels, gallery: Labels) -> None:
    """Raise ValueError where `query_index` (Q,) names no gallery rows, or rows of another person or camera."""
    if query_index.shape != query.pids.shape:
        raise ValueError(f"query_index must be {len(query)} gallery rows, one a query, not {query_index.shape}")
    outside = (query_index < 0) | (query_index >= len(gallery))
    if outside.any():
        row = int(np.argmax(outside))
        rows = f"0..{len(gallery) - 1}"
        raise ValueError(f"query_index: query {row} would be gallery row {query_index[row]}, rows are {rows}")
    same = gallery[query_index]
    others = (same.pids != query.pids) | (same.cams != query.cams)
    if others.any():
        row = int(np.argmax(others))
        raise ValueError(
            f"query_index: query {row} (pid {query.pids[row]}, camera {query.cams[row]}) would be gallery row "
            f"{query_index[row]} (pid {same.pids[row]}, camera {same.cams[row]}); rows are counted from 0"
        )


def counts_of_positives(query: Labels, gallery: Labels) -> tuple[Ints, Ints]:
    """For each query: number of gallery items that are ranked (Q,), and number of positives among them (Q,)."""
    pids, cams = np.concatenate((query.pids, gallery.pids)), np.concatenate((query.cams, gallery.cams))
    _, person = np.unique(pids, return_inverse=True)
    _, view = np.unique(np.column_stack((pids, cams)), axis=0, return_inverse=True)
    person, view = person.ravel(), view.ravel()  # some versions of NumPy return a column
    queries = len(query)
    of_person = np.bincount(person[queries:], minlength=int(person.max()) + 1)[person[:queries]]
    of_camera = np.bincount(view[queries:], minlength=int(view.max()) + 1)[view[:queries]]
    of_camera = np.where(query.pids == JUNK, 0, of_camera)
    items = np.count_nonzero(gallery.pids != JUNK) - of_camera
    return items, np.where(query.pids > DISTRACTOR, of_person - of_camera, 0)


def check_any_positive(counts: AnyInts, items: int) -> None:
    """Raise ValueError where no query has a positive.

    counts -- (Q,) positives of each query. items -- number of gallery items that are ranked.
    """
    if not counts.any():
        where = "in the gallery" if items else "left: all of the gallery is junk (pid -1) or a query"
        raise ValueError(f"none of the {len(counts)} queries has a positive (its pid, another camera) {where}")
