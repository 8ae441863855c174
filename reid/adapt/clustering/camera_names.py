"""Whether names of cameras are those of cameras: pictures of one camera look alike, those of random names do not."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alignnet_common.arrays import Bytes, Floats

DRAWS = 200
"""Random orders of the names that theirs is compared with."""

FEWEST_DEVIATIONS = 5.0
"""Below this number of standard deviations above random names, the names say next to nothing."""


@dataclass(frozen=True)
class NamesOfCameras:
    """How much of the look of tracklets the names of their cameras explain."""

    share: float
    """Share of the variance of brightness and colour that lies between cameras, 0 to 1."""

    at_random: float
    """The same of names in random order, on average."""

    deviations: float
    """How far the first lies above the second, in standard deviations of the second."""

    @property
    def note(self) -> str | None:
        """A sentence on names that are no better than random ones; None where they are."""
        if self.deviations >= FEWEST_DEVIATIONS:
            return None
        return (
            f"the names of the cameras explain {self.share:.1%} of the brightness and colour of the tracklets, names "
            f"at random {self.at_random:.1%}: check that they are right; wrong names make the adaptation worse"
        )


def look_of(frame: Bytes) -> Floats:
    """(12,) mean and deviation of each colour channel of a frame (H, W, 3), and of its left and right margins, which
    show the place and not the person."""
    margin = max(1, frame.shape[1] // 8)
    sides = np.concatenate([frame[:, :margin], frame[:, -margin:]], axis=1)
    parts = [part.reshape(-1, 3).astype(np.float64) for part in (frame, sides)]
    return np.concatenate([value for part in parts for value in (part.mean(0), part.std(0))])


def names_of_cameras(looks: Floats, camera_of: npt.NDArray[np.int64], rng: np.random.Generator) -> NamesOfCameras:
    """Compare the names with names in random order.

    Args:
        looks: (N, F) of the tracklets, see `look_of`.
        camera_of: (N,) number of each one's camera, 0 to C-1.
        rng: draws the random orders.
    """
    deviation = looks.std(0)
    scaled = (looks - looks.mean(0)) / np.where(deviation > 0, deviation, 1)
    found = between(scaled, camera_of)
    drawn = np.array([between(scaled, rng.permutation(camera_of)) for _ in range(DRAWS)])
    spread = float(drawn.std())
    return NamesOfCameras(found, float(drawn.mean()), (found - float(drawn.mean())) / spread if spread > 0 else 0.0)


def between(scaled: Floats, camera_of: npt.NDArray[np.int64]) -> float:
    """Share of the variance of columns of mean 0 and deviation 1 that lies between the means of cameras."""
    counts = np.bincount(camera_of).astype(np.float64)
    sums = np.zeros((len(counts), scaled.shape[1]))
    np.add.at(sums, camera_of, scaled)
    means = sums / np.maximum(counts, 1)[:, None]
    return float((counts[:, None] * means**2).sum() / scaled.size)
