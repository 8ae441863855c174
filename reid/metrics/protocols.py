"""Evaluation protocols: which gallery items are ranked and which queries count."""

from collections.abc import Sequence

import numpy as np

from alignnet_common.arrays import AnyInts, Bools, Ints
from reid.configs.groups.ranking import Clothes, Protocol
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

CLOTHES_RULES: dict[Clothes, str] = {
    "general": "all gallery items of the query's pid count, whatever they wear",
    "same": "same clothes (SC): a gallery item of the query's pid in another outfit is ignored",
    "changed": "changed clothes (CC): a gallery item of the query's pid in the query's outfit is ignored",
}
"""Description of each setting of clothes, as it is written into results."""


CLOTHES_NAMES: dict[Clothes, str] = {
    "general": "general",
    "same": "same clothes (SC)",
    "changed": "changed clothes (CC)",
}
"""Names of the settings of clothes."""


def rules_of(protocol: Protocol, clothes: Clothes = "general") -> str:
    """Description of a protocol and, other than for general, of the setting of clothes."""
    return RULES[protocol] if clothes == "general" else f"{RULES[protocol]}; {CLOTHES_RULES[clothes]}"


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


def check_outfits(query: Labels, gallery: Labels, clothes: Clothes) -> None:
    """Raise ValueError where the setting of clothes needs outfits and they are not known."""
    if clothes != "general" and (query.outfits is None or gallery.outfits is None):
        raise ValueError(f"clothes {clothes}: the outfits of queries and gallery are not known")


def counts_of_positives(query: Labels, gallery: Labels, clothes: Clothes = "general") -> tuple[Ints, Ints]:
    """For each query: number of gallery items that are ranked (Q,), and number of positives among them (Q,).

    Raises ValueError as `check_outfits`.
    """
    check_outfits(query, gallery, clothes)
    of_person, of_camera = same_in(query, gallery, ()), same_in(query, gallery, ("cams",))
    positives = of_person - of_camera
    if clothes != "general":
        of_outfit = same_in(query, gallery, ("outfits",)) - same_in(query, gallery, ("cams", "outfits"))
        positives = of_outfit if clothes == "same" else positives - of_outfit
    ignored = np.where(query.pids > DISTRACTOR, of_person - positives, np.where(query.pids == JUNK, 0, of_camera))
    items = np.count_nonzero(gallery.pids != JUNK) - ignored
    return items, np.where(query.pids > DISTRACTOR, positives, 0)


def same_in(query: Labels, gallery: Labels, fields: Sequence[str]) -> Ints:
    """(Q,) number of gallery items that agree with a query in person id and in each of `fields` of `Labels`."""
    rows = [
        np.column_stack([labels.pids, *(getattr(labels, name) for name in fields)]).astype(np.int64)
        for labels in (query, gallery)
    ]
    _, group = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
    group = group.ravel()  # some versions of NumPy return a column
    found: Ints = np.bincount(group[len(query) :], minlength=int(group.max()) + 1)[group[: len(query)]]
    return found


class NoPositiveError(ValueError):
    """No query has a positive."""


def check_any_positive(counts: AnyInts, items: int, clothes: Clothes = "general") -> None:
    """Raise NoPositiveError where no query has a positive.

    counts -- (Q,) positives of each query. items -- number of gallery items that are ranked.
    """
    if not counts.any():
        where = "in the gallery" if items else "left: all of the gallery is junk (pid -1) or a query"
        worn = {"general": "", "same": ", the same outfit", "changed": ", another outfit"}[clothes]
        raise NoPositiveError(
            f"none of the {len(counts)} queries has a positive (its pid, another camera{worn}) {where}"
        )
