"""Identity and camera of queries and gallery items."""

from collections.abc import Sequence
from dataclasses import dataclass

from alignnet_common.arrays import AnyInts, Bools

JUNK = -1
"""Person id of a gallery item that is ignored (a detection without a person, in MARS)."""

DISTRACTOR = 0
"""Person id of a gallery item that is ranked but matches no query."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Identity and camera of each of N items. Raises ValueError where the two arrays differ in shape."""

    pids: AnyInts
    """(N,) person ids: from 1, or `DISTRACTOR`, or `JUNK`."""

    cams: AnyInts
    """(N,) camera numbers."""

    def __post_init__(self) -> None:
        if self.pids.ndim != 1 or self.cams.shape != self.pids.shape:
            shapes = f"{self.pids.shape}, {self.cams.shape}"
            raise ValueError(f"person ids and cameras must be two arrays (N,) of one length, not {shapes}")

    def __len__(self) -> int:
        return len(self.pids)

    def __getitem__(self, rows: AnyInts | Bools | slice | Sequence[int]) -> "Labels":
        """The labels of some rows: an array of row numbers or of booleans, a list or a slice."""
        return Labels(self.pids[rows], self.cams[rows])


def check_not_empty(query: Labels, gallery: Labels) -> None:
    """Raise ValueError where there is no query or no gallery item."""
    for name, labels in (("query", query), ("gallery", gallery)):
        if not len(labels):
            raise ValueError(f"the {name} is empty")
