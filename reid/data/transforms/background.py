"""Rendered people before another clip's place, by their exact masks.

In a rendered set everybody has places of their own, so who a person is can be read off the walls behind them. Real
cameras see many people before the same wall: a network that learns walls fails there.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

REACH = 3
"""Pixels round a mask that still show something of the person: blur, ringing, blocks of JPEG."""


def before_another_place(
    frames: np.ndarray, masks: np.ndarray, others: np.ndarray, other_masks: np.ndarray
) -> np.ndarray:
    """The people of `frames` before what is behind those of `others`, frame by frame.

    frames, others -- (T, H, W, 3) uint8; masks, other_masks -- (T, H, W) bool, true on the person. Result as `frames`.
    """
    person = torch.from_numpy(np.ascontiguousarray(masks)).float()[:, None]
    # The outline of a person is a mixture of both sides.
    share = F.avg_pool2d(person, 3, stride=1, padding=1, count_include_pad=False).permute(0, 2, 3, 1).numpy()
    mixed = share * frames + (1 - share) * without_person(others, other_masks)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def without_person(frames: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(T, H, W, 3) float32 in 0..255: `frames` with their people painted over in the colours round about.

    Where nothing but the person is seen, the result is black.
    """
    colours = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    person = torch.from_numpy(np.ascontiguousarray(masks)).float()[:, None]
    known = 1 - F.max_pool2d(person, 2 * REACH + 1, stride=1, padding=REACH)
    return _filled(colours * known, known).permute(0, 2, 3, 1).numpy()


def _filled(colours: Tensor, known: Tensor) -> Tensor:
    """(T, 3, H, W): `colours`, weighted by `known` (T, 1, H, W) in 0..1; what is not known comes from a coarser level,
    and there from a still coarser one."""
    here = colours / known.clamp(min=1e-6)
    height, width = known.shape[-2:]
    if height == width == 1 or bool((known > 0).all()):
        return here
    halved = (max(1, height // 2), max(1, width // 2))
    coarser = _filled(F.adaptive_avg_pool2d(colours, halved), F.adaptive_avg_pool2d(known, halved))
    rest = F.interpolate(coarser, (height, width), mode="bilinear", align_corners=False)
    return torch.where(known > 0, here, rest)
