"""Any picture that Pillow opens as one upright 8-bit RGB image."""

import numpy as np
from PIL import Image, ImageOps

from alignnet_common.arrays import Bytes
from alignnet_common.images import check_size

DECODING = 2
"""Version of what pixels a file gives, for the keys of caches. To be increased if the same files give other pixels."""

SIXTEEN_BITS = ("PNG", "PPM")
"""Formats of which Pillow gives 16 bits a pixel as its 32-bit mode I."""

ORIENTED = frozenset({"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"})
"""Entries of a picture's `info` that may hold its orientation. Pillow itself turns TIFF files."""


def upright_rgb(image: Image.Image) -> Bytes:
    """The first picture of `image` as (H, W, 3) uint8 RGB, turned as its Exif orientation says; alpha is left out.

    Of 16 bits a channel the upper eight are kept, as Pillow does for colours. Raises ValueError on 32 bits a channel,
    of which no file says what is white, on a picture that is too large, and the errors of Pillow on a damaged file.
    """
    check_size(image)
    image.load()
    image = _upright(image)
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in SIXTEEN_BITS):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError("32 bits a channel, whose white is not known: save it with 8 or 16 bits")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # Pillow warns of any other way
    return np.array(image.convert("RGB"))


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its Exif orientation says; itself where it has none, or none that can be read."""
    if ORIENTED.isdisjoint(image.info):
        return image
    try:
        turned = ImageOps.exif_transpose(image)
    except Exception:  # a damaged Exif block raises a dozen kinds of errors, and every viewer passes it over
        return image
    turned.format = image.format
    return turned
