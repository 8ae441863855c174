"""The sensor and image pipeline of a camera, as data."""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Sensor:
    """The photometric character of one camera."""

    exposure: float
    """Stops above or below the exposure at which a white surface is just white."""
    auto_white: float
    """Share of the light's colour that the automatic white balance takes away, 0 to 1."""
    white_balance: tuple[float, float, float]
    """What it is off by: gains of red, green and blue."""
    contrast: float
    """Slope of the tone curve at middle grey; 1 is neutral."""
    gamma: float
    """Power on display values: below 1 lifts the shadows, above 1 sinks them."""
    black_level: float
    """Haze added to every pixel, 0..1."""
    saturation: float
    """0 grey, 1 neutral."""
    vignette: tuple[float, float]
    """By how much the light falls from one edge of the crop to the other, right and down, as a share of the mean:
    what a lens's vignette leaves of itself in a crop away from the middle of the frame."""
    source_height: float
    """Height in pixels of the person's box in the camera's own frame: smaller is softer, it is scaled to 128."""
    blur: float
    """Standard deviation of the lens's blur, in pixels of the source, or of the crop where that is smaller."""
    motion_blur: float
    """Length of the smear of a camera that follows the person or shakes, over the whole crop, in its pixels."""
    sharpen: float
    """Strength of the camera's own sharpening, 0 to 1."""
    noise: float
    """Standard deviation of the noise at middle grey in the source, 0..1."""
    codec: Literal["jpeg", "h264"]
    """What the recorder compresses with."""
    loss: int
    """How coarsely, in H.264's quantiser steps, 20 (fine) to 40 (blocks); for JPEG translated by `jpeg_quality`."""


def sensor_rand(rng: np.random.Generator) -> Sensor:
    """Draw a camera's character, from a fresh network camera to an old analogue one.

    Exposure, contrast and colours are spread about as between Market-1501's crops, whose mean is 100 of 255 with a
    standard deviation of 19. Wilder cameras teach to look away from colours, which carries less far: with them
    stretched further in training, a network knew fewer real people again.
    """
    warm, green = rng.normal(0, 0.06), rng.normal(0, 0.025)
    codecs: tuple[Literal["jpeg", "h264"], ...] = ("jpeg", "h264")
    return Sensor(
        exposure=rng.normal(-0.35, 0.35),
        auto_white=rng.uniform(0.5, 1.0),
        white_balance=(float(np.exp(warm)), float(np.exp(green)), float(np.exp(-warm))),
        contrast=rng.uniform(0.9, 1.3),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        black_level=float(min(rng.exponential(0.02), 0.12)),
        saturation=rng.uniform(0.7, 1.2),
        vignette=(rng.normal(0, 0.06), rng.normal(0, 0.06)),
        source_height=float(np.exp(rng.uniform(np.log(64), np.log(300)))),
        blur=rng.uniform(0.1, 0.65),
        motion_blur=float(rng.exponential(0.6)),
        sharpen=rng.uniform(0, 0.6),
        noise=float(np.exp(rng.uniform(np.log(0.0015), np.log(0.015)))),
        codec=codecs[rng.integers(2)],
        loss=int(rng.integers(20, 35)),
    )
