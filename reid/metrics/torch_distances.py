"""Euclidean distances of descriptors that are PyTorch tensors already, on the device where they are."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from reid.metrics.distances import QUERIES_A_BLOCK

_SAME = 1e-12
"""As in `reid.metrics.distances`: what is below this share of the squared lengths is rounding."""


@torch.no_grad()
def tensor_distance_blocks(
    query_features: Tensor, gallery_features: Tensor, rows: int = QUERIES_A_BLOCK
) -> Iterator[npt.NDArray[np.float32]]:
    """The rows of `reid.metrics.distances.euclidean_distances` of tensors (Q, D) and (G, D), in blocks (`rows`, G).

    Worked out in float64 on the gallery's device, a GPU where it is one; only finished blocks leave it:

        evaluate_protocol(tensor_distance_blocks(query, gallery), query_pids, gallery_pids, query_cams, gallery_cams)

    Raises ValueError on shapes that do not fit, no rows, or a number that is not finite.
    """
    for name, features in (("query", query_features), ("gallery", gallery_features)):
        if features.ndim != 2 or 0 in features.shape:
            raise ValueError(f"{name} features must be (rows, size) with at least one row, not {tuple(features.shape)}")
        if not bool(torch.isfinite(features).all()):
            raise ValueError(f"{name} features hold NaN or infinity")
    if query_features.shape[1] != gallery_features.shape[1]:
        sizes = f"{query_features.shape[1]} and {gallery_features.shape[1]}"
        raise ValueError(f"query and gallery features differ in size: {sizes} numbers a row")
    gallery = gallery_features.double()
    centre = gallery.mean(dim=0)
    gallery = gallery - centre
    gallery_squares = gallery.square().sum(dim=1)
    for part in query_features.split(rows):
        query = part.to(gallery.device).double() - centre
        sums = query.square().sum(dim=1)[:, None] + gallery_squares
        squares = sums - 2 * (query @ gallery.T)
        yield squares.masked_fill(squares < _SAME * sums, 0).sqrt().float().cpu().numpy()
