"""The sRGB transfer function (IEC 61966-2-1) and the weights of luminance and luma."""

import numpy as np

from alignnet_common.arrays import Floats

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Weights of linear red, green and blue in luminance (ITU-R BT.709)."""
LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of non-linear red, green and blue in luma (ITU-R BT.601)."""


def srgb_encode(linear: Floats) -> Floats:
    """Linear light, 0 or more, to sRGB; 0..1 stays 0..1. Any shape."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def srgb_decode(srgb: Floats) -> Floats:
    """sRGB in 0..1 to linear light. Any shape."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
