"""Directions in which one person's descriptors differ from camera to camera, from pairs of images without labels.

Two images of different cameras that are mutual nearest neighbours, each the nearest of its camera to the other, are
often of one person. The directions in which such pairs differ most tell persons apart least: they are shortened, and
the others stay, as in within-class covariance normalisation (Hatch et al., Interspeech 2006,
https://www.isca-archive.org/interspeech_2006/hatch06_interspeech.html), there with labels. The pairs need not all be
right: measured in docs/experiments/adaptation.md.
"""

from collections.abc import Mapping
from itertools import accumulate, combinations

import torch
from torch import Tensor
from torch.nn import functional as F

DIRECTIONS = 128
"""Directions that are shortened, at most; of descriptors with fewer than 512 numbers, at most a quarter of these."""

FEWEST_PAIRS, MOST_PAIRS = 64, 2048
"""Pairs that directions are made of: with fewer there are none; of more, the most similar ones."""

LEAST_SQUARE = 1e-9
"""Mean square of the differences along a direction, at least: that of equal images is rounding alone."""

MOST_IMAGES = 8192
"""Images of all cameras together, at most, so that time and memory do not grow with the number of cameras."""


def directions_of(of_camera: Mapping[str, Tensor]) -> Tensor | None:
    """What `part_pooling.shortened` takes, (R, D) float32; None where there are fewer than `FEWEST_PAIRS` pairs,
    or their images are equal.

    Along each of `DIRECTIONS` principal directions of the pairs' differences, fewer for few pairs, their deviation
    becomes that along the next direction. Half of the pairs is used, the more similar one.

    of_camera -- centred descriptors (N, D) of images of each camera.
    """
    most = max(1, MOST_IMAGES // max(1, len(of_camera)))
    some = [F.normalize(rows[:: -(-len(rows) // most)].float(), dim=1) for _, rows in sorted(of_camera.items())]
    firsts = list(accumulate(map(len, some), initial=0))
    found = [
        mutual_nearest(some[one], some[other], firsts[one], firsts[other])
        for one, other in combinations(range(len(some)), 2)
    ]
    if sum(len(scores) for scores, _ in found) < 2 * FEWEST_PAIRS:
        return None
    scores, pairs = (torch.cat(parts) for parts in zip(*found, strict=True))
    chosen = pairs[scores.argsort(descending=True, stable=True)[: min(MOST_PAIRS, len(scores) // 2)]]
    images = torch.cat(some)
    rows = (images[chosen[:, 0]] - images[chosen[:, 1]]).double()  # (P, D)
    count = min(DIRECTIONS, len(rows) // 2, max(1, rows.shape[1] // 4))
    # Principal directions by way of the products (P, P) of all pairs: P is less than D as a rule.
    squares, mixtures = torch.linalg.eigh(rows @ rows.T)  # ascending
    level = squares[-count - 1].clamp_min(0)
    told = squares[-count:] > LEAST_SQUARE * len(rows)
    largest = squares[-count:][told]
    directions = (mixtures[:, -count:][:, told].T @ rows) / largest.sqrt()[:, None]
    lost = 1 - (level / largest).sqrt()
    return (directions * lost.sqrt()[:, None]).float() if len(largest) else None


def mutual_nearest(one: Tensor, other: Tensor, first: int = 0, other_first: int = 0) -> tuple[Tensor, Tensor]:
    """Cosines (K,) and numbers (K, 2) of the mutual nearest neighbours of rows (N, D) and (M, D) of length 1.

    first, other_first -- numbers of the first rows.
    """
    similarity = one @ other.T
    nearest, nearest_back = similarity.argmax(dim=1), similarity.argmax(dim=0)
    rows = (nearest_back[nearest] == torch.arange(len(one))).nonzero()[:, 0]
    return similarity[rows, nearest[rows]], torch.stack([first + rows, other_first + nearest[rows]], dim=1)
