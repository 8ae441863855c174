"""Known and unknown persons: who is found in an index, and whom it takes for somebody although he is not in it."""

from typing import Any

import numpy as np
import numpy.typing as npt

from alignnet_common.arrays import Singles
from reid.index.false_matches import RateTable, best_table, rate_tables
from reid.search.rank import SURE

HALVES = 4
"""Choices of the persons that are in the index."""


def known_and_strangers(
    descriptors: Singles, cameras: npt.NDArray[np.str_], persons: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    """For each choice of half of the persons, whose tracklets are the index, in percent:

    found -- queries of known persons whose surest hit is that person, and is taken for the person;
    wrong -- those whose surest hit is taken for the person, but is of somebody else;
    strangers unknown -- queries of the other half of which no hit is taken for the person.

    Every tracklet is a query, ranked against those of the other cameras. The rates are made of the index alone.
    descriptors -- (N, D) of length 1. cameras, persons -- (N,).
    """
    return [outcome(descriptors, cameras, persons, np.random.default_rng(seed)) for seed in range(HALVES)]


def outcome(
    descriptors: Singles, cameras: npt.NDArray[np.str_], persons: npt.NDArray[np.int64], rng: np.random.Generator
) -> dict[str, Any]:
    """The row of one choice of persons."""
    everybody = rng.permutation(np.unique(persons))
    kept = np.flatnonzero(np.isin(persons, everybody[: len(everybody) // 2]))
    tables = rate_tables({name: descriptors[kept[cameras[kept] == name]] for name in np.unique(cameras[kept]).tolist()})
    known: list[tuple[bool, bool]] = []  # of queries of known persons: taken for the person, and is the person
    strangers: list[bool] = []
    for number, person in enumerate(persons.tolist()):
        shown = kept[cameras[kept] != cameras[number]]
        expected = expected_false_matches(descriptors, cameras, number, shown, tables)
        surest = int(expected.argmin())
        if person not in everybody[: len(everybody) // 2]:
            strangers.append(bool(expected[surest] < SURE))
        elif (persons[shown] == person).any():
            known.append((bool(expected[surest] < SURE), bool(persons[shown[surest]] == person)))
    taken, right = np.array(known).T
    return {
        "queries of known persons": len(known),
        "found": round(100 * float((taken & right).mean()), 1),
        "wrong": round(100 * float((taken & ~right).mean()), 1),
        "queries of strangers": len(strangers),
        "strangers unknown": round(100 - 100 * float(np.mean(strangers)), 1),
    }


def expected_false_matches(
    descriptors: Singles,
    cameras: npt.NDArray[np.str_],
    query: int,
    shown: npt.NDArray[np.int64],
    tables: dict[tuple[str, str], RateTable],
) -> npt.NDArray[np.float64]:
    """Tracklets of other persons (K,) that are expected to be more similar to a query than each of the shown ones."""
    scores = descriptors[shown] @ descriptors[query]
    found = np.full(len(shown), np.inf, np.float64)
    for name in np.unique(cameras[shown]).tolist():
        table = best_table(tables, str(cameras[query]), name)
        if table is not None:
            found[cameras[shown] == name] = table.rates(scores[cameras[shown] == name])
    expected: npt.NDArray[np.float64] = found * float(len(shown))
    return expected
