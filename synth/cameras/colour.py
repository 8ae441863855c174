"""The sRGB transfer function (IEC 61966-2-1), CIELAB, and the weights of luminance and luma."""

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


XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""CIE XYZ of linear sRGB (IEC 61966-2-1)."""


def cielab(linear: Floats) -> Floats:
    """Linear sRGB (..., 3) in 0..1 to CIELAB (..., 3) with the white of sRGB, D65: L* 0..100, then a* and b*
    (CIE 15:2004)."""
    shares = linear @ XYZ.T / XYZ.sum(1)
    x, y, z = np.moveaxis(np.where(shares > (6 / 29) ** 3, np.cbrt(shares), shares * (29 / 6) ** 2 / 3 + 4 / 29), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
