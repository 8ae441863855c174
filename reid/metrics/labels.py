"""Identity, camera and outfit of queries and gallery items."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alignnet_common.arrays import AnyInts, Bools

JUNK = -1
"""Person id of a gallery item that is ignored (a detection without a person, in MARS)."""

DISTRACTOR = 0
"""Person id of a gallery item that is ranked but matches no query."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Identity, camera and, if known, outfit of each of N items. Raises ValueError where the arrays differ in shape."""

    pids: AnyInts
    """(N,) person ids: from 1, or `DISTRACTOR`, or `JUNK`."""

    cams: AnyInts
    """(N,) camera numbers."""

    outfits: AnyInts | None = None
    """(N,) numbers of the person's outfit: equal numbers of one person are the same clothes. None if not known."""

    def __post_init__(self) -> None:
        if self.pids.ndim != 1 or self.cams.shape != self.pids.shape:
            shapes = f"{self.pids.shape}, {self.cams.shape}"
            raise ValueError(f"person ids and cameras must be two arrays (N,) of one length, not {shapes}")
        if self.outfits is not None and self.outfits.shape != self.pids.shape:
            raise ValueError(f"outfits must be {len(self.pids)} numbers, one a person id, not {self.outfits.shape}")

    def __len__(self) -> int:
        return len(self.pids)

    def __getitem__(self, rows: AnyInts | Bools | slice | Sequence[int]) -> "Labels":
        """The labels of some rows: an array of row numbers or of booleans, a list or a slice."""
        return Labels(self.pids[rows], self.cams[rows], None if self.outfits is None else self.outfits[rows])

    def with_pids(self, pids: AnyInts) -> "Labels":
        """The labels with other person ids (N,)."""
        return replace(self, pids=pids)


def check_not_empty(query: Labels, gallery: Labels) -> None:
    """Raise ValueError where there is no query or no gallery item."""
    for name, labels in (("query", query), ("gallery", gallery)):
        if not len(labels):
            raise ValueError(f"the {name} is empty")
