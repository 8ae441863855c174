"""Euclidean distances of features in PyTorch tensors, computed on their device."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from reid.metrics.distances import QUERIES_A_BLOCK

_SAME = 1e-12
"""As in `reid.metrics.distances`: a squared distance below this share of the squared lengths is a rounding error."""


@torch.no_grad()
def tensor_distance_blocks(
    query_features: Tensor, gallery_features: Tensor, rows: int = QUERIES_A_BLOCK
) -> Iterator[npt.NDArray[np.float32]]:
    """`reid.metrics.distances.distance_blocks` of tensors (Q, D) and (G, D): distances in blocks (`rows`, G).

    Computed in float64 on the device of the gallery; finished blocks are copied to the CPU:

        evaluate_protocol(tensor_distance_blocks(query, gallery), query_pids, gallery_pids, query_cams, gallery_cams)

    Raises ValueError on shapes that do not fit, no rows, or a value that is not finite.
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
