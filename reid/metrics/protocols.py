"""Evaluation protocols: which gallery items are ranked and which queries count."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from alignnet_common.arrays import AnyInts, Ints

Protocol = Literal["step", "torchreid", "official"]
"""How MARS (or anything else) is counted; a number without this name can be two points of rank-1 off.

step: the gallery as given; AP is the mean precision at the hits; queries without a positive are skipped, and counted.
torchreid: the same, but queries that also stand in the gallery are taken out of it (Kaiyang Zhou's deep-person-reid).
official: the gallery as given; AP is the area under the precision-recall curve by the trapezoidal rule; the shares are
of all queries, where one without a positive counts 0 (Liang Zheng's MARS-evaluation).
"""


COMMON_RULES = (
    "a gallery item with the query's pid and camera is ignored, so is pid -1 (junk), pid 0 matches nobody; "
    "Euclidean distance; equal distances in gallery order"
)


RULES: dict[Protocol, str] = {
    "step": f"the gallery as given; queries without a positive skipped; step AP; {COMMON_RULES}",
    "torchreid": f"queries taken out of the gallery; queries without a positive skipped; step AP; {COMMON_RULES}",
    "official": f"the gallery as given; all queries counted; trapezoidal AP; {COMMON_RULES}",
}
"""Each protocol in words, as results have them."""


JUNK = -1


DISTRACTOR = 0


def ranked_gallery(
    gallery_pids: AnyInts, protocol: Protocol, query_index: AnyInts | None = None
) -> npt.NDArray[np.bool_]:
    """Which gallery items (G,) a protocol ranks: not junk, and in torchreid's protocol no query either.

    Raises ValueError where torchreid's protocol is not told which rows the queries are.
    """
    ranked = gallery_pids != JUNK
    if protocol == "torchreid":
        if query_index is None:
            raise ValueError("the torchreid protocol needs query_index: the gallery row that each query is")
        ranked[query_index] = False
    return ranked


def check_query_index(
    query_index: AnyInts, query_pids: AnyInts, gallery_pids: AnyInts, query_cams: AnyInts, gallery_cams: AnyInts
) -> None:
    """Raise ValueError where `query_index` (Q,) names no gallery rows, or rows of another person or camera."""
    if query_index.shape != query_pids.shape:
        raise ValueError(f"query_index must be {len(query_pids)} gallery rows, one a query, not {query_index.shape}")
    outside = (query_index < 0) | (query_index >= len(gallery_pids))
    if outside.any():
        query = int(np.argmax(outside))
        rows = f"0..{len(gallery_pids) - 1}"
        raise ValueError(f"query_index: query {query} would be gallery row {query_index[query]}, rows are {rows}")
    others = (gallery_pids[query_index] != query_pids) | (gallery_cams[query_index] != query_cams)
    if others.any():
        query = int(np.argmax(others))
        row = int(query_index[query])
        raise ValueError(
            f"query_index: query {query} (pid {query_pids[query]}, camera {query_cams[query]}) would be gallery row "
            f"{row} (pid {gallery_pids[row]}, camera {gallery_cams[row]}); rows are counted from 0"
        )


def _counts_of_positives(
    query_pids: AnyInts, gallery_pids: AnyInts, query_cams: AnyInts, gallery_cams: AnyInts
) -> tuple[Ints, Ints]:
    """For each query (Q,): items that are ranked, and how many of them are positives."""
    pids, cams = np.concatenate((query_pids, gallery_pids)), np.concatenate((query_cams, gallery_cams))
    _, person = np.unique(pids, return_inverse=True)
    _, view = np.unique(np.column_stack((pids, cams)), axis=0, return_inverse=True)
    person, view = person.ravel(), view.ravel()  # some versions of NumPy return a column
    queries = len(query_pids)
    of_person = np.bincount(person[queries:], minlength=int(person.max()) + 1)[person[:queries]]
    of_camera = np.bincount(view[queries:], minlength=int(view.max()) + 1)[view[:queries]]
    of_camera = np.where(query_pids == JUNK, 0, of_camera)
    items = np.count_nonzero(gallery_pids != JUNK) - of_camera
    return items, np.where(query_pids > DISTRACTOR, of_person - of_camera, 0)


def _check_valid(counts: AnyInts, items: int) -> None:
    """Raise ValueError where no query has a positive; `items` of the gallery are ranked."""
    if not counts.any():
        where = "in the gallery" if items else "left: all of the gallery is junk (pid -1) or a query"
        raise ValueError(f"none of the {len(counts)} queries has a positive (its pid, another camera) {where}")


def _check_labels(query_pids: AnyInts, gallery_pids: AnyInts, query_cams: AnyInts, gallery_cams: AnyInts) -> None:
    for name, pids, cams in (("query", query_pids, query_cams), ("gallery", gallery_pids, gallery_cams)):
        if pids.ndim != 1 or cams.shape != pids.shape:
            raise ValueError(f"{name} pids and cameras must be two lists of one length, not {pids.shape}, {cams.shape}")
        if not len(pids):
            raise ValueError(f"the {name} is empty")
