"""Frames, strips of frames and overlays of attention as small JPEG data URLs. Images are (H, W, 3) uint8."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from PIL import Image

from alignnet_common.arrays import AnyFloats, Bytes
from alignnet_common.html import image_source
from alignnet_common.images import beside

HEIGHT = 128
"""Largest height of a frame on the page, pixels."""

GAP = 2
"""Pixels between the frames of a strip."""

COLOURS = colormaps["inferno"]
"""Colours of attention: dark is low, bright is high."""

LEAST, MOST = 0.25, 0.85
"""Opacity of the colours at the lowest and at the highest attention."""


def fitted(frame: Bytes, height: int = HEIGHT) -> Bytes:
    """The frame reduced to at most `height` pixels in height; smaller frames stay as they are."""
    if frame.shape[0] <= height:
        return frame
    width = max(1, round(frame.shape[1] * height / frame.shape[0]))
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS))


def jpeg(picture: Bytes, quality: int = 82) -> str:
    """The picture as a JPEG data URL."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality, optimize=True)
    return image_source(stream.getvalue(), "jpeg")


def strip(frames: Sequence[Bytes]) -> Bytes:
    """Frames of one tracklet side by side; all are brought to the size of the first."""
    height, width = frames[0].shape[:2]
    same = [
        frame
        if frame.shape == frames[0].shape
        else np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR))
        for frame in frames
    ]
    return beside(same, GAP)


def overlay(frame: Bytes, attention: AnyFloats, low: float, high: float) -> Bytes:
    """The frame in grey under the colours of its attention (h, w); `low` and `high` end the colour scale."""
    height, width = frame.shape[:2]
    level = np.clip((attention - low) / max(high - low, 1e-9), 0, 1).astype(np.float32)
    level = np.asarray(Image.fromarray(level).resize((width, height), Image.Resampling.BICUBIC)).clip(0, 1)
    grey = frame.mean(axis=2, keepdims=True)
    opacity = (LEAST + (MOST - LEAST) * level)[..., None]
    mixed = (1 - opacity) * grey + opacity * 255 * COLOURS(level)[..., :3]
    return mixed.round().astype(np.uint8)
