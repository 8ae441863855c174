"""Pairs of tracklets that are different persons, because one camera sees both at the same time."""

import numpy as np
import numpy.typing as npt
from scipy import sparse


def seen_together(cameras: npt.NDArray[np.int64], times: npt.NDArray[np.float64]) -> sparse.csr_array:
    """Ones (N, N) at pairs of tracklets of one camera whose times overlap: these are different persons.

    cameras -- (N,). times -- (N, 2) start and end; NaN where not known. A tracklet does not overlap with itself,
    nor with one that starts when it ends.
    """
    rows: list[int] = []
    columns: list[int] = []
    for camera in np.unique(cameras):
        members = np.flatnonzero((cameras == camera) & ~np.isnan(times).any(axis=1))
        running: list[int] = []
        for member in members[np.argsort(times[members, 0], kind="stable")].tolist():
            running = [other for other in running if times[other, 1] > times[member, 0]]
            rows += [member] * len(running)
            columns += running
            running.append(member)
    count = len(cameras)
    half = sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=(count, count))
    return sparse.csr_array(half + half.T)
