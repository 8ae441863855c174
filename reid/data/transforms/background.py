"""Background replacement: rendered persons in front of the background of another clip, by their exact masks.

In a rendered set each person has scenes of their own, so that the background identifies the person. Real cameras see
many persons in front of the same background, where a network that learned backgrounds fails.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

REACH = 3
"""Pixels around a mask that may still show the person: blur, ringing, JPEG blocks."""


def replace_background(
    frames: np.ndarray, masks: np.ndarray, others: np.ndarray, other_masks: np.ndarray
) -> np.ndarray:
    """The persons of `frames` in front of the backgrounds of `others`, frame by frame: (T, H, W, 3) uint8.

    frames, others -- (T, H, W, 3) uint8. masks, other_masks -- (T, H, W) bool, true on the person.
    """
    person = torch.from_numpy(np.ascontiguousarray(masks)).float()[:, None]
    # Pixels on the outline are mixtures of person and background.
    share = F.avg_pool2d(person, 3, stride=1, padding=1, count_include_pad=False).permute(0, 2, 3, 1).numpy()
    mixed = share * frames + (1 - share) * without_person(others, other_masks)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def without_person(frames: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Frames (T, H, W, 3) float32, 0..255, with the person (`masks`, (T, H, W) bool) filled with surrounding colors.

    A frame without background becomes black.
    """
    colours = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    person = torch.from_numpy(np.ascontiguousarray(masks)).float()[:, None]
    known = 1 - F.max_pool2d(person, 2 * REACH + 1, stride=1, padding=REACH)
    return _filled(colours * known, known).permute(0, 2, 3, 1).numpy()


def _filled(colours: Tensor, known: Tensor) -> Tensor:
    """Fill the unknown pixels of `colours` (T, 3, H, W) from a coarser level of an image pyramid, recursively.

    known -- (T, 1, H, W) weights, 0..1; `colours` are premultiplied by `known`.
    """
    here = colours / known.clamp(min=1e-6)
    height, width = known.shape[-2:]
    if height == width == 1 or bool((known > 0).all()):
        return here
    halved = (max(1, height // 2), max(1, width // 2))
    coarser = _filled(F.adaptive_avg_pool2d(colours, halved), F.adaptive_avg_pool2d(known, halved))
    rest = F.interpolate(coarser, (height, width), mode="bilinear", align_corners=False)
    return torch.where(known > 0, here, rest)
