"""What the report page shows of the fine-tuned network on test tracklets. Pictures are data URLs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GalleryItem:
    """A gallery tracklet in the ranking of a query."""

    rank: int
    """Place in the ranking, from 1."""
    identity: int | str
    distance: float
    """Euclidean distance to the query."""
    correct: bool
    """Whether it is of the query's identity."""
    picture: str
    """Middle frame."""


@dataclass(frozen=True)
class RankedGallery:
    """A query and its nearest gallery tracklets."""

    identity: int | str
    picture: str
    """Middle frame."""
    items: tuple[GalleryItem, ...]
    """The first ten gallery tracklets, then the first correct one if its rank is larger."""
    ranked: int
    """Number of gallery tracklets that are ranked."""

    @property
    def first_correct(self) -> GalleryItem:
        """The nearest gallery tracklet of the query's identity."""
        return next(item for item in self.items if item.correct)


@dataclass(frozen=True)
class PartRow:
    """Attention of one part over the frames of a tracklet."""

    name: str
    """upper, middle or lower."""
    picture: str
    """Frames side by side, under the colours of the attention."""
    low: float
    """Attention at the lower end of the colour scale, as a multiple of uniform attention."""
    high: float
    """The same at the upper end."""


@dataclass(frozen=True)
class PartAttention:
    """Part attention (Eq. 3) over frames of a tracklet."""

    identity: int
    picture: str
    """The frames side by side."""
    frames: int
    """Number of frames shown."""
    length: int
    """Number of frames of the tracklet."""
    grid: tuple[int, int]
    """Height and width of the grid on which the network attends."""
    parts: tuple[PartRow, ...]


@dataclass(frozen=True)
class WeightedFrame:
    """A frame with its weights in temporal attention (Eq. 7)."""

    picture: str
    visible: float | None
    """Visible share of the person, 0..1; None without annotations."""
    weights: tuple[float, ...]
    """Weights, one per row of `WeightedTracklet.rows`."""


@dataclass(frozen=True)
class WeightedTracklet:
    """Weights of temporal attention for frames of a tracklet."""

    identity: int
    rows: tuple[str, ...]
    """Names of the weights."""
    frames: tuple[WeightedFrame, ...]
    length: int
    """Number of frames of the tracklet."""

    @property
    def largest(self) -> float:
        """The largest weight, above 0."""
        return max(1e-9, *(weight for frame in self.frames for weight in frame.weights))

    @property
    def annotated(self) -> bool:
        """Whether the visible share of the frames is known."""
        return self.frames[0].visible is not None


@dataclass(frozen=True)
class RankedGalleries:
    """Rankings of a test that a page shows."""

    queries: int
    """Queries with a correct match in the gallery."""
    failed: int
    """Queries whose nearest gallery tracklet is of another identity."""
    failures: tuple[RankedGallery, ...]
    """Some of them, hardest first."""
    successes: tuple[RankedGallery, ...]
    """Some queries whose nearest gallery tracklet is correct."""


@dataclass(frozen=True)
class NetworkViews(RankedGalleries):
    """What the page shows of the fine-tuned network."""

    parts: tuple[PartAttention, ...]
    """Empty for a network without part attention."""
    weights: tuple[WeightedTracklet, ...]
    """Empty for a network that weights all frames equally."""
